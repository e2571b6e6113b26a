// Every statement that a lane is walked and filled with. Pure. `fillRows` is the only one that changes a user's table.
import type { Row } from '../postgres/database.ts';
import { uncut, type Column } from '../postgres/catalog.ts';
import type { FillHop } from '../plan/fill.ts';
import { ROW_ALIAS } from '../plan/plan.ts';
import { identifier, type Identifier } from '../sql/identifier.ts';
import { allOf, anyOf, column, join, param, sql, type Sql } from '../sql/sql.ts';
import { Problem } from '../support/problem.ts';
import type { KeyText } from './backfill-run.ts';
import type { Lane } from './lane.ts';

/** Keys after `low`, which is left out, up to `high`, which is not; undefined is the beginning. */
export type KeyRange = {
  readonly low: KeyText | undefined;
  readonly high: KeyText;
  /** Only the rows whose places hash to this pass, spread evenly over the pages; undefined and zero are all of them. */
  readonly pass?: number;
};

const PG_CATALOG = identifier('pg_catalog');
const list = (pieces: readonly Sql[]): Sql => join(pieces, sql`, `);
// Beside columns of the user's, of whatever name: these are none that anybody would give.
const place = identifier('rowgate place');
const lacking = identifier('rowgate lacking');
const ctid = column(ROW_ALIAS, identifier('ctid'));
const keyName = (index: number): Identifier => identifier(`key_${index}`);
const onRow = ({ name }: Column): Sql => column(ROW_ALIAS, name);
const keyOf = ({ key }: Lane): Sql[] => key.map(onRow);
const valueName = (index: number): Identifier => identifier(`value_${index}`);
const keyTexts = (lane: Lane): Sql[] => lane.key.map((each, i) => sql`${onRow(each)}::text as ${keyName(i)}`);
const keyOrder = (lane: Lane): Sql => list(keyOf(lane));
const keyOrderDown = (lane: Lane): Sql => list(keyOf(lane).map((each) => sql`${each} desc`));

/** The last key of the lane; no row where it is empty. */
export function highestKey(lane: Lane): Sql {
  return sql`select ${list(keyTexts(lane))} from only ${lane.leaf.name} as ${ROW_ALIAS} order by ${keyOrderDown(lane)} limit 1`;
}

/** The key that ends a range of `rows` rows that begins after `low`; no row where `high` comes first. */
export function keyAfterRows(lane: Lane, { low, high }: KeyRange, rows: number): Sql {
  return sql`
    select ${list(keyTexts(lane))}
    from only ${lane.leaf.name} as ${ROW_ALIAS}
    where ${inRange(lane, { low, high })}
    order by ${keyOrder(lane)}
    offset ${param(rows - 1, 'bigint')} limit 1`;
}

/** The key of the row in the middle of a range's candidates, so that both halves have one; no row where there is only one. */
export function middleKey(lane: Lane, range: KeyRange, most: number): Sql {
  const names = list(lane.key.map((_, i) => sql`${keyName(i)}`));
  return sql`
    select ${names} from (
      select ${list(keyTexts(lane))}, pg_catalog.row_number() over (order by ${keyOrder(lane)}) as place, pg_catalog.count(*) over () as total
      from (${candidates(lane, range, most)}) as ${ROW_ALIAS}
    ) as numbered
    where place = total / 2 and place > 0`;
}

/** What {@link lockParents} found and locked. */
export type LockedParents = {
  /** Rows that lack a value, at most as many as were asked for. */
  readonly candidates: number;
  /** The key of the last of them; undefined where there are none. */
  readonly last: KeyText | undefined;
  /** Where they are, in the order of their key, as the server writes an array of places. */
  readonly places: string;
  /** The locked rows' keys, an array for each column of the hop's key, as the server writes arrays. */
  readonly keys: readonly (string | null)[];
};

/**
 * Locks the rows of one hop that the range's candidates lead to, in the order of their key, and says which they are. A
 * statement of its own: the next one then reads what the locks have frozen. Rows that somebody else has locked are left out.
 */
export function lockParents(lane: Lane, range: KeyRange, most: number, hopIndex: number): Sql {
  const { hops } = lane.fill;
  const hop = hopAt(lane, hopIndex);
  const before = hops.slice(0, hopIndex);
  const way = before.map(
    ({ relation, alias, condition }) => sql`join ${relation.name} as ${alias} on ${condition}`,
  );
  const keys = hop.on.map(({ parent }) => column(hop.alias, parent.name));
  const locked = hop.on.map((_, i) => sql`pg_catalog.array_agg(${keyName(i)})::text as ${lockedName(i)}`);
  const last = lane.key.map((_, i) => sql`${keyName(i)} as ${lastName(i)}`);
  return sql`
    with candidates as materialized (
      ${candidates(lane, range, most)}
    ), parents as (
      select ${list(keys.map((key, i) => sql`${key}::text as ${keyName(i)}`))}
      from ${hop.relation.name} as ${hop.alias}
      where exists (select from candidates as ${ROW_ALIAS} ${join(way, sql` `)} where ${hop.condition})
      order by ${list(keys)}
      for share of ${hop.alias} skip locked
    )
    select counted.*, last.*, locked.*
    from (
      select pg_catalog.count(*)::text as candidates, pg_catalog.array_agg(${column(ROW_ALIAS, place)} order by ${keyOrder(lane)})::text as places
      from candidates as ${ROW_ALIAS}
    ) as counted
    left join (
      select ${list(last)} from (
        select ${list(keyTexts(lane))} from candidates as ${ROW_ALIAS} order by ${keyOrderDown(lane)} limit 1
      ) as last_candidate
    ) as last on true
    cross join (select ${list(locked)} from parents) as locked`;
}

/** Reads the answer to {@link lockParents}. */
export function readLockedParents(lane: Lane, hopIndex: number, row: Row | undefined): LockedParents {
  const count = Number(row?.['candidates'] ?? Number.NaN);
  if (!Number.isSafeInteger(count))
    throw new TypeError('the server did not say how many candidates there are');
  const last = lane.key.map((_, i) => row?.[lastName(i)] ?? null);
  return {
    candidates: count,
    last: last.every((each) => each !== null) ? last : undefined,
    places: row?.['places'] ?? '{}',
    keys: hopAt(lane, hopIndex).on.map((_, i) => row?.[lockedName(i)] ?? '{}'),
  };
}

const lockedName = (index: number): Identifier => identifier(`locked_${index}`);
const lastName = (index: number): Identifier => identifier(`last_${index}`);

/** What {@link fillRows} did, by its output columns. */
export type Filled = {
  /**
   * Rows that lacked a value when the statement began: in the last pass all of the range, also those that somebody else
   * had locked; before it, those that were locked to be filled.
   */
  readonly lacking: number;
  /** Rows that lack their value all the same: a trigger took it back, or kept it from being written. */
  readonly undone: number;
  /** Rows that were changed, and lack less than they did. */
  readonly filled: number;
};

/** What a batch fills, and from what. */
export type Filling = {
  readonly range: KeyRange;
  readonly most: number;
  /** Of the candidates, as {@link lockParents} found them. A row that has moved since is left to a later pass or try. */
  readonly places: string;
  /** Of the locked rows of each hop. */
  readonly lockedKeys: readonly (readonly (string | null)[])[];
};

/**
 * Gives candidates of a range their values, from parents that are locked. A row that somebody else has locked is left; a
 * row that got a value meanwhile keeps it, as the condition is asked of the row as it is when it is written.
 */
export function fillRows(lane: Lane, { range, most, places, lockedKeys }: Filling): Sql {
  const { fill, leaf } = lane;
  const from = fill.hops.map(
    ({ relation, alias }, i) => sql`${relation.name} as ${alias}, ${lockedSet(lane, i, lockedKeys[i] ?? [])}`,
  );
  const conditions = fill.hops.flatMap((hop, i) => [hop.condition, inLockedSet(hop, i)]);
  // Asked twice, when the row is locked and when it is written: whatever it was in between, a value that is there stays.
  const stillMissing = fill.candidate;
  const values = fill.set.map((pair, i) => sql`${valueToSet(lane, pair)} as ${valueName(i)}`);
  const isAltered = anyOf(fill.set.map(({ isOtherThan }, i) => isOtherThan(resolvedValue(i))));
  const allOfRange = sql`only ${leaf.name} as ${ROW_ALIAS} where ${allOf([inRange(lane, range), stillMissing])}`;
  const lackingRows = range.pass ? sql`candidates` : allOfRange;
  const lockOf = locksKey(lane) ? sql`for update` : sql`for no key update`;
  return sql`
    with candidates as materialized (
      select ${list([...columnsOf(lane), sql`${ctid} as ${place}`, sql`${lackingValues(lane)} as ${lacking}`])}
      from only ${leaf.name} as ${ROW_ALIAS}
      where ${allOf([sql`${ctid} operator(pg_catalog.=) any (${param(places, 'tid[]')})`, inRange(lane, range), stillMissing])}
      order by ${keyOrder(lane)}
      limit ${param(most, 'bigint')}
      ${lockOf} skip locked
    ), resolved as materialized (
      select ${list([column(ROW_ALIAS, place), column(ROW_ALIAS, lacking), ...values])}
      from candidates as ${ROW_ALIAS}, ${list(from)}
      where ${allOf([...conditions, fill.resolvable])}
      -- Entries of one parent stand together in an index on the link: in this order each of its pages is gone through once.
      order by ${list([...fill.hops[0].on.map(({ child }) => onRow(child)), column(ROW_ALIAS, place)])}
    ), filled as (
      update only ${leaf.name} as ${ROW_ALIAS}
      set ${list(fill.set.map((pair, i) => sql`${pair.child.name} = ${newValue(lane, pair, i)}`))}
      from resolved
      where ${allOf([sql`${ctid} operator(pg_catalog.=) resolved.${place}`, inRange(lane, range), stillMissing])}
      returning ${lackingValues(lane)} < resolved.${lacking} as is_filled, ${isAltered} as is_altered
    )
    select (select pg_catalog.count(*) from ${lackingRows})::text as lacking,
      ((select pg_catalog.count(*) from resolved) - (select pg_catalog.count(*) from filled where is_filled))::text as undone,
      (select pg_catalog.count(*) from filled where is_altered)::text as altered,
      (select pg_catalog.count(*) from filled where is_filled)::text as filled`;
}

/** The same statement of no row at all, for the server to look at. */
export function fillNothing(lane: Lane): Sql {
  const beforeAll = { low: undefined, high: lane.key.map(() => null) } as unknown as KeyRange;
  const none = lane.fill.hops.map(({ on }) => on.map(() => '{}'));
  return fillRows(lane, { range: beforeAll, most: 1, places: '{}', lockedKeys: none });
}

/**
 * Reads the answer to {@link fillRows}. Throws `value-altered` where a trigger gave a row another value than the parent's:
 * nothing of the batch may stay then, as such a value is worse than none.
 */
export function readFilled(row: Row | undefined): Filled {
  const [lacking, undone, altered, filled] = ['lacking', 'undone', 'altered', 'filled'].map((name) => {
    const count = Number(row?.[name] ?? Number.NaN);
    if (!Number.isSafeInteger(count)) throw new TypeError(`the server did not say how many rows are ${name}`);
    return count;
  });
  if (altered !== 0)
    throw new Problem('value-altered', "a trigger wrote another value than the parent's", {
      hint: 'Look at the triggers of the table.',
    });
  return { lacking: lacking ?? 0, undone: undone ?? 0, filled: filled ?? 0 };
}

/**
 * What is left of a range's candidates, by class, with some keys of each; `resolvable` are those that could be filled.
 */
export function classifyRest(lane: Lane, range: KeyRange, samples: number): Sql {
  const { fill, leaf } = lane;
  const classes = fill.residue.map(({ name, rows }) => sql`when ${rows} then ${param(name, 'text')}`);
  const hops = fill.hops.map(
    ({ relation, alias, condition }) => sql`left join ${relation.name} as ${alias} on ${condition}`,
  );
  const names = lane.key.map((_, i) => sql`${keyName(i)}`);
  return sql`
    select class, rows, ${list(names)} from (
      select class, ${list(names)}, pg_catalog.count(*) over (partition by class)::text as rows,
        pg_catalog.row_number() over (partition by class order by place) as number
      from (
        select case ${join(classes, sql` `)} else 'resolvable' end as class, ${list(keyTexts(lane))},
          pg_catalog.row_number() over (order by ${keyOrder(lane)}) as place
        from only ${leaf.name} as ${ROW_ALIAS} ${join(hops, sql` `)}
        where ${allOf([inRange(lane, range), fill.candidate])}
      ) as classed
    ) as counted
    where number <= ${param(Math.max(1, samples), 'integer')}`;
}

/** The key of a row of an answer, as text. */
export function readKey(lane: Lane, row: Row | undefined): KeyText | undefined {
  const key = lane.key.map((_, i) => row?.[keyName(i)] ?? null);
  return key.every((each) => each !== null) ? key : undefined;
}

/** The rows of a range that lack a value, in the order of the key, with all that leads on from them. */
function candidates(lane: Lane, range: KeyRange, most: number): Sql {
  return sql`
      select ${list([...columnsOf(lane), sql`${ctid} as ${place}`])}
      from only ${lane.leaf.name} as ${ROW_ALIAS}
      where ${allOf([inRange(lane, range), lane.fill.candidate])}
      order by ${keyOrder(lane)}
      limit ${param(most, 'bigint')}`;
}

/** The key, what leads to the first hop, and what is to be filled, under their own names. */
function columnsOf({ key, fill }: Lane): Sql[] {
  const columns = [
    ...key,
    ...fill.hops[0].on.map(({ child }) => child),
    ...fill.set.map(({ child }) => child),
  ];
  return [...new Map(columns.map((each) => [each.name, each])).values()].map(onRow);
}

function hopAt({ fill }: Lane, index: number): FillHop {
  const hop = fill.hops[index];
  if (!hop) throw new TypeError('there is no such hop');
  return hop;
}

const setAlias = (index: number): Identifier => identifier(`locked ${index + 1}`);

function lockedSet(lane: Lane, hopIndex: number, keys: readonly (string | null)[]): Sql {
  const arrays = hopAt(lane, hopIndex).on.map(
    (_, i) => sql`pg_catalog.unnest(${param(keys[i] ?? '{}', 'text[]')})`,
  );
  const names = arrays.map((_, i) => sql`${keyName(i)}`);
  return sql`rows from (${list(arrays)}) as ${setAlias(hopIndex)} (${list(names)})`;
}

function inLockedSet(hop: FillHop, index: number): Sql {
  return allOf(
    hop.on.map(({ parent }, i) => {
      const text = column(setAlias(index), keyName(i));
      return sql`${column(hop.alias, parent.name)} operator(${schemaOf(parent)}.=) ${text}::${uncut(parent)}`;
    }),
  );
}

/** How many of a row's values are missing. */
function lackingValues({ fill }: Lane): Sql {
  return join(
    fill.set.map(({ missing }) => sql`(${missing})::integer`),
    sql` + `,
  );
}

const resolvedValue = (index: number): Sql => column(identifier('resolved'), valueName(index));

/** With several columns a row may lack only some of its values: what it has is not to be set. */
function valueToSet({ fill }: Lane, { missing, value }: Lane['fill']['set'][number]): Sql {
  return fill.set.length === 1 ? value : sql`case when (${missing}) then ${value} end`;
}

/** The others stay, as does a value that came meanwhile. */
function newValue({ fill }: Lane, { child, missing }: Lane['fill']['set'][number], index: number): Sql {
  const value = resolvedValue(index);
  if (fill.set.length === 1) return value;
  return sql`case when (${missing}) and ${value} is distinct from null then ${value} else ${onRow(child)} end`;
}

/** A column of a unique key may be what others reference: changing it takes the stronger lock, which must be asked for here. */
function locksKey({ leaf, fill }: Lane): boolean {
  const written = fill.set.map(({ child }) => child.name);
  return leaf.indexes.some(
    ({ unique, columns }) => unique && columns.some((name) => name !== undefined && written.includes(name)),
  );
}

function inRange(lane: Lane, { low, high, pass = 0 }: KeyRange): Sql {
  const lower = low === undefined ? [] : [compareKey(lane.key, low, '>')];
  return allOf([...lower, compareKey(lane.key, high, '<='), ...(pass === 0 ? [] : [isOfPass(lane, pass)])]);
}

/** A row that moves may change its pass: pass zero, the last one, has every row that is left. */
function isOfPass({ passes }: Lane, pass: number): Sql {
  return sql`pg_catalog.hashtid(${ctid}) operator(pg_catalog.&) ${param(passes - 1, 'integer')} = ${param(pass, 'integer')}`;
}

const schemaOf = ({ operatorSchema }: Column): Identifier => operatorSchema ?? PG_CATALOG;

const OPERATORS = { '>': sql`>`, '<=': sql`<=` } as const;

/**
 * Compares the row's key with another in the order of the key's index. As one row comparison, which an index answers,
 * where the columns' operators are of one schema; else column by column.
 */
function compareKey(key: Lane['key'], texts: readonly (string | null)[], operator: '>' | '<='): Sql {
  const values = key.map((each, i) => sql`${param(texts[i] ?? null, 'text')}::${uncut(each)}`);
  const [schema, ...others] = [...new Set(key.map(schemaOf))];
  if (schema === undefined) throw new TypeError('a key without columns');
  if (others.length === 0 && key.length === 1)
    return sql`${onRow(key[0])} operator(${schema}.${OPERATORS[operator]}) ${values[0] ?? sql`null`}`;
  if (others.length === 0)
    return sql`row(${list(key.map(onRow))}) operator(${schema}.${OPERATORS[operator]}) row(${list(values)})`;
  const strict = operator === '>' ? sql`>` : sql`<`;
  const terms = key.map((each, i) =>
    allOf([
      ...key
        .slice(0, i)
        .map(
          (earlier, j) => sql`${onRow(earlier)} operator(${schemaOf(earlier)}.=) ${values[j] ?? sql`null`}`,
        ),
      sql`${onRow(each)} operator(${schemaOf(each)}.${i === key.length - 1 ? OPERATORS[operator] : strict}) ${values[i] ?? sql`null`}`,
    ]),
  );
  return sql`(${anyOf(terms)})`;
}
