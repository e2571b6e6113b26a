import { identifier } from '../sql/identifier.ts';
import { allOf, anyOf, join, param, sql, type Sql } from '../sql/sql.ts';
import { ROW_ALIAS, type QueryCheck, type RowCheck } from './plan.ts';

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
  return sql`select ${join([violations, ...counts], sql`,\n  `)}\n${source(check)}\nwhere ${interesting(check)}`;
}

/** The keys of at most `limit` rows that break a check, with the class of each; undefined where rows have no key. */
export function sampleStatement(check: RowCheck | QueryCheck, limit: number): Sql | undefined {
  if (check.key.length === 0) return undefined;
  const keys = check.key.map(({ value }, index) => sql`${value}::text as ${identifier(`key_${index}`)}`);
  const most = sql`limit ${param(limit, 'bigint')}`;
  if (check.form === 'query')
    return sql`select ${join(keys, sql`, `)} from (${check.select}) as ${ROW_ALIAS} ${most}`;
  const names = check.classes
    .filter(({ breaks }) => breaks)
    .map(({ name, rows }) => sql`when ${rows} then ${param(name, 'text')}`);
  const className = sql`case ${join(names, sql` `)} end as ${identifier('class')}`;
  return sql`select ${join([className, ...keys], sql`, `)}\n${source(check)}\nwhere ${filtered(check, violates(check))}\n${most}`;
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
