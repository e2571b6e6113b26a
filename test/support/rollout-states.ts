/** A rollout over one table, and the states that it goes through. */
export const RULES = `version: 1
phases: [expand, write, fill, enforce]
rules:
  - { id: has-column, kind: schema, tables: [docs], column: workspace_id, enforce_from: expand }
  - { id: has-index, kind: schema, tables: [docs], index: [workspace_id], enforce_from: expand }
  - id: agrees
    kind: matches_parent
    tables: [docs]
    parent: tenants
    on: { tenant_id: id }
    match: { workspace_id: workspace_id }
    nulls: ignore
    enforce_from: write
  - { id: filled, kind: not_null, tables: [docs], column: workspace_id, enforce_from: fill }
  - { id: is-not-null, kind: schema, tables: [docs], column: workspace_id, not_null: true, enforce_from: enforce }
  - id: is-one-key
    kind: schema
    tables: [docs]
    foreign_key: { parent: tenants, on: { tenant_id: id, workspace_id: workspace_id } }
    enforce_from: enforce
`;

export const TENANTS = `
  create table tenants (id bigint primary key, workspace_id bigint not null);
  insert into tenants select i, 1 + i % 5 from generate_series(1, 20) i;
  create table docs (id bigint primary key, tenant_id bigint);
  insert into docs select i, 1 + i % 20 from generate_series(1, 100) i;
`;
export const COLUMN = `${TENANTS} alter table docs add workspace_id bigint;`;
export const INDEX = `${COLUMN} create index on docs (workspace_id);`;
export const FILLED = `${INDEX} update docs set workspace_id = t.workspace_id from tenants t where t.id = tenant_id;`;
export const NOT_NULL = `${FILLED} alter table docs alter workspace_id set not null;`;
export const COMPOSITE = `${NOT_NULL} alter table tenants add unique (id, workspace_id);
  alter table docs add foreign key (tenant_id, workspace_id) references tenants (id, workspace_id);`;
