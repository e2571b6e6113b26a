// Which tables' rows belong to a tenant, as far as the catalogue knows. Read by `coverage` and by the rollout.
import type { Catalog, ForeignKey, Relation } from '../postgres/catalog.ts';
import type { Identifier } from '../sql/identifier.ts';

/** One step from a table to another that one of its foreign keys points at. */
export type Hop = { readonly key: ForeignKey; readonly to: Relation };

/** Why the rows of a table belong to a tenant. */
export type Bond = {
  /** The table's own columns that hold its tenant; empty where it has none. */
  readonly carries: readonly Identifier[];
  /** The shortest way by foreign keys to a root, or to a table that carries a column; empty where it carries one. */
  readonly path: readonly Hop[];
  /** Every column that binds a row: those that it carries, and those of each foreign key to a bound table. */
  readonly columns: ReadonlySet<string>;
};

export type Tenancy = {
  readonly roots: ReadonlySet<Relation>;
  /** The columns of a table that hold its tenant. */
  carried(relation: Relation): readonly Identifier[];
  /** Tables whose rows belong to no tenant; no path leads through them. */
  readonly globals: ReadonlySet<Relation>;
  /** Where a table's rows lead to; its foreign keys, unless something else is said. */
  hops?(relation: Relation): readonly Hop[];
};

/**
 * Every table that is bound to a tenant, partitions included. A root is among them only where it carries a column
 * that is not its own key, or points at another root: tenants that point back at one of their users are not bound to themselves.
 */
export function findBonds(catalog: Catalog, tenancy: Tenancy): ReadonlyMap<Relation, Bond> {
  const { roots, globals } = tenancy;
  const tables = catalog.relations.filter((each) => isTable(each) && !globals.has(each));
  const hops = new Map(tables.map((each) => [each, tenancy.hops?.(each) ?? hopsOf(each, catalog)]));
  const carriedBy = (table: Relation): readonly Identifier[] =>
    tenancy.carried(table).filter((name) => !roots.has(table) || !isKey(table, name));
  const carriers = tables.filter((each) => carriedBy(each).length > 0);
  const paths = shortestPaths([...new Set([...roots, ...carriers])], hops);
  const bonds = new Map<Relation, Bond>();
  for (const table of tables) {
    const carries = carriedBy(table);
    const leading = (hops.get(table) ?? []).filter(({ to }) =>
      roots.has(table) ? roots.has(to) && to !== table : paths.has(to),
    );
    const path = carries.length > 0 ? [] : roots.has(table) ? leading.slice(0, 1) : (paths.get(table) ?? []);
    if (carries.length + path.length === 0) continue;
    const linked = leading.flatMap(({ key }) => key.on.map(({ child }) => child));
    bonds.set(table, { carries, path, columns: new Set([...carries, ...linked]) });
  }
  return bonds;
}

/** Whether the column alone tells the table's rows apart: of a root it is the tenant itself. */
function isKey({ indexes }: Relation, name: Identifier): boolean {
  return indexes.some(
    ({ unique, partial, columns }) => unique && !partial && columns.length === 1 && columns[0] === name,
  );
}

/** Whether it has rows of its own server that can belong to a tenant. */
export function isTable({ kind }: Relation): boolean {
  return kind === 'table' || kind === 'partitioned table';
}

/** The foreign keys of a table's rows, each once: those of its partitions and children are its rows' too. */
export function hopsOf(table: Relation, catalog: Catalog): Hop[] {
  const keys = [table, ...table.descendants].flatMap(({ foreignKeys }) => foreignKeys);
  const found = new Map<string, Hop>();
  for (const key of keys) {
    const to = catalog.find(key.parent.schema, key.parent.name);
    const name = JSON.stringify([key.parent, key.on]);
    if (to && !found.has(name)) found.set(name, { key, to });
  }
  return [...found.values()];
}

/** From each table that reaches one of the targets, the way with the fewest hops. */
function shortestPaths(
  targets: readonly Relation[],
  hops: ReadonlyMap<Relation, readonly Hop[]>,
): ReadonlyMap<Relation, readonly Hop[]> {
  const into = new Map<Relation, { from: Relation; hop: Hop }[]>();
  for (const [from, list] of hops)
    for (const hop of list) {
      const known = into.get(hop.to);
      if (known) known.push({ from, hop });
      else into.set(hop.to, [{ from, hop }]);
    }
  const paths = new Map<Relation, readonly Hop[]>(targets.map((target) => [target, []]));
  const queue = [...targets];
  for (let next = queue.shift(); next; next = queue.shift()) {
    const rest = paths.get(next) ?? [];
    for (const { from, hop } of into.get(next) ?? []) {
      if (paths.has(from)) continue;
      paths.set(from, [hop, ...rest]);
      queue.push(from);
    }
  }
  return paths;
}
