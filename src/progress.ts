import { displayTable } from './sql/identifier.ts';
import { checkedTable, type Check } from './plan/plan.ts';
import { percent, progressBar } from './report/progress-chart.ts';
import { rateOf, rateText, type RowsAt } from './report/rate.ts';
import { plain } from './support/plain.ts';
import type { RunEvent } from './world.ts';

/** A pipe gets a line at most this often; a log of thousands of lines is read by nobody. */
const PIPE_INTERVAL_MS = 3_000;

/** Shows a run's progress on one line of a terminal, or as plain lines now and then in a pipe. */
export function showProgress(stream: NodeJS.WriteStream): {
  readonly emit: (event: RunEvent) => void;
  readonly end: () => void;
} {
  let lastLineAt = Date.now();
  const points: RowsAt[] = [];
  const say = (line: string): void =>
    void stream.write(stream.isTTY ? `\r\u001b[K${clip(line, stream.columns)}` : `${line}\n`);
  return {
    emit: (event) => {
      if (event.event === 'backfill')
        points.push({ atMs: event.progress.elapsedMs, rows: event.progress.rowsUpdated });
      if ((event.event === 'check' || event.event === 'backfill') && !stream.isTTY) {
        // The first line of a backfill names the run, which whoever watches needs to have at once.
        const isFirst = event.event === 'backfill' && points.length === 1;
        if (!isFirst && Date.now() - lastLineAt < PIPE_INTERVAL_MS) return;
        lastLineAt = Date.now();
      }
      say(event.event === 'backfill' ? describeBackfill(event, points, stream.isTTY) : describe(event));
    },
    end: () => {
      if (stream.isTTY) stream.write('\r\u001b[K');
    },
  };
}

/** A line that wrapped could not be written over. A terminal that does not know its width says that it is 0. */
function clip(line: string, columns: number): string {
  return line.slice(0, (columns || 80) - 1);
}

function describe(event: Exclude<RunEvent, { event: 'backfill' }>): string {
  if (event.event === 'rules-loaded')
    return `${event.rules} ${event.rules === 1 ? 'rule' : 'rules'} from ${event.files} ${event.files === 1 ? 'file' : 'files'}`;
  if (event.event === 'connected')
    return `connected to ${plain(event.target.database)}, PostgreSQL ${plain(event.target.serverVersion)}`;
  const { check, checks, pages } = event.progress;
  const read =
    pages.total > 0 ? `, ${percent(pages.done, pages.total)} of ${number(pages.total)} pages read` : '';
  return `${checks.done} of ${checks.total} checks done${read}; at ${describeCheck(check)}`;
}

const BAR_WIDTH = 24;

/** How far it is, and then what it waits for, or how fast it goes and how long that will take. */
function describeBackfill(
  { progress: { runId, rowsUpdated, holds }, goal }: Extract<RunEvent, { event: 'backfill' }>,
  points: readonly RowsAt[],
  hasBar: boolean,
): string {
  const total = Math.max(goal, rowsUpdated);
  const bar = hasBar ? `${progressBar(total === 0 ? 1 : rowsUpdated / total, BAR_WIDTH)} ` : '';
  const done = `run ${plain(runId)}: ${bar}${percent(rowsUpdated, total)}, ${number(rowsUpdated)} of ${number(total)} rows filled`;
  if (holds !== undefined) return `${done}; waiting, as ${plain(holds)}`;
  const rate = rateOf(points, total - rowsUpdated);
  return `${done}; ${rate ? rateText(rate) : 'measuring how fast it goes'}`;
}

const number = (value: number): string => value.toLocaleString('en-US');

function describeCheck(check: Check): string {
  const table = checkedTable(check);
  return plain(table ? `${check.rule.id} on ${displayTable(table)}` : check.rule.id);
}
