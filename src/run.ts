import { performance } from 'node:perf_hooks';
import type { CheckResult } from './check/check-result.ts';
import { runChecks } from './check/run-checks.ts';
import { vetPlan } from './check/vet-plan.ts';
import type { Options } from './options.ts';
import { checkPlanOptions, makePlan, planWithoutDatabase } from './plan/make-plan.ts';
import type { Plan } from './plan/plan.ts';
import { readCatalog } from './postgres/catalog.ts';
import { openSnapshot, type Limits, type Snapshot, type SnapshotTarget } from './postgres/snapshot.ts';
import { makeReport } from './report/make-report.ts';
import type { Report } from './report/report.ts';
import { loadRules } from './rules/load-rules.ts';
import type { RuleSet } from './rules/rule.ts';
import { asProblem, type Problem } from './support/problem.ts';
import type { World } from './world.ts';

/** How long a check waits for a lock, so that it never queues long behind a migration, nor others behind it. */
const LOCK_TIMEOUT_MS = 2_000;

/** The rules that a report was made from, beside it: renderers need their `paths`. */
export type RunResult = { readonly report: Report; readonly rules: RuleSet };

/** Checks a database against rules and gives the report. Never rejects: whatever goes wrong is in the report. */
export async function run(options: Options, world: World): Promise<RunResult> {
  const startedAt = world.now();
  const start = performance.now();
  const { rules, problems } = await loadRules(options.rules, world.folder).catch((error: unknown) => ({
    rules: { files: [], hash: '', rules: [] },
    problems: [asProblem(error)],
  }));
  const mistakes = problems.length > 0 ? problems : checkPlanOptions(rules, options);
  if (mistakes.length === 0)
    world.emit({ event: 'rules-loaded', files: rules.files.length, rules: rules.rules.length });
  const answers: Answers =
    mistakes.length > 0 ? { results: [], problems: mistakes } : await ask(rules, options, world);
  const { snapshot, results, problems: met } = answers;
  const report = makeReport({
    rules,
    phase: options.phase,
    failOn: options.failOn,
    startedAt,
    elapsedMs: performance.now() - start,
    target: snapshot ? describeTarget(snapshot.target) : null,
    results,
    problems: met,
  });
  return { report, rules };
}

function describeTarget({ database, serverVersion, inRecovery, lsn }: SnapshotTarget): Report['target'] {
  return { database, serverVersion, inRecovery, snapshotLsn: lsn ?? null };
}

type Answers = { snapshot?: Snapshot; results: readonly CheckResult[]; problems: readonly Problem[] };

async function ask(rules: RuleSet, options: Options, world: World): Promise<Answers> {
  let snapshot: Snapshot;
  try {
    snapshot = await openSnapshot(world.database());
  } catch (error) {
    return unanswered(rules, options, asProblem(error));
  }
  try {
    world.emit({ event: 'connected', target: snapshot.target });
    const limits = { statementTimeoutMs: options.statementTimeout, lockTimeoutMs: LOCK_TIMEOUT_MS };
    const { plan, problems } = await plannedOn(snapshot, rules, options, limits);
    if (problems.length > 0) return { snapshot, results: [], problems };
    return { snapshot, results: await answersTo(plan, snapshot, options, limits, world), problems: [] };
  } catch (error) {
    return { snapshot, ...unanswered(rules, options, asProblem(error)) };
  } finally {
    await snapshot.close();
  }
}

function unanswered(rules: RuleSet, options: Options, problem: Problem): Answers {
  const { checks } = planWithoutDatabase(rules, options, problem);
  const results = checks.map((check): CheckResult => ({
    check,
    strategy: 'none',
    elapsedMs: 0,
    outcome: 'unknown',
    problem,
  }));
  return { results, problems: [problem] };
}

async function plannedOn(
  snapshot: Snapshot,
  rules: RuleSet,
  options: Options,
  limits: Limits,
): Promise<{ plan: Plan; problems: Problem[] }> {
  const catalog = await readCatalog(snapshot.leader);
  const made = makePlan(rules, catalog, options);
  const vetted = await vetPlan(made.plan, snapshot, limits);
  return { plan: vetted.plan, problems: [...made.problems, ...vetted.problems] };
}

function answersTo(
  plan: Plan,
  snapshot: Snapshot,
  options: Options,
  limits: Limits,
  world: World,
): Promise<CheckResult[]> {
  return runChecks(plan, snapshot, {
    ...limits,
    maxConnections: options.maxConnections,
    samples: options.samples,
    signal: world.signal,
    onProgress: (progress) => world.emit({ event: 'check', progress }),
  });
}
