import { coveringRules } from '../kinds/covering.ts';
import type { Selection } from '../kinds/kind.ts';
import type { Relation } from '../postgres/catalog.ts';
import { displayTable } from '../sql/identifier.ts';
import type { Discovery, Gap, Link, TenantTable } from './discovery.ts';

/** What `rowgate discover` says, as data: tables are `schema.table`. */
export type DiscoveryReport = {
  readonly version: 1;
  readonly target: { readonly database: string; readonly serverVersion: string };
  readonly root: { readonly table: string; readonly key: string };
  readonly candidates: readonly {
    readonly table: string;
    readonly key: string;
    /** Tables that name its rows in a column of their own. */
    readonly carriers: number;
    /** Tables that lead to it. */
    readonly reached: number;
    readonly chosen: boolean;
  }[];
  readonly columns: readonly { readonly name: string; readonly tables: number }[];
  readonly tables: readonly {
    readonly table: string;
    readonly column: string | null;
    /** From table to table, where it has no column of its own. */
    readonly path: readonly { readonly columns: readonly string[]; readonly to: string }[];
    /** The rules that ask about it; null where no rules were read. */
    readonly rules: readonly string[] | null;
  }[];
  readonly globals: readonly string[];
  readonly gaps: readonly DiscoveredGap[];
  /** Columns that are named for the tenant and are of another type than its key. */
  readonly doubts: readonly { readonly table: string; readonly column: string; readonly type: string }[];
  /** Tables of a tenant that no rule asks about; null where no rules were read. */
  readonly uncovered: readonly string[] | null;
};

type DiscoveredGap = {
  readonly gap: Gap['gap'];
  readonly table: string;
  readonly columns: readonly string[];
  /** The tables that the rows have to agree with. */
  readonly parents: readonly string[];
};

/** `selections` says what rules ask of which tables; undefined where no rules were read. */
export function makeDiscoveryReport(
  { candidates, root, columns, tables, globals, gaps, doubts }: Discovery,
  target: DiscoveryReport['target'],
  selections: readonly Selection[] | undefined,
): DiscoveryReport {
  const told = tables.map((table) => ({
    table: name(table.relation),
    column: table.column?.name ?? null,
    path: table.path.map(({ key, to }) => ({ columns: key.on.map(({ child }) => child), to: name(to) })),
    rules: selections ? coveringRules(table.relation, bindingColumns(table), selections) : null,
  }));
  return {
    version: 1,
    target,
    root: { table: name(root.table), key: root.key.name },
    candidates: candidates.map((each) => ({
      table: name(each.table),
      key: each.key.name,
      carriers: each.carriers,
      reached: each.reached,
      chosen: each.table === root.table,
    })),
    columns,
    tables: told,
    globals: globals.map(name),
    gaps: gaps.map(tellGap),
    doubts: doubts.map(({ relation, column }) => ({
      table: name(relation),
      column: column.name,
      type: column.type.type,
    })),
    uncovered: selections ? told.filter(({ rules }) => rules?.length === 0).map(({ table }) => table) : null,
  };
}

const name = (relation: Relation): string => displayTable(relation.name);

/** The columns that say whose a row is: its own, and those of its links. */
function bindingColumns({ column, others, links }: TenantTable): ReadonlySet<string> {
  const own = [...(column ? [column] : []), ...others].map((each) => each.name);
  return new Set([...own, ...links.flatMap(({ on }) => on.map(({ child }) => child))]);
}

function tellGap(gap: Gap): DiscoveredGap {
  const tell = (columns: readonly string[], links: readonly Pick<Link, 'parent'>[] = []): DiscoveredGap => ({
    gap: gap.gap,
    table: name(gap.table.relation),
    columns,
    parents: links.map(({ parent }) => name(parent.relation)),
  });
  switch (gap.gap) {
    case 'nullable':
    case 'unreferenced':
    case 'log':
      return tell([gap.column.name]);
    case 'disagreement':
      return tell(
        gap.edge.on.map(({ child }) => child),
        [gap.edge],
      );
    case 'diamond':
      return tell(
        gap.links.flatMap(({ on }) => on.map(({ child }) => child)),
        gap.links,
      );
    case 'unbound':
      return tell(gap.columns.map((column) => column.name));
  }
}
