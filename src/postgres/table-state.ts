// What the next step of a rollout has to know of a table beside the catalogue that every run reads.
import { identifier, type Identifier } from '../sql/identifier.ts';
import { sql, textArray, type Sql } from '../sql/sql.ts';
import type { Relation } from './catalog.ts';
import type { Row, Session } from './database.ts';

export type TableConstraint = {
  readonly name: Identifier;
  readonly type: 'check' | 'foreign key' | 'other';
  readonly columns: readonly Identifier[];
  /** A CHECK's condition in the server's own spelling. */
  readonly expression: string | undefined;
  readonly validated: boolean;
  readonly enforced: boolean;
  /** False for a CHECK that a partition or child has from its parent alone. */
  readonly isLocal: boolean;
  /** What a foreign key does with its rows when the parent's is deleted or its key changed. */
  readonly onDelete: ForeignKeyAction;
  readonly onUpdate: ForeignKeyAction;
};

type ForeignKeyAction = 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default';

export type TableState = {
  /** Its own partitions, not those below them. */
  readonly partitions: readonly string[];
  /** Undefined for a table that is not partitioned, or by an expression. */
  readonly partitionKey: readonly Identifier[] | undefined;
  readonly constraints: readonly TableConstraint[];
  /** The index of the partitioned table that an index of this one is part of, by the index's name. */
  readonly indexParents: ReadonlyMap<string, string>;
  /** Defaults in the server's own spelling, by column. */
  readonly defaults: ReadonlyMap<string, string>;
  /** Whether another session builds an index, validates a constraint or vacuums here now. */
  readonly isBusy: boolean;
};

/** Reads the state of these relations and of all below them, by oid. Reads no row of the user's. */
export async function readTableStates(
  session: Session,
  relations: readonly Relation[],
): Promise<ReadonlyMap<string, TableState>> {
  const oids = [...new Set(relations.flatMap((each) => [each, ...each.descendants]).map(({ oid }) => oid))];
  const states = await session.query(stateQuery(sql`${textArray(oids)}::oid[]`));
  const constraints = await session.query(constraintQuery(sql`${textArray(oids)}::oid[]`));
  return new Map(
    states.map((row) => {
      const oid = row['relation'] ?? '';
      return [
        oid,
        readState(
          row,
          constraints.filter(({ relation }) => relation === oid),
        ),
      ];
    }),
  );
}

const stateQuery = (oids: Sql): Sql => sql`
  select r.oid::text as relation,
    (
      select coalesce(pg_catalog.jsonb_agg(i.inhrelid::text order by i.inhrelid), '[]')
      from pg_catalog.pg_inherits i join pg_catalog.pg_class part on part.oid = i.inhrelid
      where i.inhparent = r.oid and part.relispartition
    )::text as partitions,
    (
      select case when pg_catalog.bool_and(a.attname is not null)
        then pg_catalog.jsonb_agg(a.attname order by key.position) end
      from pg_catalog.pg_partitioned_table p
      cross join unnest(p.partattrs::int2[]) with ordinality as key (attnum, position)
      left join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum = key.attnum and key.attnum > 0
      where p.partrelid = r.oid
    )::text as partition_key,
    (
      select coalesce(pg_catalog.jsonb_object_agg(own.relname, above.relname), '{}')
      from pg_catalog.pg_index x
      join pg_catalog.pg_class own on own.oid = x.indexrelid
      join pg_catalog.pg_inherits i on i.inhrelid = x.indexrelid
      join pg_catalog.pg_class above on above.oid = i.inhparent
      where x.indrelid = r.oid
    )::text as index_parents,
    (
      select coalesce(pg_catalog.jsonb_object_agg(a.attname, pg_catalog.pg_get_expr(d.adbin, d.adrelid)), '{}')
      from pg_catalog.pg_attrdef d
      join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
      where d.adrelid = r.oid
    )::text as defaults,
    exists (
      select from pg_catalog.pg_locks l
      where l.locktype = 'relation' and l.relation = r.oid and l.mode = 'ShareUpdateExclusiveLock'
        and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
        and l.pid <> pg_catalog.pg_backend_pid()
    ) as is_busy
  from pg_catalog.pg_class r
  where r.oid = any (${oids})`;

// conenforced is PostgreSQL 18's.
const constraintQuery = (oids: Sql): Sql => sql`
  select c.conrelid::text as relation, c.conname as name, c.contype as type, c.convalidated as validated,
    coalesce((pg_catalog.to_jsonb(c) ->> 'conenforced')::boolean, true) as enforced, c.conislocal as is_local,
    pg_catalog.pg_get_expr(c.conbin, c.conrelid) as expression, c.confdeltype as on_delete, c.confupdtype as on_update,
    (
      select coalesce(pg_catalog.jsonb_agg(a.attname order by key.position), '[]')
      from unnest(c.conkey) with ordinality as key (attnum, position)
      join pg_catalog.pg_attribute a on a.attrelid = c.conrelid and a.attnum = key.attnum
    )::text as columns
  from pg_catalog.pg_constraint c
  where c.conrelid = any (${oids})
  order by c.conrelid, c.conname`;

function readState(row: Row, constraints: readonly Row[]): TableState {
  const parse = <Value>(key: string): Value => JSON.parse(row[key] ?? 'null') as Value;
  return {
    partitions: parse<string[]>('partitions'),
    partitionKey: parse<Identifier[] | null>('partition_key') ?? undefined,
    constraints: constraints.map(readConstraint),
    indexParents: new Map(Object.entries(parse<Record<string, string>>('index_parents'))),
    defaults: new Map(Object.entries(parse<Record<string, string>>('defaults'))),
    isBusy: row['is_busy'] === 't',
  };
}

function readConstraint(row: Row): TableConstraint {
  const type = row['type'];
  return {
    name: identifier(row['name'] ?? ''),
    type: type === 'c' ? 'check' : type === 'f' ? 'foreign key' : 'other',
    columns: JSON.parse(row['columns'] ?? '[]') as Identifier[],
    expression: row['expression'] ?? undefined,
    validated: row['validated'] === 't',
    enforced: row['enforced'] === 't',
    isLocal: row['is_local'] === 't',
    onDelete: ACTIONS[row['on_delete'] ?? ''] ?? 'no action',
    onUpdate: ACTIONS[row['on_update'] ?? ''] ?? 'no action',
  };
}

const ACTIONS: Record<string, ForeignKeyAction> = {
  a: 'no action',
  r: 'restrict',
  c: 'cascade',
  n: 'set null',
  d: 'set default',
};
