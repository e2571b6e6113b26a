import { identifier } from '../sql/identifier.ts';
import { allOf, anyOf, join, param, sql, type Sql } from '../sql/sql.ts';
import { ROW_ALIAS, type QueryCheck, type RowCheck } from './plan.ts';

/** The output column of {@link countStatement} that says whether the table has any row, for tables that are cheap to ask. */
export const HAS_ROWS = 'has_rows';

/** The output column of {@link countStatement} that holds the number of violations. */
export const VIOLATIONS = 'violations';

/** The output column that holds the count of the class at this place in the check. */
export const classColumn = (index: number): string => `class_${index}`;

/** One row: the violations of a check, and the count of each of its classes. Every row of the table is in at most one scan. */
export function countStatement(check: RowCheck | QueryCheck): Sql {
  if (check.form === 'query')
    return sql`select count(*)::text as ${identifier(VIOLATIONS)} from (${check.select}) as ${ROW_ALIAS}`;
  const counts = check.classes.map(
    ({ rows }, index) => sql`(count(*) filter (where ${rows}))::text as ${identifier(classColumn(index))}`,
  );
  const violations = sql`(count(*) filter (where ${violates(check)}))::text as ${identifier(VIOLATIONS)}`;
  const outputs = [violations, ...counts, ...hasRows(check)];
  return sql`select ${join(outputs, sql`,\n  `)}\n${source(check)}\nwhere ${interesting(check)}`;
}

/** Of a view the first row can cost as much as all of them. */
function hasRows({ relation }: RowCheck): Sql[] {
  if (relation.kind === 'view') return [];
  return [sql`exists (select from ${relation.name})::text as ${identifier(HAS_ROWS)}`];
}

/**
 * The keys of at most `limit` rows that break a check, with the class of each: the first by key, so that two runs show
 * the same. Undefined where rows have no key.
 */
export function sampleStatement(check: RowCheck | QueryCheck, limit: number): Sql | undefined {
  if (check.key.length === 0) return undefined;
  const texts = check.key.map(({ value }) => sql`${value}::text`);
  const keys = texts.map((key, index) => sql`${shortened(key)} as ${identifier(`key_${index}`)}`);
  // As texts, since not every type has an order; the short ones first, which sorts numbers. No index has this order:
  // where few rows of a large table break the rule, walking one would cost more than the scan and a sort of those rows.
  const order = texts.map((key) => sql`pg_catalog.length(${key}), ${key} collate "C"`);
  const first = sql`order by ${join(order, sql`, `)} limit ${param(limit, 'bigint')}`;
  if (check.form === 'query')
    return sql`select ${join(keys, sql`, `)} from (${check.select}) as ${ROW_ALIAS} ${first}`;
  const names = check.classes
    .filter(({ breaks }) => breaks)
    .map(({ name, rows }) => sql`when ${rows} then ${param(name, 'text')}`);
  const className = sql`case ${join(names, sql` `)} end as ${identifier('class')}`;
  return sql`select ${join([className, ...keys], sql`, `)}\n${source(check)}\nwhere ${filtered(check, violates(check))}\n${first}`;
}

/** A key is for a person to find a row by; what a query calls its key may be a document of megabytes. */
const MAX_KEY_CHARACTERS = 500;

function shortened(key: Sql): Sql {
  const most = param(MAX_KEY_CHARACTERS, 'integer');
  return sql`case when pg_catalog.length(${key}) > ${most} then pg_catalog.left(${key}, ${most}) || '…' else ${key} end`;
}

function violates(check: RowCheck): Sql {
  return anyOf(check.classes.filter(({ breaks }) => breaks).map(({ rows }) => rows));
}

function interesting(check: RowCheck): Sql {
  return filtered(check, anyOf(check.classes.map(({ rows }) => rows)));
}

function filtered({ where }: RowCheck, condition: Sql): Sql {
  return where ? allOf([sql`(${where}) is true`, condition]) : condition;
}

function source(check: RowCheck): Sql {
  // The same join twice, as of two columns of one parent that a rule compares, is written once.
  const different = new Map(check.joins.map((each) => [each.alias, each]));
  const joins = Array.from(
    different.values(),
    ({ from, alias, on }) => sql`\nleft join ${from} as ${alias} on ${on}`,
  );
  return sql`from ${check.relation.name} as ${ROW_ALIAS}${join(joins, sql``)}`;
}
