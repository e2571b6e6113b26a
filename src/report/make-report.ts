import { EXIT_BROKEN, EXIT_CLEAN, EXIT_NOT_STARTED, EXIT_UNKNOWN } from './exit-code.ts';
import { displayTable } from '../sql/identifier.ts';
import type { CheckResult } from '../check/check-result.ts';
import { checkedTable, type Check } from '../plan/plan.ts';
import type { SnapshotTarget } from '../postgres/snapshot.ts';
import type { RuleSet } from '../rules/rule.ts';
import { isOfConfiguration, type Problem } from '../support/problem.ts';
import { VERSION } from '../support/version.ts';
import { isDecisive, type FailOn } from './decisive.ts';
import { MIGRATION, type Report, type ReportProblem, type ReportResult } from './report.ts';

/** What the server said. */
export type Answers = {
  /** Undefined when no server answered. */
  readonly target?: SnapshotTarget | undefined;
  readonly results: readonly CheckResult[];
  /** Why the run could not start or end; empty when it did both. */
  readonly problems: readonly Problem[];
  /** What a person should know before they trust the answers. */
  readonly warnings: readonly Problem[];
};

type Findings = Answers & {
  readonly rules: RuleSet;
  readonly phase: string | undefined;
  readonly failOn: FailOn;
  readonly targetName?: string | undefined;
  readonly startedAt: Date;
  readonly elapsedMs: number;
};

/** Folds what was found into a report with its verdict and exit code. The verdict comes from the rules alone. */
export function makeReport(findings: Findings): Report {
  const results = findings.results.map(makeResult);
  const problems = findings.problems.toSorted(byPlace).map(makeProblem);
  const decisive = results.filter((result) => isDecisive(result, findings.failOn));
  const verdict = verdictOf(decisive, findings);
  return {
    version: 1,
    rowgateVersion: VERSION,
    ...(findings.targetName === undefined ? {} : { targetName: findings.targetName }),
    failOn: findings.failOn,
    verdict,
    exitCode: exitCodeOf(verdict, decisive, findings),
    phase: findings.phase ?? null,
    startedAt: findings.startedAt.toISOString(),
    elapsedMs: Math.round(findings.elapsedMs),
    target: findings.target ? describeTarget(findings.target) : null,
    rules: describeRules(findings.rules),
    totals: totalsOf(results),
    results,
    problems,
    warnings: findings.warnings.map(makeProblem),
    channels: [],
  };
}

function describeRules({ files, hash, origin }: RuleSet): Report['rules'] {
  const commit = origin.from === 'base' ? (origin.commit ?? null) : null;
  return { files: [...files], hash, from: origin.from, commit };
}

function describeTarget(target: SnapshotTarget): Report['target'] {
  const { database, serverVersion, role, inRecovery, lsn, pooled } = target;
  const standby = target.standby
    ? { state: target.standby.state, maxAgeMs: target.standby.maxAgeMs ?? null }
    : null;
  return { database, serverVersion, role, inRecovery, standby, snapshotLsn: lsn ?? null, pooled };
}

function verdictOf(decisive: readonly ReportResult[], { results, problems }: Findings): Report['verdict'] {
  if (decisive.some(({ outcome }) => outcome === 'broken')) return 'broken';
  return problems.length > 0 || results.length === 0 || hasUnknown(decisive) ? 'incomplete' : 'clean';
}

const hasUnknown = (results: readonly ReportResult[]): boolean =>
  results.some(({ outcome }) => outcome === 'unknown');

function byPlace({ at: a }: Problem, { at: b }: Problem): number {
  if (!a || !b) return 0;
  return a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column;
}

function exitCodeOf(
  verdict: Report['verdict'],
  decisive: readonly ReportResult[],
  { failOn, problems }: Findings,
): number {
  if (problems.some(isOfConfiguration)) return EXIT_NOT_STARTED;
  if (verdict === 'broken' && failOn !== 'never') return EXIT_BROKEN;
  return verdict === 'incomplete' || hasUnknown(decisive) ? EXIT_UNKNOWN : EXIT_CLEAN;
}

/** Counts of results, by what became of them. */
export function totalsOf(results: readonly ReportResult[]): Report['totals'] {
  const having = (outcome: ReportResult['outcome']): number =>
    results.filter((each) => each.outcome === outcome).length;
  return {
    results: results.length,
    held: having('held'),
    broken: having('broken'),
    unknown: having('unknown'),
    notEnforced: results.filter(({ enforced }) => !enforced).length,
    violations: results.reduce((sum, { violations }) => sum + (violations?.count ?? 0), 0),
  };
}

function makeResult(result: CheckResult): ReportResult {
  const { check, outcome } = result;
  const { rule, enforced } = check;
  const { file, line, endLine } = check.at ? { ...check.at, endLine: check.at.line } : rule.source;
  return {
    rule: rule.id,
    kind: rule.migration ? MIGRATION : rule.kind,
    why: rule.why ?? null,
    table: tableOf(check),
    severity: rule.severity,
    enforced,
    outcome,
    violations: outcome === 'unknown' ? null : result.violations,
    maxViolations: rule.maxViolations,
    ...debtOf(result),
    classes: outcome === 'unknown' ? {} : result.classes,
    breakingClasses:
      check.form === 'rows' ? check.classes.filter(({ breaks }) => breaks).map(({ name }) => name) : [],
    samples: outcome === 'broken' ? result.samples.map(({ class: name, key }) => ({ class: name, key })) : [],
    strategy: result.strategy,
    reason: outcome === 'held' ? result.proof : outcome === 'broken' ? result.reason : result.problem.message,
    problem: outcome === 'unknown' ? makeProblem(result.problem) : null,
    remedy: remedyOf(result),
    source: { file, line, endLine },
    elapsedMs: result.elapsedMs,
  };
}

function debtOf(result: CheckResult): Pick<ReportResult, 'debt'> {
  if (result.outcome === 'unknown' || !result.debt) return {};
  const { leaks, count, was = null, since = null } = result.debt;
  return { debt: { leaks, count, was, since } };
}

function tableOf(check: Check): string | null {
  if (check.rule.migration) return check.rule.migration.table ?? null;
  if (check.form === 'impossible') return check.table ?? null;
  const table = checkedTable(check);
  return table ? displayTable(table) : null;
}

/** The author's own words; else, for a missing value whose source the rule names, where it comes from. */
function remedyOf({ check: { rule } }: CheckResult): string | null {
  if (rule.remedy !== undefined) return rule.remedy;
  const backfill = 'backfill' in rule.spec ? rule.spec.backfill : undefined;
  if (!backfill) return null;
  const link = Object.entries(backfill.on)
    .map(([child, parent]) => `${child} = ${parent}`)
    .join(' and ');
  return `Fill ${Object.keys(backfill.set).join(', ')} from ${backfill.from} (${link}).`;
}

/** A problem as a report has it. */
export function makeProblem({ code, message, hint, at }: Problem): ReportProblem {
  return {
    code,
    message,
    hint: hint ?? null,
    at: at ? { file: at.file, line: at.line, column: at.column } : null,
  };
}
