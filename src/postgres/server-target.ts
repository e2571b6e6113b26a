import { sql } from '../sql/sql.ts';
import { Problem } from '../support/problem.ts';
import type { Session } from './database.ts';
import { readStandby, type Standby } from './standby.ts';

/** What the server says of itself at the beginning of a run. */
export type ServerTarget = {
  readonly database: string;
  readonly serverVersion: string;
  /** The role that asks. */
  readonly role: string;
  readonly inRecovery: boolean;
  /** How fresh its rows are; undefined on a server that is no standby. */
  readonly standby: Standby | undefined;
  /** A write-ahead log position that the snapshot holds all of; on a standby, one replayed. Undefined where it cannot be read. */
  readonly lsn: string | undefined;
  /** Whether a pooler stands between: it answers with another process id than the server's own. */
  readonly pooled: boolean;
};

/** PostgreSQL 13, the oldest that the tests run on. */
const OLDEST_SERVER = 130_000;

/**
 * Reads it before the session begins its transaction, so that nothing said here is newer than the snapshot; throws `connection-invalid` for a server that is too old,
 * and `not-measurable` for one that reads past damage.
 */
export async function readTarget(session: Session): Promise<ServerTarget> {
  const [row] = await session.query(sql`
    select pg_catalog.current_database() as database, pg_catalog.current_setting('server_version') as server_version,
      pg_catalog.current_setting('server_version_num') as server_version_num, current_user as role,
      pg_catalog.pg_is_in_recovery() as in_recovery, pg_catalog.pg_backend_pid() as backend_pid,
      pg_catalog.current_setting('zero_damaged_pages') as zero_damaged_pages,
      pg_catalog.current_setting('ignore_checksum_failure') as ignore_checksum_failure`);
  const inRecovery = row?.['in_recovery'] === 't';
  const serverVersion = row?.['server_version'] ?? '';
  if (Number(row?.['server_version_num']) < OLDEST_SERVER)
    throw new Problem('connection-invalid', `the server runs PostgreSQL ${serverVersion}, which is too old`, {
      hint: 'Rowgate is tested on PostgreSQL 13 to 18.',
    });
  for (const setting of ['zero_damaged_pages', 'ignore_checksum_failure'])
    if (row?.[setting] === 'on') throw damagedPagesPass(setting);
  return {
    database: row?.['database'] ?? '',
    serverVersion,
    role: row?.['role'] ?? '',
    inRecovery,
    standby: inRecovery ? await readStandby(session) : undefined,
    lsn: await readLsn(session, inRecovery),
    pooled: String(session.backendPid) !== row?.['backend_pid'],
  };
}

/** These are for saving what is left of a broken table: rows are missing from every answer then, and no statement fails. */
function damagedPagesPass(setting: string): Problem {
  return new Problem(
    'not-measurable',
    `${setting} is on: the server reads past damaged pages, without an error`,
    {
      hint: `Turn it off, for the server or for this role: alter role <role> set ${setting} = off`,
    },
  );
}

/** Some hosted servers refuse this function; the position is worth showing, not worth failing for. */
async function readLsn(session: Session, inRecovery: boolean): Promise<string | undefined> {
  const position = inRecovery
    ? sql`pg_catalog.pg_last_wal_replay_lsn()`
    : sql`pg_catalog.pg_current_wal_lsn()`;
  try {
    const [row] = await session.query(sql`select ${position}::text as lsn`);
    return row?.['lsn'] ?? undefined;
  } catch (error) {
    if (!session.alive) throw error;
    return undefined;
  }
}
