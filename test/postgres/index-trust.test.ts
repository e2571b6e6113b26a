import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runGate, type GateOptions } from '../support/run-gate.ts';
import { NO_GUARD, runFill, workspaceRule } from '../support/run-fill.ts';
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

test('where the collation of the whole database has changed, no index over text of it is looked in', async () => {
  const database = await createDatabase(`
    create table t (id bigint primary key, code text, v text not null check (v >= 'm'));
    insert into t select i, nullif('c' || i, 'c7'), 'n' from generate_series(1, 20000) i;
    create index on t (code);
    analyze`);
  const rules = `version: 1
rules:
  - { id: coded, kind: not_null, tables: [t], column: code }
  - { id: late, kind: implies, tables: [t], when: id > 0, then: v >= 'm' }
`;
  const measure = async () => {
    const { results, warnings } = await runGate({ url: database.url, rules });
    assert.deepEqual(results.map(({ violations }) => violations?.count), [1, 0]); // prettier-ignore
    const isWarned = warnings.some(({ code }) => code === 'indexes-outdated');
    return { strategies: results.map(({ strategy }) => strategy), isWarned };
  };
  const trusted = { strategies: ['index probe', 'proved'], isWarned: false };
  assert.deepEqual(await measure(), trusted);
  const [version] = await database.rows(`select current_setting('server_version_num')::int as version`);
  // Before PostgreSQL 15 a database keeps no version of its collation, and before 16 it does not tell the one of now.
  if (Number(version?.['version']) >= 150000)
    await database.run(`update pg_database set datcollversion = 'older' where datname = current_database()`);
  const isTold = Number(version?.['version']) >= 160000;
  assert.deepEqual(await measure(), isTold ? { strategies: ['scan', 'scan'], isWarned: true } : trusted);
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

/** Two parents of one name, as a unique index lets them in that does not find the first. */
const TWINS = `
  create collation sorted (provider = icu, locale = 'en');
  create table parents (name text collate sorted, region int);
  insert into parents values ('a', 1), ('a', 2);
  create index parents_name on parents (name);
  update pg_index set indisunique = true where indexrelid = 'parents_name'::regclass;
  create table t (id bigint primary key, name text collate sorted, region int);
  insert into t values (1, 'a', 1);
  ${CHANGED}`;

test('a unique index whose collation has changed makes no key of a parent unique', async () => {
  const { url } = await createDatabase(TWINS);
  const rules = `version: 1
rules:
  - { id: same, kind: matches_parent, tables: [t], parent: parents, on: { name: name }, match: { region: region } }
`;
  const [result] = (await runGate({ url, rules })).results;
  assert.deepEqual([result?.classes['ambiguous'], result?.classes['different']], [1, 0]);
});

test('a schema rule is met by no index whose collation has changed', async () => {
  const { url } = await createDatabase(TWINS);
  const rules = `version: 1
rules:
  - { id: one, kind: schema, tables: [parents], unique: [name] }
  - { id: found, kind: schema, tables: [parents], index: [name] }
`;
  const { results } = await runGate({ url, rules });
  const reason = 'parents_name was sorted by another version of its collation: reindex it';
  assert.deepEqual(results.map((each) => [each.outcome, each.reason]), [['broken', reason], ['broken', reason]]); // prettier-ignore
});

test('a backfill neither walks by a key whose collation has changed, nor takes values by one', async () => {
  const sorted = `create collation sorted (provider = icu, locale = 'en');`;
  const fill = async (tables: string) => {
    const { url } = await createDatabase(`${sorted} ${tables}; ${CHANGED}`);
    return runFill({ url, rules: workspaceRule('orders'), execute: 'true', acknowledge: NO_GUARD });
  };
  const walked = await fill(`
    create table tenants (id bigint primary key, workspace_id bigint); insert into tenants values (1, 1);
    create table orders (id text collate sorted primary key, tenant_id bigint, workspace_id bigint);
    insert into orders values ('a', 1, null)`);
  assert.equal(walked.exitCode, 3);
  assert.match(walked.problems[0]?.message ?? '', /orders has no unique key without NULLs to walk it by/);
  assert.match(walked.problems[0]?.hint ?? '', /^Reindex orders_pkey first/);
  const taken = await fill(`
    create table tenants (id text collate sorted primary key, workspace_id bigint); insert into tenants values ('a', 1);
    create table orders (id bigint primary key, tenant_id text collate sorted, workspace_id bigint);
    insert into orders values (1, 'a', null)`);
  assert.equal(taken.exitCode, 3);
  const refusals = taken.findings.filter(({ weight }) => weight === 'refuse');
  assert.deepEqual(
    refusals.map(({ name }) => name),
    ['parent:public.tenants'],
  );
  assert.match(refusals[0]?.hint ?? '', /^Reindex tenants_pkey first/);
});
