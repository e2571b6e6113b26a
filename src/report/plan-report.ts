import { checkedTable, type Check, type RowCheck } from '../plan/plan.ts';
import { checksOf, type Advice, type Step, type StrategyName } from '../plan/step.ts';
import type { SnapshotTarget } from '../postgres/snapshot.ts';
import { displayTable } from '../sql/identifier.ts';
import type { Problem } from '../support/problem.ts';
import { EXIT_CLEAN, EXIT_NOT_STARTED } from './exit-code.ts';

/** How one check would be answered. */
export type PlanEntry = {
  readonly rule: string;
  /** `schema.table`; null for a query of its own. */
  readonly table: string | null;
  readonly strategy: StrategyName;
  /** The constraint or index that it rests on, or why it cannot be asked. */
  readonly by: string | null;
  /** How many checks the same statement answers; cost, pages and time are those of all of them. */
  readonly together: number;
  /** In the planner's units. */
  readonly cost: number;
  readonly pages: number;
  readonly estimatedMs: number;
  readonly cheaper: Advice;
};

/** What a run would do, in its order. Nothing in it was read from a table. */
export type PlanReport = {
  readonly version: 1;
  readonly exitCode: number;
  readonly target: { readonly database: string; readonly serverVersion: string } | null;
  readonly entries: readonly PlanEntry[];
  readonly totals: {
    readonly checks: number;
    readonly statements: number;
    readonly pages: number;
    readonly estimatedMs: number;
  };
  readonly warnings: readonly PlanProblem[];
  readonly problems: readonly PlanProblem[];
};

type PlanProblem = { readonly message: string; readonly hint: string | null; readonly at: string | null };

type Planned = {
  readonly target?: SnapshotTarget;
  readonly steps: readonly Step[];
  readonly warnings: readonly Problem[];
  readonly problems: readonly Problem[];
  /** What would make a check cheaper that reads a table whole. */
  readonly adviseFor: (check: RowCheck) => Advice;
};

/** What one of the planner's units took where `bench/` was measured; other machines differ by a factor, not by ten. */
const MS_PER_COST = 0.01;

export function makePlanReport({ target, steps, warnings, problems, adviseFor }: Planned): PlanReport {
  const counting = steps.filter((step) => step.form === 'count');
  return {
    version: 1,
    exitCode: problems.length > 0 ? EXIT_NOT_STARTED : EXIT_CLEAN,
    target: target ? { database: target.database, serverVersion: target.serverVersion } : null,
    entries: steps.flatMap((step) => checksOf(step).map((check) => makeEntry(step, check, adviseFor))),
    totals: {
      checks: steps.flatMap(checksOf).length,
      statements: counting.length,
      pages: counting.reduce((sum, { pages }) => sum + pages, 0),
      estimatedMs: Math.round(counting.reduce((sum, { cost }) => sum + cost, 0) * MS_PER_COST),
    },
    warnings: warnings.map(makeProblem),
    problems: problems.map(makeProblem),
  };
}

function makeEntry(step: Step, check: Check, adviseFor: Planned['adviseFor']): PlanEntry {
  const { cost, pages, together } =
    step.form === 'count'
      ? { cost: step.cost, pages: step.pages, together: step.checks.length }
      : { cost: 0, pages: 0, together: 1 };
  const table = checkedTable(check);
  const isScan = step.form === 'count' && step.strategy === 'scan';
  return {
    rule: check.rule.id,
    table: check.form === 'impossible' ? (check.table ?? null) : table ? displayTable(table) : null,
    strategy: step.form === 'count' ? step.strategy : step.form,
    by: restsOn(step),
    together,
    cost: Math.round(cost),
    pages,
    estimatedMs: Math.round(cost * MS_PER_COST),
    cheaper: isScan && check.form === 'rows' ? adviseFor(check) : { index: [], constraint: [] },
  };
}

function restsOn(step: Step): string | null {
  if (step.form === 'count') return step.index ?? null;
  if (step.form === 'proved') return step.by;
  return step.form === 'none' ? step.check.problem.message : null;
}

function makeProblem({ message, hint, at }: Problem): PlanProblem {
  return { message, hint: hint ?? null, at: at ? `${at.file}:${at.line}:${at.column}` : null };
}
