import type { Session } from '../postgres/database.ts';
import { inReadOnlyTransaction, inTransaction } from '../postgres/transaction.ts';
import { Problem } from '../support/problem.ts';
import { isFinal, type BackfillRun, type RunBounds } from './backfill-run.ts';
import { specHashOf } from './lane.ts';
import { installLedger, LEDGER_LIMITS, ledgerProblem, readLedgerStatus } from './ledger.ts';
import { createRun, endLate, narrowRows, readRun, startRun, type NewRun } from './runs.ts';
import type { Fill } from '../plan/fill.ts';

/** A new run, or the one to go on with. */
export type WantedRun = Omit<NewRun, 'specHash'> & {
  readonly fills: readonly Fill[];
  /** The run to go on with; undefined makes a new one. */
  readonly runId: string | undefined;
};

/**
 * The id of a new run, or of the one given, if what it fills is still the same. Makes the ledger where there is none and
 * the role may.
 */
export async function prepareRun(session: Session, wanted: WantedRun): Promise<string> {
  const status = await inReadOnlyTransaction(session, LEDGER_LIMITS, readLedgerStatus);
  if (status.state === 'absent' && status.canInstall && wanted.runId === undefined)
    await installLedger(session);
  else if (status.state !== 'ready') throw ledgerProblem(status);
  const specHash = specHashOf(wanted.fills);
  return inTransaction(session, LEDGER_LIMITS, async (query) => {
    if (wanted.runId === undefined) return createRun(query, { ...wanted, specHash });
    const run = await readRun(query, wanted.runId);
    if (run.specHash === specHash) return run.id;
    throw new Problem(
      'backfill-refused',
      `run ${run.id} is about something else: it was begun with other rules, or they were edited since`,
      {
        hint: `Give the rules that it was begun with (--rule ${run.rules.join(' ')}), or cancel it and start a new run.`,
      },
    );
  });
}

const KEPT: RunBounds = { maxRows: undefined, maxDurationMs: undefined };

/**
 * Takes a run up: starts it, with new bounds where it had stopped, or joins the workers that it has. One that was only
 * recorded, or is at work, keeps its bounds, but for a number of rows that is lower than what is left of them.
 */
export async function beginRun(session: Session, id: string, bounds: RunBounds): Promise<BackfillRun> {
  return inTransaction(session, LEDGER_LIMITS, async (query) => {
    const run = await readRun(query, id, true);
    if (isFinal(run.state))
      throw new Problem('run-busy', `run ${id} is over: ${run.state}`, {
        hint: 'Start a new one, without --run.',
      });
    if (run.state === 'paused')
      throw new Problem('run-busy', `run ${id} is paused`, {
        hint: `Go on with it: rowgate runs resume ${id}`,
      });
    const isAtWork = (run.state === 'running' || run.state === 'holding') && !(await endLate(query, id));
    const isNew = run.state === 'planned';
    if (isNew || isAtWork) {
      if (bounds.maxRows !== undefined) await narrowRows(query, id, bounds.maxRows);
    }
    if (!isAtWork) await startRun(query, run, isNew ? KEPT : bounds);
    return readRun(query, id);
  });
}
