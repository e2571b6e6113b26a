import { findBonds, hopsOf, isTable, type Hop } from '../kinds/tenancy.ts';
import type { Catalog, Column, Relation } from '../postgres/catalog.ts';
import { isNamedFor, tenantRank } from './tenant-words.ts';

/** A table that may hold the tenants. */
export type RootCandidate = {
  readonly table: Relation;
  /** The column that other tables name its rows by. */
  readonly key: Column;
  /** What its name says, from 1 (surely a tenant) to 4 (nothing). */
  readonly rank: 1 | 2 | 3 | 4;
  /** Tables that name its rows in a column of their own. */
  readonly carriers: number;
  /** Tables whose rows lead to it, over any number of tables. */
  readonly reached: number;
};

/** A name says something only where this many tables bear it out. */
const LEAST_CARRIERS = 2;

/** The share of all tables that has to point at one whose name says nothing, before it is taken for the root. */
const LEAST_SHARE = 0.3;

/** The tables that may hold the tenants, the likeliest first: by name, then by how many tables lead to them. A table that was asked for is among them. */
export function findRoots(catalog: Catalog, asked?: Relation): RootCandidate[] {
  const tables = ownTables(catalog);
  const named = tables.flatMap((table) => {
    const rank = table === asked ? 1 : tenantRank(table.name.name);
    const key = keyOf(table, catalog);
    return rank !== undefined && key ? [{ table, rank, key }] : [];
  });
  const hops = allHops(tables, named, catalog);
  const carriers = countCarriers(hops);
  const isBorneOut = ({ table, rank }: (typeof named)[number]): boolean =>
    table === asked ||
    (carriers.get(table) ?? 0) >= (rank === 4 ? tables.length * LEAST_SHARE : LEAST_CARRIERS);
  return named
    .filter(isBorneOut)
    .map((each) => ({
      ...each,
      carriers: carriers.get(each.table) ?? 0,
      reached: countReached(each.table, hops, catalog),
    }))
    .toSorted((a, b) => a.rank - b.rank || b.reached - a.reached || b.carriers - a.carriers);
}

type Hops = ReadonlyMap<Relation, readonly Hop[]>;

/** How many tables point at each. */
function countCarriers(hops: Hops): ReadonlyMap<Relation, number> {
  const counts = new Map<Relation, number>();
  for (const [table, list] of hops)
    for (const to of new Set(list.map((hop) => hop.to)))
      if (to !== table) counts.set(to, (counts.get(to) ?? 0) + 1);
  return counts;
}

function countReached(root: Relation, hops: Hops, catalog: Catalog): number {
  const bonds = findBonds(catalog, {
    roots: new Set([root]),
    globals: new Set(),
    carried: () => [],
    hops: (table) => hops.get(table) ?? [],
  });
  return [...bonds.keys()].filter((table) => hops.has(table)).length;
}

/** Tables whose rows are not read with another one's: no partitions, no inheritance children. */
export function ownTables({ relations }: Catalog): Relation[] {
  const inherited = new Set(relations.flatMap(({ descendants }) => descendants));
  return relations.filter((each) => isTable(each) && !inherited.has(each));
}

/** Where each table's rows lead to: by its foreign keys, and by columns that are named for a table of tenants and have none. */
export function allHops(
  tables: readonly Relation[],
  named: readonly Pick<RootCandidate, 'table' | 'rank' | 'key'>[],
  catalog: Catalog,
): Hops {
  const targets = named.filter(({ rank }) => rank < 4);
  return new Map(
    tables.map((table) => {
      const keys = hopsOf(table, catalog);
      const guessed = targets.flatMap((target) => namedHop(table, target, keys) ?? []);
      return [table, [...keys, ...guessed]];
    }),
  );
}

/** The column that foreign keys point at, else the primary key's only one. */
function keyOf(table: Relation, { relations }: Catalog): Column | undefined {
  const votes = new Map<string, number>();
  for (const { foreignKeys } of relations)
    for (const { parent, on } of foreignKeys) {
      const [only] = on;
      if (parent.schema !== table.name.schema || parent.name !== table.name.name) continue;
      if (only && on.length === 1) votes.set(only.parent, (votes.get(only.parent) ?? 0) + 1);
    }
  const [best] = [...votes].toSorted(([, a], [, b]) => b - a);
  const primary = table.indexes.find((index) => index.primary)?.columns;
  return table.columns.get(best?.[0] ?? (primary?.length === 1 ? (primary[0] ?? '') : ''));
}

/** A link that no foreign key keeps: a column with the name and the type of the target's key. */
function namedHop(
  table: Relation,
  target: Pick<RootCandidate, 'table' | 'key'>,
  keys: readonly Hop[],
): Hop | undefined {
  if (table === target.table || keys.some(({ to }) => to === target.table)) return undefined;
  const column = [...table.columns.values()].find(
    (each) =>
      isNamedFor(each.name, target.table.name.name) &&
      each.equality === target.key.equality &&
      !keys.some(({ key }) => key.on.length === 1 && key.on[0]?.child === each.name),
  );
  if (!column) return undefined;
  const on = [{ child: column.name, parent: target.key.name }];
  return { key: { ...NO_KEY, parent: target.table.name, on }, to: target.table };
}

/** What stands for a foreign key where there is none: it keeps nothing. */
const NO_KEY = {
  name: '',
  validated: false,
  enforced: false,
  bypassed: false,
  matchFull: false,
  temporal: false,
};
