import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Session } from '../postgres/database.ts';
import { within } from '../postgres/deadline.ts';
import { inTransaction } from '../postgres/transaction.ts';
import { asProblem, Problem } from '../support/problem.ts';
import { allocate, type Allotment, type Allotted } from './allocate.ts';
import type { WorkerEnd } from './backfill-run.ts';
import type { LaneRecord } from './lane-records.ts';
import { LEDGER_LIMITS } from './ledger.ts';
import type { Monitor } from './monitor.ts';
import { firstPace, paceAfter, paceAfterTrouble, restAfterMs, type Pace } from './pace.ts';
import { changeState } from './runs.ts';
import { expectSameServer, type ServerIdentity } from './same-server.ts';
import { workChunk } from './work-chunk.ts';

/** What a worker works with; several workers share all of it but their session. */
export type WorkerTools = {
  readonly database: Database;
  readonly runId: string;
  readonly lanes: readonly LaneRecord[];
  readonly monitor: Monitor;
  readonly server: ServerIdentity;
  /** Ends the worker after the batch that it is at, or instead of it where that takes longer than two seconds. */
  readonly signal: AbortSignal;
  readonly onLook: (seen: SeenRun) => void;
};

/** What a worker tells each time that it looks at its run, before a batch and while it waits. */
export type SeenRun = {
  /** By all workers of the run, wherever they are. */
  readonly rowsUpdated: number;
  /** What it waits for; undefined where it works. */
  readonly holds: string | undefined;
};

/** A server that restarts is back within this; one that is gone for longer ends the worker, and the run can be taken up again. */
const RECONNECT_FOR_MS = 60_000;
/** How long a running batch may go on after the signal. */
const FINISH_MS = 2_000;
/** Whoever waits for longer than this says what for: batches of others end sooner. */
const QUIET_MS = 5_000;

/**
 * Works on a run until nothing is left to do, or it is told to stop. Coordinates with other workers, here or anywhere,
 * by the ledger's rows alone. Never rejects.
 */
export async function runWorker(name: string, tools: WorkerTools): Promise<WorkerEnd> {
  const link = openLink(tools);
  try {
    return await work(name, tools, link);
  } catch (error) {
    if (tools.signal.aborted) return { end: 'interrupted' };
    return { end: 'failed', problem: asProblem(error) };
  } finally {
    await link.close();
  }
}

async function work(name: string, tools: WorkerTools, link: Link): Promise<WorkerEnd> {
  let pace = firstPace;
  let held: string | undefined;
  let workedAt = performance.now();
  for (;;) {
    if (tools.signal.aborted) return { end: 'interrupted' };
    held = await holdWhile(tools, link, held);
    const { allotment, rowsUpdated } = await link.use((session) =>
      held === undefined
        ? allocate(session, tools.runId, tools.lanes, name, pace)
        : lookAtRun(session, tools, name, pace),
    );
    const waitedMs = performance.now() - workedAt;
    const why = allotment.next === 'wait' && waitedMs > QUIET_MS ? allotment.why : undefined;
    tools.onLook({ rowsUpdated, holds: held ?? why });
    if (allotment.next === 'finished') return { end: 'done' };
    if (allotment.next === 'stop') return { end: 'bound', bound: allotment.bound };
    if (allotment.next === 'leave') return leave(allotment.state);
    if (allotment.next === 'wait') await pause(allotment.forMs, tools.signal);
    else {
      const step = await workOne(allotment, pace, tools, link);
      if (step.problem) return { end: 'failed', problem: step.problem };
      pace = step.pace;
      workedAt = performance.now();
      await pause(step.restMs, tools.signal);
    }
  }
}

/** While a throttle holds, only to hear whether the run is still to be worked on. */
async function lookAtRun(session: Session, tools: WorkerTools, name: string, pace: Pace): Promise<Allotted> {
  // No row is taken with a pace of none: the state, the deadline and the bounds are read all the same.
  const seen = await allocate(session, tools.runId, [], name, { ...pace, rows: 0 });
  const { next } = seen.allotment;
  if (next === 'leave' || (next === 'stop' && seen.allotment.bound === 'time')) return seen;
  return { ...seen, allotment: { next: 'wait', forMs: 500, why: 'a throttle holds it' } };
}

async function workOne(
  { chunk, settings }: Extract<Allotment, { next: 'work' }>,
  pace: Pace,
  tools: WorkerTools,
  link: Link,
): Promise<{ readonly pace: Pace; readonly restMs: number; readonly problem?: Problem }> {
  const startedAt = performance.now();
  const ended = await link.use((session) =>
    finishOrCancel(session, tools.signal, workChunk(session, chunk, tools.runId)),
  );
  const elapsedMs = performance.now() - startedAt;
  const restMs = restAfterMs(elapsedMs, settings.nice);
  if (ended.end === 'settled') {
    return { pace: paceAfter(pace, ended.cost, settings.batchTargetMs), restMs };
  }
  if (ended.end === 'failed') return { pace, restMs, problem: ended.problem };
  if (ended.end === 'retried') return { pace: paceAfterTrouble(pace), restMs };
  return { pace, restMs: ended.end === 'taken' ? 0 : restMs };
}

function leave(state: string): WorkerEnd {
  if (state === 'paused' || state === 'cancelled') return { end: state };
  if (state === 'stopped_at_bound') return { end: 'bound', bound: 'rows' };
  if (state === 'failed')
    return {
      end: 'failed',
      problem: new Problem('backfill-refused', 'another worker found that the run cannot go on'),
    };
  return { end: 'done' };
}

/** Says in the ledger that a throttle holds the run, or no longer does. */
async function holdWhile(
  tools: WorkerTools,
  link: Link,
  held: string | undefined,
): Promise<string | undefined> {
  const holds = tools.monitor.holds();
  if (holds === held) return held;
  const to = holds === undefined ? 'running' : 'holding';
  if (holds === undefined || held === undefined)
    await link.use((session) =>
      inTransaction(session, LEDGER_LIMITS, (query) =>
        // What is over does not undo what somebody has decided meanwhile, such as a pause.
        changeState(query, tools.runId, to, holds, [to === 'running' ? 'holding' : 'running']),
      ),
    );
  return holds;
}

/** A batch is short: it may end by itself. One that does not is cancelled, and rolled back by the server. */
async function finishOrCancel<Result>(
  session: Session,
  signal: AbortSignal,
  batch: Promise<Result>,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => void session.cancel(), FINISH_MS);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await batch;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

async function pause(forMs: number, signal: AbortSignal): Promise<void> {
  if (forMs > 0) await sleep(forMs, undefined, { signal }).catch(() => {});
}

/** A session that is opened again when it was lost, on the same server only. */
type Link = {
  use<Result>(work: (session: Session) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
};

function openLink({ database, server, signal }: WorkerTools): Link {
  let session: Session | undefined;
  const connected = async (): Promise<Session> => {
    if (session?.alive) return session;
    session = await database.connect();
    await expectSameServer(session, server);
    return session;
  };
  return {
    use: async (work) => {
      const until = performance.now() + RECONNECT_FOR_MS;
      for (let attempt = 0; ; attempt += 1) {
        try {
          return await work(await connected());
        } catch (error) {
          // What a lost session was at is in the ledger, or was never committed: it is asked again, never done again.
          const problem = asProblem(error);
          const isPassing = PASSING.has(problem.code) && (!session?.alive || problem.code === 'lock-timeout');
          if (!isPassing || signal.aborted || performance.now() > until) throw problem;
          await pause(Math.min(2_000, 100 * 2 ** attempt) * (0.5 + Math.random()), signal);
        }
      }
    },
    close: async () => {
      if (session) await within(2_500, session.close(), () => new Error('late')).catch(() => {});
    },
  };
}

const PASSING = new Set([
  'connection-lost',
  'connection-failed',
  'server-busy',
  'lock-timeout',
  'statement-timeout',
  'query-failed',
]);
