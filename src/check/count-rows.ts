import { performance } from 'node:perf_hooks';
import { readAllCounts, type Counts, type PageRange } from '../plan/count-statement.ts';
import { checkedTable, type QueryCheck, type RowCheck } from '../plan/plan.ts';
import { sampleStatement } from '../plan/sample-statement.ts';
import type { CountStep } from '../plan/step.ts';
import type { Session } from '../postgres/database.ts';
import { askAside, type Limits } from '../postgres/snapshot.ts';
import { displayTable } from '../sql/identifier.ts';
import { sql } from '../sql/sql.ts';
import { expectUnchanged } from './changed-objects.ts';
import type { CheckResult, Outcome, Sample } from './check-result.ts';
import type { CountJob } from './count-jobs.ts';

/** What each check of a step counted in one part of its table. Throws when the part cannot be measured. */
export async function countPart(
  { checks, statement }: CountStep,
  part: PageRange | undefined,
  session: Session,
  limits: Limits,
): Promise<Counts[]> {
  const schemas = [...new Set(checks.flatMap(({ operatorSchemas }) => operatorSchemas))];
  const statementTimeoutMs = checks[0].rule.timeoutMs ?? limits.statementTimeoutMs;
  return askAside(session, { ...limits, statementTimeoutMs }, schemas, async (query) => {
    if (checks[0].rule.countLimit !== undefined) await query(withoutNestedLoops);
    const [row] = await query(statement(part));
    await expectUnchanged(query);
    return readAllCounts(checks, row);
  });
}

/** What was counted for the checks of one step, and how long that took. */
type CountedStep = { readonly counts: readonly Counts[]; readonly elapsedMs: number };

/** The same for several small steps, whose tables stay locked until the last is counted. Throws where one of them cannot be. */
export async function countTogether(
  steps: readonly CountStep[],
  session: Session,
  limits: Limits,
): Promise<(CountedStep & { readonly step: CountStep })[]> {
  return askAside(session, limits, [], async (query) => {
    const counted = [];
    for (const step of steps) {
      const startedAt = performance.now();
      const [row] = await query(step.statement());
      const counts = readAllCounts(step.checks, row);
      counted.push({ step, counts, elapsedMs: performance.now() - startedAt });
    }
    await expectUnchanged(query);
    return counted;
  });
}

/** With a limit the planner hopes for an early end, and looks up a parent for each row until there is one. */
const withoutNestedLoops = sql`select pg_catalog.set_config('enable_nestloop', 'off', true)`;

type JudgeOptions = Limits & { readonly samples: number };

/** What the counts of a finished job mean for each of its checks, with keys of rows that break it. */
export async function judge(
  { step, elapsedMs }: Pick<CountJob, 'step' | 'elapsedMs'>,
  counts: readonly Counts[],
  session: Session,
  options: JudgeOptions,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const [place, check] of step.checks.entries()) {
    const found = counts[place];
    if (!found) throw new TypeError('a check without counts');
    const outcome = await judgeOne(check, found, session, options);
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
  session: Session,
  options: JudgeOptions,
): Promise<Outcome> {
  const measured = { violations: { count, exact: isExact }, classes, tableIsEmpty };
  const allowed = check.rule.maxViolations;
  if (count <= allowed)
    return { ...measured, outcome: 'held', proof: describeHeld(check, count, tableIsEmpty) };
  // Where all are found there is no need to read on.
  const samples = await readSamples(leaksOf(check, classes), session, {
    ...options,
    samples: Math.min(options.samples, count),
  });
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
  limits: JudgeOptions,
): Promise<Sample[]> {
  const statement = limits.samples > 0 ? sampleStatement(check, limits.samples) : undefined;
  if (!statement) return [];
  const rows = await askAside(session, limits, check.operatorSchemas, async (query) => {
    await query(withoutNestedLoops);
    return query(statement);
  }).catch(() => []);
  return rows.map((row) => ({
    class: row['class'] ?? 'row',
    key: Object.fromEntries(check.key.map(({ name }, index) => [name, row[`key_${index}`] ?? null])),
  }));
}
