import { performance } from 'node:perf_hooks';
import type { Session } from '../postgres/database.ts';
import { inTransaction } from '../postgres/transaction.ts';
import { fillRows, highestKey, readFilled, readKey } from './lane-statements.ts';
import type { Lane } from './lane.ts';
import { lockWay } from './lock-way.ts';

/** What a first batch costs with everything that fires on it. */
export type ProbedCost = { readonly rows: number; readonly elapsedMs: number };

const PROBE_ROWS = 100;
const LIMITS = { statementTimeoutMs: 5_000, lockTimeoutMs: 200 } as const;

/** Fills a first few rows of a lane and rolls it back; undefined where none could be filled. Rejects with what stops it. */
export async function probeLane(session: Session, lane: Lane): Promise<ProbedCost | undefined> {
  const rolledBack = new Error('rolled back, as it was meant to be');
  let probed: ProbedCost | undefined;
  try {
    await inTransaction(session, LIMITS, async (query) => {
      const high = readKey(lane, (await query(highestKey(lane)))[0]);
      if (!high) throw rolledBack;
      const range = { low: undefined, high };
      const { places, lockedKeys } = await lockWay(query, lane, range, PROBE_ROWS);
      const startedAt = performance.now();
      const filling = { range, most: PROBE_ROWS, places, lockedKeys };
      const { filled } = readFilled((await query(fillRows(lane, filling)))[0]);
      if (filled > 0) probed = { rows: filled, elapsedMs: performance.now() - startedAt };
      throw rolledBack;
    });
  } catch (error) {
    if (error !== rolledBack) throw error;
  }
  return probed;
}
