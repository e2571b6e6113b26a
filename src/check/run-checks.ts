import { performance } from 'node:perf_hooks';
import type { Sql } from '../sql/sql.ts';
import type { Row, Session } from '../postgres/database.ts';
import { askAside, type Limits, type Snapshot } from '../postgres/snapshot.ts';
import { checkedTable, type Check, type Plan, type QueryCheck, type RowCheck } from '../plan/plan.ts';
import { classColumn, countStatement, HAS_ROWS, sampleStatement, VIOLATIONS } from '../plan/statements.ts';
import { displayTable } from '../sql/identifier.ts';
import { asProblem, Problem } from '../support/problem.ts';
import { askCatalog } from './ask-catalog.ts';
import { expectUnchanged } from './changed-objects.ts';
import type { CheckResult, Outcome, Sample, Strategy } from './check-result.ts';

export type CheckOptions = Limits & {
  /** How many sessions may work side by side; at least 1. */
  readonly maxConnections: number;
  /** How many keys of broken rows to show for each check; 0 for none. */
  readonly samples: number;
  readonly signal: AbortSignal;
  /** Told of every check that begins and ends, in the order in which they do. */
  readonly onProgress: (progress: CheckProgress) => void;
};

export type CheckProgress =
  | { readonly step: 'begin'; readonly check: Check; readonly done: number; readonly total: number }
  | { readonly step: 'end'; readonly result: CheckResult; readonly done: number; readonly total: number };

/**
 * Answers every check of a plan on one snapshot, read-only. Each check has a result, in the plan's order; one that
 * could not be measured is `unknown`, whatever the reason. Checks that hold raw SQL come last, each in a session of
 * its own, so that whatever it may do to a session reaches no other check. Never rejects.
 */
export async function runChecks(
  plan: Plan,
  snapshot: Snapshot,
  options: CheckOptions,
): Promise<CheckResult[]> {
  const { signal, onProgress } = options;
  const results = new Map<Check, CheckResult>();
  const total = plan.checks.length;
  const answer = async (check: Check, session: Session): Promise<void> => {
    onProgress({ step: 'begin', check, done: results.size, total });
    const result = await cancelledBy(signal, session, () => runCheck(check, session, options));
    results.set(check, result);
    onProgress({ step: 'end', result, done: results.size, total });
  };
  const alone = plan.checks.filter(holdsRawSql);
  const together = plan.checks.filter((check) => !alone.includes(check));
  await answerTogether(together, snapshot, options, answer);
  await answerAlone(alone, snapshot, options, answer);
  const missing = signal.aborted
    ? cancelled()
    : new Problem('connection-lost', 'the connection to the server was lost before this check could run');
  return plan.checks.map((check) => results.get(check) ?? unmeasured(check, missing));
}

/** The result of a check that was never begun. */
export function unmeasured(check: Check, problem: Problem): CheckResult {
  return { check, strategy: 'none', elapsedMs: 0, outcome: 'unknown', problem };
}

type Answer = (check: Check, session: Session) => Promise<void>;

/** Works on the leader and on as many joined sessions as the server grants; one that is refused is done without. */
async function answerTogether(
  checks: readonly Check[],
  { leader, join }: Snapshot,
  { maxConnections, signal }: CheckOptions,
  answer: Answer,
): Promise<void> {
  const queue = [...checks];
  const joined: Session[] = [];
  while (joined.length < Math.min(maxConnections, checks.length) - 1 && !signal.aborted) {
    const session = await join().catch(() => undefined);
    if (!session) break;
    joined.push(session);
  }
  const work = async (session: Session): Promise<void> => {
    while (session.alive) {
      const check = queue.shift();
      if (!check) return;
      await answer(check, session);
    }
  };
  await Promise.all([leader, ...joined].map(work));
  await Promise.all(joined.map((session) => session.close()));
}

/** A session for each check, closed after it; the leader, which is idle now, takes those that are granted none. */
async function answerAlone(
  checks: readonly Check[],
  { leader, join }: Snapshot,
  { maxConnections, signal }: CheckOptions,
  answer: Answer,
): Promise<void> {
  const queue = [...checks];
  const work = async (): Promise<void> => {
    while (queue.length > 0 && !signal.aborted) {
      const session = await join().catch(() => undefined);
      const check = session && queue.shift();
      if (check) await answer(check, session);
      await session?.close();
      if (!session) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxConnections - 1, checks.length) }, work));
  for (const check of queue) if (leader.alive) await answer(check, leader);
}

function holdsRawSql({ rule }: Check): boolean {
  return [...rule.authorSql.values()].some(({ isPlain }) => !isPlain);
}

async function cancelledBy<Result>(
  signal: AbortSignal,
  session: Session,
  work: () => Promise<Result>,
): Promise<Result> {
  const cancel = (): void => void session.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

async function runCheck(check: Check, session: Session, options: CheckOptions): Promise<CheckResult> {
  const startedAt = performance.now();
  const finish = (outcome: Outcome): CheckResult => ({
    check,
    strategy: STRATEGIES[check.form],
    elapsedMs: Math.round(performance.now() - startedAt),
    ...outcome,
  });
  if (options.signal.aborted) return finish({ outcome: 'unknown', problem: cancelled() });
  try {
    if (check.form === 'impossible') return finish({ outcome: 'unknown', problem: check.problem });
    if (check.form === 'catalog') return finish(await askCatalog(check, session, options));
    return finish(await runCountingCheck(check, session, options));
  } catch (error) {
    const problem = options.signal.aborted ? cancelled() : asProblem(error);
    return finish({ outcome: 'unknown', problem });
  }
}

const STRATEGIES: Record<Check['form'], Strategy> = {
  rows: 'scan',
  query: 'query',
  catalog: 'catalog',
  impossible: 'none',
};

function cancelled(): Problem {
  return new Problem('cancelled', 'the run was cancelled before this check was finished');
}

async function runCountingCheck(
  check: RowCheck | QueryCheck,
  session: Session,
  options: CheckOptions,
): Promise<Outcome> {
  const limits = { ...options, statementTimeoutMs: check.rule.timeoutMs ?? options.statementTimeoutMs };
  return askAside(session, limits, check.operatorSchemas, async (query) => {
    const [row] = await query(countStatement(check));
    await expectUnchanged(query);
    const count = countOf(row, VIOLATIONS);
    const classes =
      check.form === 'rows'
        ? check.classes.map(({ name }, i) => [name, countOf(row, classColumn(i))] as const)
        : [];
    const tableIsEmpty = row?.[HAS_ROWS] === 'false';
    const measured = {
      violations: { count, exact: true },
      classes: Object.fromEntries(classes),
      tableIsEmpty,
    };
    const allowed = check.rule.maxViolations;
    if (count <= allowed)
      return { ...measured, outcome: 'held', proof: describeHeld(check, count, tableIsEmpty) };
    const samples = await readSamples(check, options.samples, query).catch((error: unknown) => {
      // The count is an answer already; a sample that cannot be read takes nothing from it.
      if (session.alive) return [];
      throw error;
    });
    return { ...measured, outcome: 'broken', reason: describeBroken(count, allowed), samples };
  });
}

function describeHeld(check: RowCheck | QueryCheck, count: number, tableIsEmpty: boolean): string {
  if (count > 0)
    return `${count} ${count === 1 ? 'violation' : 'violations'}, at most ${check.rule.maxViolations} allowed`;
  const table = checkedTable(check);
  if (!table) return 'the query returned no row';
  const asOf =
    check.form === 'rows' && check.relation.kind === 'materialized view' ? ', as of its last refresh' : '';
  if (tableIsEmpty) return `${displayTable(table)} has no row${asOf}`;
  return `no row of ${displayTable(table)} breaks it${asOf}`;
}

function describeBroken(count: number, allowed: number): string {
  const rows = count === 1 ? '1 row breaks it' : `${count} rows break it`;
  return allowed > 0 ? `${rows}, at most ${allowed} allowed` : rows;
}

/** A count that is missing is a fault, never zero. */
function countOf(row: Row | undefined, name: string): number {
  const count = Number(row?.[name] ?? Number.NaN);
  if (!Number.isSafeInteger(count))
    throw new Problem('query-failed', `the server's answer holds no count '${name}'`);
  return count;
}

async function readSamples(
  check: RowCheck | QueryCheck,
  limit: number,
  query: (statement: Sql) => Promise<readonly Row[]>,
): Promise<Sample[]> {
  const statement = limit > 0 ? sampleStatement(check, limit) : undefined;
  if (!statement) return [];
  const rows = await query(statement);
  return rows.map((row) => ({
    class: row['class'] ?? 'row',
    key: Object.fromEntries(check.key.map(({ name }, index) => [name, row[`key_${index}`] ?? null])),
  }));
}
