import { param, sql, type Sql } from '../sql/sql.ts';
import { TENANT_OWNED } from './demo-data.ts';

const TENANTS = 200;
const WORKSPACES = 40;

/** The application before its rollout: tenants and their rows, and no workspace_id anywhere. */
export function beforeRollout(rowsPerTable: number): Sql[] {
  const rows = param(rowsPerTable, 'integer');
  const tenants = param(TENANTS, 'integer');
  return [
    sql`create table workspaces (id bigint primary key, name text not null)`,
    sql`create table tenants (id bigint primary key, name text not null)`,
    sql`insert into workspaces select i, 'workspace ' || i from generate_series(1, ${param(WORKSPACES, 'integer')}) i`,
    sql`insert into tenants select i, 'tenant ' || i from generate_series(1, ${tenants}) i`,
    ...TENANT_OWNED.flatMap((table) => [
      sql`create table ${table} (id bigint primary key, tenant_id bigint not null references tenants, label text)`,
      sql`insert into ${table} select i, 1 + i % ${tenants}, 'row ' || i from generate_series(1, ${rows}) i`,
    ]),
    sql`create table audit_logs (id bigint primary key, tenant_id bigint, action text not null)`,
    sql`insert into audit_logs select i, case when i % 10 > 0 then 1 + i % ${tenants} end, 'sign-in' from generate_series(1, ${rows}) i`,
    sql`analyze`,
  ];
}

/** A person has said where each tenant belongs, and has forgotten one; and one writer takes the workspace from elsewhere. */
export const IMPERFECT_WRITES: readonly Sql[] = [
  sql`update tenants set workspace_id = 1 + id % 40 where id > 1`,
  sql`update backup_sets set workspace_id = 1 + (tenant_id + 1) % 40 where id <= 7`,
];

/** What the team decides: the forgotten tenant's workspace, and that the tenant was right and not the row. */
export const DECISIONS: readonly Sql[] = [
  sql`update tenants set workspace_id = 2 where id = 1`,
  sql`update backup_sets row set workspace_id = t.workspace_id from tenants t
    where t.id = row.tenant_id and row.workspace_id <> t.workspace_id`,
];
