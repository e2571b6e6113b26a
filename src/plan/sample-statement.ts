import { identifier } from '../sql/identifier.ts';
import { join, param, sql, type Sql } from '../sql/sql.ts';
import { breaking, filtered, source } from './count-statement.ts';
import { ROW_ALIAS, type QueryCheck, type RowCheck } from './plan.ts';

/**
 * The keys of at most `limit` rows that break a check, with the class of each: those that are found first, so that no
 * more of the table is read than it takes. Undefined where rows have no key.
 */
export function sampleStatement(check: RowCheck | QueryCheck, limit: number): Sql | undefined {
  if (check.key.length === 0) return undefined;
  const keys = check.key.map(
    ({ value }, index) => sql`${shortened(sql`${value}::text`)} as ${identifier(`key_${index}`)}`,
  );
  const first = sql`limit ${param(limit, 'bigint')}`;
  if (check.form === 'query')
    return sql`select ${join(keys, sql`, `)} from (${check.select}) as ${ROW_ALIAS} ${first}`;
  const names = check.classes
    .filter(({ breaks }) => breaks)
    .map(({ name, rows }) => sql`when ${rows} then ${param(name, 'text')}`);
  const className = sql`case ${join(names, sql` `)} end as ${identifier('class')}`;
  return sql`select ${join([className, ...keys], sql`, `)}\nfrom ${source([check])}\nwhere ${filtered(check, breaking(check))}\n${first}`;
}

/** A key is for a person to find a row by; what a query calls its key may be a document of megabytes. */
const MAX_KEY_CHARACTERS = 500;

function shortened(key: Sql): Sql {
  const most = param(MAX_KEY_CHARACTERS, 'integer');
  return sql`case when pg_catalog.length(${key}) > ${most} then pg_catalog.left(${key}, ${most}) || '…' else ${key} end`;
}
