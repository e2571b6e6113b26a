// The catalogue as the rules see it: four queries, read once, before any table.
import { tableName, typeName, type Identifier, type TableName, type TypeName } from '../sql/identifier.ts';
import { sql } from '../sql/sql.ts';
import type { Row, Session } from './database.ts';

type RelationKind = 'table' | 'partitioned table' | 'view' | 'materialized view' | 'foreign table';

export type Column = {
  readonly name: Identifier;
  /** The type with its modifier, such as `character varying(20)`. */
  readonly type: TypeName;
  /** The type without modifier and below any domain: what values are compared as. */
  readonly baseType: TypeName;
  /** The schema that holds the base type's operators, when it is not pg_catalog. */
  readonly operatorSchema: Identifier | undefined;
  readonly notNull: boolean;
  /** False for a NOT NULL that does not vouch for the rows there are (PostgreSQL 18: NOT VALID). */
  readonly notNullValidated: boolean;
  /** The name of the NOT NULL constraint where the server has one (PostgreSQL 18). */
  readonly notNullName: string | undefined;
  readonly hasDefault: boolean;
};

export type ForeignKey = {
  readonly name: string;
  readonly parent: TableName;
  readonly on: readonly { readonly child: Identifier; readonly parent: Identifier }[];
  readonly validated: boolean;
  /** False when NOT ENFORCED (PostgreSQL 18) or when one of its triggers is disabled. */
  readonly enforced: boolean;
};

export type Index = {
  readonly name: string;
  /** Key columns in order; undefined stands for an expression. */
  readonly columns: readonly (Identifier | undefined)[];
  readonly unique: boolean;
  readonly primary: boolean;
  /** Usable by queries: valid, ready and live. */
  readonly valid: boolean;
  readonly partial: boolean;
  /** False for a deferrable constraint, which may be broken inside a transaction. */
  readonly immediate: boolean;
};

export type Relation = {
  readonly oid: string;
  readonly name: TableName;
  readonly kind: RelationKind;
  readonly isPartition: boolean;
  /** Whether rows of inheritance children are read with its own; its unique keys do not cover them. */
  readonly hasInheritors: boolean;
  readonly columns: ReadonlyMap<string, Column>;
  readonly foreignKeys: readonly ForeignKey[];
  readonly indexes: readonly Index[];
};

export type Catalog = {
  readonly relations: readonly Relation[];
  /** The relation of exactly this schema and name. */
  find(schema: string, name: string): Relation | undefined;
};

/** Reads every relation outside of the system schemas, in the session's open transaction. Reads no table of the user. */
export async function readCatalog(session: Session): Promise<Catalog> {
  const columns = groupByRelation(await session.query(columnsQuery), readColumn);
  const foreignKeys = groupByRelation(await session.query(foreignKeysQuery), readForeignKey);
  const indexes = groupByRelation(await session.query(indexesQuery), readIndex);
  const relations = (await session.query(relationsQuery)).map((row): Relation => {
    const oid = text(row, 'relation');
    return {
      oid,
      name: tableName(text(row, 'schema'), text(row, 'name')),
      kind: RELATION_KINDS[text(row, 'relkind')] ?? 'table',
      isPartition: flag(row, 'is_partition'),
      hasInheritors: flag(row, 'has_inheritors'),
      columns: new Map((columns.get(oid) ?? []).map((column) => [column.name, column])),
      foreignKeys: foreignKeys.get(oid) ?? [],
      indexes: indexes.get(oid) ?? [],
    };
  });
  const byName = new Map(
    relations.map((relation) => [nameKey(relation.name.schema, relation.name.name), relation]),
  );
  return { relations, find: (schema, name) => byName.get(nameKey(schema, name)) };
}

/** A NUL cannot stand in a name, so that two pairs never share a key. */
const nameKey = (schema: string, name: string): string => `${schema}\0${name}`;

const RELATION_KINDS: Record<string, RelationKind> = {
  r: 'table',
  p: 'partitioned table',
  v: 'view',
  m: 'materialized view',
  f: 'foreign table',
};

const userRelation = sql`
  r.relkind in ('r', 'p', 'v', 'm', 'f')
  and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
  and n.nspname !~ '^pg_(toast_)?temp_'`;

const relationsQuery = sql`
  select r.oid::text as relation, n.nspname as schema, r.relname as name, r.relkind, r.relispartition as is_partition,
    r.relhassubclass and r.relkind = 'r' as has_inheritors
  from pg_catalog.pg_class r
  join pg_catalog.pg_namespace n on n.oid = r.relnamespace
  where ${userRelation}
  order by n.nspname, r.relname`;

// to_jsonb reads columns of pg_constraint that only newer servers have: conenforced is PostgreSQL 18's.
const columnsQuery = sql`
  select r.oid::text as relation, a.attname as name,
    pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
    pg_catalog.format_type(base.oid, null) as base_type,
    case when base.typtype = 'b' and base_schema.nspname <> 'pg_catalog' then base_schema.nspname end as operator_schema,
    a.attnotnull as not_null,
    a.attnotnull and coalesce(not_null.convalidated, true)
      and coalesce((pg_catalog.to_jsonb(not_null) ->> 'conenforced')::boolean, true) as not_null_validated,
    not_null.conname as not_null_name,
    a.atthasdef and a.attgenerated = '' as has_default
  from pg_catalog.pg_class r
  join pg_catalog.pg_namespace n on n.oid = r.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  join pg_catalog.pg_type t on t.oid = a.atttypid
  cross join lateral (
    with recursive below as (
      select t.oid, t.typtype, t.typbasetype, t.typnamespace
      union all
      select d.oid, d.typtype, d.typbasetype, d.typnamespace
      from below join pg_catalog.pg_type d on below.typtype = 'd' and d.oid = below.typbasetype
    )
    select below.oid, below.typtype, below.typnamespace from below where below.typtype <> 'd'
  ) base
  join pg_catalog.pg_namespace base_schema on base_schema.oid = base.typnamespace
  left join pg_catalog.pg_constraint not_null
    on not_null.conrelid = r.oid and not_null.contype = 'n' and not_null.conkey = array[a.attnum]
  where ${userRelation}
  order by r.oid, a.attnum`;

const foreignKeysQuery = sql`
  select r.oid::text as relation, c.conname as name, parent_schema.nspname as parent_schema, parent.relname as parent_name,
    c.convalidated as validated,
    coalesce((pg_catalog.to_jsonb(c) ->> 'conenforced')::boolean, true)
      and not exists (
        select from pg_catalog.pg_trigger g where g.tgconstraint = c.oid and g.tgenabled not in ('O', 'A')
      ) as enforced,
    (
      select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(child_column.attname, parent_column.attname) order by pair.position)
      from unnest(c.conkey, c.confkey) with ordinality as pair (child, parent, position)
      join pg_catalog.pg_attribute child_column on child_column.attrelid = c.conrelid and child_column.attnum = pair.child
      join pg_catalog.pg_attribute parent_column on parent_column.attrelid = c.confrelid and parent_column.attnum = pair.parent
    )::text as pairs
  from pg_catalog.pg_constraint c
  join pg_catalog.pg_class r on r.oid = c.conrelid
  join pg_catalog.pg_namespace n on n.oid = r.relnamespace
  join pg_catalog.pg_class parent on parent.oid = c.confrelid
  join pg_catalog.pg_namespace parent_schema on parent_schema.oid = parent.relnamespace
  where c.contype = 'f' and ${userRelation}
  order by r.oid, c.conname`;

const indexesQuery = sql`
  select r.oid::text as relation, i.relname as name, x.indisunique as is_unique, x.indisprimary as is_primary,
    x.indisvalid and x.indisready and x.indislive as valid, x.indpred is not null as partial, x.indimmediate as immediate,
    (
      select pg_catalog.jsonb_agg(a.attname order by key.position)
      from pg_catalog.unnest(x.indkey::int2[]) with ordinality as key (attnum, position)
      left join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum = key.attnum and key.attnum > 0
      where key.position <= x.indnkeyatts
    )::text as columns
  from pg_catalog.pg_index x
  join pg_catalog.pg_class i on i.oid = x.indexrelid
  join pg_catalog.pg_class r on r.oid = x.indrelid
  join pg_catalog.pg_namespace n on n.oid = r.relnamespace
  where ${userRelation}
  order by r.oid, x.indisprimary desc, i.relname`;

function groupByRelation<Item>(rows: readonly Row[], read: (row: Row) => Item): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const row of rows) {
    const relation = text(row, 'relation');
    const group = groups.get(relation);
    if (group) group.push(read(row));
    else groups.set(relation, [read(row)]);
  }
  return groups;
}

function readColumn(row: Row): Column {
  return {
    name: text(row, 'name') as Identifier,
    type: typeName(text(row, 'type')),
    baseType: typeName(text(row, 'base_type')),
    operatorSchema: (row['operator_schema'] ?? undefined) as Identifier | undefined,
    notNull: flag(row, 'not_null'),
    notNullValidated: flag(row, 'not_null_validated'),
    notNullName: row['not_null_name'] ?? undefined,
    hasDefault: flag(row, 'has_default'),
  };
}

function readForeignKey(row: Row): ForeignKey {
  const pairs = JSON.parse(text(row, 'pairs')) as [Identifier, Identifier][];
  return {
    name: text(row, 'name'),
    parent: tableName(text(row, 'parent_schema'), text(row, 'parent_name')),
    on: pairs.map(([child, parent]) => ({ child, parent })),
    validated: flag(row, 'validated'),
    enforced: flag(row, 'enforced'),
  };
}

function readIndex(row: Row): Index {
  const columns = JSON.parse(text(row, 'columns')) as (Identifier | null)[];
  return {
    name: text(row, 'name'),
    columns: columns.map((column) => column ?? undefined),
    unique: flag(row, 'is_unique'),
    primary: flag(row, 'is_primary'),
    valid: flag(row, 'valid'),
    partial: flag(row, 'partial'),
    immediate: flag(row, 'immediate'),
  };
}

function text(row: Row, key: string): string {
  const value = row[key];
  if (value === undefined || value === null) throw new TypeError(`the catalogue query gave no ${key}`);
  return value;
}

const flag = (row: Row, key: string): boolean => row[key] === 't';
