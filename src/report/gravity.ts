import type { ReportResult } from './report.ts';

/**
 * How much a result needs a person, 0 for one that held: enforced before not enforced, then by severity, then broken
 * before not measured.
 */
export function gravityOf({ outcome, enforced, severity }: ReportResult): number {
  if (outcome === 'held') return 0;
  const level = { error: 3, warning: 2, notice: 1 }[severity];
  return (enforced ? 100 : 0) + level * 10 + (outcome === 'broken' ? 5 : 0);
}

/** The results that did not hold, gravest first; of the same gravity those with most violations, else in their order. */
export function gravestFirst(results: readonly ReportResult[]): ReportResult[] {
  const violations = (result: ReportResult): number => result.violations?.count ?? 0;
  return results
    .filter(({ outcome }) => outcome !== 'held')
    .toSorted((a, b) => gravityOf(b) - gravityOf(a) || violations(b) - violations(a));
}
