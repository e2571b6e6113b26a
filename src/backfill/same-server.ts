import type { Session } from '../postgres/database.ts';
import { inReadOnlyTransaction } from '../postgres/transaction.ts';
import { sql } from '../sql/sql.ts';
import { Problem } from '../support/problem.ts';
import { readServerId } from './runs.ts';

/** What tells one server from another; what the role may not know is null. */
export type ServerIdentity = { readonly database: string; readonly serverId: string | null };

/** Reads it. Throws on a standby, which takes no writes. */
export async function readServerIdentity(session: Session): Promise<ServerIdentity> {
  return inReadOnlyTransaction(
    session,
    { statementTimeoutMs: 5_000, lockTimeoutMs: 1_000 },
    async (query) => {
      const [row] = await query(
        sql`select pg_catalog.current_database() as database, pg_catalog.pg_is_in_recovery() as in_recovery`,
      );
      if (row?.['in_recovery'] === 't')
        throw new Problem('backfill-refused', 'this server is a standby, and takes no writes', {
          hint: 'Give the URL of the primary.',
        });
      return { database: row?.['database'] ?? '', serverId: await readServerId(query) };
    },
  );
}

/** Throws where a new session has come to another server than the run is on: a balancer or a failover has moved it. */
export async function expectSameServer(session: Session, expected: ServerIdentity): Promise<void> {
  const found = await readServerIdentity(session);
  if (found.database === expected.database && found.serverId === expected.serverId) return;
  throw new Problem(
    'backfill-refused',
    'the connection leads to another server than the one that this run is on',
    {
      hint: 'Look where the host name points to now, then take the run up again with --run.',
    },
  );
}
