import { identifier, type Identifier } from '../sql/identifier.ts';
import { constant, param, sql, type Sql } from '../sql/sql.ts';

/** The seed's twelve tenant-owned tables. */
export const TENANT_OWNED = [
  'policies',
  'policy_versions',
  'backup_sets',
  'backup_items',
  'restore_runs',
  'backup_schedules',
  'inventory_items',
  'inventory_links',
  'entra_groups',
  'findings',
  'entra_role_definitions',
  'tenant_permissions',
].map((name) => identifier(name));

/** The role that the gate connects as; the README recommends the same rights. */
export const READER = identifier('rowgate_reader');

/** Makes that role, in the public schema. */
export function readerStatements(password: string): Sql[] {
  return [
    sql`create role ${READER} login password ${constant(password)}`,
    sql`grant select on all tables in schema public to ${READER}`,
    sql`alter role ${READER} set default_transaction_read_only = on`,
  ];
}

const TENANTS = 200;
const WORKSPACES = 40;

/**
 * Statements that build the application of the seed as it stands in phase 2, half-way through its backfill: columns and
 * indexes are there, most rows are filled, and each sort of violation is planted somewhere.
 */
export function demoStatements(rowsPerTable: number): Sql[] {
  return [
    sql`create table workspaces (id bigint primary key, name text not null)`,
    sql`create table tenants (id bigint primary key, workspace_id bigint, name text not null)`,
    sql`insert into workspaces select i, 'workspace ' || i from generate_series(1, ${param(WORKSPACES, 'integer')}) i`,
    sql`insert into tenants select i, 1 + i % ${param(WORKSPACES, 'integer')}, 'tenant ' || i from generate_series(1, ${param(TENANTS, 'integer')}) i`,
    ...TENANT_OWNED.flatMap((table) => tenantOwnedTable(table, rowsPerTable)),
    sql`create table audit_logs (id bigint primary key, tenant_id bigint, workspace_id bigint, action text not null)`,
    sql`
      insert into audit_logs
      select i, tenant.id, tenant.workspace_id, 'sign-in'
      from generate_series(1, ${param(rowsPerTable, 'integer')}) i
      left join tenants tenant on tenant.id = 1 + i % ${param(TENANTS, 'integer')} and i % 10 > 0`,
    ...plantedViolations(),
    sql`analyze`,
  ];
}

function tenantOwnedTable(table: Identifier, rows: number): Sql[] {
  return [
    sql`create table ${table} (id bigint primary key, tenant_id bigint not null, workspace_id bigint, label text)`,
    sql`
      insert into ${table}
      select i, tenant.id, tenant.workspace_id, 'row ' || i
      from generate_series(1, ${param(rows, 'integer')}) i
      join tenants tenant on tenant.id = 1 + i % ${param(TENANTS, 'integer')}`,
    sql`create index on ${table} (workspace_id)`,
    sql`create index on ${table} (tenant_id, workspace_id)`,
  ];
}

/** What the demo must find: rows by what is wrong with them. */
export const PLANTED = {
  missing: 120 + 45,
  different: 7 + 2,
  orphan: 3,
  audit: 25,
  tenantsWithoutWorkspace: 1,
} as const;

function plantedViolations(): Sql[] {
  const firstRows = (count: number): Sql => sql`id <= ${param(count, 'bigint')}`;
  return [
    sql`update policies set workspace_id = null where ${firstRows(120)}`,
    sql`update findings set workspace_id = null where ${firstRows(45)}`,
    sql`update backup_sets set workspace_id = workspace_id % ${param(WORKSPACES, 'integer')} + 1 where ${firstRows(7)}`,
    sql`update inventory_links set workspace_id = workspace_id % ${param(WORKSPACES, 'integer')} + 1 where ${firstRows(2)}`,
    sql`update restore_runs set tenant_id = 900000 + id where ${firstRows(3)}`,
    sql`update audit_logs set workspace_id = null where tenant_id is not null and id in (select id from audit_logs where tenant_id is not null order by id limit 25)`,
    sql`insert into tenants values (${param(TENANTS + 1, 'bigint')}, null, 'tenant without a workspace')`,
  ];
}
