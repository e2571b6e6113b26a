import { identifier, quoteIdentifier, type Identifier } from '../sql/identifier.ts';
import { constant, join, param, sql, type Sql } from '../sql/sql.ts';
import { Problem } from '../support/problem.ts';
import type { Database, Row, Session } from './database.ts';

/** What the server says of itself and of the snapshot. */
export type SnapshotTarget = {
  readonly database: string;
  readonly serverVersion: string;
  readonly inRecovery: boolean;
  /** Write-ahead log position of the snapshot; on a standby, the last one replayed. Undefined where it cannot be read. */
  readonly lsn: string | undefined;
};

/** One view of the data, read-only, shared by every session that was opened on it. */
export type Snapshot = {
  readonly target: SnapshotTarget;
  /** The session that made the snapshot. */
  readonly leader: Session;
  /** Opens one more session on the same data. */
  join(): Promise<Session>;
  /** Ends every session; nothing was written, so there is nothing to keep. Never rejects. */
  close(): Promise<void>;
};

/** How long one question may keep the server busy. */
export type Limits = { readonly statementTimeoutMs: number; readonly lockTimeoutMs: number };

/** The catalogue is small: if it takes longer than this, something is wrong. */
const CATALOG_TIMEOUT_MS = 30_000;

/** The client gives up this long after the server should have. */
const DEADLINE_GRACE_MS = 5_000;

/** A session left idle inside its transaction ends itself after this, so that a lost run holds back no vacuum. */
const IDLE_TIMEOUT_MS = 600_000;

/**
 * Begins a read-only `repeatable read` transaction. Its snapshot is exported at once, while no savepoint is open; where
 * a server refuses that, the run goes on with this one session, which sees one state of the data all the same.
 */
export async function openSnapshot(database: Database): Promise<Snapshot> {
  const sessions: Session[] = [];
  const open = async (): Promise<Session> => {
    const session = await database.connect();
    sessions.push(session);
    await session.query(beginReading);
    return session;
  };
  const close = async (): Promise<void> => {
    await Promise.all(sessions.map((session) => session.close()));
  };
  try {
    const leader = await open();
    const exported = await exportSnapshot(leader);
    await configure(leader);
    const join = async (): Promise<Session> => {
      if (exported === undefined)
        throw new Problem('not-measurable', 'this server does not share its snapshots');
      const session = await open();
      await session.query(sql`set transaction snapshot ${constant(exported)}`);
      await configure(session);
      return session;
    };
    return { target: await readTarget(leader), leader, join, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const beginReading = sql`begin isolation level repeatable read, read only`;

async function exportSnapshot(leader: Session): Promise<string | undefined> {
  try {
    const [row] = await leader.query(sql`select pg_catalog.pg_export_snapshot() as id`);
    return row?.['id'] ?? undefined;
  } catch (error) {
    if (!leader.alive) throw error;
    await leader.query(sql`rollback`);
    await leader.query(beginReading);
    return undefined;
  }
}

/**
 * Settings of the transaction alone, so that a pooler's next client gets none of them. `row_security = off` turns
 * rows hidden by a policy into an error; `search_path` keeps other schemas' functions and operators out of sight.
 */
async function configure(session: Session): Promise<void> {
  await session.query(
    settings({
      row_security: 'off',
      search_path: 'pg_catalog, pg_temp',
      statement_timeout: String(CATALOG_TIMEOUT_MS),
      lock_timeout: '2000',
      idle_in_transaction_session_timeout: String(IDLE_TIMEOUT_MS),
      constraint_exclusion: 'on',
      standard_conforming_strings: 'on',
      DateStyle: 'ISO, YMD',
      TimeZone: 'UTC',
      jit: 'off',
    }),
  );
}

function settings(values: Readonly<Record<string, string>>): Sql {
  const calls = Object.entries(values).map(
    ([name, value]) => sql`pg_catalog.set_config(${param(name, 'text')}, ${param(value, 'text')}, true)`,
  );
  return sql`select ${join(
    calls.map((call, i) => sql`${call} as ${`s${i}` as Identifier}`),
    sql`, `,
  )}`;
}

/**
 * Runs some questions inside a savepoint that is always rolled back: an error leaves the snapshot usable, the locks
 * that they took are released, and no setting outlives them. `schemas` are looked in for operators after pg_catalog.
 */
export async function askAside<Answer>(
  session: Session,
  limits: Limits,
  schemas: readonly Identifier[],
  ask: (query: (statement: Sql) => Promise<readonly Row[]>) => Promise<Answer>,
): Promise<Answer> {
  await session.query(sql`savepoint aside`);
  try {
    const path = ['pg_catalog', ...schemas.map(quoteIdentifier), 'pg_temp'].join(', ');
    await session.query(
      settings({
        search_path: path,
        statement_timeout: String(limits.statementTimeoutMs),
        lock_timeout: String(limits.lockTimeoutMs),
      }),
    );
    return await ask((statement) =>
      session.query(statement, { deadlineMs: limits.statementTimeoutMs + DEADLINE_GRACE_MS }),
    );
  } finally {
    if (session.alive) await leave(session, 'aside');
  }
}

/** Both statements: a savepoint that is only rolled back to stays, and thousands of them would pile up. */
async function leave(session: Session, savepoint: string): Promise<void> {
  await session.query(sql`rollback to savepoint ${identifier(savepoint)}`);
  await session.query(sql`release savepoint ${identifier(savepoint)}`);
}

async function readTarget(session: Session): Promise<SnapshotTarget> {
  const [row] = await session.query(sql`
    select pg_catalog.current_database() as database, pg_catalog.current_setting('server_version') as server_version,
      pg_catalog.current_setting('server_version_num') as server_version_num,
      pg_catalog.pg_is_in_recovery() as in_recovery`);
  const inRecovery = row?.['in_recovery'] === 't';
  if (Number(row?.['server_version_num']) < OLDEST_SERVER) {
    const hint = 'Rowgate is tested on PostgreSQL 13 to 18.';
    throw new Problem(
      'connection-invalid',
      `the server runs PostgreSQL ${row?.['server_version']}, which is too old`,
      { hint },
    );
  }
  return {
    database: row?.['database'] ?? '',
    serverVersion: row?.['server_version'] ?? '',
    inRecovery,
    lsn: await readLsn(session, inRecovery),
  };
}

/** PostgreSQL 13, the oldest that the tests run on. */
const OLDEST_SERVER = 130_000;

/** Some hosted servers refuse this function; the position is worth showing, not worth failing for. */
async function readLsn(session: Session, inRecovery: boolean): Promise<string | undefined> {
  const position = inRecovery
    ? sql`pg_catalog.pg_last_wal_replay_lsn()`
    : sql`pg_catalog.pg_current_wal_lsn()`;
  await session.query(sql`savepoint lsn`);
  try {
    const [row] = await session.query(sql`select ${position}::text as lsn`);
    return row?.['lsn'] ?? undefined;
  } catch (error) {
    if (!session.alive) throw error;
    return undefined;
  } finally {
    if (session.alive) await leave(session, 'lsn');
  }
}
