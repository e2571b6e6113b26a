import { performance } from 'node:perf_hooks';
import { readAllCounts, type Counts } from '../plan/count-statement.ts';
import { canLook, isCut, lookStatement, readSeen } from '../plan/look-statement.ts';
import { checkedTable, schemasOf, type QueryCheck, type RowCheck } from '../plan/plan.ts';
import { nameKey, sampleStatement } from '../plan/sample-statement.ts';
import type { RowChecks } from '../plan/groups.ts';
import type { CountStep } from '../plan/step.ts';
import type { Session } from '../postgres/database.ts';
import { askAside, settings, type Limits } from '../postgres/snapshot.ts';
import { displayTable } from '../sql/identifier.ts';
import { asProblem, type Problem } from '../support/problem.ts';
import { expectUnchanged } from './changed-objects.ts';
import { LARGE_PAGES } from './count-steps.ts';
import type { CheckResult, Outcome, Sample } from './check-result.ts';

/** What a step counted for each of its checks, and the keys of rows that it came by; undefined where it came by none. */
export type Counted = {
  readonly counts: readonly Counts[];
  readonly samples: readonly (readonly Sample[] | undefined)[];
};

type CountOptions = Limits & { readonly samples: number };

/**
 * Counts for the checks of a step. A table that is read whole is read once where few rows are bad, and once more up to
 * the thousandth where they are many. Throws when it cannot be measured.
 */
export async function countStep(step: CountStep, session: Session, limits: CountOptions): Promise<Counted> {
  const { checks, pages, strategy } = step;
  const { countLimit, timeoutMs = limits.statementTimeoutMs } = checks[0].rule;
  const asked = { ...limits, statementTimeoutMs: timeoutMs * timesAllowed(pages) };
  const isWhole = strategy === 'scan' && countLimit === undefined;
  const isLook = isWhole && limits.samples > 0 && isOfRows(checks) && canLook(checks);
  const seen = isLook ? await look(checks, session, asked) : undefined;
  if (seen) return seen;
  const counts = await askAside(session, asked, schemasOf(checks), async (query) => {
    if (countLimit !== undefined) await query(withoutNestedLoops);
    const [row] = await query(step.statement());
    await expectUnchanged(query);
    return readAllCounts(checks, row);
  });
  return { counts, samples: [] };
}

/** A time limit is for so much of a table that is read whole; a larger one may take as many times as long. */
const timesAllowed = (pages: number): number => Math.max(1, Math.ceil(pages / LARGE_PAGES));

const isOfRows = (checks: CountStep['checks']): checks is RowChecks =>
  checks.every(({ form }) => form === 'rows');

/** What may be the keys' fault alone; where it is not, the plain count fails as well. */
const KEYS_FAILED = new Set<Problem['code']>(['query-failed', 'privilege-missing']);

/** Counts and samples in one; undefined where that was cut short, or has keys that cannot be read. */
async function look(checks: RowChecks, session: Session, limits: CountOptions): Promise<Counted | undefined> {
  const statement = lookStatement(checks, limits.samples);
  try {
    return await askAside(session, limits, schemasOf(checks), async (query) => {
      await query(withoutNestedLoops);
      const [row] = await query(statement);
      if (!row || isCut(row)) return undefined;
      await expectUnchanged(query);
      return { counts: readAllCounts(checks, row), samples: readSeen(checks, row) };
    });
  } catch (error) {
    const isOfKeys = KEYS_FAILED.has(asProblem(error).code);
    if (session.alive && isOfKeys) return undefined;
    throw error;
  }
}

/** A step that is done, and how long it took. */
type Done = { readonly step: CountStep; readonly counted: Counted; readonly elapsedMs: number };

/** The same for several small steps, whose tables stay locked until the last is counted. Throws where one of them cannot be. */
export async function countTogether(
  steps: readonly CountStep[],
  session: Session,
  limits: Limits,
): Promise<Done[]> {
  return askAside(session, limits, [], async (query) => {
    const done: Done[] = [];
    for (const step of steps) {
      const startedAt = performance.now();
      const [row] = await query(step.statement());
      const counts = readAllCounts(step.checks, row);
      done.push({ step, counted: { counts, samples: [] }, elapsedMs: performance.now() - startedAt });
    }
    await expectUnchanged(query);
    return done;
  });
}

/** With a limit the planner hopes for an early end, and looks up a parent for each row until there is one. */
const withoutNestedLoops = settings({ enable_nestloop: 'off' });

/** So that two runs find the same rows first: a scan that joined another would begin in the middle. */
const fromTheStart = settings({ enable_nestloop: 'off', synchronize_seqscans: 'off' });

/** What was counted means for each check, with keys of rows that break it. */
export async function judge(
  { step, counted: { counts, samples }, elapsedMs }: Done,
  session: Session,
  options: CountOptions,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const [place, check] of step.checks.entries()) {
    const found = counts[place];
    if (!found) throw new TypeError('a check without counts');
    const outcome = await judgeOne(check, found, samples[place], session, options);
    results.push({
      check,
      strategy: step.strategy,
      by: step.index,
      elapsedMs: Math.round(elapsedMs / step.checks.length),
      ...outcome,
    });
  }
  return results;
}

async function judgeOne(
  check: RowCheck | QueryCheck,
  { violations: count, isExact, classes, tableIsEmpty }: Counts,
  known: readonly Sample[] | undefined,
  session: Session,
  options: CountOptions,
): Promise<Outcome> {
  const measured = { violations: { count, exact: isExact }, classes, tableIsEmpty };
  const allowed = check.rule.maxViolations;
  if (count <= allowed)
    return { ...measured, outcome: 'held', proof: describeHeld(check, count, tableIsEmpty) };
  // Where all are found there is no need to read on.
  const most = Math.min(options.samples, count);
  const samples =
    known ?? (await readSamples(leaksOf(check, classes), session, { ...options, samples: most }));
  return { ...measured, outcome: 'broken', reason: describeBroken(count, isExact, allowed), samples };
}

/** Where there are new rows among those that break a rule, they are what a person has to see. */
function leaksOf(check: RowCheck | QueryCheck, counts: Counts['classes']): RowCheck | QueryCheck {
  if (check.form === 'query') return check;
  const leaking = check.classes.filter(({ name, isLeak }) => isLeak && (counts[name] ?? 0) > 0);
  return leaking.length > 0 ? { ...check, classes: leaking } : check;
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

function describeBroken(count: number, isExact: boolean, allowed: number): string {
  const atLeast = isExact ? '' : 'at least ';
  const rows = count === 1 ? `${atLeast}1 row breaks it` : `${atLeast}${count} rows break it`;
  return allowed > 0 ? `${rows}, at most ${allowed} allowed` : rows;
}

/** The count is an answer already: a sample that cannot be read takes nothing from it. */
async function readSamples(
  check: RowCheck | QueryCheck,
  session: Session,
  limits: CountOptions,
): Promise<Sample[]> {
  const statement = limits.samples > 0 ? sampleStatement(check, limits.samples) : undefined;
  if (!statement) return [];
  const rows = await askAside(session, limits, check.operatorSchemas, async (query) => {
    await query(fromTheStart);
    return query(statement);
  }).catch(() => []);
  return rows.map((row) => ({
    class: row['class'] ?? 'row',
    key: nameKey(
      check,
      check.key.map((_, index) => row[`key_${index}`] ?? null),
    ),
  }));
}
