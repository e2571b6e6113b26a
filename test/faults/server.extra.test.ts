// Faults of the server: sessions and statements that others end, shut-downs, and servers that are not up yet.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { DRIVERS } from '../../src/postgres/database.ts';
import { startEmbeddedPostgres } from '../../src/postgres/embedded.ts';
import type { Report } from '../../src/report/report.ts';
import { findFreePort } from '../support/free-port.ts';
import { pgCtl } from '../support/pg-ctl.ts';
import { createDatabase, createRole } from '../support/server.ts';
import { countCell, printCounts } from './count-cells.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { namedUrl, runToEnd, SCHEMA, SLOW_RULES, type RunUnderFault } from './gate-under-fault.ts';
import { expectHonest, expectUndisturbed } from './judge.ts';
import { expectNobody, until, untilAsleep, type Asked } from './left-behind.ts';

// Once, for every role: grants at the same time get into each other's way.
const database = await createDatabase(`${SCHEMA}; grant select on all tables in schema public to public`);
const good = await runToEnd({ driver: 'pg', url: database.url });
const goodSlow = await runToEnd({ driver: 'pg', url: database.url, rules: SLOW_RULES });
printCounts('server');

/** Long enough for whatever happens in the middle of it. */
const slow = { rules: SLOW_RULES, statementTimeout: '20s' };

const ENDED = 'An administrator ended the session (SQLSTATE 57P01)';

/** By a part of the statement before which a fault strikes. */
const STAGES: readonly (readonly [name: string, text: RegExp])[] = [
  ['the export of the snapshot', /pg_export_snapshot/],
  ['the catalogue', /pg_attribute/],
  ['explain', /^explain [^]*"second"/],
  ['the first check', /^select [^]*count\(\*\)[^]*"first"/],
  ['samples', /^select case[^]*"second"/],
  ['a check with raw SQL', /^select [^]*count\(\*\)[^]*value > 18/],
];

describe('faults of the server', { concurrency: 6 }, () => {
  for (const driver of DRIVERS) {
    function cell(title: string, check: (t: TestContext) => Promise<void>): void {
      test(`${driver}: ${title}`, (t) => countCell(() => check(t)));
    }

    for (const [stage, text] of STAGES) {
      cell(
        `a session that an administrator ends before ${stage} leaves unknown what came after`,
        async () => {
          const beforeQuery = before(text, async (pid) => {
            await database.rows('select pg_terminate_backend($1)', [pid]);
            await untilGone(database, pid);
          });
          const report = await runHonestly(database.url, good, { driver, beforeQuery });
          // No check was asked anything then, so that none knows more than that there is no connection any more.
          if (stage !== 'explain' && stage !== 'samples') expectReason(report, ENDED);
        },
      );
    }

    cell('a session that an administrator ends in a check leaves unknown what came after', async () => {
      const inCheck = (pid: number) => database.rows('select pg_terminate_backend($1)', [pid]);
      const report = await runHonestly(database.url, goodSlow, { ...slow, driver }, { inCheck });
      expectReason(report, ENDED, 'slow');
    });

    cell('a statement that somebody cancels is unknown, and the checks after it are measured', async () => {
      const inCheck = (pid: number) => database.rows('select pg_cancel_backend($1)', [pid]);
      const report = await runHonestly(database.url, goodSlow, { ...slow, driver }, { inCheck });
      assert.deepEqual(outcomes(report).toSorted(), ['held', 'held', 'unknown']);
      expectReason(report, 'The statement was cancelled (SQLSTATE 57014)', 'slow');
    });

    cell('a transaction that lasts too long for the server leaves unknown what came after', async () => {
      const url = await urlWithSetting('transaction_timeout = 1500');
      const report = await runHonestly(url, goodSlow, { ...slow, driver });
      assert.ok(outcomes(report).includes('unknown'));
    });

    cell('a transaction that idles too long for the server says so', async () => {
      const url = await urlWithSetting('idle_in_transaction_session_timeout = 100');
      const beforeQuery = before(/set_config/, (pid) => untilGone(database, pid));
      const report = await runHonestly(url, good, { driver, beforeQuery });
      expectReason(
        report,
        'The server ended the session: its transaction was idle for too long (SQLSTATE 25P03)',
      );
    });

    cell('a server that is not there yet is tried again', async (t) => {
      const { hostname: host, port } = new URL(database.url);
      const free = await findFreePort();
      const run = runToEnd({ driver, ...namedUrl(database.url, { port: free }) });
      await sleep(600);
      const proxy = await startFaultProxy({ to: { host, port: Number(port) }, port: free });
      t.after(() => proxy.close());
      expectUndisturbed(await run, good);
    });

    cell('a server that hangs up at first is tried again', async (t) => {
      const { hostname: host, port } = new URL(database.url);
      const proxy = await startFaultProxy({ to: { host, port: Number(port) }, refuse: 2 });
      t.after(() => proxy.close());
      expectUndisturbed(await runToEnd({ driver, ...namedUrl(database.url, proxy) }), good);
      assert.equal(proxy.counts.refused, 2);
    });

    cell('a server with no connection free is asked again until one is', async () => {
      const { url, busy } = await fullServer();
      const run = runToEnd({ driver, url });
      await sleep(600);
      await busy.end();
      expectUndisturbed(await run, good);
    });

    cell('a server with no connection free for long leaves every check unknown', async () => {
      const { url, busy } = await fullServer();
      const report = await runToEnd({ driver, url });
      await busy.end();
      assert.deepEqual(new Set(outcomes(report)), new Set(['unknown']));
      assert.equal(report.results.length, good.results.length);
      assert.deepEqual([report.exitCode, report.problems[0]?.code], [2, 'server-busy']);
    });

    cell('a second connection that the server refuses is done without', async () => {
      const { url, busy } = await fullServer();
      await busy.end();
      expectUndisturbed(await runToEnd({ driver, url, maxConnections: 2 }), good);
    });

    cell('a server that stops, is down and starts again is asked until it is up', async () => {
      const server = await startEmbeddedPostgres();
      try {
        await ask(server.url, SCHEMA);
        const last = new Client({ connectionString: server.url });
        await last.connect();
        // It stops when its last session ends, and refuses others until then.
        const stopping = pgCtl(server.folder, 'stop', '--mode', 'smart');
        await until('it takes no connection', () => isStopping(server.url));
        const run = runToEnd({ driver, url: server.url });
        await sleep(400);
        await last.end();
        await stopping;
        await sleep(200);
        await pgCtl(server.folder, 'restart');
        expectUndisturbed(await run, good);
      } finally {
        await server.stop();
      }
    });

    cell('a server that restarts or crashes in a check leaves unknown what was not measured', async () => {
      const server = await startEmbeddedPostgres();
      // While it restarts nobody can tell who is connected.
      const rows: Asked['rows'] = (text, values = []) => ask(server.url, text, values).catch(() => [{}]);
      const asked = { rows };
      try {
        await ask(server.url, SCHEMA);
        const endings = {
          'fast restart': () => pgCtl(server.folder, 'restart', '--mode', 'fast'),
          'immediate restart': () => pgCtl(server.folder, 'restart', '--mode', 'immediate'),
          'crash of another session': () => crashSession(server.url),
        };
        for (const [ending, end] of Object.entries(endings)) {
          const report = await runHonestly(
            server.url,
            goodSlow,
            { ...slow, driver },
            { asked, inCheck: end },
          );
          const problem = report.results.find(({ rule }) => rule === 'slow')?.problem;
          assert.equal(problem?.code, 'connection-lost', ending);
          // The other two end their sessions in such a hurry that their words can get lost.
          if (ending === 'fast restart') expectReason(report, ENDED, 'slow');
        }
      } finally {
        await server.stop();
      }
    });
  }
});

type Disturbance = {
  /** The server to look for the run's sessions on. */
  readonly asked?: Asked;
  /** Called with the session's process id once a check is seen to sleep. */
  readonly inCheck?: (pid: number) => Promise<unknown>;
};

/** Runs through a proxy that does nothing but remember, and holds the report against what it remembers. */
async function runHonestly(
  url: string,
  expected: Report,
  options: Omit<RunUnderFault, 'url'>,
  { asked = database, inCheck }: Disturbance = {},
): Promise<Report> {
  const { hostname: host, port } = new URL(url);
  const proxy = await startFaultProxy({ to: { host, port: Number(port) } });
  const named = namedUrl(url, proxy);
  const disturb = async (): Promise<void> => {
    if (inCheck) await inCheck(await untilAsleep(asked, named.name));
  };
  try {
    const [report] = await Promise.all([runToEnd({ ...options, url: named.url }), disturb()]);
    expectHonest(report, expected, proxy.passed);
    await expectNobody(asked, named.name);
    return report;
  } finally {
    proxy.close();
  }
}

type BeforeQuery = NonNullable<RunUnderFault['beforeQuery']>;

/** Acts once, before the first statement of this text, on its session. */
function before(text: RegExp, act: (pid: number) => Promise<void>): BeforeQuery {
  let done = false;
  return async (statement, pid) => {
    if (done || !text.test(statement)) return;
    done = true;
    await act(pid);
  };
}

const outcomes = ({ results }: Report): string[] => results.map(({ outcome }) => outcome);

/** Of the rule, or of any of them. */
function expectReason({ results }: Report, reason: string, rule?: string): void {
  const unknown = results.filter((each) => each.outcome === 'unknown' && each.rule === (rule ?? each.rule));
  assert.ok(unknown.map((each) => each.problem?.message).includes(reason), JSON.stringify(unknown));
}

async function untilGone(asked: Asked, pid: number): Promise<void> {
  await until('the session is gone', async () => {
    return (await asked.rows('select from pg_stat_activity where pid = $1', [pid])).length === 0;
  });
}

/** The URL of a role that reads everything, and for which the server has this setting. */
async function urlWithSetting(setting: string): Promise<string> {
  const { name, password } = await createRole();
  await database.run(`alter role ${name} set ${setting}`);
  return database.urlFor(name, password);
}

/** The URL of a role that may have one connection, and that connection. */
async function fullServer(): Promise<{ url: string; busy: Client }> {
  const { name, password } = await createRole('connection limit 1');
  const { url } = namedUrl(database.urlFor(name, password));
  const busy = new Client({ connectionString: url });
  await busy.connect();
  return { url, busy };
}

async function ask(url: string, text: string, values?: readonly unknown[]) {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text, values && [...values])).rows;
  } finally {
    await client.end();
  }
}

async function isStopping(url: string): Promise<boolean> {
  const code = await ask(url, 'select').then(
    () => undefined,
    (error: unknown) => (error as { code?: string }).code,
  );
  return code === '57P03';
}

/** Kills a session's process as the kernel does when memory is short; the server then ends all of them. */
async function crashSession(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  process.kill(Number(rows[0]?.pid), 'SIGKILL');
}
