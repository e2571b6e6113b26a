import type { Row } from '../postgres/database.ts';
import { identifier } from '../sql/identifier.ts';
import { anyOf, join, param, sql, type Sql } from '../sql/sql.ts';

/** One thing to count, under the name that it is read by. */
export type Counted = {
  readonly name: string;
  /** The rows that count. */
  readonly rows: Sql;
  /** True for each of them, and seldom for others; best if it is the same for many. */
  readonly suspect: Sql;
};

/** The output column that holds the counts, as one object of JSON. */
const COUNTS = 'counts';

/**
 * Counts very many things in one pass. A filter for each would cost every row as many conditions as there are things;
 * here a row is asked for the different suspicions alone, and only one that is under suspicion for what that is about.
 * `from` is the relation with its alias, `outputs` are more columns of the one row that comes out.
 */
export function sortedCountStatement(
  counted: readonly Counted[],
  from: Sql,
  outputs: readonly Sql[],
  keyOf: (condition: Sql) => string,
): Sql {
  const bySuspicion = new Map<string, { suspect: Sql; places: Sql[] }>();
  for (const [place, { suspect, rows }] of counted.entries()) {
    const key = keyOf(suspect);
    const known = bySuspicion.get(key) ?? { suspect, places: [] };
    bySuspicion.set(key, known);
    known.places.push(sql`case when ${rows} then ${param(place, 'integer')} end`);
  }
  const sorted = [...bySuspicion.values()];
  const found = sorted.map(
    ({ suspect, places }) =>
      sql`case when ${suspect} then pg_catalog.array_remove(array[${join(places, sql`, `)}], null) end`,
  );
  const interesting = anyOf(sorted.map(({ suspect }) => suspect));
  return sql`select ${join([counts, ...outputs], sql`,\n  `)}\nfrom (
  select place, count(*) as n
  from ${from}
  cross join lateral unnest(${join(found, sql`\n    operator(pg_catalog.||) `)}) as found (place)
  where ${interesting}
  group by place
) as counted`;
}

const counts = sql`coalesce(pg_catalog.json_object_agg(place, n), '{}')::text as ${identifier(COUNTS)}`;

/** The counts of such a row by their names, with a zero for what was not found; undefined for any other row. */
export function readSortedCounts(row: Row, names: readonly string[]): Row | undefined {
  const text = row[COUNTS];
  if (text === undefined || text === null) return undefined;
  const found = JSON.parse(text) as Record<string, number>;
  return { ...row, ...Object.fromEntries(names.map((name, place) => [name, String(found[place] ?? 0)])) };
}
