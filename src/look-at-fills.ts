import type { CheckResult } from './check/check-result.ts';
import { outdatedIndexes, outdatedWarning, waysToCount } from './check/outdated-indexes.ts';
import { preflight } from './check/preflight.ts';
import { measure } from './measure.ts';
import type { Options } from './options.ts';
import type { Fill } from './plan/fill.ts';
import { makeFills } from './plan/make-fills.ts';
import { makePlan } from './plan/make-plan.ts';
import { readCatalog } from './postgres/catalog.ts';
import { openSnapshot, type SnapshotTarget } from './postgres/snapshot.ts';
import type { RuleSet } from './rules/rule.ts';
import { Problems, type Problem } from './support/problem.ts';
import type { World } from './world.ts';

/** How long a check waits for a lock. */
const LOCK_TIMEOUT_MS = 2_000;

/** What one look at the database found, on one snapshot. */
export type Looked = {
  readonly target: SnapshotTarget;
  readonly fills: readonly Fill[];
  readonly census: readonly CheckResult[];
  /** The rules' own checks, where it is to verify. */
  readonly recheck: readonly CheckResult[];
  readonly warnings: readonly Problem[];
};

/** Counts what is to be filled; or, to verify, what is left, and whether the rules hold by their own checks. */
export async function lookAtFills(
  rules: RuleSet,
  options: Options,
  world: World,
  purpose: 'census' | 'verify',
): Promise<Looked> {
  const snapshot = await openSnapshot(world.database());
  try {
    world.emit({ event: 'connected', target: snapshot.target });
    const catalog = await readCatalog(snapshot.leader);
    const { fills, problems } = makeFills(rules, catalog, options.backfillRule);
    if (problems.length > 0) throw new Problems(problems);
    const censuses = fills.map(({ census }) =>
      purpose === 'verify' ? { ...census, classes: census.classes.filter(({ breaks }) => breaks) } : census,
    );
    const only = [...new Set(fills.map(({ rule }) => rule.id))];
    const own =
      purpose === 'verify'
        ? makePlan(rules, catalog, { ...options, phase: undefined, only, now: world.now() })
        : { plan: { checks: [] }, problems: [] };
    const plan = { checks: [...censuses, ...own.plan.checks] };
    const wanted = {
      statementTimeoutMs: options.statementTimeout,
      lockTimeoutMs: LOCK_TIMEOUT_MS,
      useIndexes: options.strategy === 'auto',
      signal: world.signal,
    };
    const outdated = outdatedIndexes(catalog);
    const { limits, ways } = waysToCount(wanted, options, outdated);
    const measured = await measure(plan, snapshot, {
      ...options,
      ...limits,
      ...ways,
      onProgress: (progress) => world.emit({ event: 'check', progress }),
    });
    if (measured.problems.length > 0) throw new Problems([...own.problems, ...measured.problems]);
    const [census, recheck] = [measured.results.slice(0, fills.length), measured.results.slice(fills.length)];
    const known = (await preflight(plan, snapshot)).filter(({ code }) => code !== 'role-can-write');
    const warnings = [...known, ...outdatedWarning(outdated)];
    return { target: snapshot.target, fills, census, recheck, warnings };
  } finally {
    await snapshot.close();
  }
}
