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
  const keys = sampleKeys(check).map((key, index) => sql`${key} as ${identifier(`key_${index}`)}`);
  const first = sql`limit ${param(limit, 'bigint')}`;
  if (check.form === 'query')
    return sql`select ${join(keys, sql`, `)} from (${check.select}) as ${ROW_ALIAS} ${first}`;
  const className = sql`${sampleClass(check)} as ${identifier('class')}`;
  return sql`select ${join([className, ...keys], sql`, `)}\nfrom ${source([check])}\nwhere ${filtered(check, breaking(check))}\n${first}`;
}

/** The name of the class that a row is in which breaks the check: the first that is true. */
export function sampleClass({ classes }: RowCheck): Sql {
  const names = classes
    .filter(({ breaks }) => breaks)
    .map(({ name, rows }) => sql`when ${rows} then ${param(name, 'text')}`);
  return sql`case ${join(names, sql` `)} end`;
}

/** What a row is found by, as texts. */
export function sampleKeys({ key }: RowCheck | QueryCheck): Sql[] {
  return key.map(({ value }) => shortened(sql`${value}::text`));
}

/** The values of {@link sampleKeys}, by the names of what they are. */
export function nameKey(
  { key }: RowCheck | QueryCheck,
  values: readonly (string | null)[],
): Readonly<Record<string, string | null>> {
  return Object.fromEntries(key.map(({ name }, index) => [name, values[index] ?? null]));
}

/** A key is for a person to find a row by; what a query calls its key may be a document of megabytes. */
const MAX_KEY_CHARACTERS = 500;

function shortened(key: Sql): Sql {
  const most = param(MAX_KEY_CHARACTERS, 'integer');
  return sql`case when pg_catalog.length(${key}) > ${most} then pg_catalog.left(${key}, ${most}) || '…' else ${key} end`;
}
