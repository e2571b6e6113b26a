import { identifier } from '../sql/identifier.ts';
import { column, param, sql, type Sql } from '../sql/sql.ts';
import type { Lookup } from '../kinds/kind.ts';
import { uncut, type Relation } from '../postgres/catalog.ts';
import type { Rule } from '../rules/rule.ts';
import { ROW_ALIAS, type RowClass } from './plan.ts';

const PG_CATALOG = identifier('pg_catalog');

/** The classes of a rule with `since`: each that breaks it once for the old rows, under its own name, and once for the new. */
export function splitClasses(
  { since }: Rule,
  classes: readonly RowClass[],
  relation: Relation,
  lookup: Lookup,
): readonly RowClass[] {
  if (!since) return classes;
  const found = lookup.column(since.column, ['since', 'column'], relation);
  const { operatorSchema = PG_CATALOG } = found;
  const later = sql`${column(ROW_ALIAS, found.name)} operator(${operatorSchema}.>) ${param(since.value, 'text')}::${uncut(found)}`;
  // A row of which nobody knows when it was made may be of today.
  const isNew = sql`(${later}) is not false`;
  const only = (each: RowClass, when: Sql): RowClass => ({ ...each, rows: sql`(${each.rows}) and ${when}` });
  return classes.flatMap((each) =>
    each.breaks
      ? [only(each, sql`not (${isNew})`), { ...only(each, isNew), name: `${each.name}.leak`, isLeak: true }]
      : [each],
  );
}
