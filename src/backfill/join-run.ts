import type { Session } from '../postgres/database.ts';
import { inTransaction } from '../postgres/transaction.ts';
import type { BackfillRun } from './backfill-run.ts';
import { LEDGER_LIMITS } from './ledger.ts';
import { readRun, startRun } from './runs.ts';

/**
 * Takes up a run that waits for its first worker, within the bounds that it was recorded with, and leaves every other
 * one as it is: a helper that comes late must not set a run going again that has stopped at its bounds.
 */
export async function joinRun(session: Session, id: string): Promise<BackfillRun> {
  return inTransaction(session, LEDGER_LIMITS, async (query) => {
    const run = await readRun(query, id, true);
    if (run.state === 'planned') await startRun(query, run, { maxRows: undefined, maxDurationMs: undefined });
    return readRun(query, id);
  });
}
