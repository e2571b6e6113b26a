import type { Column, Relation } from '../postgres/catalog.ts';
import type { Discovery, Edge, Gap, Link, TenantTable } from './discovery.ts';
import type { Proposal, ProposedBody } from './proposal.ts';
import { isNamedFor } from './tenant-words.ts';

/**
 * The rules that a discovery calls for, one for each thing that is to be said, with all tables that it is said of. Every
 * table of a tenant is in at least one rule that asks about a column that binds it. Pure.
 */
export function proposeRules(discovery: Discovery): Proposal[] {
  const { tables, edges, gaps } = discovery;
  const logs = new Map(gaps.flatMap((gap) => (gap.gap === 'log' ? [[gap.table, gap]] : [])));
  const carriers = tables.flatMap((table) => (table.column ? [{ table, column: table.column }] : []));
  const filled = carriers.filter(({ table }) => !logs.has(table));
  return [
    ...agreements(edges),
    ...references(gaps, discovery),
    ...bySaying(filled, ({ column }) => ({
      id: `rows-have-${column.name}`,
      why: 'A row without a tenant is shown to nobody, or to everybody.',
      from: '2',
      body: { kind: 'not_null', column: column.name },
    })),
    ...betweenTenants(tables),
    ...[...logs.values()].map(scopedLog),
    ...hops(tables, gaps),
    ...diamonds(gaps),
    ...bySaying(filled, ({ column }) => ({
      id: `${column.name}-is-not-null`,
      why: 'Only a validated NOT NULL keeps the next writer from forgetting.',
      from: '3',
      body: { kind: 'schema', want: { not_null: column.name } },
    })),
    ...wantedKeys(carriers, discovery),
    ...[...logs.values()].map(wantedCheck),
    ...coverage(discovery),
  ];
}

/** One proposal for each different thing said, with its tables in the order of the catalogue. */
function bySaying<Item extends { readonly table: TenantTable }>(
  items: readonly Item[],
  say: (item: Item) => Omit<Proposal, 'tables'>,
): Proposal[] {
  const found = new Map<string, Omit<Proposal, 'tables'> & { tables: Relation[] }>();
  for (const item of items) {
    const said = say(item);
    const key = JSON.stringify(said.body, (_, value: unknown) => (isRelation(value) ? value.oid : value));
    const known = found.get(key);
    if (known && !known.tables.includes(item.table.relation)) known.tables.push(item.table.relation);
    if (!known) found.set(key, { ...said, tables: [item.table.relation] });
  }
  return [...found.values()];
}

function isRelation(value: unknown): value is Relation {
  return typeof value === 'object' && value !== null && 'oid' in value;
}

/** Rows and parents that both hold the tenant, where no composite key makes them agree. */
function agreements(edges: readonly Edge[]): Proposal[] {
  return bySaying(
    edges.filter(({ keptBy }) => !keptBy),
    ({ parent, on, match }) => ({
      id: `rows-agree-with-${parent.relation.name.name}`,
      why: 'A row in another tenant than its parent is shown to the wrong people.',
      from: '1.5',
      body: { kind: 'matches_parent', parent: parent.relation, on, match },
    }),
  );
}

function references(gaps: readonly Gap[], { root }: Discovery): Proposal[] {
  return bySaying(
    gaps.filter((gap) => gap.gap === 'unreferenced'),
    ({ column }) => ({
      id: `${column.name}-is-a-tenant`,
      why: 'A row of a tenant that is not there belongs to nobody.',
      from: '1.5',
      body: {
        kind: 'references',
        parent: root.table,
        on: [{ child: column.name, parent: root.key.name }],
      },
    }),
  );
}

/** Rows between several tenants: neither of them is whose the row is, and both have to be there. */
function betweenTenants(tables: readonly TenantTable[]): Proposal[] {
  const items = tables.flatMap((table) =>
    table.column ? [] : table.others.map((column) => ({ table, column })),
  );
  return bySaying(items, ({ column }) => ({
    id: `rows-have-${column.name}`,
    why: 'A row between tenants names each of them.',
    from: '2',
    body: { kind: 'not_null', column: column.name },
  }));
}

type LogGap = Extract<Gap, { gap: 'log' }>;

function scopedLog({ table, column, links }: LogGap): Proposal {
  return {
    id: `${table.relation.name.name}-rows-are-scoped`,
    why: 'What happened to something of a tenant is to be found by that tenant.',
    from: '2',
    body: { kind: 'implies', links, then: column },
    tables: [table.relation],
  };
}

function wantedCheck({ table, column, links }: LogGap): Proposal {
  return {
    id: `${table.relation.name.name}-has-the-check`,
    why: 'Only a validated CHECK keeps the next writer from forgetting.',
    from: '3',
    body: { kind: 'schema', want: { check: { links, then: column } } },
    tables: [table.relation],
  };
}

/** Tables that belong to a tenant by their links: the link is there, one of them at least. */
function hops(tables: readonly TenantTable[], gaps: readonly Gap[]): Proposal[] {
  const unbound = new Map(gaps.flatMap((gap) => (gap.gap === 'unbound' ? [[gap.table, gap.columns]] : [])));
  const linked = tables.filter(({ column, others }) => !column && others.length === 0);
  const items = linked.flatMap((table): { table: TenantTable; columns: readonly string[] }[] => {
    const open = unbound.get(table);
    const columns = open ? open.map(({ name }) => name) : firstBound(table);
    return columns.length > 0 ? [{ table, columns }] : [];
  });
  return bySaying(items, ({ columns }) => ({
    id: `rows-have-${columns.join('-or-')}`,
    why: 'A row without its link belongs to no tenant.',
    from: '2',
    body: linkBody(columns),
  }));
}

const linkBody = (columns: readonly string[]): ProposedBody =>
  columns.length === 1 ? { kind: 'not_null', column: columns[0] ?? '' } : { kind: 'exactly_one_of', columns };

/** The first column of the path: one that is always there, as the table is not unbound. */
function firstBound({ relation, links, path }: TenantTable): string[] {
  const isThere = ({ on }: Pick<Link, 'on'>): boolean =>
    on.every(({ child }) => relation.columns.get(child)?.notNullValidated);
  const [first] = path;
  const link = first && isThere(first.key) ? first.key : links.find(isThere);
  return link?.on.slice(0, 1).map(({ child }) => child) ?? [];
}

function diamonds(gaps: readonly Gap[]): Proposal[] {
  return bySaying(
    gaps.filter((gap) => gap.gap === 'diamond'),
    ({ links }) => ({
      id: `${links.map(({ parent }) => parent.relation.name.name).join('-and-')}-agree`,
      why: 'A row with parents in two tenants shows the one what belongs to the other.',
      from: '1.5',
      body: {
        kind: 'agrees',
        parents: links.map(({ parent, on }) => ({
          parent: parent.relation,
          on,
          column: parent.column?.name ?? '',
        })),
      },
    }),
  );
}

type Carrier = { readonly table: TenantTable; readonly column: Column };

/** At the end the database itself knows each tenant and each parent, and that both are one. */
function wantedKeys(carriers: readonly Carrier[], { root, edges }: Discovery): Proposal[] {
  const keyOf = ({ on, match, keptBy }: Edge) => (keptBy ? keptBy.on : [...on, match]);
  const parents = bySaying(
    edges.map((edge) => ({ table: edge.parent, columns: keyOf(edge).map(({ parent }) => parent as string) })),
    ({ columns }) => ({
      id: `${columns.join('-and-')}-are-one-key`,
      why: 'The composite foreign keys below need a unique key to point at.',
      from: '3',
      body: { kind: 'schema', want: { unique: columns.toSorted() } },
    }),
  );
  return [
    ...bySaying(carriers, ({ column }) => ({
      id: `${column.name}-references-its-tenant`,
      why: 'Only a foreign key keeps a tenant from going while it has rows.',
      from: '3',
      body: {
        kind: 'schema',
        want: { foreign_key: { parent: root.table, on: [{ child: column.name, parent: root.key.name }] } },
      },
    })),
    ...parents,
    ...bySaying(edges, (edge) => ({
      id: `${edge.parent.relation.name.name}-and-tenant-are-one-key`,
      why: 'With both in one foreign key no row can be in another tenant than its parent.',
      from: '3',
      body: { kind: 'schema', want: { foreign_key: { parent: edge.parent.relation, on: keyOf(edge) } } },
    })),
  ];
}

/** One for all schemas, or one for each of those that were asked for. */
function coverage({ root, columns, tables, globals, asked }: Discovery): Proposal[] {
  const names = columns
    .filter(({ name, tables: users }) => users > 1 || isNamedFor(name, root.table.name.name))
    .map(({ name }) => name);
  // By its name alone a column of another type would be taken for one that holds a tenant.
  const lookAlikes = globals.filter((each) => names.some((name) => each.columns.has(name)));
  const present = [...new Set(tables.map(({ relation }) => relation.name.schema as string))];
  const schemas = asked.schemas.length > 0 || present.length === 1 ? present : ['*'];
  return schemas.map((schema) => ({
    id: schemas.length > 1 ? `tables-of-a-tenant-in-${schema}-are-covered` : 'tables-of-a-tenant-are-covered',
    why: 'A table that no rule asks about is the next leak.',
    from: undefined,
    body: {
      kind: 'coverage',
      schema,
      root: root.table,
      columns: names,
      globals: [...new Set([...asked.globals, ...lookAlikes])],
    },
    tables: [],
  }));
}
