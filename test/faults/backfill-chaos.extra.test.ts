// Workers that are killed at random, many times, while an application writes to the same tables. The oracle is a trigger
// of this test's own. ROWGATE_CHAOS_KILLS says how often; it prints what it counted.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { it } from 'node:test';
import { Client } from 'pg';
import { auditTrigger } from '../support/audit-trigger.ts';
import { countFills } from '../support/count-fills.ts';
import { NO_GUARD, runFill, workspaceRule } from '../support/run-fill.ts';
import { createDatabase, type TestDatabase } from '../support/server.ts';

const KILLS = Number(process.env['ROWGATE_CHAOS_KILLS'] ?? 60);
const WORKERS = 4;
const ROWS = KILLS * 400;
const TENANTS = 50;
const CLI = path.resolve(import.meta.dirname, '../../dist/cli.js');

const acknowledge = [NO_GUARD, 'trigger:public.orders.audited'];

it(
  `after ${KILLS} kills of ${WORKERS} workers no row is wrong, lost or filled twice, and no writer has failed`,
  { timeout: 1_200_000 },
  async () => {
    const database = await createDatabase(`
    create table tenants (id bigint primary key, workspace_id bigint);
    insert into tenants select i, 100 + i from generate_series(1, ${TENANTS}) i;
    create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint, note text);
    insert into orders select i, 1 + i % ${TENANTS}, null from generate_series(1, ${ROWS}) i;
    ${auditTrigger('orders')}
    analyze;`);
    const rules = workspaceRule('orders');
    const { run } = await runFill({ url: database.url, rules, enqueue: 'true', acknowledge });
    const id = run?.id ?? '';
    const folder = await mkdtemp(path.join(tmpdir(), 'rowgate-chaos-'));
    await writeFile(path.join(folder, 'rules.yml'), rules);
    const over = new AbortController();
    const errors: string[] = [];
    const writers = [moveTenants, updateOthers, insertAndDelete].map((write) =>
      writeUntil(database, over.signal, write).catch((error: unknown) => errors.push(String(error))),
    );
    try {
      const kills = await killWorkers(database, folder, id);
      const last = await runFill({
        url: database.url,
        rules,
        execute: 'true',
        acknowledge,
        runId: id,
        workers: '2',
      });
      over.abort();
      await Promise.all(writers);
      const found = await countFills(database);
      process.stdout.write(
        `# kills: ${kills}, rows filled: ${found.filled}, wrong rows: ${found.wrong}, lost rows: ${found.lost}, double-counted rows: ${found.twice}, ` +
          `ledger minus audit: ${found.ledger - found.filled}, application errors: ${errors.length}\n`,
      );
      assert.ok(kills >= KILLS);
      assert.deepEqual(errors, []);
      assert.deepEqual(
        { ...found, filled: 0, ledger: 0 },
        { filled: 0, ledger: 0, wrong: 0, lost: 0, twice: 0 },
        JSON.stringify(last.problems),
      );
      assert.equal(found.ledger, found.filled);
      assert.equal(last.run?.state, 'completed', JSON.stringify(last.problems));
    } finally {
      over.abort();
      await rm(folder, { recursive: true });
    }
  },
);

/** Keeps some workers at work and kills one of them after the other, each at a random moment after it began. */
async function killWorkers(database: TestDatabase, folder: string, id: string): Promise<number> {
  let kills = 0;
  const keepKilling = async (): Promise<void> => {
    while (kills < KILLS) {
      const worker = startWorker(database.url, folder, id);
      const exited = once(worker, 'exit');
      await Promise.race([begun(database, worker), exited]);
      await sleep(Math.random() * 400);
      // One that has ended by itself was not killed: nothing is left to do, or it waits for nobody.
      if (worker.exitCode !== null) {
        if (await isDone(database, id)) return;
        continue;
      }
      worker.kill('SIGKILL');
      await exited;
      kills += 1;
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, keepKilling));
  return kills;
}

function startWorker(url: string, folder: string, id: string): ChildProcess {
  const flags = ['--run', id, '--nice', '0', '--max-duration', '20m', '--acknowledge', ...acknowledge];
  return spawn(process.execPath, [CLI, 'work', '--rules', 'rules.yml', ...flags], {
    cwd: folder,
    env: { PATH: process.env['PATH'], DATABASE_URL: url },
    stdio: 'ignore',
  });
}

/** Resolves once a session of the process can be seen to work on a chunk; a process that takes its time to start is not killed for it. */
async function begun(database: TestDatabase, worker: ChildProcess): Promise<void> {
  for (;;) {
    const [row] = await database.rows(
      `select exists (select from rowgate.event where worker like '%:' || $1 || ':%') as seen`,
      [worker.pid],
    );
    if (row?.['seen'] === true || worker.exitCode !== null) return;
    await sleep(50);
  }
}

async function isDone(database: TestDatabase, id: string): Promise<boolean> {
  const [row] = await database.rows('select state from rowgate.run where id = $1', [id]);
  return row?.['state'] === 'completed' || row?.['state'] === 'completed_with_residue';
}

type Write = (client: Client, step: number) => Promise<unknown>;

async function writeUntil(database: TestDatabase, signal: AbortSignal, write: Write): Promise<void> {
  const client = new Client({ connectionString: database.url, application_name: 'application' });
  await client.connect();
  try {
    await client.query(`set lock_timeout = '10s'`);
    for (let step = 0; !signal.aborted; step += 1) {
      await write(client, step);
      await sleep(5);
    }
  } finally {
    await client.end();
  }
}

/** A tenant moves to another workspace and takes its rows along, but for those that have none yet. */
const moveTenants: Write = async (client, step) => {
  const tenant = 1 + ((step * 7) % TENANTS);
  await client.query('begin');
  await client.query('update tenants set workspace_id = $1 where id = $2', [1_000 + step, tenant]);
  await client.query(
    'update orders set workspace_id = $1 where tenant_id = $2 and workspace_id is not null',
    [1_000 + step, tenant],
  );
  await client.query('commit');
};

/** Rows in no order, one a transaction, so that the writers cannot lock each other out. */
const updateOthers: Write = (client) =>
  client.query('update orders set note = $1 where id = $2', [
    'touched',
    1 + Math.floor(Math.random() * ROWS),
  ]);

/** Rows that come with their workspace, as the write path has it, and rows that go. */
const insertAndDelete: Write = async (client, step) => {
  await client.query('begin');
  await client.query(
    `insert into orders select $1, t.id, t.workspace_id from tenants t where t.id = $2 for share`,
    [ROWS + 1 + step, 1 + (step % TENANTS)],
  );
  await client.query('delete from orders where id = $1', [1 + Math.floor(Math.random() * ROWS)]);
  await client.query('commit');
};
