import { quoteIdentifier, type Identifier } from '../sql/identifier.ts';
import { constant, join, param, sql, type Sql } from '../sql/sql.ts';
import { Problem } from '../support/problem.ts';
import type { Database, Row, Session } from './database.ts';
import { inSavepoint } from './savepoint.ts';
import { readTarget, type ServerTarget } from './server-target.ts';

/** What the server says of itself, and how far its snapshot reaches. */
export type SnapshotTarget = ServerTarget & {
  /** False where the server does not export its snapshots: then one session has to do all the work. */
  readonly sharesSnapshot: boolean;
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

/** Asks one question of a session that has its settings. */
export type Query = (statement: Sql) => Promise<readonly Row[]>;

/** How long one question may keep the server busy. */
export type Limits = {
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  /** False reads tables whole, whatever their indexes. */
  readonly useIndexes: boolean;
  /** How many workers the server may lend to one question, each of which takes a core; none unless said. */
  readonly parallelWorkers?: number;
};

/** The catalogue is small: if it takes longer than this, something is wrong. */
const CATALOG_TIMEOUT_MS = 30_000;

/** The client gives up this long after the server should have. */
const DEADLINE_GRACE_MS = 5_000;

/** A session left idle inside its transaction ends itself after this, so that a lost run holds back no vacuum. */
const IDLE_TIMEOUT_MS = 600_000;

/** The same while it holds locks on tables: between two statements of one question a run never waits long. */
const IDLE_WITH_LOCKS_TIMEOUT_MS = 10_000;

/**
 * Begins a read-only `repeatable read` transaction. Its snapshot is exported at once, while no savepoint is open; where
 * a server refuses that, the run goes on with this one session, which sees one state of the data all the same.
 */
export async function openSnapshot(database: Database): Promise<Snapshot> {
  const sessions: Session[] = [];
  const open = async (): Promise<Session> => {
    const session = await database.connect();
    sessions.push(session);
    return session;
  };
  const close = async (): Promise<void> => {
    await Promise.all(sessions.map((session) => session.close()));
  };
  try {
    const leader = await open();
    const server = await readTarget(leader);
    await leader.query(beginReading);
    const exported = await exportSnapshot(leader);
    await configure(leader);
    const join = async (): Promise<Session> => {
      if (exported === undefined)
        throw new Problem('not-measurable', 'this server does not share its snapshots');
      const session = await open();
      // Behind a pooler it is this that waits for a connection to the server; the run can do without one more.
      await session.query(beginReading, { deadlineMs: database.target.connectTimeoutMs });
      await session.query(sql`set transaction snapshot ${constant(exported)}`);
      await configure(session);
      return session;
    };
    const target = { ...server, sharesSnapshot: exported !== undefined };
    return { target, leader, join, close };
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
  const ours = settings({
    row_security: 'off',
    search_path: 'pg_catalog, pg_temp',
    statement_timeout: String(CATALOG_TIMEOUT_MS),
    lock_timeout: '2000',
    idle_in_transaction_session_timeout: String(IDLE_TIMEOUT_MS),
    // What counts rows reads them, whatever constraints say: only a proof asks otherwise.
    constraint_exclusion: 'off',
    ...EXACT_READS,
    // An author's expression means the same in every database.
    transform_null_equals: 'off',
    array_nulls: 'on',
    TimeZone: 'UTC',
    jit: 'off',
    // Each statement is asked once, with values that a generic plan knows nothing of.
    plan_cache_mode: 'auto',
    // To cost a merge join the planner reads the ends of indexes, and rows there; a hash join does as well.
    enable_mergejoin: 'off',
    // One connection uses one core: how many cores a run takes is for --max-connections to say.
    max_parallel_workers_per_gather: '0',
    // A scan of a large table joins the one that somebody else makes of it, and others can tell where it is.
    synchronize_seqscans: 'on',
  });
  await session.query(sql`${ours}, ${noticeGoneClient} as gone_client`);
}

/** What a role or a database may have set otherwise, and what is read, and how it is written, depends on. */
export const EXACT_READS = {
  // Any other value lets a GIN index leave out rows at random.
  gin_fuzzy_search_limit: '0',
  standard_conforming_strings: 'on',
  quote_all_identifiers: 'off',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
} as const;

/** Has the server end a statement whose client is gone: PostgreSQL 14 can, where the system tells it of a closed socket. */
const noticeGoneClient = sql`case
  when pg_catalog.current_setting('server_version_num')::int >= 140000 and pg_catalog.version() ~ 'linux'
  then pg_catalog.set_config('client_connection_check_interval', '1000', true)
end`;

/** One statement that makes settings for the rest of the transaction. */
export function settings(values: Readonly<Record<string, string>>): Sql {
  const calls = Object.entries(values).map(
    ([name, value]) => sql`pg_catalog.set_config(${param(name, 'text')}, ${param(value, 'text')}, true)`,
  );
  return sql`select ${join(
    calls.map((call, i) => sql`${call} as ${`s${i}` as Identifier}`),
    sql`, `,
  )}`;
}

/** Whether the planner may leave out a table of which constraints say that no row can come out of it. */
export const excludeByConstraints = (state: 'on' | 'off'): Sql =>
  sql`select pg_catalog.set_config('constraint_exclusion', ${param(state, 'text')}, true)`;

/**
 * Runs some questions inside a savepoint that is always rolled back: an error leaves the snapshot usable, the locks
 * that they took are released, and no setting outlives them. `schemas` are looked in for operators after pg_catalog.
 * Where nothing is asked, the server hears nothing.
 */
export async function askAside<Answer>(
  session: Session,
  limits: Limits,
  schemas: readonly Identifier[],
  ask: (query: Query) => Promise<Answer>,
): Promise<Answer> {
  const deadlineMs = limits.statementTimeoutMs + DEADLINE_GRACE_MS;
  return inSavepoint(session, settingsFor(limits, schemas), (query) =>
    ask((statement) => query(statement, { deadlineMs })),
  );
}

/** Also for a statement with a limit, of which the planner believes that it will end early. */
const withWorkers = (workers: number): Readonly<Record<string, string>> => ({
  max_parallel_workers_per_gather: String(workers),
  parallel_setup_cost: '0',
  parallel_tuple_cost: '0',
});

const WITHOUT_INDEXES = { enable_indexscan: 'off', enable_indexonlyscan: 'off', enable_bitmapscan: 'off' };

function settingsFor(limits: Limits, schemas: readonly Identifier[]): Sql {
  return settings({
    search_path: ['pg_catalog', ...schemas.map(quoteIdentifier), 'pg_temp'].join(', '),
    statement_timeout: String(limits.statementTimeoutMs),
    lock_timeout: String(limits.lockTimeoutMs),
    idle_in_transaction_session_timeout: String(IDLE_WITH_LOCKS_TIMEOUT_MS),
    ...(limits.parallelWorkers ? withWorkers(limits.parallelWorkers) : {}),
    ...(limits.useIndexes ? {} : WITHOUT_INDEXES),
  });
}
