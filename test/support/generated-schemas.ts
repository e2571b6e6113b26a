// Schemas of 200 tables in five styles of naming, with gaps planted at known places, and rows that fall into each of them.

/** How an application names its things and keys its tables. */
type Style = {
  readonly name: string;
  readonly rootSchema: string;
  readonly rootTable: string;
  readonly rootKey: string;
  readonly type: 'bigint' | 'uuid' | 'text';
  /** What a table calls the column of its tenant, the table's number given. */
  tenantColumn(index: number): string;
  /** A table's name and schema, by its role and number. */
  table(role: string, index: number): readonly [schema: string, name: string];
  idColumn(table: string): string;
  linkColumn(parent: string, index: number): string;
  /** Whether tables are keyed by tenant and id, so that links to them carry both. */
  readonly compositeKeys: boolean;
};

const snake = (role: string, index: number): string => `${role}_${String(index).padStart(3, '0')}`;
const camel = (role: string, index: number): string => `${role[0]?.toUpperCase()}${role.slice(1)}${index}`;
const RESERVED = ['order', 'user', 'group', 'table', 'select', 'check', 'default', 'references'];

export const STYLES: readonly Style[] = [
  {
    name: 'plain',
    rootSchema: 'public',
    rootTable: 'tenants',
    rootKey: 'id',
    type: 'bigint',
    tenantColumn: () => 'tenant_id',
    table: (role, index) => ['public', snake(role, index)],
    idColumn: () => 'id',
    linkColumn: (parent) => `${parent}_id`,
    compositeKeys: false,
  },
  {
    name: 'keys of their own names',
    rootSchema: 'public',
    rootTable: 'organisations',
    rootKey: 'organisation_uuid',
    type: 'uuid',
    tenantColumn: (index) => (index % 4 === 0 ? 'org_uuid' : 'organisation_uuid'),
    table: (role, index) => ['public', snake(role, index)],
    idColumn: (table) => `${table}_uuid`,
    linkColumn: (parent) => `${parent}_uuid`,
    compositeKeys: false,
  },
  {
    name: 'quoted mixed case',
    rootSchema: 'public',
    rootTable: 'Accounts',
    rootKey: 'Id',
    type: 'text',
    tenantColumn: () => 'AccountId',
    table: (role, index) => [
      'public',
      role === 'Owned' && index < RESERVED.length ? (RESERVED[index] ?? '') : camel(role, index),
    ],
    idColumn: () => 'Id',
    linkColumn: (parent, index) => `${parent} ${index} "Id"`,
    compositeKeys: false,
  },
  {
    name: 'several schemas',
    rootSchema: 'core',
    rootTable: 'workspaces',
    rootKey: 'id',
    type: 'bigint',
    tenantColumn: (index) => (index % 5 === 0 ? 'ws_id' : index % 7 === 0 ? 'workspace' : 'workspace_id'),
    table: (role, index) => [['billing', 'crm', 'public', 'core'][index % 4] ?? '', snake(role, index)],
    idColumn: () => 'id',
    linkColumn: (parent) => `${parent}_ref`,
    compositeKeys: false,
  },
  {
    name: 'composite keys',
    rootSchema: 'app',
    rootTable: 'app_company',
    rootKey: 'code',
    type: 'text',
    tenantColumn: () => 'company_code',
    table: (role, index) => ['app', `app_${role}${index}`],
    idColumn: () => 'no',
    linkColumn: (parent) => `${parent}_no`,
    compositeKeys: true,
  },
];

type Link = {
  readonly column: string;
  readonly parent: Table;
  readonly notNull: boolean;
  /** Whether the foreign key carries the tenant too; `not valid` carries it and proves nothing. */
  readonly tenant: 'kept' | 'open' | 'not valid';
};

type Table = {
  readonly schema: string;
  readonly name: string;
  readonly id: string;
  readonly tenant:
    { readonly column: string; readonly notNull: boolean; readonly isReferenced: boolean } | undefined;
  readonly links: readonly Link[];
  readonly partitioned: boolean;
  readonly extra: readonly string[];
};

export type Planted = {
  readonly style: string;
  readonly root: string;
  /** Tables, columns and all, and two rows in each: one of either tenant, and all of them in order. */
  readonly sql: string;
  /** For each gap that was planted, a row that falls into it. */
  readonly badRows: string;
  readonly tables: number;
  /** Every table that belongs to a tenant. */
  readonly owned: readonly string[];
  readonly globals: readonly string[];
  /** Such as `nullable public.orders tenant_id`. */
  readonly gaps: readonly string[];
  /** Tables named for the tenant in a column that is of another type. */
  readonly doubts: readonly string[];
};

const TABLES = 200;
const GLOBALS = 24;
const PARTITIONED = 8;
const CARRIERS = 112;
const LOGS = 5;
const DIAMONDS = 10;

const q = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const full = ({ schema, name }: Pick<Table, 'schema' | 'name'>): string => `${q(schema)}.${q(name)}`;
const shown = ({ schema, name }: Pick<Table, 'schema' | 'name'>): string => `${schema}.${name}`;

/** One schema with its gaps, the same for the same style. */
export function plantSchema(style: Style): Planted {
  const { type } = style;
  const root: Table = {
    schema: style.rootSchema,
    name: style.rootTable,
    id: style.rootKey,
    tenant: undefined,
    links: [],
    partitioned: false,
    extra: [],
  };
  const made: Table[] = [];
  const gaps: string[] = [];
  const make = (role: string, index: number, rest: Partial<Table> = {}): Table => {
    const [schema, name] = style.table(role, index);
    const table = {
      schema,
      name,
      id: style.idColumn(name),
      tenant: undefined,
      links: [],
      partitioned: false,
      extra: [],
    };
    return { ...table, ...rest };
  };
  const add = (table: Table): void => void made.push(table);
  const pick = <Item>(list: readonly Item[], index: number): Item => list[index % list.length] as Item;
  const link = (parent: Table, index: number, rest: Partial<Link> = {}): Link => ({
    column: style.linkColumn(parent.name, index),
    parent,
    notNull: true,
    tenant: 'kept',
    ...rest,
  });

  const globals = Array.from({ length: GLOBALS }, (_, index) => make(index % 2 ? 'Country' : 'Kind', index));
  globals.forEach((table, index) =>
    add(
      index === 3
        ? { ...table, extra: [`${q(style.tenantColumn(1))} date`] }
        : {
            ...table,
            links:
              index > 12
                ? [link(globals[index % 5] as Table, index, { tenant: 'open', notNull: false })]
                : [],
          },
    ),
  );

  const carriers: Table[] = [];
  for (let index = 0; index < CARRIERS + PARTITIONED; index += 1) {
    const partitioned = index >= CARRIERS;
    const flaw =
      index < 8 || partitioned
        ? 'none'
        : (['none', 'nullable', 'none', 'open', 'none', 'not valid', 'unreferenced', 'none'] as const)[
            index % 8
          ];
    const hasLink = index > 8 && index % 3 !== 0 && flaw !== 'unreferenced';
    const tenant = {
      column: style.tenantColumn(index),
      notNull: flaw !== 'nullable',
      isReferenced: flaw !== 'unreferenced',
    };
    const parents = hasLink ? [pick(carriers.slice(0, CARRIERS), index * 7)] : [];
    const links = parents.map((parent) =>
      link(parent, index, {
        notNull: index % 2 === 0,
        tenant: flaw === 'open' ? 'open' : flaw === 'not valid' ? 'not valid' : 'kept',
      }),
    );
    const isLinkedToGlobal = index % 6 === 0;
    const table = make('Owned', index, {
      tenant,
      partitioned,
      links: [
        ...links,
        ...(isLinkedToGlobal
          ? [link(pick(globals, index + 4), index, { notNull: false, tenant: 'open' })]
          : []),
      ],
    });
    carriers.push(table);
    add(table);
    if (!tenant.notNull) gaps.push(`nullable ${shown(table)} ${tenant.column}`);
    if (!tenant.isReferenced) gaps.push(`unreferenced ${shown(table)} ${tenant.column}`);
    for (const each of links)
      if (each.tenant !== 'kept')
        gaps.push(`disagreement ${shown(table)} ${each.column} ${shown(each.parent)}`);
  }

  for (let index = 0; index < LOGS; index += 1) {
    const parent = pick(carriers, index * 11);
    const tenant = { column: style.tenantColumn(index), notNull: false, isReferenced: true };
    const table = make(pick(['AuditLog', 'Event'], index), index, {
      tenant,
      links: [link(parent, index, { notNull: false, tenant: 'kept' })],
    });
    add(table);
    gaps.push(`log ${shown(table)} ${tenant.column}`);
  }

  for (let index = 0; index < DIAMONDS; index += 1) {
    const [first, second] = [pick(carriers, index * 5), pick(carriers, index * 5 + 2)];
    const links = [
      link(first, index, { tenant: 'open' }),
      link(second, index + 1, { tenant: 'open', notNull: index % 2 === 0 }),
    ];
    const table = make('Joined', index, { links });
    add(table);
    gaps.push(`diamond ${shown(table)} ${[first, second].map(shown).toSorted().join(' ')}`);
  }

  const hops: Table[] = [];
  const count = TABLES - 1 - made.length;
  for (let index = 0; index < count; index += 1) {
    const isFlawed = index % 6 === 5;
    const parent =
      index > 4 && index % 3 !== 0 ? pick(hops, index * 3) : pick(carriers.slice(0, CARRIERS), index * 13);
    const table = make('Part', index, {
      links: [link(parent, index, { notNull: !isFlawed, tenant: 'open' })],
    });
    hops.push(table);
    add(table);
    if (isFlawed) gaps.push(`unbound ${shown(table)} ${table.links[0]?.column}`);
  }

  const schemas = [...new Set([root, ...made].map(({ schema }) => schema))].filter(
    (name) => name !== 'public',
  );
  const definitions = [root, ...made].map((table) => createTable(table, root, style));
  const rows = [root, ...made].map((table) => insertRows(table, root, type));
  return {
    style: style.name,
    root: shown(root),
    sql: [...schemas.map((name) => `create schema ${q(name)};`), ...definitions, ...rows].join('\n'),
    badRows: made.flatMap((table) => badRows(table, type)).join('\n'),
    tables: made.length + 1,
    owned: made
      .filter((table) => !globals.some(({ name, schema }) => name === table.name && schema === table.schema))
      .map(shown)
      .toSorted(),
    globals: globals.map(shown).toSorted(),
    gaps: gaps.toSorted(),
    doubts: [`${shown(globals[3] as Table)} ${style.tenantColumn(1)}`],
  };
}

function createTable(table: Table, root: Table, { type, compositeKeys }: Style): string {
  const { tenant, links, id, partitioned } = table;
  const key = (compositeKeys || partitioned) && tenant?.notNull ? [tenant.column, id] : [id];
  const columns = [
    `${q(id)} ${type} not null`,
    ...(tenant ? [`${q(tenant.column)} ${type}${tenant.notNull ? ' not null' : ''}`] : []),
    ...links.map(({ column, notNull }) => `${q(column)} ${type}${notNull ? ' not null' : ''}`),
    ...table.extra,
  ];
  const list = (names: readonly string[]): string => names.map(q).join(', ');
  const keys = [
    `primary key (${list(key)})`,
    // What composite foreign keys point at, and, where it can be, what those by the id alone do.
    ...(tenant && key.length === 1 ? [`unique (${list([tenant.column, id])})`] : []),
    ...(tenant && key.length === 2 && !partitioned ? [`unique (${list([id])})`] : []),
  ];
  const main = `create table ${full(table)} (${[...columns, ...keys].join(', ')})${partitioned ? ` partition by list (${q(tenant?.column ?? id)})` : ''};`;
  const partitions = partitioned
    ? [`create table ${q(table.schema)}.${q(`${table.name} part`)} partition of ${full(table)} default;`]
    : [];
  const toRoot = tenant?.isReferenced
    ? [
        `alter table ${full(table)} add foreign key (${q(tenant.column)}) references ${full(root)} (${q(root.id)});`,
      ]
    : [];
  const toParents = links.flatMap(({ column, parent, tenant: kept }) => {
    const alone = `alter table ${full(table)} add foreign key (${q(column)}) references ${full(parent)} (${q(parent.id)});`;
    if (kept === 'open' || !tenant || !parent.tenant) return parent.partitioned ? [] : [alone];
    const both = `alter table ${full(table)} add foreign key (${list([tenant.column, column])}) references ${full(parent)} (${list([parent.tenant.column, parent.id])})`;
    if (kept === 'not valid') return [alone, `${both} not valid;`];
    // With and without one by the id alone beside it.
    return column.length % 2 ? [`${both};`] : [`${both};`, ...(parent.partitioned ? [] : [alone])];
  });
  return [main, ...partitions, ...toRoot, ...toParents].join('\n');
}

/** A key as the type spells it; 1 and 2 are there, 9 is nowhere. */
function value(type: Style['type'], number: number): string {
  return type === 'uuid'
    ? `'00000000-0000-0000-0000-00000000000${number}'`
    : type === 'text'
      ? `'k${number}'`
      : String(number);
}

function row(
  table: Table,
  type: Style['type'],
  id: number,
  tenant: string,
  links: readonly string[],
): string {
  const columns = [
    table.id,
    ...(table.tenant ? [table.tenant.column] : []),
    ...table.links.map(({ column }) => column),
  ];
  const values = [value(type, id), ...(table.tenant ? [tenant] : []), ...links];
  return `insert into ${full(table)} (${columns.map(q).join(', ')}) values (${values.join(', ')});`;
}

function insertRows(table: Table, root: Table, type: Style['type']): string {
  const of = (number: number): string =>
    row(
      table,
      type,
      number,
      value(type, number),
      table.links.map(() => value(type, number)),
    );
  return table === root
    ? `${row(root, type, 1, '', [])}\n${row(root, type, 2, '', [])}`
    : `${of(1)}\n${of(2)}`;
}

/** One row for each gap of a table, with the ids 3 and up. */
function badRows(table: Table, type: Style['type']): string[] {
  const { tenant, links } = table;
  const one = value(type, 1);
  const same = links.map(() => one);
  const isLog = /AuditLog|Event/i.test(table.name);
  const isJoined = !tenant && links.length === 2;
  const isUnbound = !tenant && links.length === 1 && !links[0]?.notNull && !/Country|Kind/i.test(table.name);
  return [
    ...(tenant && !tenant.notNull
      ? [row(table, type, 3, 'null', isLog ? same : links.map(({ notNull }) => (notNull ? one : 'null')))]
      : []),
    ...(tenant && !tenant.isReferenced
      ? [
          row(
            table,
            type,
            4,
            value(type, 9),
            links.map(() => 'null'),
          ),
        ]
      : []),
    ...(tenant && links.some((each) => each.tenant === 'open' && each.parent.tenant)
      ? [
          row(
            table,
            type,
            5,
            one,
            links.map(({ parent }) => (parent.tenant ? value(type, 2) : 'null')),
          ),
        ]
      : []),
    ...(links.some((each) => each.tenant === 'not valid') ? [disagreeing(table, type)] : []),
    ...(isJoined ? [row(table, type, 6, '', [one, value(type, 2)])] : []),
    ...(isUnbound ? [row(table, type, 7, '', ['null'])] : []),
  ];
}

/** A key that is NOT VALID still looks at what is written: it is dropped, and made again behind the row. */
function disagreeing(table: Table, type: Style['type']): string {
  const links = table.links.map(({ parent }) => (parent.tenant ? value(type, 2) : 'null'));
  return `set session_replication_role = replica;
${row(table, type, 5, value(type, 1), links)}
set session_replication_role = origin;`;
}
