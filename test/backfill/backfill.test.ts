import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDatabase, createRole, type TestDatabase } from '../support/server.ts';
import { auditTrigger } from '../support/audit-trigger.ts';
import { NO_GUARD, runFill, workspaceRule } from '../support/run-fill.ts';

const tenants = `
  create table tenants (id bigint primary key, workspace_id bigint);
  insert into tenants select i, 100 + i from generate_series(1, 10) i;
  insert into tenants values (11, null);`;

/** 1,000 rows that lack their workspace, of ten tenants. */
const orders = `${tenants}
  create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint);
  insert into orders select i, 1 + i % 10, null from generate_series(1, 1000) i;`;

const go = { execute: 'true', acknowledge: NO_GUARD } as const;

const countOf = async (database: TestDatabase, where: string): Promise<number> =>
  Number((await database.rows(`select count(*) as n from orders where ${where}`))[0]?.['n']);

describe('a backfill', () => {
  it('fills each row from its parent, records it, and is complete when the rule finds nothing', async () => {
    const database = await createDatabase(`${orders}${auditTrigger('orders')}`);
    const report = await runFill({
      url: database.url,
      rules: workspaceRule('orders'),
      ...go,
      acknowledge: [NO_GUARD, 'trigger:public.orders.audited'],
    });
    assert.deepEqual(report.problems, []);
    assert.equal(report.run?.state, 'completed');
    assert.equal(report.exitCode, 0);
    assert.equal(await countOf(database, 'workspace_id = tenant_id + 100'), 1000);
    const [audit] = await database.rows('select count(*) as n, count(distinct id) as rows from audit');
    assert.deepEqual(audit, { n: '1000', rows: '1000' });
    assert.equal(report.run.rowsUpdated, 1000);
    assert.deepEqual(
      report.recheck.map(({ outcome, violations }) => [outcome, violations]),
      [['held', 0]],
    );
    assert.ok(report.run.events.some(({ kind }) => kind === 'probed'));
  });

  it('writes nothing at all without execute', async () => {
    const database = await createDatabase(orders);
    const dump = () =>
      database.rows(`
        select pg_snapshot_xmax(pg_current_snapshot())::text as xid, (select sum(hashtext(o::text)) from orders o) as rows,
          (select count(*) from pg_class) as objects`);
    await dump();
    const before = await dump();
    const report = await runFill({ url: database.url, rules: workspaceRule('orders') });
    const after = await dump();
    assert.equal(report.exitCode, 0);
    assert.equal(report.estimate?.rows, 1000);
    assert.deepEqual(report.census[0]?.classes['resolvable'], 1000);
    assert.deepEqual({ ...after[0], xid: '' }, { ...before[0], xid: '' });
    assert.deepEqual(await database.rows(`select to_regnamespace('rowgate') as made`), [{ made: null }]);
  });

  it('leaves what it cannot fill, says why by class, and never overwrites a value', async () => {
    const database = await createDatabase(`${orders}
      update orders set tenant_id = null where id <= 3;
      update orders set tenant_id = 999 where id between 4 and 8;
      update orders set tenant_id = 11 where id between 9 and 10;
      update orders set workspace_id = 5 where id between 11 and 14;`);
    const report = await runFill({ url: database.url, rules: workspaceRule('orders'), ...go });
    assert.equal(report.exitCode, 1);
    assert.equal(report.run?.state, 'completed_with_residue');
    assert.deepEqual(report.census[0]?.classes, {
      resolvable: 986,
      no_link: 3,
      orphan: 5,
      parent_null: 2,
      conflicting: 4,
    });
    assert.deepEqual(report.run.lanes[0]?.residue, { no_link: 3, orphan: 5, parent_null: 2 });
    assert.equal(report.run.rowsRemaining, 10);
    assert.equal(report.run.rowsUpdated, 986);
    assert.equal(await countOf(database, 'workspace_id = 5'), 4);
  });

  it('stops at its rows exactly, under eight workers, and goes on where it stopped', async () => {
    const database = await createDatabase(orders);
    const first = await runFill({
      url: database.url,
      rules: workspaceRule('orders'),
      ...go,
      maxRows: '333',
      workers: '8',
      batchTarget: '1ms',
    });
    assert.equal(first.exitCode, 0);
    assert.equal(first.run?.state, 'stopped_at_bound');
    assert.equal(await countOf(database, 'workspace_id is not null'), 333);
    assert.equal(first.run.rowsRemaining, 667);
    const second = await runFill({
      url: database.url,
      rules: workspaceRule('orders'),
      ...go,
      runId: first.run.id,
      maxRows: '67',
      workers: '8',
    });
    assert.equal(second.run?.state, 'stopped_at_bound');
    assert.equal(await countOf(database, 'workspace_id is not null'), 400);
    const last = await runFill({
      url: database.url,
      rules: workspaceRule('orders'),
      ...go,
      runId: first.run.id,
      maxRows: '700',
    });
    assert.equal(last.run?.state, 'completed');
    assert.equal(last.run.rowsUpdated, 1000);
  });

  it('begins no batch after its deadline', async () => {
    const database = await createDatabase(orders);
    const report = await runFill({
      url: database.url,
      rules: workspaceRule('orders'),
      ...go,
      maxDuration: '1ms',
    });
    assert.equal(report.run?.state, 'stopped_at_bound');
    assert.equal(report.exitCode, 0);
    assert.equal(await countOf(database, 'workspace_id is not null'), 0);
  });

  it('that is only recorded says that no worker has it, and is worked off later', async () => {
    const database = await createDatabase(orders);
    const rules = workspaceRule('orders');
    const recorded = await runFill({ url: database.url, rules, enqueue: 'true', acknowledge: NO_GUARD });
    assert.equal(recorded.exitCode, 0);
    assert.equal(recorded.run?.state, 'planned');
    assert.equal(await countOf(database, 'workspace_id is not null'), 0);
    const again = await runFill({ url: database.url, rules, enqueue: 'true', acknowledge: NO_GUARD });
    assert.equal(again.exitCode, 3);
    assert.match(again.problems[0]?.message ?? '', /run 1 is filling workspace_id of public\.orders/);
    const worked = await runFill({ url: database.url, rules, ...go, runId: recorded.run.id });
    assert.equal(worked.run?.state, 'completed');
  });

  it('is taken up by many workers of many processes at once, and each row is filled once', async () => {
    const database = await createDatabase(`${orders}${auditTrigger('orders')}`);
    const rules = workspaceRule('orders');
    const acknowledge = [NO_GUARD, 'trigger:public.orders.audited'];
    const { run } = await runFill({ url: database.url, rules, enqueue: 'true', acknowledge });
    const reports = await Promise.all(
      [1, 2, 3].map(() =>
        runFill({
          url: database.url,
          rules,
          execute: 'true',
          acknowledge,
          runId: run?.id,
          workers: '2',
          batchTarget: '1ms',
        }),
      ),
    );
    assert.ok(reports.some((report) => report.run?.state === 'completed'));
    assert.ok(
      reports.every((report) => report.exitCode === 0),
      JSON.stringify(reports.map((r) => [r.exitCode, r.problems])),
    );
    const [audit] = await database.rows('select count(*) as n, count(distinct id) as rows from audit');
    assert.deepEqual(audit, { n: '1000', rows: '1000' });
  });

  it('refuses a run whose rules were edited since, and a table that was changed under it', async () => {
    const database = await createDatabase(orders);
    const { run } = await runFill({
      url: database.url,
      rules: workspaceRule('orders'),
      enqueue: 'true',
      acknowledge: NO_GUARD,
    });
    const edited = await runFill({
      url: database.url,
      rules: workspaceRule('orders', '    where: id > 5\n'),
      ...go,
      runId: run?.id,
    });
    assert.equal(edited.exitCode, 3);
    assert.match(edited.problems[0]?.message ?? '', /edited since/);
    await database.run('alter table orders alter workspace_id type numeric');
    const changed = await runFill({
      url: database.url,
      rules: workspaceRule('orders'),
      ...go,
      runId: run?.id,
    });
    assert.notEqual(changed.exitCode, 0);
    assert.match(changed.problems[0]?.message ?? '', /not as it was/);
    assert.equal(await countOf(database, 'workspace_id is not null'), 0);
  });

  it('quarantines single rows that a constraint or a trigger refuses, and fills all others', async () => {
    const database = await createDatabase(`${orders}
      alter table orders add check (id <> 77 or workspace_id is null);
      create function no_42() returns trigger language plpgsql as $$
      begin if new.id = 42 then raise exception 'not this one'; end if; return new; end $$;
      create trigger no_42 before update on orders for each row execute function no_42();`);
    const report = await runFill({
      url: database.url,
      rules: workspaceRule('orders'),
      ...go,
      acknowledge: [NO_GUARD, 'trigger:public.orders.no_42'],
    });
    assert.equal(report.run?.state, 'completed_with_residue', JSON.stringify(report.problems));
    assert.deepEqual(report.run.lanes[0]?.residue, { refused: 2 });
    assert.deepEqual(report.run.lanes[0].sqlstates.toSorted(), ['23514', 'P0001']);
    assert.deepEqual(report.run.lanes[0].samples.map(({ key }) => key[0]).toSorted(), ['42', '77']);
    assert.equal(report.run.rowsUpdated, 998);
  });

  it('counts a row that a trigger puts back as undone, not as filled', async () => {
    const database = await createDatabase(`${orders}
      create function keep_null() returns trigger language plpgsql as $$
      begin if new.id % 100 = 0 then new.workspace_id := null; end if; return new; end $$;
      create trigger keep_null before update on orders for each row execute function keep_null();`);
    const report = await runFill({
      url: database.url,
      rules: workspaceRule('orders'),
      ...go,
      acknowledge: [NO_GUARD, 'trigger:public.orders.keep_null'],
    });
    assert.equal(report.run?.state, 'completed_with_residue');
    assert.deepEqual(report.run.lanes[0]?.residue, { undone: 10 });
    assert.equal(report.run.rowsUpdated, 990);
  });

  it('counts a row that a trigger keeps from being written as undone, at the first try', async () => {
    const database = await createDatabase(`${orders}
      create function keep_out() returns trigger language plpgsql as $$
      begin if new.id % 100 = 0 then return null; end if; return new; end $$;
      create trigger keep_out before update on orders for each row execute function keep_out();`);
    const report = await runFill({
      url: database.url,
      rules: workspaceRule('orders'),
      ...go,
      acknowledge: [NO_GUARD, 'trigger:public.orders.keep_out'],
    });
    assert.deepEqual(report.run?.lanes[0]?.residue, { undone: 10 });
    assert.equal(report.run.rowsUpdated, 990);
  });

  it("leaves a row alone of which a trigger would make another value than the parent's", async () => {
    const database = await createDatabase(`${orders}
      create function other() returns trigger language plpgsql as $$
      begin if new.id in (42, 77) then new.workspace_id := 7; end if; return new; end $$;
      create trigger other before update on orders for each row execute function other();`);
    const report = await runFill({
      url: database.url,
      rules: workspaceRule('orders'),
      ...go,
      acknowledge: [NO_GUARD, 'trigger:public.orders.other'],
    });
    assert.equal(report.run?.state, 'completed_with_residue', JSON.stringify(report.problems));
    assert.deepEqual(report.run.lanes[0]?.residue, { refused: 2 });
    assert.equal(report.run.rowsUpdated, 998);
    assert.equal(await countOf(database, 'workspace_id = 7'), 0);
    assert.equal(await countOf(database, 'workspace_id is null'), 2);
  });

  it('takes a value as its column holds it, rounded and cut to its type', async () => {
    const database = await createDatabase(`
      create table tenants (id bigint primary key, rate numeric, joined timestamptz, code text);
      insert into tenants values (1, 1.005, '2026-03-04 23:30+00', 'a ');
      create domain share as numeric(6, 2);
      create table orders (id bigint primary key, tenant_id bigint, rate share, joined date, code char(4));
      insert into orders values (1, 1, null, null, null), (2, 1, 5, null, 'b');`);
    await database.run(`alter database ${database.name} set timezone = 'UTC'`);
    const columns = ['rate', 'joined', 'code'];
    const rule = (name: string): string =>
      `  - { id: have-${name}, kind: not_null, tables: [orders], column: ${name}, backfill: { from: tenants, on: { tenant_id: id }, set: { ${name}: ${name} } } }\n`;
    const report = await runFill({
      url: database.url,
      rules: `version: 1\nrules:\n${columns.map(rule).join('')}`,
      execute: 'true',
      acknowledge: columns.map((name) => `no-writer-guard:have-${name}`),
    });
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
    assert.deepEqual(
      await database.rows('select id::int, rate::text, joined::text, code::text from orders order by id'),
      [
        { id: 1, rate: '1.01', joined: '2026-03-04', code: 'a' },
        { id: 2, rate: '5.00', joined: '2026-03-04', code: 'b' },
      ],
    );
  });

  it('works for a role that may create nothing, once the ledger is there and granted', async () => {
    const database = await createDatabase(orders);
    const role = await createRole();
    await database.run(`
      grant select, update (workspace_id) on orders to ${role.name};
      grant select, update (workspace_id) on tenants to ${role.name};`);
    const url = database.urlFor(role.name, role.password);
    const without = await runFill({ url, rules: workspaceRule('orders'), ...go });
    assert.equal(without.exitCode, 3);
    assert.match(without.problems[0]?.message ?? '', /no ledger/);
    const { installLedger, ledgerGrants } = await import('../../src/backfill/ledger.ts');
    const { openDatabase } = await import('../../src/postgres/connect.ts');
    const { parseConnectionTarget } = await import('../../src/postgres/connection-string.ts');
    const owner = await openDatabase(parseConnectionTarget({ url: database.url, env: {} }), 'pg').connect();
    assert.equal(await installLedger(owner), true);
    assert.equal(await installLedger(owner), false);
    await owner.close();
    const forbidden = await runFill({ url, rules: workspaceRule('orders'), ...go });
    assert.equal(forbidden.exitCode, 2);
    await database.run(ledgerGrants(role.name).join('\n'));
    const report = await runFill({ url, rules: workspaceRule('orders'), ...go });
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
    await database.drop();
  });

  it('needs each obstacle acknowledged by its name, and refuses what cannot be', async () => {
    const database = await createDatabase(`${orders}
      create function f() returns trigger language plpgsql as $$ begin return new; end $$;
      create trigger t before update of workspace_id on orders for each row execute function f();
      create trigger other before update of tenant_id on orders for each row execute function f();
      create table no_key (tenant_id bigint, workspace_id bigint);
      create table loose (id bigint primary key, tenant_id bigint, workspace_id bigint);
      create publication everything for table loose;`);
    const report = await runFill({ url: database.url, rules: workspaceRule('orders'), execute: 'true' });
    assert.equal(report.exitCode, 3);
    assert.match(
      report.problems[0]?.hint ?? '',
      /--acknowledge trigger:public\.orders\.t --acknowledge no-writer-guard/,
    );
    assert.deepEqual(
      report.findings.map(({ name }) => name),
      ['trigger:public.orders.t', NO_GUARD],
    );
    const refused = await runFill({ url: database.url, rules: workspaceRule('no_key'), ...go });
    assert.equal(refused.exitCode, 3);
    assert.match(refused.problems[0]?.message ?? '', /no_key has no unique key/);
    const published = await runFill({ url: database.url, rules: workspaceRule('loose') });
    assert.ok(published.findings.some(({ name }) => name === 'publication:everything.public.loose'));
    const elsewhere = await runFill({
      url: database.url,
      rules: workspaceRule('orders'),
      ...go,
      expectDatabase: 'production',
    });
    assert.equal(elsewhere.exitCode, 3);
    assert.match(elsewhere.problems[0]?.message ?? '', /'production' was expected/);
  });

  it('refuses a role from which a policy hides rows', async () => {
    const database = await createDatabase(`${orders}
      alter table orders enable row level security;
      create policy late on orders using (id > 500);`);
    const role = await createRole();
    await database.run(
      `grant select, update on orders, tenants to ${role.name}; grant create on database ${database.name} to ${role.name}`,
    );
    const report = await runFill({
      url: database.urlFor(role.name, role.password),
      rules: workspaceRule('orders'),
      ...go,
    });
    assert.notEqual(report.exitCode, 0);
    assert.equal(await countOf(database, 'workspace_id is not null'), 0);
    await database.drop();
  });

  it('refuses a parent that several rows could be', async () => {
    const database = await createDatabase(`${orders} alter table tenants drop constraint tenants_pkey;`);
    const report = await runFill({ url: database.url, rules: workspaceRule('orders'), ...go });
    assert.equal(report.exitCode, 3);
    assert.match(report.problems[0]?.message ?? '', /could have several parents/);
  });

  it('stops when told to, keeps what is done, and is taken up again', async () => {
    const database = await createDatabase(orders);
    const cancel = new AbortController();
    const rules = workspaceRule('orders');
    const first = runFill({
      url: database.url,
      rules,
      ...go,
      batchTarget: '1ms',
      nice: '100',
      signal: cancel.signal,
    });
    for (;;) {
      const filled = await countOf(database, 'workspace_id is not null');
      if (filled > 0) break;
    }
    cancel.abort();
    const stopped = await first;
    assert.equal(stopped.exitCode, 2);
    assert.equal(stopped.run?.state, 'running');
    assert.ok(stopped.run.events.some(({ kind }) => kind === 'interrupted'));
    assert.equal(stopped.run.rowsUpdated, await countOf(database, 'workspace_id is not null'));
    const second = await runFill({ url: database.url, rules, ...go, runId: stopped.run.id });
    assert.equal(second.run?.state, 'completed');
  });
});
