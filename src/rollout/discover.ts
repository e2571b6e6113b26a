import { findBonds, type Hop } from '../kinds/tenancy.ts';
import type { Catalog, Column, Relation } from '../postgres/catalog.ts';
import type { Identifier } from '../sql/identifier.ts';
import { Problem } from '../support/problem.ts';
import type { DiscoverOptions, Discovery, Doubt, Edge, Link, TenantTable } from './discovery.ts';
import { findGaps } from './find-gaps.ts';
import { allHops, findRoots, ownTables, type RootCandidate } from './find-roots.ts';
import { isNamedFor } from './tenant-words.ts';

/** Finds the tenants of a database and what belongs to them, in its catalogue alone. Pure: asks nothing. */
export function discover(catalog: Catalog, options: DiscoverOptions): Discovery {
  const candidates = findRoots(catalog, options.root);
  const root = chooseRoot(candidates, options);
  const own = ownTables(catalog);
  const hops = allHops(own, candidates, catalog);
  const names = columnNames(root, own, hops, options);
  const held = new Map(own.map((table) => [table, heldTenants(table, root, names, hops.get(table) ?? [])]));
  const bonds = findBonds(catalog, {
    roots: new Set([root.table]),
    globals: options.globals,
    carried: (table) => (held.get(table) ?? []).map(({ name }) => name),
    hops: (table) => hops.get(table) ?? [],
  });
  const tables = own.flatMap((relation): TenantTable[] => {
    const bond = bonds.get(relation);
    if (!bond || relation === root.table) return [];
    return [{ relation, ...mainColumn(held.get(relation) ?? [], names), path: bond.path, links: [] }];
  });
  const isTold = ({ name }: Relation): boolean =>
    options.schemas.length === 0 || options.schemas.includes(name.schema);
  const byRelation = new Map(tables.map((table) => [table.relation, table]));
  for (const table of tables) table.links.push(...linksOf(table, hops.get(table.relation) ?? [], byRelation));
  const told = tables.filter(({ relation }) => isTold(relation));
  const edges = told.flatMap(edgesOf);
  return {
    asked: options,
    candidates,
    root,
    columns: usedNames(told),
    tables: told,
    globals: own.filter((each) => isTold(each) && !byRelation.has(each) && each !== root.table),
    edges,
    gaps: findGaps(told, edges, root),
    doubts: own
      .filter(isTold)
      .flatMap((table) => doubtsOf(table, root, held.get(table) ?? [], hops.get(table) ?? [])),
  };
}

function chooseRoot(candidates: readonly RootCandidate[], { root }: DiscoverOptions): RootCandidate {
  const chosen = root ? candidates.find(({ table }) => table === root) : candidates[0];
  if (chosen) return chosen;
  const message = root
    ? `${root.name.schema}.${root.name.name} has no single column that others could name its rows by`
    : 'no table looks like that of the tenants: none with such a name is pointed at by two others';
  throw new Problem('tenants-not-found', message, {
    hint: 'Name the table with --root, and the column that holds the tenant with --column.',
  });
}

/** A name has to be used by this share of the foreign keys to the root, before it means the tenant without one. */
const LEAST_VOTES = 0.2;

/** The names that mean the tenant, each with how many tables use it for a foreign key to the root. */
function columnNames(
  root: RootCandidate,
  own: readonly Relation[],
  hops: ReadonlyMap<Relation, readonly Hop[]>,
  { columns }: DiscoverOptions,
): ReadonlyMap<string, number> {
  const votes = new Map<string, number>(columns.map((name) => [name, 0]));
  let total = 0;
  for (const table of own.filter((each) => each !== root.table))
    for (const column of new Set(pointing(table, root, hops.get(table) ?? []))) {
      votes.set(column, (votes.get(column) ?? 0) + 1);
      total += 1;
    }
  return new Map(
    [...votes].filter(
      ([name, count]) =>
        columns.includes(name) ||
        isNamedFor(name, root.table.name.name) ||
        count >= Math.max(2, total * LEAST_VOTES),
    ),
  );
}

/** The columns of a table that hold the root's key, by foreign keys or by a name that says so. */
function pointing(table: Relation, { table: root, key }: RootCandidate, hops: readonly Hop[]): Identifier[] {
  const pairs = hops.filter(({ to }) => to === root && to !== table).flatMap((hop) => hop.key.on);
  return [...new Set(pairs.filter(({ parent }) => parent === key.name).map(({ child }) => child))];
}

function heldTenants(
  table: Relation,
  root: RootCandidate,
  names: ReadonlyMap<string, number>,
  hops: readonly Hop[],
): Column[] {
  if (table === root.table) return [];
  const pointed = new Set<string>(pointing(table, root, hops));
  const isHeld = (column: Column): boolean =>
    pointed.has(column.name) ||
    (names.has(column.name) &&
      column.equality === root.key.equality &&
      !leadsElsewhere(column, root, names, hops));
  return [...table.columns.values()].filter(isHeld);
}

/** Whether the column alone is a foreign key to something that is no tenant. */
function leadsElsewhere(
  { name }: Column,
  root: RootCandidate,
  names: ReadonlyMap<string, number>,
  hops: readonly Hop[],
): boolean {
  return hops.some(({ key, to }) => {
    const [only, ...more] = key.on;
    const isAlone = only?.child === name && more.length === 0;
    return isAlone && to !== root.table && !names.has(only.parent);
  });
}

/** The column that says whose a row is; none of them where there are several and no usual one. */
function mainColumn(
  held: readonly Column[],
  names: ReadonlyMap<string, number>,
): Pick<TenantTable, 'column' | 'others'> {
  const usual = held
    .filter(({ name }) => names.has(name))
    .toSorted((a, b) => (names.get(b.name) ?? 0) - (names.get(a.name) ?? 0));
  const column = usual[0] ?? (held.length === 1 ? held[0] : undefined);
  return { column, others: held.filter((each) => each !== column) };
}

/** Where a table's rows lead to among the tenants' tables; a way that adds only tenants to another one is the same way. */
function linksOf(
  table: TenantTable,
  hops: readonly Hop[],
  byRelation: ReadonlyMap<Relation, TenantTable>,
): Link[] {
  const links = new Map<string, Link>();
  for (const { key, to } of hops) {
    const parent = byRelation.get(to);
    if (!parent) continue;
    const on = key.on.filter((pair) => !isTenantPair(pair, table, parent));
    const name = JSON.stringify([
      parent.relation.oid,
      on.map(({ child, parent: theirs }) => [child, theirs]).toSorted(),
    ]);
    const link = { parent, on, key: key.name === '' ? undefined : key };
    if (on.length > 0 && (!links.has(name) || on.length === key.on.length)) links.set(name, link);
  }
  return [...links.values()];
}

const isTenantPair = (pair: Link['on'][number], table: TenantTable, parent: TenantTable): boolean =>
  pair.child === table.column?.name && pair.parent === parent.column?.name;

function edgesOf(table: TenantTable): Edge[] {
  const { column, relation } = table;
  return table.links.flatMap(({ parent, on }) => {
    if (!column || !parent.column || column.equality !== parent.column.equality) return [];
    const match = { child: column.name, parent: parent.column.name };
    const keptBy = [relation, ...relation.descendants]
      .flatMap(({ foreignKeys }) => foreignKeys)
      .find(
        (key) =>
          key.parent.schema === parent.relation.name.schema &&
          key.parent.name === parent.relation.name.name &&
          key.validated &&
          key.enforced &&
          !key.temporal &&
          [...on, match].every((pair) =>
            key.on.some((each) => each.child === pair.child && each.parent === pair.parent),
          ),
      );
    return [{ table, parent, on, match, keptBy }];
  });
}

function usedNames(tables: readonly TenantTable[]): Discovery['columns'] {
  const counts = new Map<string, number>();
  for (const { column } of tables) if (column) counts.set(column.name, (counts.get(column.name) ?? 0) + 1);
  return [...counts]
    .map(([name, count]) => ({ name, tables: count }))
    .toSorted((a, b) => b.tables - a.tables || a.name.localeCompare(b.name));
}

function doubtsOf(
  table: Relation,
  root: RootCandidate,
  held: readonly Column[],
  hops: readonly Hop[],
): Doubt[] {
  if (table === root.table || held.length > 0) return [];
  return [...table.columns.values()]
    .filter(({ name }) => isNamedFor(name, root.table.name.name))
    .filter(({ name }) => !hops.some(({ key }) => key.on.some(({ child }) => child === name)))
    .map((column) => ({ relation: table, column }));
}
