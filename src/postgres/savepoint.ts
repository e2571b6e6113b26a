import { compile, sql, type Sql } from '../sql/sql.ts';
import type { Session } from './database.ts';

/**
 * Works inside a savepoint that is always rolled back: an error leaves the transaction usable, locks that were taken
 * are released, and no setting outlives it. It begins with the first question, which finds `settings` in place.
 */
export async function inSavepoint<Result>(
  session: Session,
  settings: Sql,
  work: (query: Session['query']) => Promise<Result>,
): Promise<Result> {
  let isBegun = false;
  try {
    return await work(async (...question) => {
      if (!isBegun) await begin(session, settings, () => (isBegun = true));
      return session.query(...question);
    });
  } finally {
    if (isBegun && session.alive) await session.query(sql`rollback to savepoint aside`);
  }
}

async function begin(session: Session, settings: Sql, onBegun: () => void): Promise<void> {
  const text = JSON.stringify(compile(settings));
  const lasting = lastingSettings.get(session);
  if (lasting === undefined) {
    await session.query(settings);
    await session.query(sql`savepoint aside`);
    lastingSettings.set(session, text);
  }
  onBegun();
  if (lasting !== undefined && lasting !== text) await session.query(settings);
}

/**
 * Sessions that have the savepoint, and the settings that were made before it: the first, which most of the work wants.
 * Rolled back to, the savepoint stays and serves again, and those settings hold again.
 */
const lastingSettings = new WeakMap<Session, string>();
