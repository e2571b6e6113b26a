import type { BackfillRun, WorkerEnd } from '../backfill/backfill-run.ts';
import type { LaneDetails, RunEventRecord } from '../backfill/run-details.ts';
import type { CheckResult } from '../check/check-result.ts';
import type { Fill } from '../plan/fill.ts';
import { checkedTable } from '../plan/plan.ts';
import type { SnapshotTarget } from '../postgres/snapshot.ts';
import { displayTable } from '../sql/identifier.ts';
import { isOfConfiguration, type Problem } from '../support/problem.ts';
import type { BackfillReport, ReportedRun, TableCensus } from './backfill-report.ts';
import { EXIT_BROKEN, EXIT_CLEAN, EXIT_NOT_STARTED, EXIT_UNKNOWN } from './exit-code.ts';
import { makeProblem } from './make-report.ts';

/** What a look at the rows found. */
type Looked = {
  readonly target: SnapshotTarget;
  readonly fills: readonly Fill[];
  readonly census: readonly CheckResult[];
  readonly recheck: readonly CheckResult[];
  readonly warnings: readonly Problem[];
};

/** Gathered while a backfill goes on; what is not there was not come to. */
export type BackfillFindings = {
  readonly mode: BackfillReport['mode'];
  readonly acknowledged: readonly string[];
  readonly maxRows: number | undefined;
  readonly problems: Problem[];
  looked?: Looked;
  findings?: readonly Omit<BackfillReport['findings'][number], 'acknowledged'>[];
  runId?: string;
  outcome?: WorkerEnd;
  left?: Looked;
  run?: BackfillRun & {
    readonly lanes: readonly LaneDetails[];
    readonly progress: readonly ReportedRun['progress'][number][];
    readonly events: readonly RunEventRecord[];
  };
};

/** Folds what was found and done into a report with its exit code. */
export function makeBackfillReport(
  found: BackfillFindings,
  startedAt: Date,
  elapsedMs: number,
): BackfillReport {
  const { looked, left } = found;
  const problems = [...found.problems, ...(found.outcome?.end === 'failed' ? [found.outcome.problem] : [])];
  const census = looked ? censusOf(looked) : [];
  return {
    version: 1,
    mode: found.mode,
    exitCode: exitCodeOf(found, problems),
    startedAt: startedAt.toISOString(),
    elapsedMs: Math.round(elapsedMs),
    target: looked ? describeTarget(looked.target) : null,
    census,
    findings: (found.findings ?? []).map((each) => ({
      ...each,
      acknowledged: found.acknowledged.includes(each.name),
    })),
    estimate: looked && found.mode !== 'enqueue' ? estimate(looked, census, found.maxRows) : null,
    run: found.run ? reportRun(found.run) : null,
    ended: found.outcome?.end ?? null,
    recheck: (left?.recheck ?? []).map(describeRecheck),
    problems: problems.map(makeProblem),
    warnings: (looked?.warnings ?? []).map(makeProblem),
  };
}

function exitCodeOf(
  { mode, findings, run, outcome }: BackfillFindings,
  problems: readonly Problem[],
): number {
  if (
    run === undefined &&
    problems.some((problem) => isOfConfiguration(problem) || NOT_BEGUN.has(problem.code))
  )
    return EXIT_NOT_STARTED;
  if (problems.length > 0) return EXIT_UNKNOWN;
  if (mode === 'dry-run')
    return findings?.some(({ weight }) => weight === 'refuse') ? EXIT_NOT_STARTED : EXIT_CLEAN;
  if (mode === 'enqueue') return EXIT_CLEAN;
  if (run?.state === 'completed' || run?.state === 'stopped_at_bound') return EXIT_CLEAN;
  if (run?.state === 'completed_with_residue') return EXIT_BROKEN;
  // Others are still at work on it: their part is told by them.
  const isTheirs = run?.state === 'verifying' && (outcome === undefined || outcome.end === 'done');
  return isTheirs ? EXIT_CLEAN : EXIT_UNKNOWN;
}

/** Nothing was written, and trying again without changing something cannot help. */
const NOT_BEGUN = new Set<Problem['code']>([
  'backfill-refused',
  'acknowledgement-missing',
  'ledger-missing',
  'run-unknown',
  'run-busy',
]);

function describeTarget({ database, serverVersion, role, pooled }: SnapshotTarget): BackfillReport['target'] {
  return { database, serverVersion, role, pooled };
}

function censusOf({ census, fills }: Looked): TableCensus[] {
  return census.map((result, i) => {
    const fill = fills[i];
    if (!fill) throw new TypeError('a census of no fill');
    const earlier = fills.filter(
      (other) => other.stage < fill.stage && fill.hops.some(({ relation }) => relation === other.relation),
    );
    return {
      rule: fill.rule.id,
      table: displayTable(fill.relation.name),
      columns: fill.set.map(({ child }) => child.name),
      outcome: result.outcome === 'unknown' ? 'unknown' : 'measured',
      classes: result.outcome === 'unknown' ? {} : result.classes,
      waitsFor: earlier.map(({ relation }) => displayTable(relation.name)),
      samples:
        result.outcome === 'broken'
          ? result.samples.map(({ class: name, key }) => ({ class: name, key }))
          : [],
      problem: result.outcome === 'unknown' ? makeProblem(result.problem) : null,
    };
  });
}

/** A batch's usual size to begin with. */
const ROWS_PER_BATCH = 1_000;
const PAGE_BYTES = 8_192;

function estimate(
  { fills }: Looked,
  census: readonly TableCensus[],
  maxRows: number | undefined,
): NonNullable<BackfillReport['estimate']> {
  const counts = census.map(({ classes }) => classes['resolvable'] ?? 0);
  const rows = counts.reduce((sum, count) => sum + count, 0);
  const batches = counts.reduce((sum, count) => sum + Math.ceil(count / ROWS_PER_BATCH), 0);
  const walBytes = counts.reduce((sum, count, i) => sum + count * 2 * rowBytes(fills[i]), 0);
  return {
    rows,
    batches,
    walBytes: Math.round(walBytes),
    runsNeeded: rows === 0 ? 0 : Math.ceil(rows / (maxRows ?? rows)),
  };
}

/** As wide as the table was on average when it was last vacuumed or analyzed; 100 bytes where it never was. */
function rowBytes(fill: Fill | undefined): number {
  if (!fill) return 0;
  const relations = [fill.relation, ...fill.relation.descendants];
  const [pages, rows] = [
    relations.reduce((sum, each) => sum + each.pages, 0),
    relations.reduce((sum, each) => sum + each.rows, 0),
  ];
  return rows > 0 ? (pages * PAGE_BYTES) / rows : 100;
}

/** A run as reports carry it. */
export function reportRun(found: NonNullable<BackfillFindings['run']>): ReportedRun {
  const { lanes, progress, events, specHash: _spec, serverId: _server, settings: _settings, ...run } = found;
  return {
    ...run,
    rules: [...run.rules],
    lanes: lanes.map(({ isCut: _isCut, ...lane }) => ({
      ...lane,
      columns: [...lane.columns],
      sqlstates: [...lane.sqlstates],
      samples: lane.samples.map(({ class: name, key }) => ({ class: name, key: [...key] })),
    })),
    progress: [...progress],
    events: [...events],
  };
}

function describeRecheck(result: CheckResult): BackfillReport['recheck'][number] {
  const { check, outcome } = result;
  const table = checkedTable(check);
  return {
    rule: check.rule.id,
    table: table ? displayTable(table) : null,
    outcome,
    violations: result.outcome === 'unknown' ? null : result.violations.count,
    reason:
      result.outcome === 'held'
        ? result.proof
        : result.outcome === 'broken'
          ? result.reason
          : result.problem.message,
  };
}
