import type { Database } from '../../src/postgres/database.ts';
import { compile } from '../../src/sql/sql.ts';
import { Problem } from '../../src/support/problem.ts';

/** Awaited before each statement is sent, so that a test can do something at a known moment. */
export type BeforeQuery = (text: string, backendPid: number) => Promise<void>;

/** The same database, whose sessions tell of each statement before they send it. */
export function withHook(database: Database, beforeQuery: BeforeQuery): Database {
  const connect: Database['connect'] = async () => {
    const session = await database.connect();
    const { query } = session;
    return Object.assign(session, {
      query: async (...[statement, options]: Parameters<typeof query>) => {
        await beforeQuery(compile(statement).text, session.backendPid);
        return query(statement, options);
      },
    });
  };
  return { ...database, connect };
}

/** Before a statement is sent, or after it was answered and before anybody has heard. */
export type Moment = 'before' | 'after';

/** The same database, whose sessions are cut at the statements that `isCut` says; the server then rolls back what is open. */
export function withCuts(database: Database, isCut: (text: string, moment: Moment) => boolean): Database {
  const connect: Database['connect'] = async () => {
    const session = await database.connect();
    const { query } = session;
    const cut = async (text: string, moment: Moment): Promise<void> => {
      if (!isCut(text, moment)) return;
      await session.close();
      throw new Problem('connection-lost', 'the connection was cut by the test');
    };
    // A copy would not have the getter that says whether it lives.
    return Object.assign(session, {
      query: async (...[statement, options]: Parameters<typeof query>) => {
        const { text } = compile(statement);
        await cut(text, 'before');
        const rows = await query(statement, options);
        await cut(text, 'after');
        return rows;
      },
    });
  };
  return { ...database, connect };
}
