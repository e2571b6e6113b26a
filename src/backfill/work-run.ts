import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Database, Session } from '../postgres/database.ts';
import { inTransaction } from '../postgres/transaction.ts';
import type { BackfillRun, WorkerEnd } from './backfill-run.ts';
import type { LaneRecord } from './lane-records.ts';
import { LEDGER_LIMITS } from './ledger.ts';
import { startMonitor } from './monitor.ts';
import { probeLane } from './probe.ts';
import { addEvent, changeState } from './runs.ts';
import type { ServerIdentity } from './same-server.ts';
import type { Throttling } from './throttle.ts';
import { runWorker, type SeenRun } from './worker.ts';

/** What it takes to work on a run. */
export type WorkOptions = {
  readonly database: Database;
  /** For the ledger, beside the workers' own. */
  readonly session: Session;
  readonly run: BackfillRun;
  readonly lanes: readonly LaneRecord[];
  readonly server: ServerIdentity;
  readonly workers: number;
  /** Whether triggers of the user fire: a first batch then says what they cost. */
  readonly withTriggers: boolean;
  readonly throttling: Throttling;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: WorkProgress) => void;
};

/** How far the run has come, by all of its workers. */
export type WorkProgress = {
  readonly runId: string;
  readonly rowsUpdated: number;
  readonly rowsAtStart: number | undefined;
  readonly elapsedMs: number;
  readonly holds: string | undefined;
};

/** How this process's part of the run ended: the gravest of its workers' ends. */
export type WorkOutcome = WorkerEnd;

const GRAVITY = ['failed', 'interrupted', 'cancelled', 'paused', 'bound', 'done'] as const;

/**
 * Works on a run with some workers until nothing is left, a bound is reached, or somebody stops it, and records how it
 * ended; whether it is complete is for a fresh check to say. Never rejects but for a monitor that cannot begin.
 */
export async function workRun(options: WorkOptions): Promise<WorkOutcome> {
  const { database, run, lanes, workers, signal } = options;
  const monitor = await startMonitor(database, options.throttling);
  try {
    const name = `${hostname().slice(0, 40)}:${process.pid}:${randomBytes(2).toString('hex')}`;
    await record(options, 'worked on', `${workers} ${workers === 1 ? 'worker' : 'workers'}`, name);
    if (options.withTriggers) await probeTriggers(options);
    const stopped = new AbortController();
    const stop = (): void => stopped.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const onLook = trackProgress(options);
    const work = async (index: number): Promise<WorkerEnd> => {
      const tools = {
        database,
        runId: run.id,
        lanes,
        monitor,
        server: options.server,
        signal: stopped.signal,
        onLook,
      };
      const ended = await runWorker(`${name}:${index}`, tools);
      // What keeps one worker from going on keeps the others, too.
      if (ended.end === 'failed') stopped.abort();
      return ended;
    };
    const ends = await Promise.all(Array.from({ length: workers }, (_, i) => work(i + 1)));
    signal.removeEventListener('abort', stop);
    const gravest = GRAVITY.flatMap((end) => ends.find((each) => each.end === end) ?? [])[0];
    return await conclude(options, gravest ?? { end: 'done' });
  } finally {
    await monitor.stop();
  }
}

/** What a first batch of each table costs with all that fires on it; it is rolled back. What stops it a real batch will meet, and judge. */
async function probeTriggers(options: WorkOptions): Promise<void> {
  const session = await options.database.connect();
  try {
    for (const { lane } of options.lanes) {
      const cost = await probeLane(session, lane);
      if (cost)
        await record(
          options,
          'probed',
          `${lane.leaf.name.name}: ${cost.rows} rows with its triggers took ${Math.round(cost.elapsedMs)} ms, rolled back`,
        );
    }
  } catch {
    return;
  } finally {
    await session.close();
  }
}

async function conclude(options: WorkOptions, ended: WorkerEnd): Promise<WorkOutcome> {
  const { database, run } = options;
  const session = options.session.alive ? options.session : await database.connect().catch(() => undefined);
  if (!session) return ended;
  try {
    await inTransaction(session, LEDGER_LIMITS, async (query) => {
      if (ended.end === 'failed') await changeState(query, run.id, 'failed', ended.problem.message);
      if (ended.end === 'bound')
        await changeState(
          query,
          run.id,
          'stopped_at_bound',
          ended.bound === 'rows'
            ? 'the rows that it was given are used up'
            : 'the time that it was given is over',
        );
      if (ended.end === 'interrupted')
        await addEvent(query, run.id, { kind: 'interrupted', detail: 'the process was told to stop' });
    });
  } catch {
    // The ledger says what was done; that this process stopped it can tell by itself later.
  }
  if (session !== options.session) await session.close();
  return ended;
}

async function record(
  { session, run }: WorkOptions,
  kind: string,
  detail: string,
  worker?: string,
): Promise<void> {
  await inTransaction(session, LEDGER_LIMITS, (query) =>
    addEvent(query, run.id, { kind, detail, ...(worker ? { worker } : {}) }),
  );
}

function trackProgress({ run, onProgress }: WorkOptions): (seen: SeenRun) => void {
  const startedAt = performance.now();
  let most = run.rowsUpdated;
  return ({ rowsUpdated, holds }) => {
    // Of two workers that look at once the one that saw less may be heard last.
    most = Math.max(most, rowsUpdated);
    onProgress({
      runId: run.id,
      rowsUpdated: most,
      rowsAtStart: run.rowsAtStart ?? undefined,
      elapsedMs: performance.now() - startedAt,
      holds,
    });
  };
}
