import { countStatement } from '../plan/count-statement.ts';
import type { RowCheck } from '../plan/plan.ts';
import type { CountStep, Step } from '../plan/step.ts';
import type { Problem } from '../support/problem.ts';

/** 256 MiB, a few seconds of reading even from a slow disk. */
export const LARGE_PAGES = 32_768;

/**
 * The steps that every session should work on together, with workers of the server, and all others: large tables that
 * are more than one session's share of the work. Tables are read whole, and never by ranges of their pages (TID range
 * scans): for a table read whole the server has a small ring of buffers, for a range of it whatever it has cached has to go.
 */
export function partition(
  steps: readonly CountStep[],
  sessions: number,
): readonly [byAll: CountStep[], byEach: CountStep[]] {
  const share = steps.reduce((sum, { cost }) => sum + cost, 0) / sessions;
  const isForAll = ({ pages, cost }: CountStep): boolean =>
    sessions > 1 && pages >= LARGE_PAGES && cost > share;
  return [steps.filter(isForAll), steps.filter((step) => !isForAll(step))];
}

/** In the planner's units, about 25 ms: what is read together costs no more, so that nobody waits for its locks. */
const SMALL_COST = 5_000;

/** So few steps that their locks, all held until the last is done, are no burden on the server's table of locks. */
const MOST_TOGETHER = 20;

/**
 * Steps in the order given, the small ones several at a time: asking for each alone would cost more than the answers.
 * Never together: what needs settings or a time limit of its own, and views, which may do anything to their session.
 */
export function packSteps(steps: readonly CountStep[]): CountStep[][] {
  const packs: CountStep[][] = [];
  let open: { steps: CountStep[]; cost: number } | undefined;
  for (const step of steps) {
    const fits = open && open.cost + step.cost <= SMALL_COST && open.steps.length < MOST_TOGETHER;
    if (isEasy(step) && open && fits) {
      open.steps.push(step);
      open.cost += step.cost;
      continue;
    }
    const pack = [step];
    packs.push(pack);
    if (isEasy(step) && step.cost <= SMALL_COST) open = { steps: pack, cost: step.cost };
  }
  return packs;
}

function isEasy({ checks }: CountStep): boolean {
  return checks.every(
    (check) =>
      check.form === 'rows' &&
      check.relation.kind !== 'view' &&
      check.operatorSchemas.length === 0 &&
      check.rule.timeoutMs === undefined &&
      check.rule.countLimit === undefined,
  );
}

/** Pages that a step reads whole; of a table with partitions, theirs. */
export function pagesOf(step: Step): number {
  return step.form === 'count' ? step.pages : 0;
}

const TIMEOUTS = new Set<Problem['code']>(['statement-timeout', 'lock-timeout']);

/**
 * Smaller steps for the checks of one that failed, so that one bad rule costs one rule: halves, down to the one that
 * fails. What took too long would take as long in halves, so it is split by the parents that are joined. Empty where
 * there is nothing to split.
 */
export function splitStep(step: CountStep, problem: Problem): CountStep[] {
  const checks = step.checks.filter((check) => check.form === 'rows');
  const parts = TIMEOUTS.has(problem.code) ? byParents(checks) : halves(checks);
  if (parts.length < 2) return [];
  return parts.flatMap(([first, ...rest]) => {
    if (!first) return [];
    const some = [first, ...rest] as const;
    return {
      ...step,
      checks: some,
      statement: () => countStatement(some),
    };
  });
}

function halves(checks: readonly RowCheck[]): RowCheck[][] {
  const middle = Math.ceil(checks.length / 2);
  return [checks.slice(0, middle), checks.slice(middle)].filter((half) => half.length > 0);
}

function byParents(checks: readonly RowCheck[]): RowCheck[][] {
  const groups = new Map<string, RowCheck[]>();
  for (const check of checks) {
    const key = check.joins.map(({ alias }) => alias).join('\n');
    groups.set(key, [...(groups.get(key) ?? []), check]);
  }
  return [...groups.values()];
}
