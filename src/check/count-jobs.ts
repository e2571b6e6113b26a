import { addCounts, countStatement, type Counts, type PageRange } from '../plan/count-statement.ts';
import type { RowCheck } from '../plan/plan.ts';
import type { CountStep, Step } from '../plan/step.ts';
import type { Problem } from '../support/problem.ts';

/** Pages of one statement: 256 MiB, a few seconds of reading even from a slow disk, so that a long scan shows movement. */
const PART_PAGES = 32_768;

/** A step under way: its parts that nobody has begun, and what the finished ones counted. */
export type CountJob = {
  readonly step: CountStep;
  readonly parts: (PageRange | undefined)[];
  readonly total: number;
  counted: number;
  counts: readonly Counts[] | undefined;
  elapsedMs: number;
  /** Set once a part has failed: what the others find is dropped then. */
  failed: boolean;
};

/**
 * The job of a step, in parts of which each session can take one. Before PostgreSQL 14 there is one part: the server
 * reads the whole table for any range of its pages.
 */
export function startJob(step: CountStep, serverMajor: number): CountJob {
  const parts = serverMajor >= 14 ? partsOf(step) : [undefined];
  return { step, parts, total: parts.length, counted: 0, counts: undefined, elapsedMs: 0, failed: false };
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

function partsOf({ strategy, checks }: CountStep): (PageRange | undefined)[] {
  const [check] = checks;
  if (
    strategy !== 'scan' ||
    check.form !== 'rows' ||
    check.rule.countLimit !== undefined ||
    check.joins.some(({ isCostly }) => isCostly)
  )
    return [undefined];
  const pages = Math.max(...[check.relation, ...check.relation.descendants].map((each) => each.pages));
  const count = Math.ceil(pages / PART_PAGES);
  if (count < 2) return [undefined];
  // The last part is open: the table may have grown since it was measured.
  return Array.from({ length: count }, (_, i) => ({
    from: i * PART_PAGES,
    to: i + 1 < count ? (i + 1) * PART_PAGES : undefined,
  }));
}

/** Pages that a step reads whole; of a table with partitions, theirs. */
export function pagesOf(step: Step): number {
  return step.form === 'count' ? step.pages : 0;
}

/** Adds what a part counted for each check; gives the whole once it was the last one. */
export function addPart(
  job: CountJob,
  counts: readonly Counts[],
  elapsedMs: number,
): readonly Counts[] | undefined {
  const { counts: sofar } = job;
  job.counts = sofar ? counts.map((each, i) => addCounts(each, sofar[i] ?? each)) : counts;
  job.counted += 1;
  job.elapsedMs += elapsedMs;
  return job.counted === job.total ? job.counts : undefined;
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
      statement: (pages?: PageRange) => countStatement(some, pages),
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
