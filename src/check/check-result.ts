import type { Check } from '../plan/plan.ts';
import type { StrategyName } from '../plan/step.ts';
import type { Problem } from '../support/problem.ts';

/** How many rows break a rule. `exact` is false where counting stopped early: then there are at least this many. */
type ViolationCount = { readonly count: number; readonly exact: boolean };

/** The key of a row that breaks the rule, as text, and the class that it is in. Never any other value. */
export type Sample = { readonly class: string; readonly key: Readonly<Record<string, string | null>> };

/** What a ratchet made of the counts. */
export type Debt = {
  /** Rows newer than the rule's `since`. */
  readonly leaks: number;
  /** All others that break the rule. */
  readonly count: number;
  /** The same at the time of the baseline. */
  readonly was: number | undefined;
  /** When that count had last fallen, by the baseline. */
  readonly since: string | undefined;
};

type Measured = {
  readonly violations: ViolationCount;
  /** The count of each class, also of those that do not break the rule. */
  readonly classes: Readonly<Record<string, number>>;
  /** Whether the table has no row at all, so that none could break the rule. */
  readonly tableIsEmpty?: boolean;
  /** Of a rule with `ratchet`, where rows break it. */
  readonly debt?: Debt;
};

/**
 * What became of a check. `held`: measured, and no more violations than the rule allows. `broken`: measured, and more.
 * `unknown`: not measured, for the reason given; never to be read as held.
 */
export type Outcome =
  | (Measured & { readonly outcome: 'held'; readonly proof: string })
  | (Measured & { readonly outcome: 'broken'; readonly reason: string; readonly samples: readonly Sample[] })
  | { readonly outcome: 'unknown'; readonly problem: Problem };

export type CheckResult = {
  readonly check: Check;
  readonly strategy: StrategyName;
  /** The constraint or index that the strategy rests on. */
  readonly by?: string | undefined;
  readonly elapsedMs: number;
} & Outcome;
