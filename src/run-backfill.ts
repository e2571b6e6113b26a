// The whole backfill on one screen: look, ask, write in small steps, look again.
import { performance } from 'node:perf_hooks';
import { joinRun } from './backfill/join-run.ts';
import { makeLanes, type Lane } from './backfill/lane.ts';
import { readLaneRecords } from './backfill/lane-records.ts';
import { LEDGER_LIMITS } from './backfill/ledger.ts';
import { obstaclesOf, preflightBackfill, type Finding } from './backfill/preflight.ts';
import { beginRun, prepareRun } from './backfill/prepare-run.ts';
import { readEvents, readLaneDetails, readProgress, type LaneDetails } from './backfill/run-details.ts';
import type { BackfillRun, RunState } from './backfill/backfill-run.ts';
import { changeState, readRun, recordRemaining } from './backfill/runs.ts';
import { expectSameServer, readServerIdentity } from './backfill/same-server.ts';
import { workRun } from './backfill/work-run.ts';
import type { CheckResult } from './check/check-result.ts';
import { lookAtFills, type Looked } from './look-at-fills.ts';
import type { Options } from './options.ts';
import type { Database, Session } from './postgres/database.ts';
import type { SnapshotTarget } from './postgres/snapshot.ts';
import { inReadOnlyTransaction, inTransaction } from './postgres/transaction.ts';
import type { BackfillReport } from './report/backfill-report.ts';
import { counted, shellWord } from './report/backfill-words.ts';
import { makeBackfillReport, type BackfillFindings } from './report/make-backfill-report.ts';
import { loadRules } from './rules/load-rules.ts';
import type { RuleSet } from './rules/rule.ts';
import { checkSelect } from './sql/grammar.ts';
import { checkedSql, type Sql } from './sql/sql.ts';
import { didYouMean } from './support/nearest.ts';
import { asProblem, Problem, Problems } from './support/problem.ts';
import { groupBy } from './support/group-by.ts';
import type { BackfillWorld } from './world.ts';

/** Who asked for a run, for its record. */
export type Requester = { readonly name: string | undefined; readonly url: string | undefined };

/** A run that is being prepared, and what is known of it so far. */
type Undertaking = {
  readonly options: Options;
  readonly world: BackfillWorld;
  readonly requester: Requester;
  readonly rules: RuleSet;
  readonly found: BackfillFindings;
};

/** Fills what rules want filled, or says what it would do. Never rejects: whatever goes wrong is in the report. */
export async function runBackfill(
  options: Options,
  world: BackfillWorld,
  requester: Requester,
): Promise<BackfillReport> {
  const startedAt = world.now();
  const start = performance.now();
  const found = newFindings(options);
  try {
    expectRunToJoin(options);
    const rules = await readRules(options, world);
    await undertake({ options, world, requester, rules, found });
  } catch (error) {
    found.problems.push(...(error instanceof Problems ? error.problems : [asProblem(error)]));
  }
  return makeBackfillReport(found, startedAt, performance.now() - start);
}

/** What is known of a backfill before it is begun: what it was asked to do. */
export function newFindings(options: Options): BackfillFindings {
  return {
    mode: options.enqueue ? 'enqueue' : options.execute ? 'execute' : 'dry-run',
    acknowledged: options.acknowledge,
    maxRows: options.maxRows,
    problems: [],
  };
}

async function undertake(undertaking: Undertaking): Promise<void> {
  const { options, world, rules, found } = undertaking;
  const looked = await lookAtFills(rules, options, world, 'census');
  found.looked = looked;
  expectDatabase(options, looked.target);
  expectCounted(looked.census);
  const database = world.writableDatabase();
  const session = await database.connect();
  try {
    const { lanes, findings } = await findObstacles(looked, session);
    found.findings = findings;
    if (found.mode === 'dry-run') return;
    expectNone(obstaclesOf(findings, options.acknowledge));
    await execute(undertaking, looked, lanes, database, session);
  } finally {
    await session.close();
  }
}

async function execute(
  { options, world, requester, rules, found }: Undertaking,
  looked: Looked,
  lanes: readonly Lane[],
  database: Database,
  session: Session,
): Promise<void> {
  const server = await readServerIdentity(session);
  const query = await readThrottleQuery(options);
  const bounds = { maxRows: options.maxRows, maxDurationMs: options.maxDuration };
  const id = await prepareRun(session, {
    lanes,
    bounds,
    fills: looked.fills,
    runId: options.runId || undefined,
    settings: { batchTargetMs: options.batchTarget, nice: options.nice },
    rowsAtStart: rowsIn(looked.census),
    requestedBy: requester.name,
    runUrl: requester.url,
  });
  found.runId = id;
  const run = found.mode === 'execute' ? await takeUp(session, id, options) : undefined;
  if (run && WORKABLE.has(run.state)) {
    const records = await inReadOnlyTransaction(session, LEDGER_LIMITS, (ask) =>
      readLaneRecords(ask, id, lanes),
    );
    const goal = Math.min(
      run.rowsUpdated + resolvableIn(looked.census),
      run.maxRows ?? Number.POSITIVE_INFINITY,
    );
    found.outcome = await workRun({
      database,
      session,
      run,
      server,
      lanes: records,
      workers: options.workers,
      withTriggers: found.findings?.some(({ name }) => name.startsWith('trigger:')) ?? false,
      throttling: { limits: options.throttle, required: options.requireSignal, query },
      signal: world.signal,
      onProgress: (progress) => world.emit({ event: 'backfill', progress, goal }),
    });
  }
  const last = session.alive ? session : await database.connect();
  try {
    await expectSameServer(last, server);
    if (found.outcome?.end === 'done' || found.outcome?.end === 'bound')
      await lookAgain({ options, world, requester, rules, found }, id, last);
    found.run = await inReadOnlyTransaction(last, LEDGER_LIMITS, async (ask) => ({
      ...(await readRun(ask, id)),
      lanes: (await readLaneDetails(ask, id)).map((lane) => withSamples(lane, options.samples)),
      progress: await readProgress(ask, id),
      events: await readEvents(ask, id, 50),
    }));
  } finally {
    if (last !== session) await last.close();
  }
}

/** With so many keys of each class: the ledger has more of them than whoever asked may want to show. */
function withSamples(lane: LaneDetails, most: number): LaneDetails {
  const samples = groupBy(lane.samples, (sample) => sample.class);
  return { ...lane, samples: [...samples.values()].flatMap((same) => same.slice(0, most)) };
}

/** States of a run in which workers work on it. Whoever comes to one that is over only tells of it. */
const WORKABLE: ReadonlySet<RunState> = new Set(['running', 'holding']);
const COMPLETE: ReadonlySet<RunState> = new Set(['completed', 'completed_with_residue']);

async function takeUp(session: Session, id: string, options: Options): Promise<BackfillRun> {
  if (options.join) return joinRun(session, id);
  const recorded = await inReadOnlyTransaction(session, LEDGER_LIMITS, (ask) => readRun(ask, id));
  if (COMPLETE.has(recorded.state)) return recorded;
  return beginRun(session, id, { maxRows: options.maxRows, maxDurationMs: options.maxDuration });
}

/** Counts what is left. Only this can say that a run is complete: what its batches said is what they saw then. */
async function lookAgain(
  { options, world, rules, found }: Undertaking,
  id: string,
  session: Session,
): Promise<void> {
  const change = (...to: [Parameters<typeof changeState>[2], string?]) =>
    inTransaction(session, LEDGER_LIMITS, (ask) => changeState(ask, id, ...to));
  const isDone = found.outcome?.end === 'done';
  if (isDone) await change('verifying');
  try {
    const left = await lookAtFills(rules, options, world, 'verify');
    found.left = left;
    expectCounted([...left.census, ...left.recheck]);
    const rows = rowsIn(left.census);
    await inTransaction(session, LEDGER_LIMITS, (ask) => recordRemaining(ask, id, rows));
    if (!isDone) return;
    const isComplete = rows === 0 && rowsIn(left.recheck) === 0;
    if (isComplete) await change('completed');
    else
      await change(
        'completed_with_residue',
        rows > 0
          ? `${counted(rows, 'row')} still without a value`
          : 'its rules are still broken, by rows that have a value',
      );
  } catch (error) {
    const problem = asProblem(error);
    if (isDone) await change('failed', `it could not be verified: ${problem.message}`);
    throw problem;
  }
}

/** A helper whose run was not named, as where another job gave no output, must not begin one of its own. */
function expectRunToJoin({ join, runId }: Options): void {
  if (join && !runId)
    throw new Problem('options-invalid', 'join: no run is named', {
      hint: 'Give the id of the run to help with.',
    });
}

async function readRules(options: Options, world: BackfillWorld): Promise<RuleSet> {
  const { rules, problems } = await loadRules(options.rules, world.rules);
  if (problems.length > 0) throw new Problems(problems);
  const ids = rules.rules.filter((rule) => 'backfill' in rule.spec && rule.spec.backfill).map(({ id }) => id);
  const hint =
    ids.length > 0
      ? `Rules that declare one: ${ids.join(', ')}.`
      : 'A rule declares one with `backfill: { from, on, set }`.';
  if (ids.length === 0) throw new Problem('options-invalid', 'no rule declares a backfill', { hint });
  for (const id of options.backfillRule.filter((each) => !ids.includes(each))) {
    const isRule = rules.rules.some((rule) => rule.id === id);
    const message = isRule
      ? `the rule '${id}' declares no backfill`
      : `no rule has the id '${id}'${didYouMean(id, ids)}`;
    throw new Problem('options-invalid', message, { hint });
  }
  return rules;
}

async function readThrottleQuery({ throttleQuery }: Options): Promise<Sql | undefined> {
  if (!throttleQuery) return undefined;
  const checked = await checkSelect(throttleQuery);
  if (checked.ok) return checkedSql(checked.text);
  throw new Problem('sql-not-allowed', `throttle-query: ${checked.message}`, { hint: checked.hint });
}

function expectDatabase({ expectDatabase: expected }: Options, { database }: SnapshotTarget): void {
  if (!expected || expected === database) return;
  throw new Problem(
    'backfill-refused',
    `this is the database '${database}', and '${expected}' was expected`,
    {
      hint: 'Give the URL of the database that you mean, or expect the name of this one.',
    },
  );
}

function expectCounted(results: readonly CheckResult[]): void {
  const [first] = results.flatMap((result) => (result.outcome === 'unknown' ? [result.problem] : []));
  if (first)
    throw new Problem(first.code, `rows could not be counted: ${first.message}`, { hint: first.hint });
}

const rowsIn = (results: readonly CheckResult[]): number =>
  results.reduce((sum, result) => sum + (result.outcome === 'unknown' ? 0 : result.violations.count), 0);

const resolvableIn = (results: readonly CheckResult[]): number =>
  results.reduce(
    (sum, result) => sum + (result.outcome === 'unknown' ? 0 : (result.classes['resolvable'] ?? 0)),
    0,
  );

async function findObstacles(
  { fills, target }: Looked,
  session: Session,
): Promise<{ readonly lanes: readonly Lane[]; readonly findings: readonly Finding[] }> {
  const made = fills.map((fill) => makeLanes(fill, Number.parseInt(target.serverVersion, 10)));
  const lanes = made.flatMap((each) => each.lanes);
  const unwalkable = made
    .flatMap(({ problems }) => problems)
    .map(({ message, hint = '' }): Finding => ({ weight: 'refuse', name: 'key', message, hint }));
  const findings = await inReadOnlyTransaction(session, LEDGER_LIMITS, (ask) =>
    preflightBackfill(ask, lanes),
  );
  return { lanes, findings: [...unwalkable, ...findings] };
}

function expectNone(obstacles: readonly Finding[]): void {
  if (obstacles.length === 0) return;
  const refused = obstacles.filter(({ weight }) => weight === 'refuse');
  if (refused.length > 0)
    throw new Problems(
      refused.map(({ message, hint }) => new Problem('backfill-refused', message, { hint })),
    );
  const flags = obstacles.map(({ name }) => `--acknowledge ${shellWord(name)}`).join(' ');
  throw new Problem('acknowledgement-missing', obstacles.map(({ message }) => message).join('\n'), {
    hint: `Where all of that is as you want it: ${flags}`,
  });
}
