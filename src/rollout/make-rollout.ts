// Folds what was measured into where each table stands. Pure.
import type { CheckResult } from '../check/check-result.ts';
import type { TableState } from '../postgres/table-state.ts';
import type { SnapshotTarget } from '../postgres/snapshot.ts';
import type { Rule, RuleSet } from '../rules/rule.ts';
import { displayTable } from '../sql/identifier.ts';
import { isOfConfiguration, type Problem } from '../support/problem.ts';
import { makeFindings } from './drift.ts';
import { sizeOf } from './estimate.ts';
import { reasonOf, verdictOf, violationsOf } from './outcome.ts';
import type { Rollout, RolloutStep, TableRollout } from './phase.ts';
import { rollbackOf } from './rollback.ts';
import { rowsLeft, stageOf, type Facts } from './stage.ts';
import { phaseIndex, type Subject } from './subject.ts';

/** From which severity on a drift fails the command. */
type FailOn = 'error' | 'warning' | 'never';

/** What the server said; without it, why not. */
export type RolloutAnswers = {
  readonly target?: SnapshotTarget | undefined;
  readonly subjects: readonly Subject[];
  readonly results: readonly CheckResult[];
  readonly states: ReadonlyMap<string, TableState>;
  /** Whether any row of a subject's column has a value, where that was asked and answered. */
  readonly filled: ReadonlyMap<Subject, boolean>;
  readonly steps: readonly RolloutStep[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
};

type Setting = {
  readonly rules: RuleSet;
  readonly phase: string | undefined;
  readonly failOn: FailOn;
  readonly startedAt: Date;
};

export function makeRollout(answers: RolloutAnswers, { rules, phase, failOn, startedAt }: Setting): Rollout {
  const rows = answers.subjects.map((subject) => ({ subject, row: tableRow(subject, phase, answers) }));
  const findings = makeFindings(rows, answers.results, phase);
  const { target, problems, warnings } = answers;
  const has = (direction: string): boolean => findings.some((finding) => finding.direction === direction);
  const isUnknown = problems.length > 0 || has('unknown') || rows.length === 0;
  return {
    version: 1,
    exitCode: exitCodeOf(findings, problems, isUnknown, failOn),
    verdict: has('behind') ? 'behind' : isUnknown ? 'unknown' : has('ahead') ? 'ahead' : 'on track',
    phase: phase ?? null,
    phases: [...new Set(rules.rules.flatMap((rule) => rule.phases))],
    startedAt: startedAt.toISOString(),
    target: target ? { database: target.database, serverVersion: target.serverVersion } : null,
    rules: { files: [...rules.files], hash: rules.hash },
    tables: rows.map(({ row }) => row),
    findings,
    steps: [...answers.steps],
    problems: problems.map(makeProblem),
    warnings: warnings.map(makeProblem),
  };
}

function exitCodeOf(
  findings: Rollout['findings'],
  problems: readonly Problem[],
  isUnknown: boolean,
  failOn: FailOn,
): number {
  if (problems.some(isOfConfiguration)) return 3;
  const fatal = failOn === 'warning' ? ['error', 'warning'] : ['error'];
  const fails = findings.some(
    ({ direction, severity }) => direction !== 'unknown' && fatal.includes(severity),
  );
  if (fails && failOn !== 'never') return 1;
  return isUnknown ? 2 : 0;
}

function tableRow(subject: Subject, phase: string | undefined, answers: RolloutAnswers): TableRollout {
  const { relation, columns, phases, results } = subject;
  const facts: Facts = { filled: answers.filled.get(subject), states: answers.states };
  const reached = phases.map((name, index) => ({
    phase: name,
    state: stateOf(results.filter(({ check }) => phaseIndex(check.rule) <= index)),
  }));
  const met = reached.findIndex(({ state }) => state !== 'met');
  const observed = (met === -1 ? reached.at(-1) : reached[met - 1])?.phase ?? null;
  const stage = stageOf(subject, facts);
  const size = sizeOf(relation);
  const enforced = results.filter(({ check }) => check.enforced).map(verdictOf);
  return {
    table: displayTable(relation.name),
    column: columns.join(', '),
    declared: phase !== undefined && phases.includes(phase) ? phase : null,
    observed,
    stage,
    rowsLeft: rowsLeft(subject),
    estimatedRows: size ? Math.round(size.rows) : null,
    phases: reached,
    next: nextOf(results, met === -1 ? undefined : reached[met]?.phase, phases),
    drift: enforced.includes('broken')
      ? 'behind'
      : enforced.includes('unknown')
        ? 'unknown'
        : isAhead(phases, phase, observed, results)
          ? 'ahead'
          : 'none',
    rollback: rollbackOf(stage, facts.filled, size),
  };
}

function stateOf(results: readonly CheckResult[]): 'met' | 'unmet' | 'unknown' {
  const verdicts = results.map(verdictOf);
  if (verdicts.includes('broken')) return 'unmet';
  return verdicts.includes('unknown') ? 'unknown' : 'met';
}

/** The first phase that is not met, with all that is in its way; rules without a phase come before every phase. */
function nextOf(
  results: readonly CheckResult[],
  phase: string | undefined,
  phases: readonly string[],
): TableRollout['next'] {
  const index = phase === undefined ? phases.length : phases.indexOf(phase);
  const blockers = results
    .filter((result) => phaseIndex(result.check.rule) <= index && verdictOf(result) !== 'held')
    .map((result) => ({
      rule: result.check.rule.id,
      outcome: verdictOf(result) as 'broken' | 'unknown',
      reason: reasonOf(result),
      violations: violationsOf(result),
      source: sourceOf(result.check.rule),
    }));
  return blockers.length === 0 ? null : { phase: phase ?? null, blockers };
}

function isAhead(
  phases: readonly string[],
  phase: string | undefined,
  observed: string | null,
  results: readonly CheckResult[],
): boolean {
  if (phase === undefined || observed === null || !phases.includes(phase)) return false;
  const declared = phases.indexOf(phase);
  // Phases that ask nothing of a table are met at once, and say nothing.
  const reached = results.filter(
    ({ check }) => phaseIndex(check.rule) > declared && phaseIndex(check.rule) <= phases.indexOf(observed),
  );
  return reached.some(({ check }) => check.rule.kind === 'schema');
}

const sourceOf = ({ source: { file, line, endLine } }: Rule) => ({ file, line, endLine });

function makeProblem({ code, message, hint, at }: Problem): Rollout['problems'][number] {
  const place = at ? { file: at.file, line: at.line, column: at.column } : null;
  return { code, message, hint: hint ?? null, at: place };
}
