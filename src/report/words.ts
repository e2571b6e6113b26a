// The sentences that every renderer shares, so that a result reads the same wherever it is met.
import { formatDurationMs } from '../support/duration.ts';
import { listed } from '../support/listed.ts';
import type { Report, ReportResult } from './report.ts';

/** The results of one rule, in the order of the rules. */
export type RuleGroup = {
  readonly rule: string;
  readonly results: readonly [ReportResult, ...ReportResult[]];
};

/** Gravest first: enforced broken, enforced unknown, then what is not enforced yet, then what held. */
export function groupByRule(report: Report): RuleGroup[] {
  const groups = new Map<string, [ReportResult, ...ReportResult[]]>();
  for (const result of report.results) {
    const group = groups.get(result.rule);
    if (group) group.push(result);
    else groups.set(result.rule, [result]);
  }
  return [...groups]
    .map(([rule, results]) => ({ rule, results }))
    .toSorted((a, b) => gravity(b) - gravity(a));
}

function gravity({ results }: RuleGroup): number {
  return Math.max(
    ...results.map(({ outcome, enforced, severity }) => {
      if (outcome === 'held') return 0;
      const level = { error: 3, warning: 2, notice: 1 }[severity];
      return (enforced ? 100 : 0) + level * 10 + (outcome === 'broken' ? 5 : 0);
    }),
  );
}

export const number = (value: number): string => value.toLocaleString('en-US');

const counted = (count: number, one: string, many = `${one}s`): string =>
  `${number(count)} ${count === 1 ? one : many}`;

/** The one sentence that a person reads first. */
export function headline(report: Report): string {
  if (report.exitCode === 3)
    return `Could not start: ${counted(report.problems.length, 'problem')} to solve first`;
  const broken = report.results.filter(({ outcome, enforced }) => outcome === 'broken' && enforced);
  const unknown = report.results.filter(({ outcome, enforced }) => outcome === 'unknown' && enforced);
  const rules = new Set(broken.map(({ rule }) => rule)).size;
  const parts = [
    ...(broken.length > 0 ? [`${counted(rules, 'rule')} broken on ${counted(broken.length, 'check')}`] : []),
    ...(unknown.length > 0 ? [`${counted(unknown.length, 'check')} could not be measured`] : []),
    ...(broken.length + unknown.length === 0
      ? [`${counted(report.totals.results - report.totals.notEnforced, 'check')} held`]
      : []),
  ];
  const clean = broken.length + unknown.length === 0 ? 'Clean' : 'Clean of what fails the run';
  const word = { clean, broken: 'Broken', incomplete: 'Incomplete' }[report.verdict];
  return `${word}: ${parts.join(', ')}`;
}

/** What the run looked at, in one line. */
export function setting(report: Report): string {
  const { target, phase, rules, results } = report;
  const where = target
    ? `${target.database} on PostgreSQL ${target.serverVersion}${target.inRecovery ? ', a standby' : ''}`
    : 'no server answered';
  const base =
    rules.from === 'base' ? [`rules of base commit ${rules.commit?.slice(0, 8) ?? 'unknown'}`] : [];
  const held = new Set(
    results.filter(({ problem }) => problem?.code === 'sql-not-reviewed').map(({ rule }) => rule),
  );
  return [
    where,
    phase === null ? 'no phase given, every rule enforced' : `phase ${phase}`,
    ...base,
    ...(held.size > 0 ? [`not run before review: ${listed([...held])}`] : []),
  ].join('; ');
}

/** How much was measured, and how long it took. */
export function footer({ totals, elapsedMs }: Report): string {
  return `${number(totals.held + totals.broken)} of ${counted(totals.results, 'check')} measured in ${formatDurationMs(elapsedMs)}`;
}

/** `1,204`, `at least 5`, or `not measured`. */
function violationsText({ violations, kind }: ReportResult): string {
  if (violations === null) return 'not measured';
  if (kind === 'schema') return 'not met';
  return violations.exact ? number(violations.count) : `at least ${number(violations.count)}`;
}

/** The classes that have rows, such as `different 3, orphan 1`; those that do not break the rule are in brackets. */
function classesText({ classes, breakingClasses }: ReportResult): string {
  const present = Object.entries(classes).filter(([, count]) => count > 0);
  return present
    .map(([name, count]) =>
      breakingClasses.includes(name) ? `${name} ${number(count)}` : `(${name} ${number(count)})`,
    )
    .join(', ');
}

/** A sample's key, such as `id=17`. */
export function sampleText(sample: ReportResult['samples'][number]): string {
  return Object.entries(sample.key)
    .map(([name, value]) => `${name}=${value ?? 'NULL'}`)
    .join(' ');
}

/** `3 rows break it in 2 tables`: what became of a rule, over its tables. */
export function ruleText({ results }: RuleGroup): string {
  const broken = results.filter(({ outcome }) => outcome === 'broken');
  const unknown = results.filter(({ outcome }) => outcome === 'unknown');
  const sum = broken.reduce((total, { violations }) => total + (violations?.count ?? 0), 0);
  const what =
    results[0].kind === 'schema' ? counted(sum, 'requirement') + ' not met' : counted(sum, 'violation');
  const parts = [
    ...(broken.length > 0 ? [`${what} in ${counted(broken.length, 'table')}`] : []),
    ...(unknown.length > 0 ? [`${counted(unknown.length, 'table')} not measured`] : []),
  ];
  return parts.join(', ') || 'held';
}

/** What to do about a result, from the rule or from the problem; undefined when nothing is known. */
export function remedyText(result: ReportResult): string | undefined {
  return result.problem?.hint ?? (result.outcome === 'broken' ? (result.remedy ?? undefined) : undefined);
}

/** Tables of a rule of which the same is to be said. */
export type Finding = {
  readonly tables: string;
  readonly count: string;
  readonly detail: string;
  readonly results: readonly ReportResult[];
};

/** What is to be said of a rule's tables that did not hold; tables of which the same is to be said share a line. */
export function findingsOf({ results }: RuleGroup): Finding[] {
  const groups = new Map<string, ReportResult[]>();
  for (const result of results.filter(({ outcome }) => outcome !== 'held')) {
    const key = `${violationsText(result)} ${detailText(result)}`;
    const folds = result.kind === 'schema' || result.outcome === 'unknown';
    const group = folds ? key : `${key} ${result.table}`;
    groups.set(group, [...(groups.get(group) ?? []), result]);
  }
  return [...groups.values()].map((same) => {
    const names = same.map(({ table }) => table ?? '(query)');
    const [first] = same;
    return {
      tables: listed(names),
      count: first ? violationsText(first) : '',
      detail: first ? detailText(first) : '',
      results: same,
    };
  });
}

function detailText(result: ReportResult): string {
  return result.outcome === 'unknown' || result.kind === 'schema' ? result.reason : classesText(result);
}

/** Whether all that can be said of a rule is that the run itself had a problem, which is told once elsewhere. */
export function isRunProblem({ results }: RuleGroup, { problems }: Report): boolean {
  return results.every(
    ({ problem }) => problem !== null && problems.some(({ message }) => message === problem.message),
  );
}
