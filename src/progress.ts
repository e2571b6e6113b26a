import { displayTable } from './sql/identifier.ts';
import { checkedTable, type Check } from './plan/plan.ts';
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
  const say = (line: string): void =>
    void stream.write(stream.isTTY ? `\r\u001b[K${clip(line, stream.columns)}` : `${line}\n`);
  return {
    emit: (event) => {
      if (event.event === 'check' && !stream.isTTY) {
        if (Date.now() - lastLineAt < PIPE_INTERVAL_MS) return;
        lastLineAt = Date.now();
      }
      say(describe(event));
    },
    end: () => {
      if (stream.isTTY) stream.write('\r\u001b[K');
    },
  };
}

function clip(line: string, columns: number): string {
  return line.slice(0, Math.max(1, columns - 1));
}

function describe(event: RunEvent): string {
  if (event.event === 'rules-loaded')
    return `${event.rules} ${event.rules === 1 ? 'rule' : 'rules'} from ${event.files} ${event.files === 1 ? 'file' : 'files'}`;
  if (event.event === 'connected')
    return `connected to ${plain(event.target.database)}, PostgreSQL ${plain(event.target.serverVersion)}`;
  const { check, checks, pages } = event.progress;
  const read = pages.total > 0 ? `, ${percent(pages)} of ${number(pages.total)} pages read` : '';
  return `${checks.done} of ${checks.total} checks done${read}; at ${describeCheck(check)}`;
}

const percent = ({ done, total }: { done: number; total: number }): string =>
  `${Math.min(100, Math.floor((100 * done) / total))}%`;

const number = (value: number): string => value.toLocaleString('en-US');

function describeCheck(check: Check): string {
  const table = checkedTable(check);
  return plain(table ? `${check.rule.id} on ${displayTable(table)}` : check.rule.id);
}
