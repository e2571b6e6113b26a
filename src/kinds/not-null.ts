import type { Column } from '../postgres/catalog.ts';
import { anyOf, column, param, sql, type Sql } from '../sql/sql.ts';
import { ROW_ALIAS, type RowClass } from '../plan/plan.ts';
import { equal, isNull } from './compare.ts';
import type { Kind } from './kind.ts';

/** Breaks on rows whose column is NULL, or holds a value that stands for a missing one. */
export const notNull: Kind<'not_null'> = {
  name: 'not_null',
  ask({ spec }, relation, lookup) {
    const names = spec.columns ?? [spec.column ?? ''];
    const classes = names.flatMap((name, index): RowClass[] => {
      const found = lookup.column(name, spec.columns ? ['columns', index] : ['column'], relation);
      const value = { sql: column(ROW_ALIAS, found.name), column: found };
      const prefix = names.length > 1 ? `${name}.` : '';
      const missing = (spec.missing_values ?? []).map((each) => ({
        sql: sql`${param(each, 'text')}::${uncut(found)}`,
        column: found,
      }));
      const isNullClass = { name: `${prefix}null`, rows: isNull(value), breaks: true };
      if (missing.length === 0) return [isNullClass];
      const any = anyOf(missing.map((each) => equal(value, each)));
      return [isNullClass, { name: `${prefix}missing_value`, rows: any, breaks: true }];
    });
    return { form: 'rows', classes };
  },
};

/** A type to cast a value to. Without a length `character` and `bit` mean a length of 1, and would cut the value. */
function uncut({ baseType }: Column): Sql {
  if (baseType.type === 'character') return sql`bpchar`;
  if (baseType.type === 'bit') return sql`"bit"`;
  return sql`${baseType}`;
}
