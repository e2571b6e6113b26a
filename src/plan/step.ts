import type { Sql } from '../sql/sql.ts';
import type { CatalogCheck, Check, ImpossibleCheck, QueryCheck, RowCheck } from './plan.ts';

/** How a check is answered; the names that reports use. */
export type StrategyName =
  'proved' | 'index probe' | 'loose index scan' | 'scan' | 'query' | 'catalog' | 'probe' | 'none';

/** One statement that counts for some checks of one relation. */
export type CountStep = {
  readonly form: 'count';
  readonly strategy: Exclude<StrategyName, 'proved' | 'catalog' | 'probe' | 'none'>;
  readonly checks: readonly [RowCheck, ...RowCheck[]] | readonly [QueryCheck];
  /** The index that makes it cheap; undefined where a table is read whole. */
  readonly index: string | undefined;
  /** In the planner's units; 1 is one page read in sequence. */
  readonly cost: number;
  /** Pages of the checked relation, where they are read whole; 0 where they are not. */
  readonly pages: number;
  statement(): Sql;
};

/** The checks that a step answers. */
export function checksOf(step: Step): readonly Check[] {
  return step.form === 'count' ? step.checks : [step.check];
}

/** One thing that a run does; each check is in exactly one step. */
export type Step =
  | CountStep
  | { readonly form: 'proved'; readonly check: RowCheck; readonly by: string }
  | { readonly form: 'catalog'; readonly check: CatalogCheck }
  | { readonly form: 'none'; readonly check: ImpossibleCheck };

/** What would make a check cheaper: statements that are ready to run, each in a transaction of its own. */
export type Advice = {
  /** Then the rows that break the rule are found without reading the others. */
  readonly index: readonly string[];
  /** Then the rule is proved, and no row is read. They fail while rows break it. */
  readonly constraint: readonly string[];
};
