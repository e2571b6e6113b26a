import { checkedSql, column, sql } from '../sql/sql.ts';
import { ROW_ALIAS } from '../plan/plan.ts';
import type { Kind } from './kind.ts';

/** Breaks on rows for which `when` is true and `then` is false or NULL. */
export const implies: Kind<'implies'> = {
  name: 'implies',
  ask({ authorSql }) {
    const condition = (key: string) => {
      const author = authorSql.get(key);
      return author ? checkedSql(author.qualified(ROW_ALIAS)) : sql`true`;
    };
    const [when, then] = [condition('when'), condition('then')];
    const broken = sql`(${then}) is not true`;
    const rows = sql`(${when}) is true and ${broken}`;
    // The server's prover does not look into `is true`, so it is asked about the ways in which a row can get there.
    const nulls = authorSql.get('then')?.nullFrom?.map((name) => sql`${column(ROW_ALIAS, name)} is null`);
    const contradictions = [sql`not (${then})`, ...(nulls ?? [])].map((way) => sql`(${when}) and (${way})`);
    const { isPlain = false } = authorSql.get('then') ?? {};
    // What may fail is asked only of the rows that it is meant for.
    const classes = [{ name: 'not_implied', rows, suspect: isPlain ? broken : rows, breaks: true }];
    return nulls ? { form: 'rows', classes, contradictions } : { form: 'rows', classes };
  },
};
