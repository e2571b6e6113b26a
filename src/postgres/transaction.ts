import { param, sql, type Sql } from '../sql/sql.ts';
import type { Session } from './database.ts';
import { EXACT_READS, settings, type Query } from './snapshot.ts';

/** How long statements of a transaction may take, and wait. */
export type TransactionLimits = { readonly statementTimeoutMs: number; readonly lockTimeoutMs: number };

/** The client gives up this long after the server should have. */
const DEADLINE_GRACE_MS = 3_000;

/** A transaction whose client is gone without a word holds its locks no longer than this. */
const IDLE_TIMEOUT_MS = 10_000;

/**
 * Runs statements in one `read committed` transaction that may write, and commits it; any error rolls it back. When the
 * answer to the commit is lost nobody knows here whether it happened: what was written has to say so itself.
 *
 * The role's own search path stays, and its time zone: triggers that fire are the application's, and find what they find
 * in the application's sessions. Every name in our statements has its schema.
 */
export function inTransaction<Result>(
  session: Session,
  limits: TransactionLimits,
  work: (query: Query) => Promise<Result>,
): Promise<Result> {
  return transact(session, limits, sql`begin isolation level read committed, read write`, work);
}

/** The same for statements that only read: the server refuses any other. */
export function inReadOnlyTransaction<Result>(
  session: Session,
  limits: TransactionLimits,
  work: (query: Query) => Promise<Result>,
): Promise<Result> {
  return transact(session, limits, sql`begin isolation level read committed, read only`, work);
}

/** One that may write, and whose writes never stay: it is rolled back whatever comes of it. */
export function inRolledBackTransaction<Result>(
  session: Session,
  limits: TransactionLimits,
  work: (query: Query) => Promise<Result>,
): Promise<Result> {
  const begin = sql`begin isolation level read committed, read write`;
  return transact(session, limits, begin, work, sql`rollback`);
}

async function transact<Result>(
  session: Session,
  limits: TransactionLimits,
  begin: Sql,
  work: (query: Query) => Promise<Result>,
  end: Sql = sql`commit`,
): Promise<Result> {
  const deadlineMs = limits.statementTimeoutMs + DEADLINE_GRACE_MS;
  const query: Query = (statement) => session.query(statement, { deadlineMs });
  await query(begin);
  try {
    await query(settingsFor(limits));
    const result = await work(query);
    await query(end);
    return result;
  } catch (error) {
    if (session.alive) await query(sql`rollback`);
    throw error;
  }
}

function settingsFor(limits: TransactionLimits): Sql {
  const { statementTimeoutMs, lockTimeoutMs } = limits;
  const ours = settings({
    row_security: 'off',
    statement_timeout: String(statementTimeoutMs),
    lock_timeout: String(lockTimeoutMs),
    idle_in_transaction_session_timeout: String(IDLE_TIMEOUT_MS),
    // Also because keys travel as text, from one session to another.
    ...EXACT_READS,
    jit: 'off',
    // What is asked for here is few rows by their keys or places, and those just read: no table is worth reading whole.
    random_page_cost: '0.01',
    max_parallel_workers_per_gather: '0',
  });
  return sql`${ours}, ${withTriggers} as origin, ${endWithClient(limits)} as ends_late`;
}

/** A role may have it otherwise, to load data: no trigger fires then, and no foreign key is looked at. Only asked for where it is, as few roles may. */
const withTriggers = sql`case when pg_catalog.current_setting('session_replication_role') operator(pg_catalog.<>) 'origin'
    then pg_catalog.set_config('session_replication_role', 'origin', true) end`;

/** A killed client's locks go within a second: 14 can tell that it is gone, and 17 ends what lasts too long anyway. */
function endWithClient({ statementTimeoutMs }: TransactionLimits): Sql {
  const version = sql`pg_catalog.current_setting('server_version_num')::int`;
  const most = param(String(statementTimeoutMs * 4), 'text');
  return sql`case when ${version} >= 140000 and pg_catalog.version() ~ 'linux'
    then pg_catalog.set_config('client_connection_check_interval', '500', true) end,
  case when ${version} >= 170000 then pg_catalog.set_config('transaction_timeout', ${most}, true) end`;
}
