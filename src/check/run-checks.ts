import { performance } from 'node:perf_hooks';
import { sql, type Sql } from '../sql/sql.ts';
import type { Row, Session } from '../postgres/database.ts';
import { askAside, type Limits, type Snapshot } from '../postgres/snapshot.ts';
import {
  checkedTable,
  ROW_ALIAS,
  type CatalogCheck,
  type Check,
  type Plan,
  type QueryCheck,
  type RowCheck,
} from '../plan/plan.ts';
import { classColumn, countStatement, sampleStatement, VIOLATIONS } from '../plan/statements.ts';
import { displayTable } from '../sql/identifier.ts';
import { asProblem, Problem } from '../support/problem.ts';
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
 * could not be measured is `unknown`, whatever the reason. Never rejects.
 */
export async function runChecks(
  plan: Plan,
  snapshot: Snapshot,
  options: CheckOptions,
): Promise<CheckResult[]> {
  const results = new Map<Check, CheckResult>();
  const queue = [...plan.checks];
  const total = queue.length;
  const work = async (session: Session): Promise<void> => {
    for (let check = queue.shift(); check; check = queue.shift()) {
      options.onProgress({ step: 'begin', check, done: results.size, total });
      const result = await runCheck(check, session, options);
      results.set(check, result);
      options.onProgress({ step: 'end', result, done: results.size, total });
      if (!session.alive) return;
    }
  };
  await inLanes(snapshot, Math.min(options.maxConnections, total), options.signal, work);
  const missing = options.signal.aborted
    ? cancelled()
    : new Problem('connection-lost', 'the connection to the server was lost before this check could run');
  return plan.checks.map((check) => results.get(check) ?? unmeasured(check, missing));
}

/** The result of a check that was never begun. */
export function unmeasured(check: Check, problem: Problem): CheckResult {
  return { check, strategy: 'none', elapsedMs: 0, outcome: 'unknown', problem };
}

/** Works on the leader and on as many joined sessions as the server grants; one that is refused is done without. */
async function inLanes(
  snapshot: Snapshot,
  lanes: number,
  signal: AbortSignal,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const joined: Session[] = [];
  while (joined.length < lanes - 1 && !signal.aborted) {
    const session = await snapshot.join().catch(() => undefined);
    if (!session) break;
    joined.push(session);
  }
  const sessions = [snapshot.leader, ...joined];
  const cancelAll = (): void => sessions.forEach((session) => void session.cancel());
  signal.addEventListener('abort', cancelAll, { once: true });
  try {
    await Promise.all(sessions.filter(({ alive }) => alive).map(work));
  } finally {
    signal.removeEventListener('abort', cancelAll);
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
    if (check.form === 'catalog') return finish(await runCatalogCheck(check, session, options));
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
    const count = countOf(row, VIOLATIONS);
    const classes =
      check.form === 'rows'
        ? check.classes.map(({ name }, i) => [name, countOf(row, classColumn(i))] as const)
        : [];
    const measured = { violations: { count, exact: true }, classes: Object.fromEntries(classes) };
    const allowed = check.rule.maxViolations;
    if (count <= allowed) return { ...measured, outcome: 'held', proof: describeHeld(check, count) };
    const samples = await readSamples(check, options.samples, query).catch((error: unknown) => {
      // The count is an answer already; a sample that cannot be read takes nothing from it.
      if (session.alive) return [];
      throw error;
    });
    return { ...measured, outcome: 'broken', reason: describeBroken(count, allowed), samples };
  });
}

function describeHeld(check: RowCheck | QueryCheck, count: number): string {
  if (count > 0)
    return `${count} ${count === 1 ? 'violation' : 'violations'}, at most ${check.rule.maxViolations} allowed`;
  const table = checkedTable(check);
  if (!table) return 'the query returned no row';
  const asOf =
    check.form === 'rows' && check.relation.kind === 'materialized view' ? ', as of its last refresh' : '';
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

async function runCatalogCheck(
  check: CatalogCheck,
  session: Session,
  options: CheckOptions,
): Promise<Outcome> {
  const unmet: string[] = [];
  const proofs: string[] = [];
  const classes: Record<string, number> = {};
  for (const requirement of check.requirements) {
    const proof = requirement.state === 'met' ? requirement.proof : undefined;
    const proved =
      requirement.state === 'ask' && (await refutes(check, requirement.contradiction, session, options));
    const isMet = proof !== undefined || proved;
    classes[requirement.name] = isMet ? 0 : 1;
    if (isMet) proofs.push(proof ?? 'constraints that the server itself takes for proof');
    else if (requirement.state !== 'met') unmet.push(requirement.reason);
  }
  const measured = { violations: { count: unmet.length, exact: true }, classes };
  if (unmet.length <= check.rule.maxViolations)
    return { ...measured, outcome: 'held', proof: proofs.join('; ') };
  return { ...measured, outcome: 'broken', reason: [...new Set(unmet)].join('; '), samples: [] };
}

/** Whether the server's planner knows from validated constraints that no row can be like this. Reads no row. */
async function refutes(
  { relation }: CatalogCheck,
  contradiction: Sql,
  session: Session,
  limits: Limits,
): Promise<boolean> {
  const isEmpty = (condition: Sql): Promise<boolean> =>
    askAside(session, limits, [], async (query) => {
      const statement = sql`explain (format json, costs off) select from ${relation.name} as ${ROW_ALIAS} where ${condition}`;
      const [row] = await query(statement);
      const [explained] = JSON.parse(row?.['QUERY PLAN'] ?? '[]') as {
        Plan?: { 'Node Type'?: string; 'One-Time Filter'?: string };
      }[];
      return explained?.Plan?.['Node Type'] === 'Result' && explained.Plan['One-Time Filter'] === 'false';
    });
  // A partitioned table without partitions has no row of any kind, which proves nothing of those to come.
  return (
    (await isEmpty(contradiction)) && !(relation.kind === 'partitioned table' && (await isEmpty(sql`true`)))
  );
}
