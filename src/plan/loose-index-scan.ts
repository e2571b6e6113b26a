import type { Index, Relation } from '../postgres/catalog.ts';
import { identifier, type Identifier } from '../sql/identifier.ts';
import { column, join, sql, type Sql } from '../sql/sql.ts';
import { countStatement } from './count-statement.ts';
import { ROW_ALIAS, type ColumnPair, type Reference, type RowCheck } from './plan.ts';

/**
 * Types whose `<`, `=` and `>` are one order without gaps, and that an index keeps in it: what is not equal is less or
 * greater. Texts are among them because the index and the comparisons go by one collation, the column's.
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

/** The index by which a check can be answered without reading the table; undefined where there is none. */
export function steppingIndex(check: RowCheck): Index | undefined {
  const names = steppingColumns(check);
  return names && check.relation.indexes.find((index) => leadsWith(index, names));
}

/** The columns that such an index has to lead with; undefined for a check that cannot be answered this way. */
export function steppingColumns({ reference, relation, where, rule }: RowCheck): Identifier[] | undefined {
  // The rows that it steps over carry the two columns alone, and not the one that tells new from old.
  if (!reference?.isUnique || where || rule.since || !isOneTable(relation)) return undefined;
  const { on, match } = reference;
  const pairs = [...on, ...match];
  if (on.length !== 1 || match.length > 1 || !pairs.every(isOrdered)) return undefined;
  return pairs.map(({ child }) => child.name);
}

/** Searches for each parent: between its rows and the next one's, and for its rows without a value. */
const SEARCHES = 2;

/** What one search costs beside the pages that it reads first, in the planner's units; measured at about 1.5 microseconds. */
const SEARCH_COST = 0.3;

/** What the server takes for one page read out of order (its default `random_page_cost`). */
const PAGE_COST = 4;

/**
 * In the planner's units; undefined where nobody has counted the parents. The server's own estimate is of no use: it
 * expects rows between any two keys.
 */
export function looseCost({ parent }: Reference, index: Index): number | undefined {
  if (parent.rows === 0) return undefined;
  const searches = parent.rows * SEARCHES;
  return parent.pages + Math.min(searches, index.pages) * PAGE_COST + searches * SEARCH_COST;
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

const KEY = identifier('expected');
const LINK = identifier('link');
const VALUE = identifier('value');
const NEXT_LINK = identifier('next_link');
const NEXT_VALUE = identifier('next_value');
const FIRST = identifier('first');
const LAST = identifier('last');

/**
 * Counts the classes of a check without looking at the rows that agree with their parent. In the order of the index
 * those stand where the parents' keys are, so all others are found between two neighbouring keys, before the first and
 * behind the last; and among the NULLs, which are in no such place. Costs parents and violations, not rows.
 */
export function looseStatement(check: RowCheck, reference: Reference): Sql {
  const { relation } = check;
  const [link] = reference.on;
  const [compared] = reference.match;
  if (!link) throw new TypeError('a reference without a link');
  const mine = (name: Identifier): Sql => column(ROW_ALIAS, name);
  const names = compared ? [link.child.name, compared.child.name] : [link.child.name];
  const row = tuple(names.map(mine));
  const at = (alias: Identifier): Sql =>
    tuple((compared ? [LINK, VALUE] : [LINK]).map((name) => column(alias, name)));
  const next = tuple((compared ? [NEXT_LINK, NEXT_VALUE] : [NEXT_LINK]).map((name) => column(KEY, name)));
  const rows = sql`select ${listOf(names.map(mine))} from ${relation.name} as ${ROW_ALIAS}`;
  const joined = (from: Sql, condition: Sql): Sql =>
    sql`select ${listOf(names.map(mine))} from ${from} join ${relation.name} as ${ROW_ALIAS} on ${condition}`;
  const end = (alias: Identifier, order: Sql): Sql =>
    sql`(select * from ${KEY} order by ${LINK} ${order} limit 1) as ${alias}`;
  const places = [
    joined(sql`${KEY}`, sql`${row} > ${at(KEY)} and ${row} < ${next}`),
    joined(end(FIRST, sql`asc`), sql`${row} < ${at(FIRST)}`),
    joined(end(LAST, sql`desc`), sql`${row} > ${at(LAST)}`),
    sql`${rows} where ${mine(link.child.name)} is null`,
    sql`${rows} where ${mine(link.child.name)} is not null and not exists (select from ${KEY})`,
  ];
  if (compared) {
    const nulls = sql`${mine(link.child.name)} = ${column(KEY, LINK)} and ${mine(compared.child.name)} is null`;
    places.push(joined(sql`${KEY}`, nulls));
  }
  const suspects = sql`(\n  ${join(places, sql`\n  union all `)}\n)`;
  return sql`with ${KEY} as materialized (\n${expectedKeys(reference)}\n)\n${countStatement([check], suspects)}`;
}

/** The keys that rows may have, each with the one behind it. A parent without a value expects nothing. */
function expectedKeys({ parent, on: [link], match: [compared] }: Reference): Sql {
  if (!link) throw new TypeError('a reference without a link');
  const key = link.parent.name;
  const value = compared?.parent.name;
  const outputs = [
    sql`${key} as ${LINK}`,
    sql`lead(${key}) over (order by ${key}) as ${NEXT_LINK}`,
    ...(value
      ? [sql`${value} as ${VALUE}`, sql`lead(${value}) over (order by ${key}) as ${NEXT_VALUE}`]
      : []),
  ];
  const isSet = value ? sql`${key} is not null and ${value} is not null` : sql`${key} is not null`;
  return sql`  select ${listOf(outputs)} from ${parent.name} where ${isSet}`;
}

const listOf = (parts: readonly Sql[]): Sql => join(parts, sql`, `);

/** One value alone is compared as itself. */
function tuple(parts: readonly Sql[]): Sql {
  return parts.length === 1 ? listOf(parts) : sql`(${listOf(parts)})`;
}
