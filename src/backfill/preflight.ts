import { isKey, reindexHint } from '../postgres/catalog.ts';
import type { Query } from '../postgres/snapshot.ts';
import { displayTable } from '../sql/identifier.ts';
import { param, sql, textArray } from '../sql/sql.ts';
import { listed } from '../support/listed.ts';
import { formatDurationMs } from '../support/duration.ts';
import { asProblem } from '../support/problem.ts';
import { filledColumns } from '../plan/fill.ts';
import type { Lane } from './lane.ts';
import { fillNothing } from './lane-statements.ts';

/**
 * Something that a person should know before rows are written. `refuse`: it cannot be done so. `acknowledge`: somebody
 * has to say, by its name, that they know. `note`: it is only said.
 */
export type Finding = {
  readonly weight: 'refuse' | 'acknowledge' | 'note';
  /** What `--acknowledge` takes, such as `trigger:public.orders.audit`. */
  readonly name: string;
  readonly message: string;
  readonly hint: string;
};

/** A transaction that is open for longer than this keeps what the backfill leaves behind from being removed. */
const LONG_TRANSACTION_MS = 5 * 60_000;

/** Looks at what rows of these lanes would meet when they are written. Reads the catalogue; writes nothing. */
export async function preflightBackfill(query: Query, lanes: readonly Lane[]): Promise<Finding[]> {
  return [
    ...refuseParents(lanes),
    ...(await findPrivileges(query, lanes)),
    ...(await findRowSecurity(query, lanes)),
    ...(await findTypeTrouble(query, lanes)),
    ...(await findPartitionKeys(query, lanes)),
    ...(await findRewriteRules(query, lanes)),
    ...(await findTriggers(query, lanes)),
    ...(await findPublications(query, lanes)),
    ...(await findWriterGuards(query, lanes)),
    ...(await findOldTransactions(query)),
  ];
}

/** The findings that keep a run from starting: what is refused, and what nobody has acknowledged. */
export function obstaclesOf(findings: readonly Finding[], acknowledged: readonly string[]): Finding[] {
  return findings.filter(
    ({ weight, name }) => weight === 'refuse' || (weight === 'acknowledge' && !acknowledged.includes(name)),
  );
}

const tableOf = ({ leaf }: Lane): string => displayTable(leaf.name);
const oidsOf = (lanes: readonly Lane[]) => textArray([...new Set(lanes.map(({ leaf }) => leaf.oid))]);
const nameOf = (lanes: readonly Lane[], oid: string | null | undefined): string =>
  lanes.filter(({ leaf }) => leaf.oid === oid).map(tableOf)[0] ?? '';

/** A value is taken from one row, so the way to it must lead to one row at most. */
function refuseParents(lanes: readonly Lane[]): Finding[] {
  const hops = new Map(lanes.flatMap(({ fill }) => fill.hops).map((hop) => [hop.relation.oid, hop]));
  return [...hops.values()].flatMap((hop): Finding[] => {
    const parent = displayTable(hop.relation.name);
    if (hop.relation.kind !== 'table' && hop.relation.kind !== 'partitioned table')
      return [
        {
          weight: 'refuse',
          name: `parent:${parent}`,
          message: `${parent} is a ${hop.relation.kind}, whose rows cannot be locked while a value is taken from them`,
          hint: 'Name the table that the values stand in.',
        },
      ];
    const columns = hop.on.map(({ parent: column }) => column.name);
    const ofLink = hop.relation.indexes.filter(
      (index) =>
        index.columns.length > 0 &&
        index.columns.every((name) => name !== undefined && columns.includes(name)),
    );
    if (ofLink.some(isKey) && !hop.relation.hasInheritors) return [];
    return [
      {
        weight: 'refuse',
        name: `parent:${parent}`,
        message: `no unique key of ${parent} is within ${columns.join(', ')}: a row could have several parents`,
        hint:
          reindexHint(ofLink) ??
          'Give the parent a unique index over the columns in `on`, or name all columns of one.',
      },
    ];
  });
}

/** What the role needs: to read, to write the filled columns, and to lock parents, which takes the right to update them. */
async function findPrivileges(query: Query, lanes: readonly Lane[]): Promise<Finding[]> {
  const lacking: string[] = [];
  for (const [relation, columns] of needs(lanes)) {
    const [row] = await query(sql`
      select pg_catalog.has_any_column_privilege(c.oid, 'select') as may_select,
        (select pg_catalog.bool_and(pg_catalog.has_column_privilege(c.oid, a.attnum, 'update'))
          from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attname = any (${textArray(columns)}::name[])) as may_update,
        pg_catalog.has_any_column_privilege(c.oid, 'update') as may_lock
      from pg_catalog.pg_class c where c.oid = ${param(relation.oid, 'oid')}`);
    if (row?.['may_select'] !== 't') lacking.push(`select on ${displayTable(relation.name)}`);
    if (columns.length > 0 && row?.['may_update'] !== 't')
      lacking.push(`update (${columns.join(', ')}) on ${displayTable(relation.name)}`);
    if (columns.length === 0 && row?.['may_lock'] !== 't')
      lacking.push(`update on ${displayTable(relation.name)}`);
  }
  if (lacking.length === 0) return [];
  return [
    {
      weight: 'refuse',
      name: 'privileges',
      message: `the role lacks ${lacking.join('; ')}`,
      hint: `Parents are locked while values are taken from them, which takes the right to update one of their columns. ${lacking.map((each) => `grant ${each} to <role>;`).join(' ')}`,
    },
  ];
}

function needs(lanes: readonly Lane[]): [Lane['leaf'], string[]][] {
  const found = new Map<string, [Lane['leaf'], string[]]>();
  for (const { leaf, fill } of lanes) {
    const columns = filledColumns(fill).map(({ name }) => name as string);
    found.set(leaf.oid, [leaf, [...new Set([...(found.get(leaf.oid)?.[1] ?? []), ...columns])]]);
  }
  for (const { relation } of lanes.flatMap(({ fill }) => fill.hops))
    if (!found.has(relation.oid)) found.set(relation.oid, [relation, []]);
  return [...found.values()];
}

async function findRowSecurity(query: Query, lanes: readonly Lane[]): Promise<Finding[]> {
  const relations = needs(lanes).map(([relation]) => relation);
  const rows = await query(sql`
    select c.oid::text as oid from pg_catalog.pg_class c
    where c.oid = any (${textArray(relations.map(({ oid }) => oid))}::oid[]) and c.relrowsecurity and pg_catalog.row_security_active(c.oid)
    order by c.oid`);
  const names = relations
    .filter(({ oid }) => rows.some((row) => row['oid'] === oid))
    .map(({ name }) => displayTable(name));
  if (names.length === 0) return [];
  return [
    {
      weight: 'refuse',
      name: 'row-security',
      message: `row-level security hides rows of ${names.join(', ')} from the role: what it cannot see it cannot fill`,
      hint: 'Let the role see every row: alter role <role> bypassrls',
    },
  ];
}

/** The server plans the very statement, and says now what it would say of it later. */
async function findTypeTrouble(query: Query, lanes: readonly Lane[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const lane of lanes) {
    try {
      await query(sql`savepoint looked`);
      await query(sql`explain (costs off) ${fillNothing(lane)}`);
      await query(sql`release savepoint looked`);
    } catch (error) {
      const problem = asProblem(error);
      if (problem.sqlstate === undefined) throw error;
      await query(sql`rollback to savepoint looked`);
      if (problem.sqlstate === '42501') continue;
      findings.push({
        weight: 'refuse',
        name: `statement:${tableOf(lane)}`,
        message: `the server does not accept the statement that would fill ${tableOf(lane)}: ${problem.message}`,
        hint: `Look at \`on\` and \`set\` of the rule ${lane.fill.rule.id}: the types of both sides must fit.`,
      });
    }
  }
  return findings;
}

async function findPartitionKeys(query: Query, lanes: readonly Lane[]): Promise<Finding[]> {
  const rows = await query(sql`
    with recursive up as (
      select c.oid as leaf, c.oid as relation from pg_catalog.pg_class c where c.oid = any (${oidsOf(lanes)}::oid[])
      union all
      select up.leaf, i.inhparent from up join pg_catalog.pg_inherits i on i.inhrelid = up.relation
    )
    select distinct up.leaf::text as leaf, a.attname as name
    from up
    join pg_catalog.pg_partitioned_table p on p.partrelid = up.relation
    join pg_catalog.pg_attribute a on a.attrelid = up.relation and a.attnum = any (p.partattrs::int2[])`);
  return lanes
    .filter(({ leaf, fill }) =>
      rows.some(
        (row) => row['leaf'] === leaf.oid && filledColumns(fill).some(({ name }) => name === row['name']),
      ),
    )
    .map((lane) => ({
      weight: 'refuse' as const,
      name: `partition-key:${tableOf(lane)}`,
      message: `${tableOf(lane)} is partitioned by a column that would be filled: its rows would have to move to another partition`,
      hint: 'Move such rows by a migration of your own.',
    }));
}

/** A rule turns the update into another statement, which may write something else, or somewhere else. */
async function findRewriteRules(query: Query, lanes: readonly Lane[]): Promise<Finding[]> {
  const rows = await query(sql`
    select w.ev_class::text as relation, w.rulename as name from pg_catalog.pg_rewrite w
    where w.ev_class = any (${oidsOf(lanes)}::oid[]) and w.ev_type = '2' and w.ev_enabled in ('O', 'A')
    order by w.ev_class, w.rulename`);
  return rows.map((row) => {
    const table = nameOf(lanes, row['relation']);
    return {
      weight: 'refuse',
      name: `rewrite-rule:${table}.${row['name']}`,
      message: `the rewrite rule ${row['name']} of ${table} turns an update into something else`,
      hint: 'Make it a trigger, or fill the table by a migration of your own.',
    };
  });
}

async function findTriggers(query: Query, lanes: readonly Lane[]): Promise<Finding[]> {
  const rows = await query(sql`
    select t.tgrelid::text as relation, t.tgname as name, t.tgtype & 1 = 1 as is_row,
      (select coalesce(pg_catalog.jsonb_agg(a.attname), '[]') from pg_catalog.pg_attribute a
        where a.attrelid = t.tgrelid and a.attnum = any (t.tgattr::int2[]))::text as columns
    from pg_catalog.pg_trigger t
    where t.tgrelid = any (${oidsOf(lanes)}::oid[]) and not t.tgisinternal and t.tgenabled in ('O', 'A') and t.tgtype & 16 = 16
    order by t.tgrelid, t.tgname`);
  return rows.flatMap((row): Finding[] => {
    const columns = JSON.parse(row['columns'] ?? '[]') as string[];
    const lane = lanes.find(
      ({ leaf, fill }) =>
        leaf.oid === row['relation'] &&
        (columns.length === 0 || filledColumns(fill).some(({ name }) => columns.includes(name))),
    );
    if (!lane) return [];
    const each = row['is_row'] === 't' ? 'for each row' : 'once a batch';
    return [
      {
        weight: 'acknowledge',
        name: `trigger:${tableOf(lane)}.${row['name']}`,
        message: `the trigger ${row['name']} of ${tableOf(lane)} fires ${each}, with whatever it writes or sends`,
        hint: 'Read it first. Rowgate disables no trigger.',
      },
    ];
  });
}

async function findPublications(query: Query, lanes: readonly Lane[]): Promise<Finding[]> {
  const rows = await query(sql`
    with recursive up as (
      select c.oid as leaf, c.oid as relation from pg_catalog.pg_class c where c.oid = any (${oidsOf(lanes)}::oid[])
      union all
      select up.leaf, i.inhparent from up join pg_catalog.pg_inherits i on i.inhrelid = up.relation
    )
    select distinct up.leaf::text as leaf, p.pubname as name, case
        when leaf.relreplident = 'n' then true
        when leaf.relreplident = 'd' then not exists (select from pg_catalog.pg_index x where x.indrelid = leaf.oid and x.indisprimary)
        else false end as lacks_identity
    from up
    join pg_catalog.pg_class leaf on leaf.oid = up.leaf
    join pg_catalog.pg_class c on c.oid = up.relation
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_publication_tables t on t.schemaname = n.nspname and t.tablename = c.relname
    join pg_catalog.pg_publication p on p.pubname = t.pubname and p.pubupdate
    order by 1, 2`);
  return rows.flatMap((row): Finding[] => {
    const table = nameOf(lanes, row['leaf']);
    if (row['lacks_identity'] === 't')
      return [
        {
          weight: 'refuse',
          name: `replica-identity:${table}`,
          message: `${table} is in the publication ${row['name']} and has no replica identity: the server refuses updates`,
          hint: `alter table ${table} replica identity using index <a unique index>`,
        },
      ];
    return [
      {
        weight: 'acknowledge',
        name: `publication:${row['name']}.${table}`,
        message: `${table} is in the publication ${row['name']}: each filled row is sent to its subscribers`,
        hint: 'Tell whoever reads them, and watch the slot (the throttle slot-lag).',
      },
    ];
  });
}

/**
 * Whether something in the database keeps a writer from leaving the value out: NOT NULL or a CHECK that names the column,
 * also NOT VALID, a trigger before insert, or a default. What an application does cannot be seen from here.
 */
async function findWriterGuards(query: Query, lanes: readonly Lane[]): Promise<Finding[]> {
  const unguarded = new Map<string, Set<string>>();
  for (const { leaf, fill } of lanes) {
    for (const { name } of filledColumns(fill)) {
      const [row] = await query(sql`
        select a.attnotnull or a.atthasdef or exists (
            select from pg_catalog.pg_constraint c
            where c.conrelid = a.attrelid and c.contype in ('c', 'n') and a.attnum = any (c.conkey)
          ) or exists (
            select from pg_catalog.pg_trigger t
            where t.tgrelid = a.attrelid and not t.tgisinternal and t.tgenabled in ('O', 'A') and t.tgtype & 7 = 7
          ) as has_guard
        from pg_catalog.pg_attribute a
        where a.attrelid = ${param(leaf.oid, 'oid')} and a.attname = ${param(name, 'name')}`);
      if (row?.['has_guard'] === 't') continue;
      const tables = unguarded.get(fill.rule.id) ?? new Set();
      unguarded.set(fill.rule.id, tables.add(`${displayTable(fill.relation.name)}.${name}`));
    }
  }
  return [...unguarded].map(([rule, columns]) => ({
    weight: 'acknowledge',
    name: `no-writer-guard:${rule}`,
    message: `nothing in the database keeps writers from leaving out ${listed([...columns])}`,
    hint: 'Deploy write paths that set it first, or rows written meanwhile are left over. If they do, acknowledge this.',
  }));
}

async function findOldTransactions(query: Query): Promise<Finding[]> {
  const [row] = await query(sql`
    select (extract(epoch from (pg_catalog.clock_timestamp() - min(held.since))) * 1000)::bigint::text as age
    from (
      select xact_start as since from pg_catalog.pg_stat_activity where backend_xmin is not null and pid <> pg_catalog.pg_backend_pid()
      union all select prepared from pg_catalog.pg_prepared_xacts
    ) as held`);
  const ageMs = Number(row?.['age'] ?? 0);
  if (ageMs < LONG_TRANSACTION_MS) return [];
  return [
    {
      weight: 'acknowledge',
      name: 'long-transaction',
      message: `a transaction is open for ${formatDurationMs(ageMs)}: until it ends, nothing that the backfill leaves behind can be removed, and tables grow`,
      hint: 'See pg_stat_activity and pg_prepared_xacts, and end it if nobody needs it.',
    },
  ];
}
