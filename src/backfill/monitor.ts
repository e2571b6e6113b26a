import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Session } from '../postgres/database.ts';
import { inReadOnlyTransaction } from '../postgres/transaction.ts';
import { asProblem } from '../support/problem.ts';
import { readSignals, type CounterHistory, type Reading, type Throttling } from './throttle.ts';

/** Watches the server's signals on a session of its own, beside the workers, so that it sees what their locks do. */
export type Monitor = {
  /** Why workers should wait now; undefined where they need not. */
  holds(): string | undefined;
  readings(): readonly Reading[];
  stop(): Promise<void>;
};

const EVERY_MS = 1_000;

/** A session that waits for a lock for as long as this is in somebody's way; shorter is how locks are used. */
const BLOCKING_SAMPLES = 2;

/**
 * Reads the signals once, then begins to watch them; rejects where that first reading fails. While they cannot be read
 * later on, workers wait: what was last known may be over.
 */
export async function startMonitor(database: Database, throttling: Throttling): Promise<Monitor> {
  let session: Session | undefined = await database.connect();
  const over = new AbortController();
  let failure: string | undefined;
  let blocked = 0;
  const history: CounterHistory = new Map();
  const read = () => {
    if (!session) throw new TypeError('the monitor has no session');
    return inReadOnlyTransaction(session, { statementTimeoutMs: 5_000, lockTimeoutMs: 1_000 }, (query) =>
      readSignals(query, throttling, history),
    );
  };
  let readings = await read().catch(async (error: unknown) => {
    await session?.close();
    throw error;
  });
  const watch = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await sleep(EVERY_MS, undefined, { ref: false, signal: over.signal }).catch(() => {});
      if (over.signal.aborted) return;
      try {
        if (!session?.alive) session = await database.connect();
        if (over.signal.aborted) return;
        readings = await read();
        blocked = readings.some(({ name, holds }) => name === 'blocking' && holds) ? blocked + 1 : 0;
        failure = undefined;
      } catch (error) {
        failure = `the server's signals cannot be read: ${asProblem(error).message}`;
      }
    }
  };
  const watching = watch();
  return {
    holds: () =>
      failure ??
      readings.find(({ name, holds }) => holds && (name !== 'blocking' || blocked >= BLOCKING_SAMPLES))
        ?.holds,
    readings: () => readings,
    stop: async () => {
      over.abort();
      await session?.close();
      await watching;
      // It may have been opening one meanwhile.
      await session?.close();
    },
  };
}
