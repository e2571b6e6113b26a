import type { Index, Relation } from '../postgres/catalog.ts';
import type { Query } from '../postgres/snapshot.ts';
import { identifier, type Identifier } from '../sql/identifier.ts';
import { column, join, param, sql, type Sql } from '../sql/sql.ts';
import { classColumn, HAS_ROWS, violationsColumn } from './count-statement.ts';
import { ROW_ALIAS, type ColumnPair, type Reference, type RowCheck } from './plan.ts';

/**
 * Types whose `<`, `=` and `>` are one order without gaps, and that an index keeps in it: what is not equal is less or
 * greater. Texts are among them because stepping and comparing go by one collation, the column's.
 */
const ORDERED_TYPES = new Set([
  'smallint',
  'integer',
  'bigint',
  'oid',
  'numeric',
  'uuid',
  'text',
  'character varying',
  'date',
  'timestamp without time zone',
  'timestamp with time zone',
]);

/** The index by which a check can be answered without reading the table, step by step; undefined where there is none. */
export function steppingIndex(check: RowCheck): Index | undefined {
  const names = steppingColumns(check);
  return names && check.relation.indexes.find((index) => leadsWith(index, names));
}

/** The columns that such an index has to lead with; undefined for a check that cannot be answered this way. */
export function steppingColumns({ reference, relation, where }: RowCheck): Identifier[] | undefined {
  if (!reference?.isUnique || where || !isOneTable(relation)) return undefined;
  const { on, match } = reference;
  const pairs = [...on, ...match];
  if (on.length !== 1 || match.length > 1 || !pairs.every(isOrdered)) return undefined;
  return pairs.map(({ child }) => child.name);
}

/** Searches for each link: the next one, what is less and greater than the parent has, and what is NULL. */
const SEARCHES = 4;

/** What one search costs beside the pages that it reads first, in the planner's units; measured at about 2 microseconds. */
const SEARCH_COST = 0.2;

/** What the server takes for one page read out of order (its default `random_page_cost`). */
const PAGE_COST = 4;

/** In the planner's units. Its own estimate would have each search read pages that the one before has just read. */
export function looseCost(links: number, { pages }: Index): number {
  const searches = links * SEARCHES;
  return Math.min(searches, pages) * PAGE_COST + searches * SEARCH_COST;
}

/** An index of a partitioned table, or of one with inheritors, is several: their links would have to be merged. */
function isOneTable({ kind, descendants }: Relation): boolean {
  return (kind === 'table' || kind === 'materialized view') && descendants.length === 0;
}

function isOrdered({ child, parent }: ColumnPair): boolean {
  const known = [child, parent].every(({ baseType }) => ORDERED_TYPES.has(baseType.type));
  return known && child.equality === parent.equality;
}

function leadsWith({ valid, partial, columns, searchable }: Index, names: readonly string[]): boolean {
  return valid && !partial && searchable >= names.length && names.every((name, i) => columns[i] === name);
}

const LINK = identifier('link');
const VALUE = identifier('value');
const PARENT = identifier('parent');

/**
 * Counts the classes of a check by its links: steps from each different link to the next, looks at its parent, and
 * counts by ranges of the index only the rows that differ from it. Costs links and violations, not rows.
 */
export function looseStatement(check: RowCheck, reference: Reference): Sql {
  const [link] = reference.on;
  const [compared] = reference.match;
  if (!link) throw new TypeError('a reference without a link');
  const mine = column(ROW_ALIAS, link.child.name);
  const rows = sql`${check.relation.name} as ${ROW_ALIAS}`;
  const count = (condition: Sql): Sql =>
    sql`(select count(*) from ${rows} where ${mine} = ${LINK}.${VALUE}${condition})`;
  const isThere = sql`${column(PARENT, link.parent.name)} is not null`;
  const counts: Record<string, Sql> = {
    orphan: sql`case when ${isThere} then 0 else ${count(sql``)} end`,
  };
  if (compared) {
    const value = column(ROW_ALIAS, compared.child.name);
    const theirs = column(PARENT, compared.parent.name);
    counts['different'] = sql`case when ${theirs} is null then 0
        else ${count(sql` and ${value} < ${theirs}`)} + ${count(sql` and ${value} > ${theirs}`)} end`;
    counts['child_null'] =
      sql`case when ${theirs} is null then 0 else ${count(sql` and ${value} is null`)} end`;
    counts['parent_null'] =
      sql`case when ${isThere} and ${theirs} is null then ${count(sql` and ${value} is not null`)} else 0 end`;
  }
  const noLink = sql`(select count(*) from ${rows} where ${mine} is null)`;
  const names = check.classes.map(({ name }) => identifier(name));
  const totals = check.classes.map(({ name }) =>
    name === 'no_link' ? noLink : sql`coalesce(sum(${counts[name] ?? sql`null`}), 0)`,
  );
  const breaking = names.filter((_, i) => check.classes[i]?.breaks).map((name) => sql`${name}`);
  const outputs = [
    sql`(${join(breaking, sql` + `, sql`0`)})::text as ${identifier(violationsColumn(0))}`,
    ...names.map((name, i) => sql`${name}::text as ${identifier(classColumn(0, i))}`),
    sql`exists (select from ${rows})::text as ${identifier(HAS_ROWS)}`,
  ];
  return sql`
    with recursive ${LINK} (${VALUE}) as (
      (select ${mine} from ${rows} where ${mine} is not null order by ${mine} limit 1)
      union all
      select (select ${mine} from ${rows} where ${mine} > ${LINK}.${VALUE} order by ${mine} limit 1)
      from ${LINK} where ${LINK}.${VALUE} is not null
    )
    select ${join(outputs, sql`, `)}
    from (
      select ${join(
        totals.map((total, i) => sql`${total} as ${names[i] ?? LINK}`),
        sql`, `,
      )}
      from ${LINK}
      left join ${reference.parent.name} as ${PARENT} on ${column(PARENT, link.parent.name)} = ${LINK}.${VALUE}
      where ${LINK}.${VALUE} is not null
    ) as counted`;
}

/**
 * How many different links a table has, by its statistics; undefined where it has none, or the role may not see them.
 * For choosing a strategy alone: a verdict never rests on an estimate.
 */
export async function estimateLinks(
  { relation, reference }: RowCheck,
  query: Query,
): Promise<number | undefined> {
  const link = reference?.on[0]?.child.name ?? '';
  const { schema, name } = relation.name;
  const [row] = await query(sql`
    select n_distinct::text as n from pg_catalog.pg_stats
    where schemaname = ${param(schema, 'name')} and tablename = ${param(name, 'name')} and attname = ${param(link, 'name')}
      and not inherited`);
  const distinct = Number(row?.['n'] ?? 0);
  // A negative number is a share of the rows.
  return distinct < 0 ? -distinct * relation.rows : distinct || undefined;
}
