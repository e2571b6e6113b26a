import { TENANT_OWNED } from '../src/demo/demo-data.ts';
import { CHECKED_TABLES } from './seed-statements.ts';

/** How much is wrong with the data: nothing, or 1 % missing, 0.5 % different and 0.1 % orphans in each table. */
export type Planted = 'nothing' | 'many';

const TENANTS = 5_000;
const WORKSPACES = 500;

/** A deleted tenant's id: no tenant has one this high. */
const GONE = 1_000_000;

/** Percent of all rows; they add up to 100. */
const SHARES: Readonly<Record<string, number>> = {
  findings: 40,
  inventory_items: 16,
  policy_versions: 10,
  audit_logs: 10,
  backup_items: 8,
  inventory_links: 5,
  tenant_permissions: 4,
  policies: 3,
  restore_runs: 1.5,
  backup_sets: 1,
  entra_groups: 0.8,
  backup_schedules: 0.4,
  entra_role_definitions: 0.3,
};

/** SQL that builds the application with about `rows` rows in the checked tables, as its phase 1 left it, without its indexes. */
export function buildTables(rows: number, planted: Planted): string {
  return `
    create table workspaces (id bigint primary key, name text not null);
    insert into workspaces select i, 'workspace ' || i from generate_series(1, ${WORKSPACES}) i;
    create table tenants (id bigint primary key, name text not null, workspace_id bigint);
    insert into tenants select i, 'tenant ' || i, ${workspaceOf('i')} from generate_series(1, ${TENANTS}) i;
    select setseed(0.5);
    ${CHECKED_TABLES.map((table) => buildTable(table, Math.round((rows * (SHARES[table] ?? 0)) / 100), planted)).join('')}
  `;
}

/**
 * Rows of about 230 bytes. `workspace_id` stands last, where `alter table add column` puts it. Some tenants have many
 * more rows than others, and they lie scattered, as an application writes them.
 */
function buildTable(table: string, rows: number, planted: Planted): string {
  const isAudit = table === 'audit_logs';
  const when = (condition: string, then: string, otherwise: string): string =>
    planted === 'many' ? `case when ${condition} then ${then} else ${otherwise} end` : otherwise;
  const ofTenant = workspaceOf('tenant');
  const workspace = when('i % 100 = 7', 'null', when('i % 200 = 11', otherThan(ofTenant), ofTenant));
  const link = when('i % 1000 = 13', `${GONE} + i / 1000 % 200`, 'tenant');
  // A quarter of the audit rows is about no tenant.
  const tenantOrNone = (value: string): string => (isAudit ? `case when i % 4 > 0 then ${value} end` : value);
  return `
    create table ${table} (
      id bigint primary key, tenant_id bigint ${isAudit ? '' : 'not null'}, name text not null, payload text not null,
      created_at timestamptz not null, updated_at timestamptz not null, workspace_id bigint
    );
    insert into ${table}
    select i, ${tenantOrNone(isAudit ? 'tenant' : link)}, '${table} ' || i, repeat(md5(i::text), 3 + i % 4),
      timestamptz '2026-01-01' + i * interval '1 second', timestamptz '2026-06-01' + i * interval '1 second',
      ${tenantOrNone(workspace)}
    from (
      select i, 1 + floor(${TENANTS} * power(random(), 2))::bigint as tenant from generate_series(1, ${rows}) i
    ) r;`;
}

/** SQL that spoils three rows of each tenant-owned table: one missing, one different, one orphan. */
export const spoilThreeRows = TENANT_OWNED.map(
  (table) => `
    update ${table} set workspace_id = null where id = 1;
    update ${table} set workspace_id = ${otherThan('workspace_id')} where id = 2;
    update ${table} set tenant_id = tenant_id + ${GONE} where id = 3;`,
).join('');

/** SQL that makes them good again. */
export const mendThreeRows = TENANT_OWNED.map(
  (table) => `
    update ${table} set tenant_id = tenant_id - ${GONE} where id = 3;
    update ${table} set workspace_id = ${workspaceOf('tenant_id')} where id in (1, 2);`,
).join('');

function workspaceOf(tenant: string): string {
  return `1 + ${tenant} % ${WORKSPACES}`;
}

function otherThan(workspace: string): string {
  return `1 + (${workspace}) % ${WORKSPACES}`;
}
