// The gate through PgBouncer: right counts, nothing left behind for the server connection's next client, and an honest
// outcome where the pooler takes something away.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { DriverName } from '../../src/postgres/database.ts';
import { startEmbeddedPostgres } from '../../src/postgres/embedded.ts';
import type { Report } from '../../src/report/report.ts';
import { pgCtl } from '../support/pg-ctl.ts';
import { NO_POOLER, startPooler, type PoolMode } from '../support/pooler.ts';
import { runGate, type GateOptions } from '../support/run-gate.ts';
import { createRole, createTemplate, testServer } from '../support/server.ts';

const SCHEMA = `
  create table owners (id bigint primary key, name text);
  insert into owners select i, 'owner' from generate_series(1, 50) i;
  create table items (id bigint primary key, owner bigint, amount bigint);
  insert into items select i, nullif(i % 60, 0), nullif(i, 7) from generate_series(1, 600) i`;

const RULES = `version: 1
rules:
  - { id: owned, kind: not_null, tables: [items], column: owner }
  - { id: counted, kind: not_null, tables: [items], column: amount }
  - { id: bound, kind: references, tables: [items], parent: owners, on: { owner: id } }
  - { id: named, kind: not_null, tables: [owners], column: name, timeout: 50s }
  - { id: cheap, kind: query, query: 'select id from public.items where abs(amount) > 590', key: [id] }
  - { id: dear, kind: query, query: 'select id from public.items where abs(amount) > 600', key: [id] }
`;

/** What the rules find in the schema, whatever stands between. */
const ANSWERS = { owned: 10, counted: 1, bound: 90, named: 0, cheap: 10, dear: 0 };

/** The same of a copy without the rows after the 300th. */
const OTHER_ANSWERS = { owned: 5, counted: 1, bound: 45, named: 0, cheap: 0, dear: 0 };

/** A connection that is lost at the second table: the larger one comes first, with its rules together. A time limit of its own keeps the second apart. */
const LOST_AT_OWNERS = {
  ...ANSWERS,
  ...Object.fromEntries(['named', 'cheap', 'dear'].map((rule) => [rule, 'connection-lost'])),
};

/** Runs for minutes unless it is stopped, and reads nothing that a rule may not read. */
const SLOW_RULES = `version: 1
rules:
  - { id: quick, kind: not_null, tables: [owners], column: name }
  - { id: slow, kind: query, query: 'select a.id from public.items a, public.items b, public.items c, public.owners d where a.id + b.id + c.id + d.id < 0', key: [id] }
`;

const skip = NO_POOLER;
const template = skip ? undefined : await createTemplate(SCHEMA);

/** A copy of the database behind a pooler of its own. */
async function start(mode: PoolMode, settings: Readonly<Record<string, string | number>> = {}) {
  assert.ok(template);
  const database = await template.createDatabase();
  const pooler = await startPooler((await testServer()).url, mode, settings);
  after(() => pooler.stop());
  const gate = (options: Partial<GateOptions> = {}): Promise<Report> =>
    runGate({ rules: RULES, samples: 2, url: pooler.urlOf(database.name), ...options });
  return { database, pooler, gate };
}

/** Every test of the pooler, by one driver. */
export function testPooler(driver: DriverName): void {
  for (const mode of ['transaction', 'session'] as const) {
    for (const maxConnections of [1, 2, 4]) {
      test(
        `${driver}: through ${mode} pooling ${maxConnections} connections count right`,
        { skip },
        async () => {
          const { gate } = await start(mode);
          const report = await gate({ driver, maxConnections });
          assert.deepEqual(answersOf(report), ANSWERS);
          assert.equal(report.target?.pooled, true);
          assert.ok(report.warnings.some(({ code }) => code === 'reads-through-pooler'));
        },
      );
    }
  }

  test(
    `${driver}: the next client of the server connection finds nothing that the gate left`,
    { skip },
    async () => {
      const { gate, pooler, database } = await start('transaction', { default_pool_size: 1 });
      const url = pooler.urlOf(database.name);
      const before = await sessionState(url);
      assert.deepEqual(answersOf(await gate({ driver, maxConnections: 1 })), ANSWERS);
      assert.deepEqual(without(await sessionState(url), before), []);
      const slow = { driver, rules: SLOW_RULES, statementTimeout: '200ms', maxConnections: 1 };
      assert.deepEqual(answersOf(await gate(slow)), { quick: 0, slow: 'statement-timeout' });
      assert.deepEqual(without(await sessionState(url), before), []);
    },
  );

  test(`${driver}: a cancel goes through the pooler to the server, and harms neither`, { skip }, async () => {
    const { gate, pooler, database } = await start('transaction', { default_pool_size: 2 });
    const cancel = new AbortController();
    const run = gate({ driver, rules: SLOW_RULES, statementTimeout: '10m', signal: cancel.signal });
    await until(async () => (await slowStatements(database.url)) === 1);
    cancel.abort();
    const report = await run;
    assert.deepEqual(answersOf(report), { quick: 0, slow: 'cancelled' });
    assert.equal(report.exitCode, 2);
    await until(async () => (await slowStatements(database.url)) === 0);
    assert.deepEqual(answersOf(await gate({ driver })), ANSWERS);
    assert.doesNotMatch(pooler.log(), /FATAL @|crash|assert/i);
  });

  test(
    `${driver}: where the pool has one connection, joined sessions are done without`,
    { skip },
    async () => {
      const { gate, pooler, database } = await start('transaction', { default_pool_size: 1 });
      const url = `${pooler.urlOf(database.name)}?connect_timeout=5`;
      assert.deepEqual(answersOf(await gate({ driver, url, maxConnections: 4 })), ANSWERS);
      const impatient = await start('transaction', { default_pool_size: 1, query_wait_timeout: 1 });
      assert.deepEqual(answersOf(await impatient.gate({ driver, maxConnections: 4 })), ANSWERS);
    },
  );

  test(`${driver}: where others hold the whole pool, the run ends and says so`, { skip }, async () => {
    const { gate, pooler, database } = await start('transaction', {
      default_pool_size: 1,
      query_wait_timeout: 1,
    });
    const holder = await connect(pooler.urlOf(database.name));
    await holder.query('begin');
    await holder.query('select');
    const report = await gate({ driver });
    await holder.end();
    assert.equal(report.exitCode, 2);
    assert.deepEqual(new Set(Object.values(answersOf(report))), new Set(['server-busy']));
    assert.match(report.problems[0]?.message ?? '', /no connection to the server free|query_wait_timeout/);
  });

  test(`${driver}: statement pooling is refused by its name`, { skip }, async () => {
    const { gate } = await start('statement');
    const report = await gate({ driver });
    assert.equal(report.exitCode, 2);
    assert.match(report.problems[0]?.message ?? '', /statement/);
    assert.deepEqual(new Set(Object.values(answersOf(report))), new Set(['not-measurable']));
  });

  test(
    `${driver}: sessions that the pooler sends to different servers do not mix their answers`,
    { skip },
    async () => {
      const { port, url, stop } = await startEmbeddedPostgres();
      after(stop);
      const other = await startEmbeddedPostgres({ port, settings: { listen_addresses: '127.0.0.2' } });
      after(other.stop);
      const { password } = new URL(url);
      const otherUrl = Object.assign(new URL(other.url), { hostname: '127.0.0.2' }).href;
      await script(
        otherUrl,
        `${SCHEMA}; delete from items where id > 300; alter role postgres password '${password}'`,
      );
      await script(url, SCHEMA);
      const pooler = await startPooler(url, 'transaction', {}, [
        `postgres = host=127.0.0.1,127.0.0.2 port=${port}`,
      ]);
      after(() => pooler.stop());
      for (let run = 0; run < 6; run += 1) {
        const answers = answersOf(
          await runGate({ url: pooler.urlOf('postgres'), driver, rules: RULES, maxConnections: 3 }),
        );
        assert.deepEqual(answers, answers['bound'] === ANSWERS.bound ? ANSWERS : OTHER_ANSWERS);
      }
      for (const host of ['127.0.0.1', '127.0.0.2'])
        assert.match(pooler.log(), new RegExp(`@${host}:${port} new connection to server`));
    },
  );

  test(
    `${driver}: the server restarts behind the pooler: what was not answered is unknown, and the next run is right`,
    { skip },
    async () => {
      const server = await startEmbeddedPostgres();
      after(() => server.stop());
      await script(server.url, SCHEMA);
      await script(server.url, 'checkpoint'); // an immediate shutdown may lose what no disk holds
      const pooler = await startPooler(server.url, 'transaction', { server_login_retry: 1 });
      after(() => pooler.stop());
      const url = pooler.urlOf('postgres');
      let restarts = 0;
      const beforeQuery = async (text: string): Promise<void> => {
        if (!isCountOfNames(text) || (restarts += 1) > 1) return;
        await pgCtl(server.folder, 'restart', '-m', 'immediate');
      };
      const report = await runGate({ url, driver, rules: RULES, maxConnections: 1, beforeQuery });
      assert.deepEqual(answersOf(report), LOST_AT_OWNERS);
      assert.deepEqual(answersOf(await runGate({ url, driver, rules: RULES })), ANSWERS);
    },
  );

  test(`${driver}: a pooler that drops the run leaves unknown what was not answered`, { skip }, async () => {
    const { gate, pooler, database } = await start('transaction');
    let drops = 0;
    const beforeQuery = async (text: string): Promise<void> => {
      if (!isCountOfNames(text) || (drops += 1) > 1) return;
      for (const command of ['kill', 'resume']) await pooler.console(`${command} ${database.name}`);
    };
    const report = await gate({ driver, maxConnections: 1, beforeQuery });
    assert.deepEqual(answersOf(report), LOST_AT_OWNERS);
    assert.deepEqual(answersOf(await gate({ driver })), ANSWERS);
  });

  test(`${driver}: two runs at once share a pool of two connections`, { skip }, async () => {
    const { gate, pooler, database } = await start('transaction', { default_pool_size: 2 });
    const url = `${pooler.urlOf(database.name)}?connect_timeout=5`;
    const runs = await Promise.all([1, 2].map(() => gate({ driver, url, maxConnections: 2 })));
    for (const report of runs) assert.deepEqual(answersOf(report), ANSWERS);
  });

  test(`${driver}: a role that the pooler looks up in the server counts right`, { skip }, async () => {
    const role = await createRole();
    const { pooler, database } = await start('transaction', { auth_user: 'postgres' });
    await script(database.url, `grant select on all tables in schema public to ${role.name}`);
    const login = { username: role.name, password: role.password };
    const url = Object.assign(new URL(pooler.urlOf(database.name)), login).href;
    const report = await runGate({ url, driver, rules: RULES, maxConnections: 2 });
    assert.deepEqual(answersOf(report), ANSWERS);
    assert.deepEqual([report.target?.role, report.target?.pooled], [role.name, true]);
  });
}

const isCountOfNames = (text: string): boolean =>
  text.startsWith('select') && text.includes('"r"."name" is null');

/** By rule the number of violations, or the reason why there is none. */
function answersOf({ results, problems }: Report): Record<string, number | string> {
  assert.ok(results.length > 0, problems[0]?.message);
  return Object.fromEntries(
    results.map(({ rule, violations, problem }) => [rule, violations?.count ?? problem?.code ?? 'nothing']),
  );
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  return client;
}

async function script(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = await connect(url);
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/** All that one client of a server connection can leave to the next, a line each. */
async function sessionState(url: string): Promise<string[]> {
  const rows = await script(
    url,
    `select 'setting ' || name || '=' || setting as line from pg_settings where name <> 'application_name'
     union all select 'prepared ' || name from pg_prepared_statements
     union all select 'cursor ' || name from pg_cursors
     union all select 'temporary ' || relname from pg_class where relpersistence = 't'
     union all select 'lock ' || objid from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'
     union all select 'channel ' || pg_listening_channels()
     union all select 'transaction ' || state from pg_stat_activity where pid = pg_backend_pid() and xact_start <> query_start
     union all select 'role ' || current_user`,
  );
  return rows.map(({ line }) => String(line));
}

const without = (lines: readonly string[], others: readonly string[]): string[] =>
  lines.filter((line) => !others.includes(line));

async function slowStatements(url: string): Promise<number> {
  const [row] = await script(
    url,
    `select count(*)::int as n from pg_stat_activity where state = 'active' and query like '%d.id < 0%' and query not like 'explain%' and pid <> pg_backend_pid() and datname = current_database()`,
  );
  return Number(row?.['n']);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(50);
}
