import type { Column } from '../postgres/catalog.ts';
import { identifier } from '../sql/identifier.ts';
import { sql, type Sql } from '../sql/sql.ts';

/** An expression with the values of a column. */
export type Value = { readonly sql: Sql; readonly column: Column };

const PG_CATALOG = identifier('pg_catalog');

/**
 * Whether a value is NULL as NOT NULL and foreign keys see it: a composite value is there as soon as it is not NULL
 * itself, whatever its fields are. Plain `is null` where that says the same, so that the planner can use it.
 */
export function isNull({ sql: value, column }: Value): Sql {
  return column.isComposite ? sql`${value} is not distinct from null` : sql`${value} is null`;
}

/** The opposite of {@link isNull}. */
export function isSet({ sql: value, column }: Value): Sql {
  return column.isComposite ? sql`${value} is distinct from null` : sql`${value} is not null`;
}

/** `left = right`. NULL where either side is. */
export function equal(left: Value, right: Value): Sql {
  return sql`${left.sql} operator(${operatorSchema(left, right)}.=) ${right.sql}`;
}

/** `left <> right`. NULL where either side is. */
export function differ(left: Value, right: Value): Sql {
  return sql`${left.sql} operator(${operatorSchema(left, right)}.<>) ${right.sql}`;
}

/** Named, so that no operator that somebody adds to a schema on the search path can be taken instead. */
function operatorSchema(left: Value, right: Value): Sql {
  const { equality, operatorSchema: own } = left.column;
  return sql`${own !== undefined && equality === right.column.equality ? own : PG_CATALOG}`;
}

/**
 * Whether `=` between the two takes values of `column` for equal exactly when the column's own unique indexes and
 * groups do. Otherwise a cast, or the other side's collation, can make one value of several.
 */
export function keepsEquality(column: Column, other: Column): boolean {
  const sameTexts = other.looseCollation === undefined || isSameCollation(column, other);
  return column.equality === other.equality && sameTexts;
}

function isSameCollation({ looseCollation: one }: Column, { looseCollation: other }: Column): boolean {
  return one?.schema === other?.schema && one?.name === other?.name;
}

/** A column's value as it is compared with the other column: cast as `=` casts it, and under the collation of both. */
export function comparable({ sql: value, column }: Value, other: Column): Sql {
  if (keepsEquality(column, other)) return value;
  const collation = other.looseCollation ? sql` collate ${other.looseCollation}` : sql``;
  // NULLIF gives its first argument, cast to what the `=` that it stands for takes.
  return sql`nullif(${value}, null::${other.baseType})${collation}`;
}
