import { identifier } from '../sql/identifier.ts';
import { checkedSql, sql } from '../sql/sql.ts';
import { ROW_ALIAS } from '../plan/plan.ts';
import type { Kind } from './kind.ts';

/** Breaks on every row that the author's own SELECT returns. */
export const query: Kind<'query'> = {
  name: 'query',
  ask({ spec, authorSql }) {
    const author = authorSql.get('query');
    // Without an alias before it, as `r.f` would call a function f where the query gives no column f.
    const key = (spec.key ?? []).map((name) => ({ name, value: sql`${identifier(name)}` }));
    return { form: 'query', select: author ? checkedSql(author.qualified(ROW_ALIAS)) : sql`select`, key };
  },
};
