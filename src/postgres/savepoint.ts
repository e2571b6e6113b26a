import { sql } from '../sql/sql.ts';
import type { Session } from './database.ts';

/**
 * Works inside a savepoint that is always rolled back: an error leaves the transaction usable, locks that were taken
 * are released, and no setting outlives it.
 */
export async function inSavepoint<Result>(session: Session, work: () => Promise<Result>): Promise<Result> {
  if (!withSavepoint.has(session)) await session.query(sql`savepoint aside`);
  withSavepoint.add(session);
  try {
    return await work();
  } finally {
    if (session.alive) await session.query(sql`rollback to savepoint aside`);
  }
}

/** Sessions that have the savepoint: rolled back to, it stays, and serves again. */
const withSavepoint = new WeakSet<Session>();
