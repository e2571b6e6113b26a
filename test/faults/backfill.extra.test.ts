// Faults of sessions, links, poolers and servers in the middle of a backfill, which is gone on with after. The oracle is a
// trigger of this test's own, and an application moves tenants meanwhile.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { startEmbeddedPostgres } from '../../src/postgres/embedded.ts';
import { auditTrigger } from '../support/audit-trigger.ts';
import { countFills } from '../support/count-fills.ts';
import { pgCtl } from '../support/pg-ctl.ts';
import { NO_POOLER, startPooler } from '../support/pooler.ts';
import { NO_GUARD, runFill, workspaceRule } from '../support/run-fill.ts';
import { createDatabase, type TestDatabase } from '../support/server.ts';
import { countCell, printCounts } from './count-cells.ts';
import { startFaultProxy } from './fault-proxy.ts';

printCounts('backfill');

const ROWS = 6_000;
const TENANTS = 20;
const TABLES = `
  create table tenants (id bigint primary key, workspace_id bigint);
  insert into tenants select i, 100 + i from generate_series(1, ${TENANTS}) i;
  create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint);
  insert into orders select i, 1 + i % ${TENANTS}, null from generate_series(1, ${ROWS}) i;
  ${auditTrigger('orders')}`;

const go = {
  rules: workspaceRule('orders'),
  execute: 'true',
  acknowledge: [NO_GUARD, 'trigger:public.orders.audited'],
  batchTarget: '20ms',
} as const;

/** By what is about to be sent. */
const STAGES: readonly (readonly [name: string, isNext: (text: string) => boolean])[] = [
  ['a range is allotted', (text) => text.includes('insert into rowgate.chunk')],
  ['parents are locked', (text) => text.includes('for share')],
  ['rows are filled', (text) => text.includes('update only')],
  ['a batch is recorded', (text) => text.includes('update rowgate.chunk set') && text.includes('state =')],
  ['a batch is committed', (text) => text.trim() === 'commit'],
];

type Strike = (pid: number) => Promise<unknown>;

/** Does it at some of the moments once the run has begun, the first left out, so that something was done before each. */
function strikeAt(isNext: (text: string) => boolean, strike: Strike) {
  const told = { strikes: 0 };
  let seen = 0;
  let hasBegun = false;
  const beforeQuery = async (text: string, pid: number): Promise<void> => {
    hasBegun ||= text.includes('insert into rowgate.chunk');
    if (!hasBegun || !isNext(text)) return;
    seen += 1;
    if (seen % 3 !== 2 || told.strikes === 3) return;
    told.strikes += 1;
    await strike(pid);
  };
  return { told, beforeQuery };
}

/** A tenant moves, and takes along the rows that have their workspace; gives the errors that it met. */
async function moveTenants(url: string, signal: AbortSignal): Promise<string[]> {
  const client = new Client({ connectionString: url, application_name: 'application' });
  const errors: string[] = [];
  client.on('error', () => {});
  try {
    await client.connect();
    for (let step = 0; !signal.aborted; step += 1) {
      await client.query(`begin; update tenants set workspace_id = ${1_000 + step} where id = ${1 + (step % TENANTS)};
        update orders set workspace_id = ${1_000 + step} where tenant_id = ${1 + (step % TENANTS)} and workspace_id is not null; commit`);
      await sleep(5);
    }
  } catch (error) {
    errors.push(String(error));
  }
  await client.end().catch(() => {});
  return errors;
}

type Fault = {
  readonly database: Pick<TestDatabase, 'url' | 'rows'>;
  /** What the backfill is given; the database's own unless said otherwise. */
  readonly url?: string;
  readonly isNext: (text: string) => boolean;
  readonly strike: Strike;
  /** A server that goes away takes its application along. */
  readonly takesAll?: boolean;
};

/** Fills under a fault, goes on where that ended it, and counts what came of it. */
async function fillUnder({
  database,
  url = database.url,
  isNext,
  strike,
  takesAll = false,
}: Fault): Promise<void> {
  const over = new AbortController();
  const application = takesAll ? Promise.resolve([]) : moveTenants(database.url, over.signal);
  const { told, beforeQuery } = strikeAt(isNext, strike);
  let report = await runFill({ ...go, url, beforeQuery });
  for (let tries = 0; report.run?.state !== 'completed' && tries < 5; tries += 1) {
    const [live] = await database.rows('select max(id)::text as id from rowgate.run');
    report = await runFill({ ...go, url, runId: live?.['id'] as string });
  }
  over.abort();
  const errors = await application;
  const found = await countFills(database);
  process.stdout.write(
    `# kills: ${told.strikes}, rows filled: ${found.filled}, wrong rows: ${found.wrong}, lost rows: ${found.lost}, ` +
      `double-counted rows: ${found.twice}, ledger minus audit: ${found.ledger - found.filled}, application errors: ${errors.length}\n`,
  );
  assert.ok(told.strikes > 0, 'the fault has struck');
  assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
  assert.deepEqual(errors, []);
  assert.deepEqual(found, { filled: ROWS, twice: 0, ledger: ROWS, wrong: 0, lost: 0 });
}

const cell = (title: string, skip: string | false, check: () => Promise<void>): void =>
  void test(title, { timeout: 240_000, skip }, () => countCell(check));

describe('a backfill fills each row once and rightly, although', () => {
  for (const [stage, isNext] of STAGES)
    cell(`an administrator ends its session before ${stage}`, false, async () => {
      const database = await createDatabase(TABLES);
      const strike: Strike = (pid) => database.rows('select pg_terminate_backend($1)', [pid]);
      await fillUnder({ database, isNext, strike });
    });

  for (const fault of ['reset', 'black-hole'] as const)
    cell(`every link is struck (${fault}) before rows are filled`, false, async () => {
      const database = await createDatabase(TABLES);
      const { hostname: host, port } = new URL(database.url);
      const proxy = await startFaultProxy({ to: { host, port: Number(port) } });
      try {
        const url = Object.assign(new URL(database.url), { port: proxy.port }).href;
        const strike: Strike = async () => proxy.strike(fault);
        await fillUnder({ database, url, isNext: (text) => text.includes('update only'), strike });
      } finally {
        proxy.close();
      }
    });

  cell('it works through PgBouncer in transaction mode, which loses its servers', NO_POOLER, async () => {
    const database = await createDatabase(TABLES);
    const pooler = await startPooler(database.url, 'transaction');
    try {
      const strike: Strike = () =>
        database.rows(
          `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'rowgate%' and datname = current_database()`,
        );
      const url = pooler.urlOf(database.name);
      await fillUnder({ database, url, isNext: (text) => text.includes('update only'), strike });
    } finally {
      await pooler.stop();
    }
  });

  for (const mode of ['fast', 'immediate'])
    cell(`its server restarts (${mode}) before rows are filled`, false, async () => {
      // What was committed is to survive, which a server for tests does not promise of itself.
      const server = await startEmbeddedPostgres({ fsync: true });
      try {
        const rows = (text: string) => ask(server.url, text);
        await rows(TABLES);
        const strike: Strike = () => pgCtl(server.folder, 'restart', '--mode', mode);
        const isNext = (text: string): boolean => text.includes('update only');
        await fillUnder({ database: { url: server.url, rows }, isNext, strike, takesAll: true });
      } finally {
        await server.stop();
      }
    });
});

async function ask(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}
