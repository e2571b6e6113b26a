// Sentences about backfills that the terminal, the summary and the annotation share.
import { capitalised } from '../support/capitalised.ts';
import { formatDurationMs } from '../support/duration.ts';
import type { BackfillReport, ReportedRun, TableCensus } from './backfill-report.ts';
import { progressBar, percent } from './progress-chart.ts';
import { rateOf, rateText, type RowsAt } from './rate.ts';

/** What a class of rows without a value means, and what to do about it. */
const RESIDUE_REMEDIES: Readonly<Record<string, string>> = {
  no_link: 'they name no parent: find out whose they are, or delete them yourself',
  orphan: 'the parent they name is not there: restore it, or delete them yourself',
  parent_null: 'their parent has no value either: give it one, then run again',
  busy: 'another session had them locked each time: run again',
  refused:
    'a constraint refused the value, or a trigger did or made another of it: look at the row, and at both',
  undone:
    'a trigger took the value back, or kept the row from being written: look at the triggers of the table',
  conflicting: "they have a value that is not the parent's: it stays; decide row by row which side is right",
};

export const number = (value: number): string => value.toLocaleString('en-US');
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${number(count)} ${count === 1 ? one : many}`;
const rows = (count: number): string => counted(count, 'row');

/** Who reads: at a command line, or of a step of a workflow. Each is told what to do in their own terms. */
export type Reader = 'cli' | 'action';

/** The first line: what was done, or would be. */
export function backfillHeadline(report: BackfillReport): string {
  const { mode, run, ended, estimate, exitCode, problems } = report;
  if (run && mode === 'enqueue')
    return `Run ${run.id} is recorded, and no worker has it: no row is filled yet`;
  if (run && ended === 'interrupted' && run.state !== 'cancelled')
    return `Run ${run.id} was interrupted: ${rows(run.rowsUpdated)} filled, and nothing lost`;
  if (run) return runHeadline(run);
  if (problems.length > 0) return exitCode === 3 ? 'Nothing was begun' : 'Could not tell';
  if (!estimate) return 'Nothing was begun';
  if (exitCode === 3) return `Dry run: ${rows(estimate.rows)} could be filled, and something is in the way`;
  if (estimate.rows === 0) return 'Dry run: there is nothing to fill';
  return `Dry run: ${rows(estimate.rows)} can be filled; nothing was written`;
}

const STATES: Readonly<Record<ReportedRun['state'], string>> = {
  planned: 'recorded, and no worker has taken it up: no row is filled yet',
  running: 'running',
  paused: 'paused',
  holding: 'waiting for the server',
  verifying: 'being verified',
  completed: 'complete',
  completed_with_residue: 'done, with rows left that it could not fill',
  stopped_at_bound: 'stopped at a bound that it was given',
  cancelled: 'cancelled',
  failed: 'failed',
};

/** A run in one line. */
export function runHeadline({
  id,
  state,
  rowsUpdated,
}: Pick<ReportedRun, 'id' | 'state' | 'rowsUpdated'>): string {
  return `Run ${id} is ${STATES[state]}${state === 'planned' ? '' : `: ${rows(rowsUpdated)} filled`}`;
}

/** A run that is said to be running, and that no worker has touched for so long, has none. */
const IDLE_MS = 30_000;

/** What a person should know or do about a run now; undefined where there is nothing. */
export function runAdvice(run: ReportedRun, reader: Reader = 'cli'): string | undefined {
  const { id, state, reason, idleMs } = run;
  const { work, goOn } = waysOn(id, reader);
  if (state === 'planned') return `Start a worker: ${work}`;
  if ((state === 'running' || state === 'holding') && (idleMs === null || idleMs > IDLE_MS))
    return `No worker has worked on it for ${idleMs === null ? 'any time' : formatDurationMs(idleMs)}, and no rows are being filled. Start one: ${work}`;
  if (state === 'holding') return `It waits: ${reason ?? 'the server is busy'}`;
  if (state === 'paused') return `Go on with it: rowgate runs resume ${id}, then ${work}`;
  if (state === 'stopped_at_bound')
    return `${capitalised(reason ?? 'a bound was reached')}${leftText(run)}. Go on with it: ${goOn}`;
  if (state === 'failed') return `${capitalised(reason ?? 'it failed')}. When that is mended: ${goOn}`;
  if (state === 'verifying') return `Its last check was not finished: ${goOn}`;
  if (state === 'completed_with_residue' && reason !== null) return `${capitalised(reason)}.`;
  return undefined;
}

/** What to do after a report; undefined where nothing is left to do. */
export function backfillAdvice(report: BackfillReport, reader: Reader): string | undefined {
  const { mode, run, ended, exitCode, estimate } = report;
  if (run && ended === 'interrupted' && (run.state === 'running' || run.state === 'holding'))
    return `Go on with it: ${waysOn(run.id, reader).goOn}`;
  if (run) return runAdvice(run, reader);
  if (mode !== 'dry-run' || exitCode !== 0 || !estimate || estimate.rows === 0) return undefined;
  const names = namesToAcknowledge(report);
  if (reader === 'cli')
    return `To write: add --execute${names.map((name) => ` --acknowledge ${shellWord(name)}`).join('')}`;
  const also = names.length > 0 ? ', and acknowledge what is listed here' : '';
  return `To write: give execute: true and expect-database${also}`;
}

function waysOn(id: string, reader: Reader): { readonly work: string; readonly goOn: string } {
  const inStep = `a step with run-id: ${id} and execute: true`;
  if (reader === 'action') return { work: inStep, goOn: inStep };
  return { work: `rowgate work --run ${id}`, goOn: `rowgate backfill --run ${id} --execute` };
}

const leftText = ({ rowsRemaining }: ReportedRun): string =>
  rowsRemaining === null ? '' : `; ${rows(rowsRemaining)} left`;

/** What nobody has acknowledged yet, by the names that `acknowledge` takes. */
export function namesToAcknowledge({ findings }: BackfillReport): string[] {
  return findings
    .filter(({ weight, acknowledged }) => weight === 'acknowledge' && !acknowledged)
    .map(({ name }) => name);
}

/** As a shell takes it for one word. */
export function shellWord(text: string): string {
  return /^[\w:.-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A table of the census in words: `120 can be filled; 3 orphan`. */
export function censusText({ outcome, classes, problem, waitsFor }: TableCensus): string {
  if (outcome === 'unknown') return `could not be counted: ${problem?.message ?? ''}`;
  const parts = Object.entries(classes)
    .filter(([, count]) => count > 0)
    .map(([name, count]) =>
      name === 'resolvable' ? `${number(count)} can be filled` : `${number(count)} ${name}`,
    );
  const text = parts.length > 0 ? parts.join('; ') : 'no row lacks its value';
  return waitsFor.length > 0 ? `${text} (after ${waitsFor.join(', ')})` : text;
}

/** Counts by class, without those of nothing: `orphan 3, no_link 1`. */
export function classesText(classes: Readonly<Record<string, number>>): string {
  return Object.entries(classes)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${number(count)}`)
    .join(', ');
}

/** Whether a table has nothing to fill, and nothing else to be said of it. */
export function isQuiet({ outcome, classes }: TableCensus): boolean {
  return outcome === 'measured' && Object.values(classes).every((count) => count === 0);
}

/** The classes that a census found, but for rows that can be filled, with what to do about each. */
export function residueOfCensus(census: readonly TableCensus[]): Residue[] {
  return sumsOf(census.map(({ classes }) => classes)).filter(({ name }) => name !== 'resolvable');
}

/** The estimate in words. */
export function estimateText({
  rows: count,
  batches,
  walBytes,
  runsNeeded,
}: NonNullable<BackfillReport['estimate']>): string {
  const size = `about ${number(Math.max(1, Math.round(walBytes / 1024 ** 2)))} MiB of log`;
  const runs = runsNeeded > 1 ? `; ${number(runsNeeded)} runs with these bounds` : '';
  return `${rows(count)} in about ${counted(batches, 'batch', 'batches')}, ${size}${runs}. How long it takes is known once it works: rates differ a hundredfold between servers.`;
}

/** Rows of one class, over all tables. */
export type Residue = { readonly name: string; readonly count: number; readonly remedy: string };

/** What is left, by class, over all tables of a run. */
export function residueOf({ lanes }: ReportedRun): Residue[] {
  return sumsOf(lanes.map(({ residue }) => residue));
}

function sumsOf(parts: readonly Readonly<Record<string, number>>[]): Residue[] {
  const totals = new Map<string, number>();
  for (const [name, count] of parts.flatMap((each) => Object.entries(each)))
    totals.set(name, (totals.get(name) ?? 0) + count);
  return [...totals]
    .filter(([, count]) => count > 0)
    .map(([name, count]) => ({
      name,
      count,
      remedy: Object.hasOwn(RESIDUE_REMEDIES, name) ? (RESIDUE_REMEDIES[name] ?? '') : '',
    }));
}

/** How far a run is: `███░░ 54%  1,080 of 2,000 rows`, of what can be filled within its bounds. */
export function runProgress(run: ReportedRun, width: number): string | undefined {
  const text = progressText(run);
  return text && `${progressBar(run.rowsUpdated / (goalOf(run) ?? 0), width)} ${text}`;
}

/** The same without the bar; undefined where nobody counted what there was to fill, or nothing was. */
export function progressText(run: ReportedRun): string | undefined {
  const goal = goalOf(run);
  if (goal === undefined || goal === 0) return undefined;
  return `${percent(run.rowsUpdated, goal)}  ${number(run.rowsUpdated)} of ${rows(goal)}`;
}

/** Its rate and what is to go, as its ledger shows it; for a run that is at work. */
export function runRate(run: ReportedRun, nowMs: number): string | undefined {
  const goal = goalOf(run);
  if (run.state !== 'running' || goal === undefined) return undefined;
  const points: RowsAt[] = run.progress.map(({ at, rows: filled }) => ({
    atMs: Date.parse(at),
    rows: filled,
  }));
  const rate = rateOf(
    points.filter(({ atMs }) => atMs <= nowMs),
    Math.max(0, goal - run.rowsUpdated),
  );
  return rate ? rateText(rate) : 'measuring how fast it goes';
}

/** What can be filled; while it is at work, within its bounds. */
export function goalOf(run: ReportedRun): number | undefined {
  const { state, rowsAtStart, maxRows, rowsUpdated } = run;
  if (rowsAtStart === null) return undefined;
  const residue = residueOf(run).reduce((sum, { count }) => sum + count, 0);
  const bound = state === 'running' || state === 'holding' ? (maxRows ?? rowsAtStart) : rowsAtStart;
  return Math.max(rowsUpdated, Math.min(rowsAtStart - residue, bound));
}

/** Events that tell why a run took its time, or ended. */
const TELLING: ReadonlySet<string> = new Set([
  'holding',
  'probed',
  'interrupted',
  'failed',
  'paused',
  'tuned',
]);

/** The latest of them, oldest first. */
export function tellingEvents({ events }: ReportedRun, most: number): ReportedRun['events'] {
  return events.filter(({ kind }) => TELLING.has(kind)).slice(-most);
}
