import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { planGate, runGate } from '../support/run-gate.ts';
import { createTemplate, type TestDatabase } from '../support/server.ts';

const template = await createTemplate(`
  create table tenants (id int primary key, workspace_id int not null);
  insert into tenants select t, t * 10 from generate_series(1, 5) t;
  create table orders (
    id int primary key, tenant_id int not null, workspace_id int, paid boolean not null default false,
    total int default 1, email text, phone text
  );
  insert into orders (id, tenant_id, workspace_id, email)
    select o, 1 + o % 5, 10 * (1 + o % 5), 'x' || o from generate_series(1, 100000) o;`);
const rules = `version: 1
rules:
  - { id: bound, kind: not_null, tables: [orders], column: workspace_id }
  - id: right
    kind: matches_parent
    tables: [orders]
    parent: tenants
    on: { tenant_id: id }
    match: { workspace_id: workspace_id }
  - { id: paid-has-a-total, kind: implies, tables: [orders], when: paid, then: total is not null }
  - { id: one-contact, kind: exactly_one_of, tables: [orders], columns: [email, phone] }
`;

async function started() {
  const database = await template.createDatabase();
  await database.run('vacuum analyze orders, tenants');
  const plan = (only: readonly string[] = []) => planGate({ url: database.url, rules, only });
  const strategies = async (only: readonly string[] = []) =>
    new Map((await plan(only)).entries.map(({ rule, strategy }) => [rule, strategy]));
  return { database, plan, strategies };
}

test('the constraints that a plan advises, applied as printed, prove every rule', async () => {
  const { database, plan, strategies } = await started();
  const before = await plan();
  assert.deepEqual(before.entries.map(({ strategy }) => strategy), ['scan', 'scan', 'scan', 'scan']); // prettier-ignore
  for (const statement of new Set(before.entries.flatMap(({ cheaper }) => cheaper.constraint)))
    await database.run(statement).catch((error: Error) => {
      // Two rules may advise the same constraint of one name.
      assert.match(error.message, /already exists/, statement);
    });
  assert.deepEqual(new Set((await strategies()).values()), new Set(['proved']));
  const report = await runGate({ url: database.url, rules });
  assert.deepEqual(report.results.map(({ outcome }) => outcome), ['held', 'held', 'held', 'held']); // prettier-ignore
});

test('the indexes that a plan advises, applied as printed, spare the scan of what they are for', async () => {
  const { database, plan, strategies } = await started();
  // The others need the scan in any case, and then these two share it.
  const only = ['bound', 'right'];
  const { entries } = await plan(only);
  for (const statement of entries.flatMap(({ cheaper }) => cheaper.index)) await database.run(statement);
  await database.run('vacuum analyze orders');
  const after = await strategies(only);
  assert.deepEqual([after.get('bound'), after.get('right')], ['index probe', 'loose index scan']);
});

/** Reads of user tables, as the server has counted them by now. */
async function readsOf(database: TestDatabase): Promise<string> {
  const [row] = await database.rows(
    'select sum(seq_scan + coalesce(idx_scan, 0))::text as reads from pg_stat_user_tables',
  );
  return String(row?.['reads']);
}

test('a plan reads no row of any table, where a check does', async () => {
  const { database, plan } = await started();
  const settled = async (isOver: (reads: string) => boolean): Promise<string> => {
    // Sessions tell what they have read when they end, and the server a moment later.
    for (let tries = 0; tries < 30; tries += 1) {
      const reads = await readsOf(database);
      if (isOver(reads)) return reads;
      await sleep(100);
    }
    return readsOf(database);
  };
  await settled(() => false);
  const before = await readsOf(database);
  await plan();
  assert.equal(await settled((reads) => reads !== before), before);
  await runGate({ url: database.url, rules });
  assert.notEqual(await settled((reads) => reads !== before), before);
});
