import { performance } from 'node:perf_hooks';
import { MAX_BASELINE_BYTES, readBaseline, type Baseline } from './check/baseline.ts';
import { makeBaseline, type MadeBaseline } from './check/make-baseline.ts';
import { applyRatchet, isOfTarget } from './check/ratchet.ts';
import { emptyTables, preflight } from './check/preflight.ts';
import { probeAll } from './check/probe.ts';
import type { CheckResult } from './check/check-result.ts';
import { runChecks, unmeasured } from './check/run-checks.ts';
import { outdatedIndexes, outdatedWarning, waysToCount } from './check/outdated-indexes.ts';
import { vetPlan } from './check/vet-plan.ts';
import type { Options } from './options.ts';
import { adviseFor } from './plan/advise.ts';
import { chooseStrategies } from './plan/choose-strategies.ts';
import { holdBack } from './plan/hold-back.ts';
import { checkPlanOptions, makePlan, planWithoutDatabase, type PlanOptions } from './plan/make-plan.ts';
import type { Plan } from './plan/plan.ts';
import type { Step } from './plan/step.ts';
import { bindMigrations } from './migrations/bind-migrations.ts';
import type { Migrations } from './migrations/migration.ts';
import { readCatalog, type Catalog } from './postgres/catalog.ts';
import { openSnapshot, type Limits, type Snapshot, type SnapshotTarget } from './postgres/snapshot.ts';
import { makeReport, type Answers } from './report/make-report.ts';
import type { Report } from './report/report.ts';
import { makePlanReport, type PlanReport } from './report/plan-report.ts';
import { assessRollout } from './rollout/assess-rollout.ts';
import { makeNeeds, type Need } from './rollout/blocking-rows.ts';
import { makeRollout, type RolloutAnswers } from './rollout/make-rollout.ts';
import type { Rollout } from './rollout/phase.ts';
import { folderFiles } from './rules/folder-files.ts';
import { loadRules } from './rules/load-rules.ts';
import type { Rule, RuleSet } from './rules/rule.ts';
import { formatDurationMs } from './support/duration.ts';
import { asProblem, Problem } from './support/problem.ts';
import type { BackfillWorld, World } from './world.ts';

/** How long a check waits for a lock, so that it never queues long behind a migration, nor others behind it. */
const LOCK_TIMEOUT_MS = 2_000;

/** The rules that a report was made from, beside it: renderers need their `paths`. */
export type RunResult = { readonly report: Report; readonly rules: RuleSet };

/** Checks a database against rules and gives the report. Never rejects: whatever goes wrong is in the report. */
export async function run(options: Options, world: World): Promise<RunResult> {
  const startedAt = world.now();
  const start = performance.now();
  const baseline = await loadBaseline(options, world).catch(asProblem);
  const unread = baseline instanceof Problem ? [baseline] : [];
  const { rules, answers } = await measure(options, world, { unread });
  const { phase, failOn, targetName } = options;
  const judged = applyRatchet(answers.results, {
    baseline: baseline instanceof Problem ? undefined : baseline,
    database: answers.target?.database ?? '',
    targetName,
    now: startedAt,
  });
  const report = makeReport({
    ...answers,
    results: judged.results,
    warnings: [...answers.warnings, ...judged.warnings],
    rules,
    phase,
    failOn,
    targetName,
    startedAt,
    elapsedMs: performance.now() - start,
  });
  return { report, rules };
}

/** What is measured, where it is not every rule by its check. */
type Measuring = {
  /** Mistakes that were found before. */
  readonly unread?: readonly Problem[];
  /** The rules that it is about, and the mistake of having none. */
  readonly about?: { readonly isMeant: (rule: Rule) => boolean; readonly none: Problem };
  readonly measureAll?: Measure;
};

/** What was found of the rules, before any ratchet judges it; nothing where there are mistakes. */
async function measure(
  options: Options,
  world: World,
  { unread = [], about, measureAll }: Measuring,
): Promise<{ readonly rules: RuleSet; readonly answers: Answers }> {
  const { rules: all, problems } = await loadRules(options.rules, world.rules);
  const rules = about ? { ...all, rules: all.rules.filter(about.isMeant) } : all;
  const own = problems.length > 0 ? problems : checkPlanOptions(all, options);
  const none = about && own.length === 0 && rules.rules.length === 0 ? [about.none] : [];
  const mistakes = [...unread, ...own, ...none];
  if (mistakes.length > 0) return { rules, answers: { results: [], problems: mistakes, warnings: [] } };
  return { rules, answers: await ask(rules, options, world, measureAll) };
}

/** From where the rules come, so that a pull request that may not bring its own rules brings no baseline of its own. */
async function loadBaseline({ baseline: file }: Options, { rules }: World): Promise<Baseline | undefined> {
  if (file === undefined) return undefined;
  const files = typeof rules === 'string' ? await folderFiles(rules, 'a baseline') : rules;
  const bytes = await files.read(file, MAX_BASELINE_BYTES).catch((error: unknown) => {
    const { code, message, hint } = asProblem(error);
    throw new Problem(code === 'rules-not-found' ? 'baseline-unreadable' : code, message, { hint });
  });
  return readBaseline(Buffer.from(bytes).toString('utf8'), file);
}

/** Counts, and makes a baseline of it, beside the one that there was; problems where it cannot be made. */
export async function recordBaseline(
  options: Options,
  world: World,
  before: Baseline | undefined,
): Promise<MadeBaseline | { readonly problems: readonly Problem[] }> {
  const isMeant = ({ ratchet }: Rule): boolean => ratchet !== undefined;
  const { answers } = await measure(options, world, { about: { isMeant, none: NOTHING_TO_RECORD } });
  const { results, problems, target } = answers;
  if (problems.length > 0 || !target) return { problems };
  const known = { baseline: before, database: target.database, targetName: options.targetName };
  if (before && !isOfTarget(before, known))
    return {
      problems: [
        new Problem(
          'baseline-differs',
          `the file there is of another target, of database ${before.database}`,
          {
            hint: 'Name a file of its own with --out.',
          },
        ),
      ],
    };
  const isAsked = (id: string): boolean => options.only.length === 0 || options.only.includes(id);
  return makeBaseline(results, { ...known, now: world.now() }, isAsked);
}

const NOTHING_TO_RECORD = new Problem(
  'options-invalid',
  'no rule has a `ratchet`: there is nothing to record',
);

/** Says how a check would be done, statement by statement. Reads the catalogue and asks the planner; reads no row. */
export async function explainRun(options: Options, world: World): Promise<PlanReport> {
  const { rules, problems } = await loadRules(options.rules, world.rules);
  const mistakes = problems.length > 0 ? problems : checkPlanOptions(rules, options);
  if (mistakes.length > 0) return makePlanReport({ steps: [], problems: mistakes, warnings: [], adviseFor });
  return onServer(rules, options, world, async ({ snapshot, prepared }) =>
    makePlanReport({ ...prepared, target: snapshot.target, adviseFor }),
  ).catch((error: unknown) =>
    makePlanReport({ steps: [], problems: [asProblem(error)], warnings: [], adviseFor }),
  );
}

const NOT_ASSESSED = {
  subjects: [],
  results: [],
  states: new Map(),
  filled: new Map(),
  steps: [],
  warnings: [],
} satisfies Partial<RolloutAnswers>;

/** Says where each table of a rollout stands, and what its next steps are. Executes none of them. Never rejects. */
export async function runRollout(options: Options, world: World): Promise<Rollout> {
  const startedAt = world.now();
  const { rules, problems } = await loadRules(options.rules, world.rules);
  const mistakes = problems.length > 0 ? problems : checkPlanOptions(rules, options);
  const answers: RolloutAnswers =
    mistakes.length > 0
      ? { ...NOT_ASSESSED, problems: mistakes }
      : await onServer(rules, { ...options, tolerant: true }, world, async (server) => {
          const { snapshot, prepared, limits } = server;
          const { target } = snapshot;
          if (prepared.problems.length > 0)
            return { ...NOT_ASSESSED, target, problems: prepared.problems, warnings: prepared.warnings };
          const results = await checkAll(server, { ...options, samples: 0 }, world);
          const assessed = await assessRollout(
            { ...prepared, results, phase: options.phase },
            snapshot,
            limits,
          );
          return { target, warnings: [...prepared.warnings, ...emptyTables(results)], ...assessed };
        }).catch((error: unknown) => ({ ...NOT_ASSESSED, problems: [asProblem(error)] }));
  return makeRollout(answers, { ...options, rules, phase: options.phase, startedAt });
}

/** Tries what rules with `probe` forbid, and says what the database takes; nothing that is written stays. Never rejects. */
export async function runProbe(options: Options, world: BackfillWorld): Promise<RunResult> {
  const startedAt = world.now();
  const start = performance.now();
  const isMeant = ({ spec }: Rule): boolean => 'probe' in spec && spec.probe === true;
  const { rules, answers } = await measure(options, world, {
    about: { isMeant, none: NOTHING_TO_PROBE },
    measureAll: async ({ prepared, limits }) => {
      const session = await world.writableDatabase().connect();
      return probeAll(prepared.plan.checks, session, limits).finally(() => session.close());
    },
  });
  const { phase, failOn, targetName } = options;
  const elapsedMs = performance.now() - start;
  return {
    report: makeReport({ ...answers, rules, phase, failOn, targetName, startedAt, elapsedMs }),
    rules,
  };
}

const NOTHING_TO_PROBE = new Problem('options-invalid', 'no rule has `probe: true`: there is nothing to try');

type Measure = (server: OnServer, options: Options, world: World) => Promise<CheckResult[]>;

/** Everything that happens on the server, from the first connection to the last answer. */
async function ask(
  rules: RuleSet,
  options: Options,
  world: World,
  measureAll: Measure = checkAll,
): Promise<Answers> {
  let target: SnapshotTarget | undefined;
  try {
    return await onServer(rules, options, world, async (server) => {
      ({ target } = server.snapshot);
      const { warnings, problems } = server.prepared;
      if (problems.length > 0) return { target, results: [], problems, warnings };
      const results = await measureAll(server, options, world);
      return { target, results, problems: [], warnings: [...warnings, ...emptyTables(results)] };
    });
  } catch (error) {
    const problem = asProblem(error);
    const { checks } = planWithoutDatabase(rules, options, problem);
    const results = checks.map((check) => unmeasured(check, problem));
    return { target, results, problems: [problem], warnings: [] };
  }
}

function checkAll(
  { snapshot, prepared, limits }: OnServer,
  options: Options,
  world: World,
): Promise<CheckResult[]> {
  return runChecks(prepared.plan, prepared.steps, snapshot, {
    ...options,
    ...limits,
    onProgress: (progress) => world.emit({ event: 'check', progress }),
  });
}

type RunLimits = Limits & { readonly signal: AbortSignal };

/** What a run's work is handed. */
type OnServer = { readonly snapshot: Snapshot; readonly prepared: Prepared; readonly limits: RunLimits };

/** What is to be done, and what a person should know first; nothing where there are problems. */
type Prepared = {
  readonly catalog: Catalog;
  readonly plan: Plan;
  /** What the next steps of a rollout need of the rows; the last checks of the plan are theirs, in this order. */
  readonly needs: readonly Need[];
  readonly steps: readonly Step[];
  readonly warnings: readonly Problem[];
  readonly problems: readonly Problem[];
  readonly useIndexes: boolean;
};

/** Connects, takes the snapshot and plans; hands both over, and closes every connection afterwards. */
async function onServer<Result>(
  rules: RuleSet,
  options: Options & PlanOptions,
  world: World,
  work: (server: OnServer) => Promise<Result>,
): Promise<Result> {
  world.emit({ event: 'rules-loaded', files: rules.files.length, rules: rules.rules.length });
  const limits = {
    statementTimeoutMs: options.statementTimeout,
    lockTimeoutMs: LOCK_TIMEOUT_MS,
    useIndexes: options.strategy === 'auto',
    signal: endedBy(world.signal, options.maxDuration),
  };
  const database = world.database();
  // Before a connection is open and waits: GitHub can take a minute.
  const unreviewed = await world.findUnreviewed?.(rules);
  const migrations = await world.migrations?.();
  const snapshot = await openSnapshot(database);
  try {
    world.emit({ event: 'connected', target: snapshot.target });
    const prepared = await prepare(
      rules,
      { unreviewed: unreviewed ?? new Map(), migrations },
      { ...options, now: world.now() },
      snapshot,
      limits,
    );
    return await work({ snapshot, prepared, limits: { ...limits, useIndexes: prepared.useIndexes } });
  } finally {
    await snapshot.close();
  }
}

/** No phase softens what a migration needs, and what it names may be missing: that is unknown. */
const DEMANDED = { only: [], tolerant: true };

/** What was found out before a connection was open. */
type BeforeConnecting = {
  readonly unreviewed: ReadonlyMap<Rule, Problem>;
  readonly migrations: Migrations | undefined;
};

async function prepare(
  rules: RuleSet,
  { unreviewed, migrations }: BeforeConnecting,
  options: Options & PlanOptions & { readonly now: Date },
  snapshot: Snapshot,
  wanted: RunLimits,
): Promise<Prepared> {
  const { leader } = snapshot;
  const catalog = await readCatalog(leader);
  const planned = makePlan(rules, catalog, options);
  const reviewed = holdBack(planned.plan, unreviewed);
  const needs = options.tolerant ? makeNeeds(reviewed, catalog) : [];
  const bound = migrations && (await bindMigrations(migrations, catalog, leader));
  const demanded =
    bound && makePlan({ ...rules, rules: bound.rules }, catalog, { ...DEMANDED, now: options.now });
  const migrating = demanded ? holdBack(demanded.plan, bound.held).checks : [];
  const allowed = {
    checks: [...reviewed.checks, ...migrating, ...needs.map(({ check }) => check)],
  };
  const outdated = outdatedIndexes(catalog);
  const { limits, ways } = waysToCount(wanted, options, outdated);
  const known = [...(await preflight(allowed, snapshot)), ...outdatedWarning(outdated)];
  const { plan, problems, explained, ...vetted } = await vetPlan(allowed, leader, limits);
  const mistakes = [...planned.problems, ...problems];
  const warnings = [...known, ...vetted.warnings];
  const steps =
    mistakes.length > 0 ? [] : await chooseStrategies(plan, explained, leader, { ...ways, ...limits });
  return { catalog, plan, needs, steps, warnings, problems: mistakes, useIndexes: limits.useIndexes };
}

/** A signal that is given when the other one is, or when the run's time is over; that is then its reason. */
function endedBy(signal: AbortSignal, timeMs: number): AbortSignal {
  const budget = new AbortController();
  const reason = new Problem(
    'budget-spent',
    `the run's ${formatDurationMs(timeMs)} were over before this was measured`,
    {
      hint: 'Raise --max-duration, or give the largest tables an index: rowgate plan says which.',
    },
  );
  setTimeout(() => budget.abort(reason), timeMs).unref();
  return AbortSignal.any([signal, budget.signal]);
}
