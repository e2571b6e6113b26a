import { performance } from 'node:perf_hooks';
import type { Limits } from '../postgres/snapshot.ts';
import type { Session } from '../postgres/database.ts';
import type { CountStep, Step } from '../plan/step.ts';
import { asProblem } from '../support/problem.ts';
import { askCatalog } from './ask-catalog.ts';
import type { CheckResult, Outcome } from './check-result.ts';

/** Answers a step that reads no row: what is proved, what the catalogue knows, and what cannot be asked. Never rejects. */
export async function answerWithoutRows(
  step: Exclude<Step, CountStep>,
  session: Session,
  limits: Limits,
): Promise<CheckResult> {
  const startedAt = performance.now();
  const outcome = await outcomeOf(step, session, limits);
  const elapsedMs = Math.round(performance.now() - startedAt);
  const by = step.form === 'proved' ? step.by : undefined;
  return { check: step.check, strategy: step.form, by, elapsedMs, ...outcome };
}

async function outcomeOf(step: Exclude<Step, CountStep>, session: Session, limits: Limits): Promise<Outcome> {
  if (step.form === 'none') return { outcome: 'unknown', problem: step.check.problem };
  if (step.form === 'catalog')
    return askCatalog(step.check, session, limits).catch((error: unknown) => ({
      outcome: 'unknown',
      problem: asProblem(error),
    }));
  const breaking = step.check.classes.filter(({ breaks }) => breaks);
  return {
    outcome: 'held',
    proof: `proved by ${step.by}`,
    violations: { count: 0, exact: true },
    classes: Object.fromEntries(breaking.map(({ name }) => [name, 0])),
  };
}
