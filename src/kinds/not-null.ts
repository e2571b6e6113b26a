import { column, param, sql } from '../sql/sql.ts';
import { ROW_ALIAS, type RowClass } from '../plan/plan.ts';
import type { Kind } from './kind.ts';

/** Breaks on rows whose column is NULL, or holds a value that stands for a missing one. */
export const notNull: Kind<'not_null'> = {
  name: 'not_null',
  ask({ spec }, relation, lookup) {
    const names = spec.columns ?? [spec.column ?? ''];
    const classes = names.flatMap((name, index): RowClass[] => {
      const found = lookup.column(name, spec.columns ? ['columns', index] : ['column'], relation);
      const value = column(ROW_ALIAS, found.name);
      const prefix = names.length > 1 ? `${name}.` : '';
      const isNull = { name: `${prefix}null`, rows: sql`${value} is null`, breaks: true };
      if (!spec.missing_values) return [isNull];
      const missing = spec.missing_values.map((each) => sql`${param(each, 'text')}::${found.baseType}`);
      const equal = missing.map((each) => sql`${value} = ${each}`);
      const any = equal.reduce((left, right) => sql`${left} or ${right}`);
      return [isNull, { name: `${prefix}missing_value`, rows: sql`(${any}) is true`, breaks: true }];
    });
    return { form: 'rows', classes };
  },
};
