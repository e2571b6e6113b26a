import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runGate, type GateOptions } from '../support/run-gate.ts';
import { createDatabase, createTemplate, type TestDatabase } from '../support/server.ts';

/** Accounts are found by a text that is sorted by a collation of ICU, and few of many rows break a rule. */
const template = await createTemplate(`
  create collation sorted (provider = icu, locale = 'en');
  create table accounts (name text collate sorted primary key, region text collate sorted not null);
  insert into accounts select 'a' || i, 'r' || i % 5 from generate_series(1, 5000) i;
  create table orders (id bigint primary key, account text collate sorted references accounts, region text collate sorted, paid_on date);
  insert into orders select i, 'a' || 1 + i % 5000, 'r' || (1 + i % 5000) % 5, '2024-01-01' from generate_series(1, 40000) i;
  update orders set paid_on = null where id = 7;
  create index on orders (account);
  create index on orders (paid_on);
  alter table orders add constraint region_first check (region >= 'r');
  analyze`);

const RULES = `version: 1
rules:
  - { id: paid, kind: not_null, tables: [orders], column: paid_on }
  - { id: known, kind: references, tables: [orders], parent: accounts, on: { account: name } }
  - { id: same, kind: matches_parent, tables: [orders], parent: accounts, on: { account: name }, match: { region: region } }
`;

async function measured(database: TestDatabase, options: Partial<GateOptions> = {}) {
  const { results, warnings } = await runGate({
    url: database.url,
    rules: RULES,
    samples: 0,
    maxConnections: 1,
    ...options,
  });
  const counts = results.map(({ rule, violations }) => [rule, violations?.count]);
  assert.deepEqual(counts, [['paid', 1], ['known', 0], ['same', 0]]); // prettier-ignore
  return { strategies: new Set(results.map(({ strategy }) => strategy)), warnings };
}

/** How often the indexes were used, once every session has told: a session does at its end. */
async function uses(database: TestDatabase): Promise<number> {
  const others = () =>
    database.rows(
      'select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
  while ((await others()).length > 0) await sleep(20);
  const [row] = await database.rows(
    `select coalesce(sum(idx_scan), 0)::int as uses from pg_stat_user_indexes where relname in ('accounts', 'orders')`,
  );
  return Number(row?.['uses']);
}

/** A collation whose version has changed since the indexes were built, as an upgrade of the system's library leaves it. */
const CHANGED = `update pg_collation set collversion = 'older' where collname = 'sorted'`;

test('indexes and constraints answer where they can be trusted', async () => {
  const database = await template.createDatabase();
  const before = await uses(database);
  const { strategies, warnings } = await measured(database);
  // Before PostgreSQL 15 a process of its own counts, a moment later.
  while ((await uses(database)) <= before) await sleep(100);
  assert.ok(strategies.has('index probe') && strategies.has('proved'), [...strategies].join());
  assert.deepEqual(warnings.filter(({ code }) => code === 'indexes-outdated'), []); // prettier-ignore
});

test('an index whose collation has changed is not looked in, and no constraint over it proves anything', async () => {
  const database = await template.createDatabase();
  await database.run(CHANGED);
  const before = await uses(database);
  const { strategies, warnings } = await measured(database);
  assert.deepEqual([...strategies], ['scan']);
  assert.equal(await uses(database), before);
  const [warning] = warnings.filter(({ code }) => code === 'indexes-outdated');
  assert.match(
    warning?.message ?? '',
    /^text of public\.accounts, public\.orders was sorted by another version/,
  );
});

test('the strategy scan uses no index, of the table or of a parent', async () => {
  const database = await template.createDatabase();
  const before = await uses(database);
  const { strategies } = await measured(database, { strategy: 'scan', proofs: false });
  assert.deepEqual([...strategies], ['scan']);
  // By itself, what breaks this rule is in an index.
  const only = { url: database.url, rules: RULES, only: ['paid'], strategy: 'scan' } as const;
  assert.deepEqual((await runGate(only)).results.map(({ violations }) => violations?.count), [1]); // prettier-ignore
  assert.equal(await uses(database), before);
});

test('a constraint that compares by a collation that has changed proves nothing, also where no index uses it', async () => {
  const database = await createDatabase(`
    create collation sorted (provider = icu, locale = 'en');
    create table t (id bigint primary key, n text collate sorted not null constraint late check (n >= 'm'));
    insert into t values (1, 'n')`);
  const rules = `version: 1
rules:
  - { id: late, kind: implies, tables: [t], when: id > 0, then: n >= 'm' }
`;
  const strategies = async () =>
    (await runGate({ url: database.url, rules })).results.map(({ strategy }) => strategy);
  assert.deepEqual(await strategies(), ['proved']);
  await database.run(CHANGED);
  assert.deepEqual(await strategies(), ['scan']);
});

test('an index whose condition compares by a collation that has changed is not looked in', async () => {
  const database = await createDatabase(`
    create collation sorted (provider = icu, locale = 'en');
    create table t (id bigint primary key, n text collate sorted, v int);
    insert into t select i, 'n' || i, i from generate_series(1, 20000) i;
    create index on t (v) where n >= 'm';
    analyze;
    update pg_collation set collversion = 'older' where collname = 'sorted'`);
  const rules = `version: 1
rules:
  - { id: set, kind: implies, tables: [t], when: n >= 'm', then: v is not null }
`;
  const { results, warnings } = await runGate({ url: database.url, rules });
  assert.deepEqual(results.map(({ strategy, outcome }) => [strategy, outcome]), [['scan', 'held']]); // prettier-ignore
  assert.ok(warnings.some(({ code }) => code === 'indexes-outdated'));
});
