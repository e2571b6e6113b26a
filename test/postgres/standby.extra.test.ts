// The gate on a real streaming standby: right counts, how old they are, and no verdict on what the standby took away.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { DRIVERS, type DriverName } from '../../src/postgres/database.ts';
import type { Report } from '../../src/report/report.ts';
import { runGate, type GateOptions } from '../support/run-gate.ts';
import { startReplicatedServers } from '../support/standby.ts';

const SCHEMA = `
  create table parts (id bigint primary key, maker bigint, price bigint);
  insert into parts select i, nullif(i % 40, 0), nullif(i, 9) from generate_series(1, 400) i;
  create table makers (id bigint primary key, name text);
  insert into makers select i, 'maker' from generate_series(1, 30) i;
  create table churned (id bigint primary key, value bigint);
  insert into churned select i, i from generate_series(1, 100) i;
  create unlogged table scratch (id bigint primary key, value bigint);
  insert into scratch values (1, null);
  create role reader login password 'reader'; grant select on all tables in schema public to reader;
  create role watcher login password 'watcher' in role reader, pg_read_all_stats;
  checkpoint`;

const RULES = `version: 1
rules:
  - { id: made, kind: not_null, tables: [parts], column: maker }
  - { id: priced, kind: not_null, tables: [parts], column: price }
  - { id: bound, kind: references, tables: [parts], parent: makers, on: { maker: id } }
  - { id: named, kind: not_null, tables: [makers], column: name }
  - { id: dear, kind: query, query: 'select id from public.parts where abs(price) > 390', key: [id] }
`;
const ANSWERS = { made: 10, priced: 1, bound: 90, named: 0, dear: 10 };

/** The second runs for minutes unless it is stopped. */
const CHURNED_RULES = `version: 1
rules:
  - { id: named, kind: not_null, tables: [makers], column: name }
  - { id: slow, kind: query, query: 'select a.id from public.churned a, public.parts b, public.parts c, public.parts d where a.id + b.id + c.id + d.id < 0', key: [id] }
  - { id: last, kind: query, query: 'select id from public.churned where abs(value) < 0', key: [id] }
`;

const servers = await startReplicatedServers({
  max_standby_streaming_delay: '0',
  hot_standby_feedback: 'off',
});
after(() => servers.stop());
await onPrimary(SCHEMA);
await servers.catchUp();

for (const driver of DRIVERS) {
  for (const maxConnections of [1, 3]) {
    test(`${driver}: ${maxConnections} connections to a standby count right, and it is said to be one`, async () => {
      const report = await gate({ driver, maxConnections });
      assert.deepEqual(answersOf(report), ANSWERS);
      assert.equal(report.target?.inRecovery, true);
      assert.ok(report.warnings.some(({ code }) => code === 'reads-standby'));
    });
  }

  test(`${driver}: an unlogged table, which a standby cannot read, is unknown`, async () => {
    const rules = `${RULES}  - { id: lost, kind: not_null, tables: [scratch], column: value }
  - { id: hidden, kind: query, query: 'select id from public.scratch where abs(value) > 0', key: [id] }
  - { id: guarded, kind: schema, tables: [scratch], check: value > 0 }
`;
    const unread = { lost: 'not-measurable', hidden: 'not-measurable', guarded: 'not-measurable' };
    assert.deepEqual(answersOf(await gate({ driver, rules })), { ...ANSWERS, ...unread });
  });

  test(`${driver}: a check that the standby cancels for its primary's vacuum is unknown`, async () => {
    await refill();
    const run = gate({ driver, rules: CHURNED_RULES, maxConnections: 1, statementTimeout: '10m' });
    await until(async () => (await slowStatements()) === 1);
    await vacuumAway();
    const { named, slow, last } = answersOf(await run);
    assert.deepEqual([named, slow, last], [0, 'recovery-conflict', 'connection-lost']);
  });

  test(`${driver}: a session that the standby ends between two checks answers none of them`, async () => {
    await refill();
    let vacuums = 0;
    const report = await gate({
      driver,
      rules: CHURNED_RULES.replace('public.parts d', '(select 1 as id) d'),
      maxConnections: 1,
      beforeQuery: async (text) => {
        if (!/^select[^]*public\.churned a/.test(text) || (vacuums += 1) > 1) return;
        await vacuumAway();
        await until(async () => (await gateSessions()) === 0);
      },
    });
    assert.ok(vacuums > 0);
    const { named, slow, last } = answersOf(report);
    assert.deepEqual([named, slow, last], [0, 'recovery-conflict', 'connection-lost']);
    assert.equal(report.exitCode, 2);
  });
}

test('the age is bounded by the last commit, and for a role that may see it by the last word of the primary', async () => {
  await onPrimary('checkpoint');
  await servers.catchUp();
  await script(servers.standbyUrl, 'checkpoint');
  await servers.restartStandby();
  const reader = await standbyOf('reader', (seen) => seen?.state === 'applied');
  assert.equal(reader.maxAgeMs, null);
  const watcher = await standbyOf('watcher', (seen) => seen?.state === 'applied');
  assert.ok(watcher.maxAgeMs !== null);
  await onPrimary('insert into churned values (1001, 1001)');
  await servers.catchUp();
  assert.ok((await standbyOf('reader', (seen) => seen?.state === 'applied')).maxAgeMs !== null);
});

test('a standby whose replay is paused shows its old rows, and says so', async () => {
  await script(servers.standbyUrl, 'select pg_wal_replay_pause()');
  await onPrimary('update parts set price = null');
  const report = await gate({});
  assert.deepEqual(answersOf(report), ANSWERS);
  assert.equal(report.target?.standby?.state, 'paused');
  assert.match(
    report.warnings.find(({ code }) => code === 'reads-standby')?.message ?? '',
    /replay is paused/,
  );
  await script(servers.standbyUrl, 'select pg_wal_replay_resume()');
  await servers.catchUp();
  assert.equal(answersOf(await gate({}))['priced'], 400);
  await onPrimary('update parts set price = nullif(id, 9)');
  await servers.catchUp();
});

test('a standby that has not applied what its primary wrote is behind', async () => {
  servers.link.holdAfter(200_000);
  await onPrimary('insert into churned select i, i from generate_series(10000, 60000) i');
  const behind = `select pg_last_wal_receive_lsn() < latest_end_lsn as held from pg_stat_wal_receiver`;
  await until(async () => (await script(servers.standbyUrl, behind))[0]?.['held'] === true);
  const { state, maxAgeMs } = await standbyOf('watcher', () => true);
  assert.equal(state, 'behind');
  assert.ok(maxAgeMs !== null);
  servers.link.release();
  await servers.catchUp();
});

test('a standby without its primary says that it receives nothing', async () => {
  await servers.stopPrimary();
  const standby = await standbyOf('watcher', (seen) => seen?.state !== 'applied');
  assert.equal(standby.state, 'disconnected');
  assert.deepEqual(answersOf(await gate({})), ANSWERS);
});

test('a standby that is promoted during the run answers from the snapshot that was taken before', async () => {
  const waiting: (() => void)[] = [];
  /** Once for each driver, before the second rule. */
  const promoteHere = async (): Promise<void> => {
    const promoted = new Promise<void>((resolve) => waiting.push(resolve));
    if (waiting.length === DRIVERS.length) {
      await servers.promote();
      await script(servers.standbyUrl, 'update parts set maker = null, price = null; delete from makers');
      for (const go of waiting) go();
    }
    await promoted;
  };
  const reports = await Promise.all(
    DRIVERS.map((driver) => {
      let stops = 0;
      const beforeQuery = async (text: string): Promise<void> => {
        if (/^select[^]*"price" is null/.test(text) && (stops += 1) === 1) await promoteHere();
      };
      return gate({ driver, maxConnections: 1, beforeQuery });
    }),
  );
  for (const report of reports) {
    assert.deepEqual(answersOf(report), ANSWERS);
    assert.equal(report.target?.inRecovery, true);
  }
});

function gate(options: Partial<GateOptions> & { readonly driver?: DriverName }): Promise<Report> {
  return runGate({
    url: `${servers.standbyUrl}?application_name=the-gate`,
    rules: RULES,
    samples: 2,
    ...options,
  });
}

/** What the report says of the standby, once it is as asked. */
async function standbyOf(role: string, isWanted: (standby: Standby | null | undefined) => boolean) {
  const url = Object.assign(new URL(servers.standbyUrl), { username: role, password: role }).href;
  let standby: Standby | null | undefined;
  await until(async () => {
    standby = (await gate({ url })).target?.standby;
    return isWanted(standby);
  });
  assert.ok(standby);
  return standby;
}

type Standby = NonNullable<NonNullable<Report['target']>['standby']>;

/** By rule the number of violations, or the reason why there is none. */
function answersOf({ results, problems }: Report): Record<string, number | string> {
  assert.ok(results.length > 0, problems[0]?.message);
  return Object.fromEntries(
    results.map(({ rule, violations, problem }) => [rule, violations?.count ?? problem?.code ?? 'nothing']),
  );
}

async function refill(): Promise<void> {
  await onPrimary('truncate churned; insert into churned select i, i from generate_series(1, 100) i');
  await servers.catchUp();
}

/** Rows that a snapshot on the standby may still see go for good, on the primary and then on the standby. */
async function vacuumAway(): Promise<void> {
  await onPrimary('delete from churned where id > 50');
  await onPrimary('vacuum churned');
}

const slowStatements = () =>
  count(`state = 'active' and query like '%b.id + c.id%' and query not like 'explain%'`);
const gateSessions = () => count(`application_name = 'the-gate'`);

async function count(which: string): Promise<number> {
  const [row] = await script(
    servers.standbyUrl,
    `select count(*)::int as n from pg_stat_activity where pid <> pg_backend_pid() and ${which}`,
  );
  return Number(row?.['n']);
}

function onPrimary(text: string) {
  return script(servers.primaryUrl, text);
}

async function script(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(50);
}
