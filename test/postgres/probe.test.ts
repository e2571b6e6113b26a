import assert from 'node:assert/strict';
import test from 'node:test';
import { probeGate } from '../support/run-gate.ts';
import { createDatabase, createRole, type TestDatabase } from '../support/server.ts';

const TABLES = `
  create table tenants (id int primary key, workspace_id int not null, unique (id, workspace_id));
  insert into tenants values (1, 10), (2, 20);
  create table orders (id int primary key, tenant_id int not null, workspace_id int);
  insert into orders select o, 1 + o % 2, 10 * (1 + o % 2) from generate_series(1, 20) o;`;
const rules = `version: 1
rules:
  - { id: bound, kind: not_null, tables: [orders], column: workspace_id, probe: true }
  - id: right
    kind: matches_parent
    tables: [orders]
    parent: tenants
    on: { tenant_id: id }
    match: { workspace_id: workspace_id }
    probe: true
  - { id: asked-of-rows, kind: not_null, tables: [orders], column: tenant_id }
`;

async function probed(
  guards: string,
  more: { readonly url?: (database: TestDatabase) => Promise<string> } = {},
) {
  const database = await createDatabase(`${TABLES}; ${guards}`);
  const rows = () => database.rows('select r::text, xmin::text, ctid::text from orders r order by id');
  const before = await rows();
  const report = await probeGate({ url: (await more.url?.(database)) ?? database.url, rules });
  assert.deepEqual(await rows(), before, 'nothing of a probe stays');
  return {
    report,
    outcomes: report.results.map(({ outcome }) => outcome),
    reasons: report.results.map(({ reason }) => reason),
  };
}

test('a database that takes an unbound and a mismatched write fails, and nothing of them stays', async () => {
  const { report, outcomes, reasons } = await probed('');
  assert.deepEqual([report.results.map(({ rule }) => rule), outcomes], [['bound', 'right'], ['broken', 'broken']]); // prettier-ignore
  assert.match(reasons[0] ?? '', /took a write that the rule forbids: workspace_id set to NULL/);
  assert.deepEqual(report.results[1]?.classes, { accepts_mismatch: 1, accepts_unbound: 1 });
  assert.deepEqual([report.verdict, report.exitCode], ['broken', 1]);
});

const composite =
  'alter table orders add foreign key (tenant_id, workspace_id) references tenants (id, workspace_id)';
for (const [what, guards, how] of [
  [
    'constraints',
    `alter table orders alter workspace_id set not null; ${composite}`,
    /refused \(SQLSTATE 23/,
  ],
  [
    'constraints that are deferred',
    `alter table orders alter workspace_id set not null; ${composite} deferrable initially deferred`,
    /refused \(SQLSTATE 23/,
  ],
  [
    'a trigger that says no',
    `create function no() returns trigger language plpgsql as $$ begin
       if new.workspace_id is distinct from (select workspace_id from public.tenants where id = new.tenant_id) then raise 'no'; end if;
       return new; end $$;
     create trigger no before insert or update on orders for each row execute function no()`,
    /refused \(SQLSTATE P0001\)/,
  ],
  [
    'a trigger that puts the row right',
    `create function derive() returns trigger language plpgsql as $$ begin
       new.workspace_id := (select workspace_id from public.tenants where id = new.tenant_id);
       return new; end $$;
     create trigger derive before insert or update on orders for each row execute function derive()`,
    /put right/,
  ],
] as const)
  // prettier-ignore
  test(`a database that guards itself by ${what} holds`, async () => {
    const { outcomes, reasons } = await probed(guards);
    assert.deepEqual(outcomes, ['held', 'held'], reasons.join('\n'));
    for (const reason of reasons) assert.match(reason, how);
  });

test('a guard against one of the two is no guard against the other', async () => {
  const { outcomes, report } = await probed('alter table orders alter workspace_id set not null');
  assert.deepEqual(outcomes, ['held', 'broken']);
  assert.deepEqual(report.results[1]?.classes, { accepts_mismatch: 1, accepts_unbound: 0 });
});

for (const [what, guards, why] of [
  ['a table without rows', 'delete from orders', /no row to try it with/],
  [
    'a table whose row is locked by nobody, and whose parent has one row',
    'delete from orders where tenant_id = 2; delete from tenants where id = 2; alter table orders alter workspace_id set not null',
    /no row to try it with/,
  ],
  [
    'a trigger that fails otherwise',
    `create function broken() returns trigger language plpgsql as $$ begin perform 1 / 0; return new; end $$; create trigger broken before update on orders for each row execute function broken()`,
    /SQLSTATE 22012/,
  ],
] as const)
  // prettier-ignore
  test(`${what} is unknown, not held`, async () => {
    const { outcomes, reasons, report } = await probed(guards);
    assert.equal(outcomes[1], 'unknown', reasons.join('\n'));
    assert.match(reasons[1] ?? '', why);
    assert.equal(report.exitCode, 2);
  });

test('a role that may not write proves nothing', async () => {
  const { outcomes, reasons } = await probed('', {
    url: async (database) => {
      const role = await createRole();
      await database.run(`grant select on all tables in schema public to ${role.name}`);
      const url = new URL(database.url);
      url.username = role.name;
      url.password = role.password;
      return url.href;
    },
  });
  assert.deepEqual(outcomes, ['unknown', 'unknown'], reasons.join('\n'));
});

test('a partitioned table is probed by one row of a partition', async () => {
  const database = await createDatabase(`
    create table tenants (id int primary key, workspace_id int not null); insert into tenants values (1, 10), (2, 20);
    create table orders (id int, tenant_id int not null, workspace_id int, primary key (id)) partition by range (id);
    create table orders_1 partition of orders for values from (0) to (10);
    create table orders_2 partition of orders for values from (10) to (20);
    insert into orders values (15, 1, 10);`);
  const report = await probeGate({ url: database.url, rules });
  assert.deepEqual(report.results.map(({ outcome }) => outcome), ['broken', 'broken']); // prettier-ignore
  assert.deepEqual(await database.rows('select * from orders'), [{ id: 15, tenant_id: 1, workspace_id: 10 }]);
});

test('rules that ask for no probe start none', async () => {
  const database = await createDatabase(TABLES);
  const report = await probeGate({
    url: database.url,
    rules: rules.replaceAll('probe: true', 'severity: error'),
  });
  assert.equal(report.exitCode, 3);
  assert.match(report.problems[0]?.message ?? '', /no rule has `probe: true`/);
});
