import { column, join, sql } from '../sql/sql.ts';
import { ROW_ALIAS } from '../plan/plan.ts';
import type { Kind } from './kind.ts';

/** Breaks on rows in which none of the columns is set, or more than one where one alone is allowed. */
export const exactlyOneOf: Kind<'exactly_one_of'> = {
  name: 'exactly_one_of',
  ask({ spec }, relation, lookup) {
    const values = spec.columns.map((name, index) =>
      column(ROW_ALIAS, lookup.column(name, ['columns', index], relation).name),
    );
    const set = sql`pg_catalog.num_nonnulls(${join(values, sql`, `)})`;
    const classes = [
      { name: 'none', rows: sql`${set} = 0`, breaks: true },
      { name: 'several', rows: sql`${set} > 1`, breaks: !spec.at_least_one },
    ];
    return { form: 'rows', classes };
  },
};
