import { checkedSql, sql } from '../sql/sql.ts';
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
    const rows = sql`(${condition('when')}) is true and (${condition('then')}) is not true`;
    return { form: 'rows', classes: [{ name: 'not_implied', rows, breaks: true }] };
  },
};
