import { sql } from '../sql/sql.ts';
import type { Row, Session } from './database.ts';

/** How a standby keeps up with its primary. `unknown` where the server does not say. */
export type StandbyState = 'applied' | 'behind' | 'paused' | 'disconnected' | 'unknown';

export type Standby = {
  readonly state: StandbyState;
  /** Its rows are at most this old, by both servers' clocks. Undefined where nothing bounds it. */
  readonly maxAgeMs: number | undefined;
};

/**
 * Reads how fresh a standby's rows are; ask before the snapshot is taken, as the functions tell of this moment. The age
 * of the last commit is only an upper bound: on an idle primary it grows while nothing is missing. Rejects only when
 * the connection is lost. Uses no operator, so that no search_path can change what is asked.
 */
export async function readStandby(session: Session): Promise<Standby> {
  try {
    const [row] = await session.query(sql`
      select extract(epoch from pg_catalog.clock_timestamp())::text as now,
        extract(epoch from pg_catalog.pg_last_xact_replay_timestamp())::text as last_commit,
        pg_catalog.pg_last_wal_replay_lsn()::text as replayed, pg_catalog.pg_last_wal_receive_lsn()::text as received,
        pg_catalog.pg_is_wal_replay_paused() as paused, receiver.pid is not null as receiving,
        extract(epoch from receiver.last_msg_receipt_time)::text as last_contact, receiver.latest_end_lsn::text as written
      from (select) one left join pg_catalog.pg_stat_wal_receiver receiver on true`);
    return { state: stateOf(row ?? {}), maxAgeMs: maxAgeOf(row ?? {}) };
  } catch (error) {
    // Some hosted readers refuse these functions, and a server that was just promoted has no such state.
    if (!session.alive) throw error;
    return { state: 'unknown', maxAgeMs: undefined };
  }
}

/** What the primary has written, by its last word, may not have arrived yet; most roles cannot see it. */
function stateOf({ paused, receiving, replayed, received, written }: Row): StandbyState {
  if (paused === 't') return 'paused';
  if (receiving !== 't') return 'disconnected';
  const isApplied = [received, written].every((position) => lsnOf(replayed) >= lsnOf(position));
  return isApplied ? 'applied' : 'behind';
}

/** The last contact says how old the rows are only where all that arrived is applied; most roles may not see it. */
function maxAgeOf(row: Row): number | undefined {
  const { now, last_commit: lastCommit, last_contact: lastContact } = row;
  const moments = [lastCommit, stateOf(row) === 'applied' ? lastContact : null].flatMap((moment) =>
    moment ? [Number(moment)] : [],
  );
  if (moments.length === 0) return undefined;
  // The primary's clock may be ahead of the standby's.
  return Math.max(0, Math.round((Number(now) - Math.max(...moments)) * 1_000));
}

/** `1/A0` as one number; a position that is not there comes before all others. */
function lsnOf(text: string | null | undefined): bigint {
  const [high = '0', low = '0'] = (text ?? '').split('/');
  return (BigInt(`0x${high || '0'}`) << 32n) + BigInt(`0x${low}`);
}
