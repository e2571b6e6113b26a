import { TENANT_OWNED } from '../../src/demo/demo-data.ts';

/** The seed's application after a clean phase 2: every table, filled, with phase 1's indexes. */
export const seedTables = `
  create table workspaces (id bigint primary key);
  insert into workspaces select generate_series(1, 20);
  create table tenants (id bigint primary key, workspace_id bigint);
  insert into tenants select i, 1 + i % 20 from generate_series(1, 60) i;
  ${TENANT_OWNED.map(
    (table) => `
  create table ${table} (id bigint primary key, tenant_id bigint, workspace_id bigint);
  insert into ${table} select i, t.id, t.workspace_id from generate_series(1, 600) i join tenants t on t.id = 1 + i % 60;
  create index on ${table} (workspace_id);`,
  ).join('')}
  create table audit_logs (id bigint primary key, tenant_id bigint, workspace_id bigint);
  insert into audit_logs select i, t.id, t.workspace_id from generate_series(1, 300) i left join tenants t on t.id = 1 + i % 60 and i % 4 > 0;
`;

/** What phase 3 adds to {@link seedTables}, validated. */
export const completePhase3 = `
  alter table tenants alter workspace_id set not null, add foreign key (workspace_id) references workspaces (id),
    add unique (id, workspace_id);
  ${TENANT_OWNED.map(
    (table) => `
  alter table ${table} alter workspace_id set not null,
    add foreign key (workspace_id) references workspaces (id),
    add foreign key (tenant_id, workspace_id) references tenants (id, workspace_id);`,
  ).join('')}
  alter table audit_logs add check (tenant_id is null or workspace_id is not null);
`;
