import { performance } from 'node:perf_hooks';
import { emptyTables, preflight } from './check/preflight.ts';
import { runChecks, unmeasured } from './check/run-checks.ts';
import { vetPlan } from './check/vet-plan.ts';
import type { Options } from './options.ts';
import { holdBack } from './plan/hold-back.ts';
import { checkPlanOptions, makePlan, planWithoutDatabase } from './plan/make-plan.ts';
import { readCatalog } from './postgres/catalog.ts';
import { openSnapshot, type Snapshot } from './postgres/snapshot.ts';
import { makeReport, type Answers } from './report/make-report.ts';
import type { Report } from './report/report.ts';
import { loadRules } from './rules/load-rules.ts';
import type { RuleSet } from './rules/rule.ts';
import { asProblem } from './support/problem.ts';
import type { World } from './world.ts';

/** How long a check waits for a lock, so that it never queues long behind a migration, nor others behind it. */
const LOCK_TIMEOUT_MS = 2_000;

/** The rules that a report was made from, beside it: renderers need their `paths`. */
export type RunResult = { readonly report: Report; readonly rules: RuleSet };

/** Checks a database against rules and gives the report. Never rejects: whatever goes wrong is in the report. */
export async function run(options: Options, world: World): Promise<RunResult> {
  const startedAt = world.now();
  const start = performance.now();
  const { rules, problems } = await loadRules(options.rules, world.rules);
  const mistakes = problems.length > 0 ? problems : checkPlanOptions(rules, options);
  const answers =
    mistakes.length > 0
      ? { results: [], problems: mistakes, warnings: [] }
      : await ask(rules, options, world);
  const { phase, failOn } = options;
  const report = makeReport({
    ...answers,
    rules,
    phase,
    failOn,
    startedAt,
    elapsedMs: performance.now() - start,
  });
  return { report, rules };
}

/** Everything that happens on the server, from the first connection to the last answer. */
async function ask(rules: RuleSet, options: Options, world: World): Promise<Answers> {
  const { signal, emit } = world;
  let snapshot: Snapshot | undefined;
  emit({ event: 'rules-loaded', files: rules.files.length, rules: rules.rules.length });
  try {
    const database = world.database();
    // Before a connection is open and waits: GitHub can take a minute.
    const unreviewed = await world.findUnreviewed?.(rules);
    snapshot = await openSnapshot(database);
    const { target, leader } = snapshot;
    emit({ event: 'connected', target });
    const limits = { statementTimeoutMs: options.statementTimeout, lockTimeoutMs: LOCK_TIMEOUT_MS };
    const planned = makePlan(rules, await readCatalog(leader), options);
    const plan = holdBack(planned.plan, unreviewed ?? new Map());
    const warnings = await preflight(plan, snapshot);
    const vetted = await vetPlan(plan, leader, { ...limits, signal });
    const problems = [...planned.problems, ...vetted.problems];
    if (problems.length > 0) return { target, results: [], problems, warnings };
    const results = await runChecks(vetted.plan, snapshot, {
      ...limits,
      signal,
      maxConnections: options.maxConnections,
      samples: options.samples,
      onProgress: (progress) => emit({ event: 'check', progress }),
    });
    return { target, results, problems: [], warnings: [...warnings, ...emptyTables(results)] };
  } catch (error) {
    const problem = asProblem(error);
    const { checks } = planWithoutDatabase(rules, options, problem);
    return {
      target: snapshot?.target,
      results: checks.map((check) => unmeasured(check, problem)),
      problems: [problem],
      warnings: [],
    };
  } finally {
    await snapshot?.close();
  }
}
