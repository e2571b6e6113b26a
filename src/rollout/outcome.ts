import type { CheckResult } from '../check/check-result.ts';

/** What held it, what broke it, or why it could not be measured. */
export function reasonOf(result: CheckResult): string {
  if (result.outcome === 'held') return result.proof;
  if (result.outcome === 'broken') return result.reason;
  return isStillToBeMade(result) ? 'a column that it names is still to be made' : result.problem.message;
}

type Rows = { readonly count: number; readonly exact: boolean };

/** Rows of a check that break it, also where the rule allows them; null where they were not counted. */
export function violationsOf(result: CheckResult): Rows | null {
  return result.outcome === 'unknown' ? null : { ...result.violations };
}

/**
 * What a result says of its phase. A check that could not be asked because a column is still to be made is as good as
 * broken: that is known, and not unknown.
 */
export function verdictOf(result: CheckResult): 'held' | 'broken' | 'unknown' {
  return isStillToBeMade(result) ? 'broken' : result.outcome;
}

/** Names that no rule asks for are mistakes, and have ended the run by then. */
const isStillToBeMade = (result: CheckResult): boolean =>
  result.outcome === 'unknown' && result.problem.code === 'column-unknown';
