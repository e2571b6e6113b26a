// The sentences that every renderer shares, so that a result reads the same wherever it is met.
import { formatDurationMs } from '../support/duration.ts';
import { groupBy } from '../support/group-by.ts';
import { listed } from '../support/listed.ts';
import { gravityOf } from './gravity.ts';
import { MIGRATION, type Changes, type Report, type ReportResult, type Tally } from './report.ts';

/** The results of one rule, in the order of the rules. */
export type RuleGroup = {
  readonly rule: string;
  readonly results: readonly [ReportResult, ...ReportResult[]];
};

/** Gravest first: enforced broken, enforced unknown, then what is not enforced yet, then what held. */
export function groupByRule(report: Report): RuleGroup[] {
  const groups = groupBy(report.results, ({ rule }) => rule);
  return [...groups]
    .map(([rule, results]) => ({ rule, results }))
    .toSorted((a, b) => gravity(b) - gravity(a));
}

function gravity({ results }: RuleGroup): number {
  return Math.max(...results.map(gravityOf));
}

export const number = (value: number): string => value.toLocaleString('en-US');

/** `1 check`, `2 checks`. */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${number(count)} ${count === 1 ? one : many}`;

/** The one sentence that a person reads first. */
export function headline(report: Report): string {
  if (report.exitCode === 3)
    return `Could not start: ${counted(report.problems.length, 'problem')} to solve first`;
  const broken = report.results.filter(({ outcome, enforced }) => outcome === 'broken' && enforced);
  const unknown = report.results.filter(({ outcome, enforced }) => outcome === 'unknown' && enforced);
  const rules = new Set(broken.map(({ rule }) => rule)).size;
  const { targets, problems } = report;
  const parts = [
    ...(broken.length > 0 ? [`${counted(rules, 'rule')} broken on ${counted(broken.length, 'check')}`] : []),
    ...(unknown.length > 0 ? [`${counted(unknown.length, 'check')} could not be measured`] : []),
    ...(broken.length + unknown.length === 0
      ? [`${counted(report.totals.results - report.totals.notEnforced, 'check')} held`]
      : []),
  ];
  const clean = broken.length + unknown.length === 0 ? 'Clean' : 'Clean of what fails the run';
  const word = { clean, broken: 'Broken', incomplete: 'Incomplete' }[report.verdict];
  const where = targets ? ` on ${counted(targets.length, 'target')}` : '';
  const missing = targets && problems.length > 0 ? `; ${counted(problems.length, 'problem')}` : '';
  return `${word}: ${parts.join(', ')}${where}${missing}`;
}

/** What the run looked at, in one line. */
export function setting(report: Report): string {
  const { rules, results } = report;
  const base =
    rules.from === 'base' ? [`rules of base commit ${rules.commit?.slice(0, 8) ?? 'unknown'}`] : [];
  const held = new Set(
    results.filter(({ problem }) => problem?.code === 'sql-not-reviewed').map(({ rule }) => rule),
  );
  return [
    ...(report.targetName === undefined ? [] : [report.targetName]),
    whereText(report),
    phaseText(report),
    ...base,
    ...(held.size > 0 ? [`not run before review: ${listed([...held])}`] : []),
  ].join('; ');
}

function whereText({ target, targets }: Report): string {
  if (targets) return `targets: ${listed(targets.map(({ name }) => name)) || 'none'}`;
  if (!target) return 'no server answered';
  return `${target.database} on PostgreSQL ${target.serverVersion}${target.inRecovery ? ', a standby' : ''}`;
}

function phaseText({ phase, targets }: Report): string {
  if (phase !== null) return `phase ${phase}`;
  return targets ? 'phases differ, or none was given' : 'no phase given, every rule enforced';
}

/** How much was measured, and how long it took. */
export function footer({ totals, elapsedMs }: Report): string {
  return `${number(totals.held + totals.broken)} of ${counted(totals.results, 'check')} measured in ${formatDurationMs(elapsedMs)}`;
}

/** `1,204`, `at least 5`, or `not measured`. */
export function violationsText({ violations, kind, classes }: ReportResult): string {
  if (violations === null) return 'not measured';
  if (kind === 'coverage') return classes['covered'] === undefined ? 'exemption' : 'not covered';
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
  const { kind } = results[0];
  if (kind === MIGRATION && broken.length > 0) return wouldFail(sum);
  const what = kind === 'schema' ? counted(sum, 'requirement') + ' not met' : counted(sum, 'violation');
  const parts = [
    ...(broken.length > 0
      ? [kind === 'coverage' ? `${placesText(broken)} not covered` : `${what} in ${placesText(broken)}`]
      : []),
    ...(unknown.length > 0 ? [`${placesText(unknown)} not measured`] : []),
  ];
  return [parts.join(', ') || 'held', debtText(results)].filter(Boolean).join('; ');
}

/** Of rules with a ratchet, over their tables: `leaks 3, debt 1,204 (was 1,300)`; empty where there is none. */
export function debtText(results: readonly ReportResult[]): string {
  const debts = results.flatMap(({ debt }) => debt ?? []);
  const sum = (of: (debt: (typeof debts)[number]) => number): number =>
    debts.reduce((total, debt) => total + of(debt), 0);
  const leaks = sum((debt) => debt.leaks);
  const count = sum((debt) => debt.count);
  // A sum of which a part was not recorded says nothing of what has become of it.
  const was = debts.every((debt) => debt.was !== null)
    ? ` (was ${number(sum((debt) => debt.was ?? 0))})`
    : '';
  return [
    ...(leaks > 0 ? [`leaks ${number(leaks)}`] : []),
    ...(count > 0 ? [`debt ${number(count)}${was}`] : []),
  ].join(', ');
}

/** What became of a rule since the last run, such as `was 12, now 3`; `-` where there is nothing to say. */
export function changeText(change: Changes['rules'][number] | undefined): string {
  if (!change) return '-';
  const { was, now } = change;
  if (change.change === 'same') return now?.count === 0 ? '-' : 'as before';
  if (change.change === 'fixed') return `fixed, was ${tallyText(was)}`;
  if (change.change === 'new') return 'new';
  return `was ${tallyText(was)}, now ${tallyText(now)}`;
}

function tallyText(tally: Tally | null): string {
  if (tally === null) return 'not there';
  if (tally.count === null) return 'not measured';
  return tally.exact ? number(tally.count) : `at least ${number(tally.count)}`;
}

const wouldFail = (rows: number): string => `${counted(rows, 'row')} would fail here`;

/** `2 tables`, or of a merged report `2 tables of 3 targets`. */
function placesText(results: readonly ReportResult[]): string {
  const tables = counted(new Set(results.map(({ table }) => table)).size, 'table');
  const targets = new Set(results.flatMap(({ target }) => target ?? [])).size;
  return targets > 0 ? `${tables} of ${counted(targets, 'target')}` : tables;
}

/** The table of a result, with the name of its target in a merged report. */
export function placeText({ target, table }: ReportResult): string {
  const place = table ?? '(query)';
  return target === undefined ? place : `${target}: ${place}`;
}

/** What became of one table, in a sentence that needs no column heads: `3 violations: different 3`. */
export function resultText(result: ReportResult): string {
  if (result.outcome === 'unknown') return `Not measured: ${result.reason}`;
  if (result.outcome === 'held') return `Held: ${result.reason}`;
  if (result.kind === 'coverage') return result.reason;
  if (result.kind === 'schema') return `Not met: ${result.reason}`;
  const { count, exact } = result.violations ?? { count: 0, exact: false };
  if (result.kind === MIGRATION) return wouldFail(count);
  const classes = classesText(result);
  const debt = debtText([result]);
  return `${exact ? '' : 'at least '}${counted(count, 'violation')}${classes ? `: ${classes}` : ''}${debt ? `; ${debt}` : ''}`;
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
  const needing = results.filter(({ outcome }) => outcome !== 'held');
  const groups = groupBy(needing, (result) => {
    const key = `${violationsText(result)} ${detailText(result)}`;
    const folds = isOfCatalog(result) || result.outcome === 'unknown';
    return folds ? key : `${key} ${placeText(result)}`;
  });
  return [...groups.values()].map((same) => {
    const [first] = same;
    return {
      tables: listed(same.map(placeText)),
      count: violationsText(first),
      detail: detailText(first),
      results: same,
    };
  });
}

/** What is to be said of a result beside its count. */
export function detailText(result: ReportResult): string {
  if (result.outcome === 'unknown' || isOfCatalog(result)) return result.reason;
  return [classesText(result), debtText([result])].filter(Boolean).join('; ');
}

/** Whether no row was read, so that the reason says more than a count. */
const isOfCatalog = ({ kind }: ReportResult): boolean => kind === 'schema' || kind === 'coverage';

/** Whether all that can be said of a rule is that the run itself had a problem, which is told once elsewhere. */
export function isRunProblem({ results }: RuleGroup, { problems }: Report): boolean {
  return results.every(
    ({ problem }) => problem !== null && problems.some(({ message }) => message === problem.message),
  );
}
