import type { Row } from '../postgres/database.ts';
import { identifier, type Identifier } from '../sql/identifier.ts';
import { column, join, param, sql, type Sql } from '../sql/sql.ts';
import {
  areMany,
  breaking,
  countedOf,
  countsFor,
  filtered,
  hasRows,
  source,
  suspicious,
} from './count-statement.ts';
import { MAX_OUTPUTS, type RowChecks } from './groups.ts';
import { ROW_ALIAS, type RowCheck } from './plan.ts';
import { nameKey, sampleClass, sampleKeys } from './sample-statement.ts';

/** So few rows that the server can hold their keys, and so many that most mistakes have fewer. */
const MOST_ROWS = 1_000;

const IS_CUT = identifier('is_cut');
const samplesColumn = (check: number): string => `s${check}`;

/** A row that breaks a check: its class, and what it is found by. */
type SeenRow = { readonly class: string; readonly key: ReturnType<typeof nameKey> };

/** Whether {@link lookStatement} can ask for all that these checks count, with the samples of each beside it. */
export function canLook(checks: readonly RowCheck[]): boolean {
  const counts = checks.reduce((sum, check) => sum + countsFor(check), 0);
  return !areMany(checks) && counts + checks.length <= MAX_OUTPUTS;
}

/**
 * Counts as `countStatement` does, and brings keys of at most `samples` rows that break each check, so that nobody reads
 * the table again for them. It ends early where there are more rows than the server should hold; see {@link isCut}.
 */
export function lookStatement(checks: RowChecks, samples: number): Sql {
  const counted = checks.flatMap(countedOf);
  const sampled = checks.flatMap((check, place) =>
    isSampled(check) ? [[identifier(samplesColumn(place)), check] as const] : [],
  );
  const places = placesOf(checks[0]);
  const seen = [
    ...counted.map(({ name, rows }) => sql`${rows} as ${identifier(name)}`),
    ...sampled.map(([name, check]) => sql`${sampleOf(check)} as ${name}`),
    ...places.map(([name, place]) => sql`${place} as ${name}`),
  ];
  const inOrder =
    places.length > 0
      ? sql` order by ${join(
          places.map(([name]) => sql`${name}`),
          sql`, `,
        )}`
      : sql``;
  const outputs = [
    ...counted.map(
      ({ name }) => sql`(count(*) filter (where ${identifier(name)}))::text as ${identifier(name)}`,
    ),
    ...sampled.map(
      ([name]) =>
        sql`pg_catalog.to_json((pg_catalog.array_agg(${name}${inOrder}) filter (where ${name} is not null))[1:${param(samples, 'integer')}])::text as ${name}`,
    ),
    sql`(count(*) = ${param(MOST_ROWS, 'bigint')})::text as ${IS_CUT}`,
    ...hasRows(checks[0]),
  ];
  return sql`select ${join(outputs, sql`,\n  `)}\nfrom (
  select ${join(seen, sql`,\n    `)}
  from ${source(checks)}
  where ${suspicious(checks)}
  limit ${param(MOST_ROWS, 'bigint')}
) as seen`;
}

/** Whether the statement ended early, so that its answer says nothing. */
export function isCut(row: Row | undefined): boolean {
  return row?.[IS_CUT] !== 'false';
}

/** The rows that it brought of each check; undefined for a check whose rows have to be asked for. */
export function readSeen(checks: RowChecks, row: Row): (SeenRow[] | undefined)[] {
  return checks.map((check, place) => {
    if (!isSampled(check)) return undefined;
    const rows = JSON.parse(row[samplesColumn(place)] ?? '[]') as string[];
    return rows.map((text) => {
      const [name, ...key] = JSON.parse(text) as [string, ...(string | null)[]];
      return { class: name, key: nameKey(check, key) };
    });
  });
}

/** Which rows to show of a check with leaks is known only when they are counted. */
function isSampled({ key, classes }: RowCheck): boolean {
  return key.length > 0 && !classes.some(({ isLeak }) => isLeak);
}

function sampleOf(check: RowCheck): Sql {
  const outputs = join([sampleClass(check), ...sampleKeys(check)], sql`, `);
  return sql`case when ${filtered(check, breaking(check))} then pg_catalog.json_build_array(${outputs})::text end`;
}

/** Where a row lies, so that two runs show the same rows; a view does not say. */
function placesOf({ relation }: RowCheck): [Identifier, Sql][] {
  if (relation.kind === 'view') return [];
  const names = ['tableoid', 'ctid'] as const;
  return names.map((name, i) => [identifier(`place_${i}`), column(ROW_ALIAS, identifier(name))]);
}
