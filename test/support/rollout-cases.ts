/** What a step can start from, and what it is to bring. */
const TABLES = `
  create table workspaces (id bigint primary key);
  insert into workspaces select generate_series(1, 5);
  create table tenants (id bigint primary key, workspace_id bigint);
  insert into tenants select i, 1 + i % 5 from generate_series(1, 20) i;
  create table docs (id bigint primary key, tenant_id bigint, workspace_id bigint, audited boolean);
  insert into docs select i, t.id, t.workspace_id, true from generate_series(1, 200) i join tenants t on t.id = 1 + i % 20;
  analyze;
`;

const PARTITIONED = `
  create table workspaces (id bigint primary key);
  insert into workspaces select generate_series(1, 5);
  create table tenants (id bigint primary key, workspace_id bigint not null, unique (id, workspace_id));
  insert into tenants select i, 1 + i % 5 from generate_series(1, 20) i;
  create table docs (id bigint not null, at int not null, tenant_id bigint, workspace_id bigint, audited boolean) partition by range (at);
  create table docs_1 partition of docs for values from (0) to (10);
  create table docs_2 partition of docs for values from (10) to (20) partition by list (at);
  create table docs_2a partition of docs_2 for values in (10, 11, 12, 13, 14);
  create table docs_2b partition of docs_2 default;
  insert into docs select i, i % 20, t.id, t.workspace_id, true from generate_series(1, 200) i join tenants t on t.id = 1 + i % 20;
  analyze;
`;

export type StepCase = {
  readonly what: string;
  readonly tables: string;
  /** Keys of the one rule, of kind schema. */
  readonly rule: string;
  /** What has happened before, such as a script that stopped half-way. */
  readonly before?: string;
  /** What the statements must and must not hold, as far as it matters. */
  readonly says?: RegExp;
  readonly saysNot?: RegExp;
  readonly from?: number;
  readonly until?: number;
  /** Where the state before is one that nobody wants back: an invalid index, a helper left over. */
  readonly keeps?: boolean;
};

export const INDEX_CASES: readonly StepCase[] = [
  {
    what: 'a column of a type that the rule says',
    tables: TABLES,
    rule: 'column: plan, type: "character varying(20)"',
    says: /add column "plan" character varying\(20\);/,
  },
  {
    what: 'an index',
    tables: TABLES,
    rule: 'index: [workspace_id]',
    says: /create index concurrently "docs_workspace_id_idx"/,
  },
  { what: 'an index over two columns', tables: TABLES, rule: 'index: [tenant_id, workspace_id]' },
  {
    what: 'an index that a failed build has left invalid',
    tables: TABLES,
    rule: 'index: [workspace_id]',
    before: `create index docs_workspace_id_idx on docs (workspace_id);
      update pg_index set indisvalid = false where indexrelid = 'docs_workspace_id_idx'::regclass;`,
    says: /drop index concurrently if exists "public"."docs_workspace_id_idx";\ncreate index concurrently "docs_workspace_id_idx"/,
    keeps: true,
  },
  {
    what: 'an index whose usual name is taken',
    tables: TABLES,
    rule: 'index: [workspace_id]',
    before: 'create index docs_workspace_id_idx on docs (audited)',
    says: /create index concurrently "docs_workspace_id_idx2"/,
  },
  {
    what: 'an index of a partitioned table',
    tables: PARTITIONED,
    rule: 'index: [workspace_id]',
    says: /on only "public"."docs_2"/,
  },
  {
    what: 'an index of a partitioned table that was begun',
    tables: PARTITIONED,
    rule: 'index: [workspace_id]',
    before: `create index docs_workspace_id_idx on only docs (workspace_id);
      create index docs_1_workspace_id_idx on docs_1 (workspace_id);
      alter index docs_workspace_id_idx attach partition docs_1_workspace_id_idx;
      create index docs_2a_workspace_id_idx on docs_2a (workspace_id);`,
    saysNot: /docs_1_workspace_id_idx|create index concurrently "docs_2a/,
    keeps: true,
  },
  { what: 'a unique key', tables: TABLES, rule: 'unique: [id, workspace_id]', says: /unique using index/ },
  {
    what: 'a unique key of a partitioned table',
    tables: PARTITIONED,
    rule: 'unique: [at, id]',
    says: /create unique index "docs_at_id_key" on only/,
  },
];

export const COLUMN_CASES: readonly StepCase[] = [
  { what: 'NOT NULL', tables: TABLES, rule: 'column: workspace_id, not_null: true' },
  {
    what: 'NOT NULL of a partitioned table',
    tables: PARTITIONED,
    rule: 'column: workspace_id, not_null: true',
  },
  {
    what: 'NOT NULL by a CHECK, without a scan',
    tables: TABLES,
    rule: 'column: workspace_id, not_null: true',
    until: 17,
    says: /not valid;\n.*validate.*;\n.*set not null;\n.*drop constraint/,
  },
  {
    what: 'NOT NULL NOT VALID',
    tables: TABLES,
    rule: 'column: workspace_id, not_null: true',
    from: 18,
    says: /not null "workspace_id" not valid;\n.*validate constraint/,
    saysNot: /set not null/,
  },
  {
    what: 'NOT NULL NOT VALID that is there already',
    tables: TABLES,
    rule: 'column: workspace_id, not_null: true',
    before: 'alter table docs add constraint filled not null workspace_id not valid',
    from: 18,
    saysNot: /add constraint/,
    keeps: true,
  },
  {
    what: 'NOT NULL after the CHECK of a script that stopped',
    tables: TABLES,
    rule: 'column: workspace_id, not_null: true',
    before:
      'alter table docs add constraint docs_workspace_id_not_null_check check (workspace_id is not null) not valid',
    until: 17,
    saysNot: /add constraint/,
    says: /validate constraint "docs_workspace_id_not_null_check";\n.*set not null;\n.*drop constraint/,
    keeps: true,
  },
  {
    what: "NOT NULL by somebody else's CHECK, which stays",
    tables: TABLES,
    rule: 'column: workspace_id, not_null: true',
    before: 'alter table docs add constraint theirs check (workspace_id is not null)',
    until: 17,
    saysNot: /add constraint|drop constraint|validate/,
  },
  {
    what: 'the CHECK that NOT NULL has made superfluous',
    tables: TABLES,
    rule: 'column: workspace_id, not_null: true',
    before: `alter table docs add constraint docs_workspace_id_not_null_check check (workspace_id is not null);
      alter table docs alter workspace_id set not null`,
    says: /^alter table "public"."docs" drop constraint if exists "docs_workspace_id_not_null_check";$/,
  },
  {
    what: 'no default',
    tables: TABLES,
    rule: 'column: audited, default: none',
    before: "alter table docs alter audited set default ('x' = 'y')",
    says: /drop default/,
  },
  { what: 'a CHECK', tables: TABLES, rule: 'check: tenant_id is null or workspace_id is not null' },
  {
    what: 'a CHECK of a partitioned table',
    tables: PARTITIONED,
    rule: 'check: tenant_id is null or workspace_id is not null',
  },
  {
    what: 'a CHECK that is there already, and written otherwise',
    tables: TABLES,
    rule: 'check: tenant_id is null or workspace_id is not null',
    before:
      'alter table docs add constraint scoped check (((tenant_id) is null) OR (workspace_id IS NOT NULL)) not valid',
    says: /^alter table "public"."docs" validate constraint "scoped";$/,
    keeps: true,
  },
  {
    what: "a CHECK with a comment in the rule's words",
    tables: TABLES,
    rule: 'check: "id > 0 -- always"',
    says: /check \(\nid > 0 -- always\n\) not valid/,
  },
];

export const KEY_CASES: readonly StepCase[] = [
  {
    what: 'a foreign key',
    tables: TABLES,
    rule: 'foreign_key: { parent: workspaces, on: { workspace_id: id } }',
  },
  {
    what: 'a foreign key of a partitioned table',
    tables: PARTITIONED,
    rule: 'foreign_key: { parent: workspaces, on: { workspace_id: id } }',
  },
  {
    what: 'a foreign key of a partitioned table, one of whose partitions was begun',
    tables: PARTITIONED,
    rule: 'foreign_key: { parent: workspaces, on: { workspace_id: id } }',
    before:
      'alter table docs_1 add constraint begun foreign key (workspace_id) references workspaces (id) not valid',
    until: 17,
    says: /^alter table "public"."docs_1" validate constraint "begun"/,
    keeps: true,
  },
  {
    what: 'a foreign key that is NOT VALID',
    tables: TABLES,
    rule: 'foreign_key: { parent: workspaces, on: { workspace_id: id } }',
    before:
      'alter table docs add constraint begun foreign key (workspace_id) references workspaces (id) not valid',
    says: /^alter table "public"."docs" validate constraint "begun";$/,
    keeps: true,
  },
  {
    what: "a composite foreign key, the parent's unique key first",
    tables: TABLES,
    rule: 'foreign_key: { parent: tenants, on: { tenant_id: id, workspace_id: workspace_id } }',
    says: /create unique index concurrently "tenants_id_workspace_id_key"[^]*unique using index[^]*foreign key[^]*not valid;[^]*validate/,
  },
  {
    what: 'a composite foreign key of a partitioned table',
    tables: PARTITIONED,
    rule: 'foreign_key: { parent: tenants, on: { tenant_id: id, workspace_id: workspace_id } }',
  },
  {
    what: 'a composite foreign key that deletes with its tenant',
    tables: TABLES,
    rule: 'foreign_key: { parent: tenants, on: { tenant_id: id, workspace_id: workspace_id } }',
    before: 'alter table docs add foreign key (tenant_id) references tenants on delete cascade',
    says: /on delete cascade not valid/,
  },
  {
    what: 'a composite foreign key that forgets the tenant alone',
    tables: TABLES,
    rule: 'foreign_key: { parent: tenants, on: { tenant_id: id, workspace_id: workspace_id } }',
    before: 'alter table docs add foreign key (tenant_id) references tenants on delete set null',
    says: /on delete set null \("tenant_id"\) not valid/,
    from: 15,
  },
  {
    what: 'names that need quotes',
    tables: `create table "Work spaces" ("Id" bigint primary key); create table docs (id bigint primary key, "order" bigint);`,
    rule: 'foreign_key: { parent: Work spaces, on: { order: Id } }',
    says: /foreign key \("order"\) references "public"."Work spaces" \("Id"\)/,
  },
];

/** A rules file with the one rule of a case. */
export const rulesOf = (rule: string): string => `
version: 1
rules:
  - { id: wanted, kind: schema, tables: [docs], ${rule} }
`;
