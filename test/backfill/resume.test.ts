// A run that is gone on with: what it may fill, how long it has worked, and what is told of it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startMonitor } from '../../src/backfill/monitor.ts';
import { openDatabase } from '../../src/postgres/connect.ts';
import { parseConnectionTarget } from '../../src/postgres/connection-string.ts';
import { NO_GUARD, runFill, workspaceRule } from '../support/run-fill.ts';
import { createTemplate, type TestDatabase } from '../support/server.ts';

const ROWS = 1_000;
const orders = await createTemplate(`
  create table tenants (id bigint primary key, workspace_id bigint);
  insert into tenants select i, 100 + i from generate_series(1, 10) i;
  create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint);
  insert into orders select i, 1 + i % 10, null from generate_series(1, ${ROWS}) i;`);

const rules = workspaceRule('orders');
const go = { rules, execute: 'true', acknowledge: NO_GUARD } as const;

async function filled(database: TestDatabase): Promise<number> {
  const [row] = await database.rows('select count(workspace_id)::int as n from orders');
  return Number(row?.['n']);
}

/** A run whose process was told to stop before it had filled a row. */
async function interrupted({ url }: TestDatabase, bounds: { maxRows?: string } = {}): Promise<string> {
  const cancel = new AbortController();
  const beforeQuery = async (text: string) => {
    if (text.includes('insert into rowgate.event')) cancel.abort();
  };
  const { run, ended } = await runFill({ url, ...go, ...bounds, beforeQuery, signal: cancel.signal });
  assert.deepEqual([run?.state, ended], ['running', 'interrupted']);
  return run?.id ?? '';
}

describe('a run with a bound of rows', () => {
  it('that has used it up gets as many again, and never loses its bound', async () => {
    const database = await orders.createDatabase();
    const { url } = database;
    const first = await runFill({ url, ...go, maxRows: '300' });
    assert.deepEqual([first.run?.state, await filled(database)], ['stopped_at_bound', 300]);
    const second = await runFill({ url, ...go, runId: first.run?.id });
    assert.deepEqual([second.run?.state, await filled(database)], ['stopped_at_bound', 600]);
    const other = await runFill({ url, ...go, runId: first.run?.id, maxRows: '50', workers: '4' });
    assert.deepEqual([other.run?.state, await filled(database)], ['stopped_at_bound', 650]);
    const again = await runFill({ url, ...go, runId: first.run?.id, workers: '4' });
    assert.deepEqual([again.run?.state, await filled(database)], ['stopped_at_bound', 700]);
  });

  it('that stopped for another reason has what was left of it', async () => {
    const database = await orders.createDatabase();
    const { url } = database;
    const late = await runFill({ url, ...go, maxRows: '300', maxDuration: '1ms' });
    assert.deepEqual([late.run?.state, await filled(database)], ['stopped_at_bound', 0]);
    const next = await runFill({ url, ...go, runId: late.run?.id });
    assert.deepEqual([next.run?.state, await filled(database)], ['stopped_at_bound', 300]);
  });

  it('that was only recorded, or interrupted, can be given fewer rows and not more', async () => {
    const recorded = await orders.createDatabase();
    const { run } = await runFill({
      url: recorded.url,
      rules,
      enqueue: 'true',
      acknowledge: NO_GUARD,
      maxRows: '300',
    });
    await runFill({ url: recorded.url, ...go, runId: run?.id, maxRows: '20' });
    assert.equal(await filled(recorded), 20);
    const database = await orders.createDatabase();
    const id = await interrupted(database, { maxRows: '300' });
    await runFill({ url: database.url, ...go, runId: id, maxRows: '900' });
    assert.equal(await filled(database), 300);
  });

  it('that had none is bounded by a later one', async () => {
    const database = await orders.createDatabase();
    const id = await interrupted(database);
    const { run } = await runFill({ url: database.url, ...go, runId: id, maxRows: '40', workers: '4' });
    assert.deepEqual([run?.state, await filled(database)], ['stopped_at_bound', 40]);
  });
});

describe('a run that is gone on with', () => {
  it('has its time anew, also where it was interrupted and its time is over since', async () => {
    const database = await orders.createDatabase();
    const id = await interrupted(database);
    await database.run(`update rowgate.run set deadline = now() - interval '1 hour'`);
    const { run } = await runFill({ url: database.url, ...go, runId: id });
    assert.equal(run?.state, 'completed');
  });

  it('has worked for as long as somebody was at work on it, and no longer', async () => {
    const hourAgo = `update rowgate.run set created_at = created_at - interval '1 hour', started_at = started_at - interval '1 hour',
      counted_at = counted_at - interval '1 hour', worked_at = worked_at - interval '1 hour'`;
    const database = await orders.createDatabase();
    const id = await interrupted(database);
    await database.run(hourAgo);
    const stopped = await runFill({ url: database.url, ...go, runId: id, maxRows: '10' });
    await database.run(hourAgo);
    const { run } = await runFill({ url: database.url, ...go, runId: id, maxRows: '2000' });
    assert.deepEqual([stopped.run?.state, run?.state], ['stopped_at_bound', 'completed']);
    assert.ok(run && run.elapsedMs !== null && run.elapsedMs > 0 && run.elapsedMs < 3_600_000);
  });

  it('stays paused where a throttle ends just after somebody has paused it', async () => {
    const database = await orders.createDatabase();
    await database.run('create table busy (); insert into busy default values');
    let changes = 0;
    const { run } = await runFill({
      url: database.url,
      ...go,
      throttleQuery: 'select count(*) from busy',
      beforeQuery: async (text) => {
        if (!text.includes('update rowgate.run set state')) return;
        changes += 1;
        // The first says that it holds, the next that it does so no longer.
        if (changes === 2) await database.run('delete from busy');
        if (changes === 3) await database.run(`update rowgate.run set state = 'paused'`);
      },
    });
    assert.deepEqual([run?.state, await filled(database)], ['paused', 0]);
  });
});

it('progress tells of the rows that every process has filled', async () => {
  const database = await orders.createDatabase();
  const seen: number[] = [];
  let others: Promise<unknown> | undefined;
  const { run } = await runFill({
    url: database.url,
    rules,
    enqueue: 'true',
    acknowledge: NO_GUARD,
  });
  const helped = await runFill({
    url: database.url,
    ...go,
    runId: run?.id,
    emit: (event) => void (event.event === 'backfill' && seen.push(event.progress.rowsUpdated)),
    beforeQuery: async (text) => {
      if (!text.includes('from rowgate.run where id') || !text.includes('for update')) return;
      others ??= runFill({ url: database.url, ...go, runId: run?.id, join: 'true' });
      await others;
    },
  });
  assert.equal(helped.run?.state, 'completed', JSON.stringify(helped.problems));
  assert.equal(seen.at(-1), ROWS);
});

it('a monitor that is stopped while it connects leaves no session behind', async () => {
  const database = await orders.createDatabase();
  const real = openDatabase(parseConnectionTarget({ url: database.url, env: {} }), 'pg');
  let onConnect = (): void => {};
  const connecting = new Promise<void>((resolve) => (onConnect = resolve));
  let connectNow = (): void => {};
  const mayConnect = new Promise<void>((resolve) => (connectNow = resolve));
  let connects = 0;
  const monitor = await startMonitor(
    {
      ...real,
      connect: async () => {
        connects += 1;
        if (connects > 1) {
          onConnect();
          await mayConnect;
        }
        return real.connect();
      },
    },
    { limits: {}, required: [], query: undefined },
  );
  const sessions = `from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
  await database.rows(`select pg_terminate_backend(pid) ${sessions}`);
  // A monitor alone keeps no process alive.
  const alive = setInterval(() => {}, 1_000);
  await connecting;
  clearInterval(alive);
  const stopped = monitor.stop();
  connectNow();
  await stopped;
  assert.equal(connects, 2);
  for (let left = 1; left > 0;)
    left = Number((await database.rows(`select count(*) as n ${sessions}`))[0]?.['n']);
});
