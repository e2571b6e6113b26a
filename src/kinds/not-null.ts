import { uncut, type Column } from '../postgres/catalog.ts';
import { anyOf, column, param, sql, type Sql } from '../sql/sql.ts';
import { ROW_ALIAS, type RowClass } from '../plan/plan.ts';
import type { Rule } from '../rules/rule.ts';
import { equal, isNull, type Value } from './compare.ts';
import type { Kind } from './kind.ts';

/** Whether a column of the row is missing in the eyes of a rule: NULL, or a value that it takes for a missing one. */
export function missingValue(rule: Rule, found: Column): Sql {
  const value = { sql: column(ROW_ALIAS, found.name), column: found };
  return anyOf([
    isNull(value),
    ...missingValues(rule, found).map((each) => sql`(${equal(value, each)}) is true`),
  ]);
}

function missingValues(rule: Rule, found: Column): Value[] {
  const written = (rule.kind === 'not_null' && rule.spec.missing_values) || [];
  return written.map((each) => ({ sql: sql`${param(each, 'text')}::${uncut(found)}`, column: found }));
}

/** Breaks on rows whose column is NULL, or holds a value that stands for a missing one. */
export const notNull: Kind<'not_null'> = {
  name: 'not_null',
  ask(rule, relation, lookup) {
    const { spec } = rule;
    const names = spec.columns ?? [spec.column ?? ''];
    const classes = names.flatMap((name, index): RowClass[] => {
      const found = lookup.column(name, spec.columns ? ['columns', index] : ['column'], relation);
      const value = { sql: column(ROW_ALIAS, found.name), column: found };
      const prefix = names.length > 1 ? `${name}.` : '';
      const missing = missingValues(rule, found);
      const isNullClass = { name: `${prefix}null`, rows: isNull(value), breaks: true };
      if (missing.length === 0) return [isNullClass];
      const any = anyOf(missing.map((each) => equal(value, each)));
      return [isNullClass, { name: `${prefix}missing_value`, rows: any, breaks: true }];
    });
    return { form: 'rows', classes };
  },
};
