import { groupBy } from '../support/group-by.ts';
import { gravestFirst } from './gravity.ts';
import type { MergedTarget, Report, ReportResult } from './report.ts';
import { counted, groupByRule, number } from './words.ts';

/** What a merged report says of its targets, as cells for a table in whatever form. */
export type TargetTable = {
  /** The gravest first; their names head the columns of the rules' table. */
  readonly targets: readonly MergedTarget[];
  /** What became of a rule that did not hold everywhere, target by target; an empty cell where it has no check. */
  readonly rules: readonly { readonly rule: string; readonly cells: readonly string[] }[];
  /** What is not in the table, such as `12 more targets`. */
  readonly left: readonly string[];
};

/** The targets of a merged report, at most so many of them and of the rules; undefined for a report of one run. */
export function makeTargetTable(
  report: Report,
  { maxTargets, maxRules }: { readonly maxTargets: number; readonly maxRules: number },
): TargetTable | undefined {
  if (!report.targets) return undefined;
  const all = report.targets.toSorted((a, b) => gravity(b) - gravity(a));
  const targets = all.slice(0, maxTargets);
  const needing = groupByRule(report).filter(({ results }) => gravestFirst(results).length > 0);
  const rules = needing.slice(0, maxRules).map(({ rule, results }) => {
    const byTarget = groupBy(results, ({ target }) => target);
    return { rule, cells: targets.map(({ name }) => cellOf(byTarget.get(name) ?? [])) };
  });
  const left = [
    ...(all.length > targets.length ? [counted(all.length - targets.length, 'more target')] : []),
    ...(needing.length > rules.length ? [counted(needing.length - rules.length, 'more rule')] : []),
  ];
  return { targets, rules, left };
}

function gravity({ verdict, totals }: MergedTarget): number {
  return { broken: 2, incomplete: 1, clean: 0 }[verdict] * 1e15 + totals.violations;
}

/** `12`, `at least 12`, `not met`, `not measured`, `held`; in brackets what is not enforced yet. */
function cellOf(results: readonly ReportResult[]): string {
  const needing = results.filter(({ outcome }) => outcome !== 'held');
  const enforced = needing.filter((result) => result.enforced);
  if (needing.length === 0) return results.length > 0 ? 'held' : '';
  const text = wordsOf(enforced.length > 0 ? enforced : needing);
  return enforced.length > 0 ? text : `(${text})`;
}

function wordsOf(results: readonly ReportResult[]): string {
  const broken = results.filter(({ outcome }) => outcome === 'broken');
  const sum = broken.reduce((total, { violations }) => total + (violations?.count ?? 0), 0);
  const exact = broken.every(({ violations }) => violations?.exact ?? false);
  const count = broken[0]?.kind === 'schema' ? 'not met' : `${exact ? '' : 'at least '}${number(sum)}`;
  return [
    ...(broken.length > 0 ? [count] : []),
    ...(broken.length < results.length ? ['not measured'] : []),
  ].join(', ');
}

/** `118 of 120 checks`. */
export function measuredText({ totals }: MergedTarget): string {
  return `${number(totals.held + totals.broken)} of ${counted(totals.results, 'check')}`;
}

/** Where a target is, in one line: its database, server and phase. */
export function whereText({ database, serverVersion, phase }: MergedTarget): string {
  const server =
    database === null ? 'no server answered' : `${database} on PostgreSQL ${serverVersion ?? ''}`;
  return phase === null ? server : `${server}, phase ${phase}`;
}
