import { sql } from '../sql/sql.ts';
import type { Session } from './database.ts';

/**
 * Works inside a savepoint that is always rolled back: an error leaves the transaction usable, locks that were taken
 * are released, and no setting outlives it.
 */
export async function inSavepoint<Result>(session: Session, work: () => Promise<Result>): Promise<Result> {
  await session.query(sql`savepoint aside`);
  try {
    return await work();
  } finally {
    if (session.alive) {
      // Both: a savepoint that is only rolled back to stays, and thousands of them would pile up.
      await session.query(sql`rollback to savepoint aside`);
      await session.query(sql`release savepoint aside`);
    }
  }
}
