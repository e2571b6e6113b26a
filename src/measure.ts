import { runChecks, type CheckOptions } from './check/run-checks.ts';
import type { CheckResult } from './check/check-result.ts';
import { vetPlan } from './check/vet-plan.ts';
import { chooseStrategies, type StrategyOptions } from './plan/choose-strategies.ts';
import type { Plan } from './plan/plan.ts';
import type { Snapshot } from './postgres/snapshot.ts';
import type { Problem } from './support/problem.ts';

/** How checks are measured: by which strategies, within which limits. */
export type MeasureOptions = StrategyOptions & CheckOptions;

/** Answers the checks of a plan on a snapshot, or says what is wrong with them before a row is read. */
export async function measure(
  plan: Plan,
  snapshot: Snapshot,
  options: MeasureOptions,
): Promise<{ readonly results: readonly CheckResult[]; readonly problems: readonly Problem[] }> {
  const vetted = await vetPlan(plan, snapshot.leader, options);
  if (vetted.problems.length > 0) return { results: [], problems: vetted.problems };
  const steps = await chooseStrategies(vetted.plan, vetted.explained, snapshot.leader, options);
  return { results: await runChecks(vetted.plan, steps, snapshot, options), problems: [] };
}
