import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDatabase, testServer } from '../support/server.ts';
import { NO_GUARD, runFill, workspaceRule } from '../support/run-fill.ts';

const tenants = `
  create table tenants (id bigint primary key, workspace_id bigint);
  insert into tenants select i, 100 + i from generate_series(1, 10) i;`;

const workspaceAndRegion = `
version: 1
rules:
  - id: rows-have-a-workspace
    kind: not_null
    tables: [orders]
    columns: [workspace_id, region]
    backfill: { from: tenants, on: { tenant_id: id }, set: { workspace_id: workspace_id, region: region } }
`;

describe('a backfill fills', () => {
  const go = { execute: 'true', acknowledge: NO_GUARD } as const;

  it('a table without making it, or an index that lacks the column, much larger', async (t) => {
    if ((await testServer()).version < 14) return t.skip('PostgreSQL 13 fills in one pass');
    const database = await createDatabase(`${tenants}
      create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint, note text);
      alter table orders set (autovacuum_enabled = off);
      insert into orders select i, 1 + i % 10, null, repeat('x', 100) from generate_series(1, 20000) i;
      create index on orders (tenant_id);
      create table copies (like orders including all);
      insert into copies select * from orders;
      create index on copies (workspace_id);`);
    await database.run('vacuum (analyze) orders, copies');
    const pages = `select pg_relation_size('orders') / 8192 as orders, pg_indexes_size('orders') / 8192 as indexes, pg_relation_size('copies') / 8192 as copies`;
    const sizes = async (): Promise<number[]> =>
      Object.values((await database.rows(pages))[0] ?? {}).map(Number);
    const before = await sizes();
    const report = await runFill({ url: database.url, rules: workspaceRule('orders, copies'), ...go });
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
    assert.equal(report.run.rowsUpdated, 40_000);
    const [orders = 0, indexes = 0, copies = 0] = (await sizes()).map((each, i) => each / (before[i] ?? 0));
    assert.ok(orders < 1.7 && indexes < 1.85 && copies < 1.8, `${orders}, ${indexes}, ${copies}`);
  });

  it('empty tables, tables of one row, and tables whose rows all stay as they are', async () => {
    const database = await createDatabase(`${tenants}
      create table none (id bigint primary key, tenant_id bigint, workspace_id bigint);
      create table one (like none including all);
      create table stuck (like none including all);
      insert into one values (1, 1, null);
      insert into stuck select i, null, null from generate_series(1, 2500) i;`);
    const report = await runFill({ url: database.url, rules: workspaceRule('none, one, stuck'), ...go });
    assert.equal(report.run?.state, 'completed_with_residue', JSON.stringify(report.problems));
    assert.deepEqual(
      report.run.lanes.map(({ rowsUpdated, residue }) => [rowsUpdated, residue]),
      [
        [0, {}],
        [1, {}],
        [0, { no_link: 2500 }],
      ],
    );
  });

  it('each leaf of a partitioned table, also where its columns stand in another order', async () => {
    const database = await createDatabase(`${tenants}
      create table orders (id bigint, tenant_id bigint, workspace_id bigint, primary key (id)) partition by range (id);
      create table orders_1 partition of orders for values from (0) to (500);
      create table orders_2 (workspace_id bigint, gone text, id bigint not null, tenant_id bigint);
      alter table orders_2 drop column gone;
      alter table orders attach partition orders_2 for values from (500) to (2000);
      insert into orders select i, 1 + i % 10, null from generate_series(1, 1000) i;`);
    const report = await runFill({ url: database.url, rules: workspaceRule('orders'), ...go });
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
    assert.deepEqual(
      report.run.lanes.map(({ table, rowsUpdated }) => [table, rowsUpdated]),
      [
        ['public.orders_1', 499],
        ['public.orders_2', 501],
      ],
    );
  });

  it('a table and the tables that inherit from it, each by its own key', async () => {
    const database = await createDatabase(`${tenants}
      create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint);
      create table old_orders (primary key (id)) inherits (orders);
      insert into orders select i, 1, null from generate_series(1, 5) i;
      insert into old_orders select i, 2, null from generate_series(1, 7) i;`);
    const report = await runFill({ url: database.url, rules: workspaceRule('orders'), ...go });
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
    assert.deepEqual(
      report.run.lanes.map(({ rowsUpdated }) => rowsUpdated),
      [5, 7],
    );
  });

  it('from a parent several hops away, and not beyond a hop that is not there', async () => {
    const database = await createDatabase(`${tenants}
      create table sets (id uuid primary key, tenant_id bigint);
      create table items (id bigint primary key, set_id uuid, workspace_id bigint);
      insert into sets select md5(i::text)::uuid, case when i < 20 then i end from generate_series(1, 20) i;
      insert into items select i, md5((1 + i % 22)::text)::uuid, null from generate_series(1, 440) i;`);
    const rules = `
version: 1
rules:
  - id: rows-have-a-workspace
    kind: not_null
    tables: [items]
    column: workspace_id
    backfill:
      from: tenants
      via: [{ table: sets, on: { set_id: id } }]
      on: { tenant_id: id }
      set: { workspace_id: workspace_id }
`;
    const report = await runFill({ url: database.url, rules, ...go, workers: '3', batchTarget: '1ms' });
    // Sets 1 to 10 have tenants, 11 to 19 name tenants that are not there, 20 names none, 21 and 22 are not there.
    assert.equal(report.run?.rowsUpdated, 200, JSON.stringify(report.problems));
    assert.deepEqual(report.run.lanes[0]?.residue, { orphan: 220, no_link: 20 });
  });

  it('tables that others take their values from first', async () => {
    const database = await createDatabase(`
      create table organisations (id bigint primary key, workspace_id bigint);
      insert into organisations select i, 200 + i from generate_series(1, 5) i;
      create table tenants (id bigint primary key, organisation_id bigint, workspace_id bigint);
      insert into tenants select i, 1 + i % 5, null from generate_series(1, 10) i;
      create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint);
      insert into orders select i, 1 + i % 10, null from generate_series(1, 300) i;`);
    const rules = `${workspaceRule('orders')}
  - id: tenants-have-a-workspace
    kind: not_null
    tables: [tenants]
    column: workspace_id
    backfill: { from: organisations, on: { organisation_id: id }, set: { workspace_id: workspace_id } }
`;
    const report = await runFill({
      url: database.url,
      rules,
      execute: 'true',
      acknowledge: [NO_GUARD, 'no-writer-guard:tenants-have-a-workspace'],
      workers: '2',
    });
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
    assert.deepEqual(report.census.find(({ table }) => table === 'public.orders')?.waitsFor, [
      'public.tenants',
    ]);
    const [row] = await database.rows(`
      select count(*) as n from orders o join tenants t on t.id = o.tenant_id join organisations g on g.id = t.organisation_id
      where o.workspace_id = g.workspace_id`);
    assert.equal(row?.['n'], '300');
  });

  it('refuses fills that wait for each other', async () => {
    const database = await createDatabase(`
      create table a (id bigint primary key, b_id bigint, w bigint);
      create table b (id bigint primary key, a_id bigint, w bigint);`);
    const rule = (table: string, from: string) => `
  - id: ${table}-has-w
    kind: not_null
    tables: [${table}]
    column: w
    backfill: { from: ${from}, on: { ${from}_id: id }, set: { w: w } }`;
    const report = await runFill({
      url: database.url,
      rules: `\nversion: 1\nrules:${rule('a', 'b')}${rule('b', 'a')}\n`,
    });
    assert.equal(report.exitCode, 3);
    assert.match(report.problems[0]?.message ?? '', /wait for each other/);
    assert.equal(report.problems[0]?.at?.line, 8);
  });

  it('several columns of a row, of which some may be there already', async () => {
    const database = await createDatabase(`
      create table tenants (id bigint primary key, workspace_id bigint, region text);
      insert into tenants values (1, 10, 'eu'), (2, 20, null);
      create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint, region text);
      insert into orders values (1, 1, null, null), (2, 1, 99, null), (3, 1, null, 'us'), (4, 2, null, null), (5, 2, 7, null);`);
    const report = await runFill({ url: database.url, rules: workspaceAndRegion, ...go });
    assert.equal(report.run?.state, 'completed_with_residue', JSON.stringify(report.problems));
    assert.deepEqual(
      await database.rows('select id, workspace_id as w, region as r from orders order by id'),
      [
        { id: '1', w: '10', r: 'eu' },
        { id: '2', w: '99', r: 'eu' },
        { id: '3', w: '10', r: 'us' },
        { id: '4', w: '20', r: null },
        { id: '5', w: '7', r: null },
      ],
    );
    assert.equal(report.run.rowsUpdated, 4);
    assert.deepEqual(report.run.lanes[0]?.residue, { parent_null: 2 });
  });

  it('values that stand for a missing one, and rows that the rule is about alone', async () => {
    const database = await createDatabase(`${tenants}
      create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint, state text);
      insert into orders select i, 1 + i % 10, case i % 3 when 0 then 0 when 1 then null else 5 end, case when i <= 10 then 'draft' else 'sent' end
      from generate_series(1, 300) i;`);
    const rules = workspaceRule('orders', `    missing_values: [0]\n    where: state <> 'draft'\n`);
    const report = await runFill({ url: database.url, rules, ...go });
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
    assert.deepEqual(
      await database.rows(`
        select count(*) filter (where workspace_id = tenant_id + 100) as filled, count(*) filter (where workspace_id = 5) as kept,
          count(*) filter (where workspace_id = 0 or workspace_id is null) as drafts from orders`),
      [{ filled: '193', kept: '100', drafts: '7' }],
    );
  });

  it('one of several columns, beside one of a domain that takes no NULL', async () => {
    const database = await createDatabase(`
      create domain region as text not null;
      create table tenants (id bigint primary key, workspace_id bigint, region text);
      insert into tenants select i, 100 + i, 'eu' from generate_series(1, 10) i;
      create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint, region region);
      insert into orders select i, 1 + i % 10, null, 'eu' from generate_series(1, 100) i;`);
    const report = await runFill({ url: database.url, rules: workspaceAndRegion, ...go });
    assert.equal(report.run?.state, 'completed', JSON.stringify(report));
    assert.equal(report.run.rowsUpdated, 100);
  });

  it('what matches_parent and implies rules lack, and leaves what they forbid', async () => {
    const database = await createDatabase(`${tenants}
      create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint);
      insert into orders select i, 1 + i % 10, case when i % 2 = 0 then 1 end from generate_series(1, 100) i;
      create table audit_logs (id bigint primary key, tenant_id bigint, workspace_id bigint);
      insert into audit_logs select i, case when i % 2 = 0 then 1 + i % 10 end, null from generate_series(1, 100) i;`);
    const fill = 'backfill: { from: tenants, on: { tenant_id: id }, set: { workspace_id: workspace_id } }';
    const rules = `
version: 1
rules:
  - id: rows-agree
    kind: matches_parent
    tables: [orders]
    parent: tenants
    on: { tenant_id: id }
    match: { workspace_id: workspace_id }
    ${fill}
  - id: audit-rows-are-scoped
    kind: implies
    tables: [audit_logs]
    when: tenant_id is not null
    then: workspace_id is not null
    ${fill}
`;
    const report = await runFill({
      url: database.url,
      rules,
      execute: 'true',
      acknowledge: ['no-writer-guard:rows-agree', 'no-writer-guard:audit-rows-are-scoped'],
    });
    assert.equal(report.run?.rowsUpdated, 100, JSON.stringify(report.problems));
    // The fifty rows that disagree keep their value, so the rule is still broken, and the run says so.
    assert.equal(report.run.state, 'completed_with_residue');
    assert.deepEqual(
      report.recheck.map(({ outcome, violations }) => [outcome, violations]),
      [
        ['broken', 50],
        ['held', 0],
      ],
    );
  });

  it('names in mixed case, reserved words, and other schemas', async () => {
    const database = await createDatabase(`
      create schema "My App";
      create table "My App"."user" (id bigint primary key, "group" bigint);
      insert into "My App"."user" select i, i * 2 from generate_series(1, 5) i;
      create table "My App"."Order" ("Order ""Id""" bigint primary key, "userId" bigint, "group" bigint);
      insert into "My App"."Order" select i, 1 + i % 5, null from generate_series(1, 50) i;`);
    const rules = `
version: 1
defaults: { schema: My App }
rules:
  - id: rows-have-a-workspace
    kind: not_null
    tables: [Order]
    column: group
    backfill: { from: user, on: { userId: id }, set: { group: group } }
`;
    const report = await runFill({ url: database.url, rules, ...go });
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
  });

  it('columns that are called what the statements call something, too', async () => {
    const database = await createDatabase(`
      create table candidates (place bigint primary key, value_0 bigint);
      insert into candidates select i, i * 2 from generate_series(1, 5) i;
      create table resolved (place bigint, lacking bigint, ctid_ bigint, is_filled bigint, value_0 bigint, r bigint, key_0 bigint, primary key (place, lacking));
      insert into resolved select i, i % 7, 1, 1, null, 1 + i % 5, 1 from generate_series(1, 500) i;`);
    const rules = `
version: 1
rules:
  - id: rows-have-a-value
    kind: not_null
    tables: [resolved]
    column: value_0
    backfill: { from: candidates, on: { r: place }, set: { value_0: value_0 } }
`;
    const acknowledge = 'no-writer-guard:rows-have-a-value';
    const report = await runFill({ url: database.url, rules, ...go, acknowledge });
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
    assert.equal(report.run.rowsUpdated, 500);
  });

  it('a column of a unique key that other tables reference, with the stronger lock that this takes', async () => {
    const database = await createDatabase(`${tenants}
      create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint, unique (id, workspace_id));
      create table lines (order_id bigint, workspace_id bigint, foreign key (order_id, workspace_id) references orders (id, workspace_id));
      insert into orders select i, 1 + i % 10, null from generate_series(1, 100) i;`);
    const report = await runFill({ url: database.url, rules: workspaceRule('orders'), ...go });
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
  });

  it('refuses a column by which the table is partitioned, and one whose type the value does not fit', async () => {
    const database = await createDatabase(`${tenants}
      create table orders (id bigint, tenant_id bigint, workspace_id bigint not null default 0, primary key (id, workspace_id)) partition by list (workspace_id);
      create table orders_0 partition of orders for values in (0);
      create table notes (id bigint primary key, tenant_id bigint, workspace_id jsonb);`);
    const moved = await runFill({
      url: database.url,
      rules: workspaceRule('orders', '    missing_values: [0]\n'),
      ...go,
    });
    assert.equal(moved.exitCode, 3);
    assert.match(moved.problems.map(({ message }) => message).join(), /partitioned by a column/);
    const unfit = await runFill({ url: database.url, rules: workspaceRule('notes'), ...go });
    assert.equal(unfit.exitCode, 3);
  });

  it('refuses a table of which a rewrite rule turns updates into something else', async () => {
    const database = await createDatabase(`${tenants}
      create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint);
      create table copies (like orders including all);
      insert into orders values (1, 1, null);
      insert into copies select * from orders;
      create rule elsewhere as on update to orders do instead
        update copies set workspace_id = new.workspace_id where id = old.id returning copies.*;`);
    const report = await runFill({ url: database.url, rules: workspaceRule('orders'), ...go });
    assert.equal(report.exitCode, 3);
    assert.deepEqual(
      report.findings.filter(({ weight }) => weight === 'refuse').map(({ name }) => name),
      ['rewrite-rule:public.orders.elsewhere'],
    );
    assert.deepEqual(await database.rows('select count(workspace_id)::int as n from copies'), [{ n: 0 }]);
  });

  it('with the triggers on that a setting of the role would keep from firing', async () => {
    const database = await createDatabase(`${tenants}
      create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint);
      insert into orders select i, i, null from generate_series(1, 10) i;
      create table audit (id bigint);
      create function note() returns trigger language plpgsql as 'begin insert into audit values (new.id); return new; end';
      create trigger note after update on orders for each row execute function note();`);
    await database.run(`alter database ${database.name} set session_replication_role = replica`);
    const acknowledge = `${NO_GUARD},trigger:public.orders.note`;
    const report = await runFill({
      url: database.url,
      rules: workspaceRule('orders'),
      ...go,
      acknowledge,
    });
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
    assert.deepEqual(await database.rows('select count(*)::int as n from audit'), [{ n: 10 }]);
  });

  it('through a default that is ready only for writes: the role may read alone by default', async () => {
    const database = await createDatabase(`${tenants}
      create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint);
      insert into orders values (1, 1, null);`);
    await database.run(`alter database ${database.name} set default_transaction_read_only = on`);
    const report = await runFill({ url: database.url, rules: workspaceRule('orders'), ...go });
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
    assert.ok((await testServer()).version >= 13);
  });
});
