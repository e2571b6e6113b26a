import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ledgerGrants, installLedger } from '../../src/backfill/ledger.ts';
import { openDatabase } from '../../src/postgres/connect.ts';
import { parseConnectionTarget } from '../../src/postgres/connection-string.ts';
import type { BackfillReport } from '../../src/report/backfill-report.ts';
import { createDatabase, createRole, type TestDatabase } from '../support/server.ts';
import { NO_GUARD, runFill, workspaceRule } from '../support/run-fill.ts';

/** More rows than two batches fill. */
const ROWS = 4_000;
const orders = `
  create table tenants (id bigint primary key, workspace_id bigint);
  insert into tenants select i, 100 + i from generate_series(1, 10) i;
  create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint);
  insert into orders select i, 1 + i % 10, null from generate_series(1, ${ROWS}) i;`;

const go = { rules: workspaceRule('orders'), execute: 'true', acknowledge: NO_GUARD } as const;
const isFill = (text: string): boolean => text.includes('update only') && !text.includes('explain');

/** Why the run was held, as the ledger tells it. */
function holdsOf({ run }: BackfillReport): string[] {
  return (run?.events ?? []).flatMap(({ kind, detail }) => (kind === 'holding' ? [detail ?? ''] : []));
}

/** Does something before the first statement that fills rows. */
function beforeFirstFill(work: () => Promise<unknown>): (text: string) => Promise<void> {
  let isDone = false;
  return async (text) => {
    if (isDone || !isFill(text)) return;
    isDone = true;
    await work();
  };
}

async function repeat(database: TestDatabase, times: number, statement: string): Promise<void> {
  await database.run(Array.from({ length: times }, () => statement).join(';'));
}

describe('a backfill waits while', () => {
  it('log forces checkpoints, until its time is over', async () => {
    const database = await createDatabase(orders);
    const report = await runFill({
      ...go,
      url: database.url,
      throttle: 'checkpoints=1',
      maxDuration: '4s',
      // A new file of 16 MiB each time: more than a checkpoint's worth of log with the usual settings.
      beforeQuery: beforeFirstFill(async () => {
        await repeat(database, 45, `select pg_logical_emit_message(false, 'a', 'b'), pg_switch_wal()`);
        await sleep(1_500);
      }),
    });
    assert.equal(report.run?.state, 'stopped_at_bound', JSON.stringify(report.problems));
    assert.match(holdsOf(report).join(), /checkpoints: log fills so fast that checkpoints are forced/);
    assert.ok(report.run.rowsUpdated < ROWS);
  });

  it('others wait for its locks, and goes on after', async () => {
    const database = await createDatabase(orders);
    let writer = Promise.resolve();
    const report = await runFill({
      ...go,
      url: database.url,
      maxDuration: '30s',
      beforeQuery: beforeFirstFill(async () => {
        writer = database.run('update tenants set workspace_id = workspace_id where id = 1');
        await sleep(3_500);
      }),
    });
    await writer;
    assert.match(holdsOf(report).join(), /blocking: other sessions wait for locks of this backfill/);
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
    assert.equal(report.run.rowsUpdated, ROWS);
  });

  it('a query of somebody’s own says so, and goes on when it no longer does', async () => {
    const database = await createDatabase(`${orders} create table busy as select true as is_busy;`);
    let asked = 0;
    const report = await runFill({
      ...go,
      url: database.url,
      throttleQuery: 'select is_busy from busy',
      beforeQuery: async (text) => {
        if (text.includes('is_busy')) asked += 1;
        if (asked === 3) await database.run('update busy set is_busy = false');
      },
    });
    assert.deepEqual(holdsOf(report), ['the throttle query says true']);
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
  });

  it('that query fails: what cannot be seen does not pass for calm', async () => {
    const database = await createDatabase(`${orders} create table busy as select 0 as zero;`);
    const report = await runFill({
      ...go,
      url: database.url,
      throttleQuery: 'select 1 / zero from busy',
      maxDuration: '2s',
    });
    assert.match(holdsOf(report).join(), /^the throttle query failed: /);
    assert.equal(report.run?.state, 'stopped_at_bound');
    assert.equal(report.run.rowsUpdated, 0);
  });

  for (const [signal, holds] of [
    ['wraparound-vacuum', ['wraparound-vacuum is required, and this role cannot see it']],
    ['xmin-age', ['xmin-age is required, and this role cannot see it']],
    ['slot-lag', []],
  ] as const)
    it(`a signal is required (${signal}), where a role without CREATE works with somebody else’s ledger`, async () => {
      const database = await createDatabase(orders);
      const role = await createRole();
      const owner = await openDatabase(parseConnectionTarget({ url: database.url, env: {} }), 'pg').connect();
      await installLedger(owner);
      await owner.close();
      await database.run(
        `${ledgerGrants(role.name).join('')} grant select, update on tenants, orders to ${role.name}`,
      );
      const report = await runFill({
        ...go,
        url: database.urlFor(role.name, role.password),
        requireSignal: signal,
        maxDuration: '3s',
      });
      assert.deepEqual(holdsOf(report), holds);
      assert.equal(report.run?.rowsUpdated, holds.length > 0 ? 0 : ROWS, JSON.stringify(report.problems));
    });
});

it('checkpoints that somebody asks for do not hold a backfill', async () => {
  const database = await createDatabase(orders);
  const report = await runFill({
    ...go,
    url: database.url,
    maxDuration: '30s',
    beforeQuery: beforeFirstFill(async () => {
      await repeat(database, 15, 'checkpoint');
      await sleep(1_500);
    }),
  });
  assert.deepEqual(holdsOf(report), []);
  assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
});
