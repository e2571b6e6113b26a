import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDatabase, type TestDatabase } from '../support/server.ts';
import { auditTrigger } from '../support/audit-trigger.ts';
import type { Moment } from '../support/hooked-database.ts';
import { NO_GUARD, runFill, workspaceRule } from '../support/run-fill.ts';

const ROWS = 300;
const orders = `
  create table tenants (id bigint primary key, workspace_id bigint);
  insert into tenants select i, 100 + i from generate_series(1, 10) i;
  create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint);
  insert into orders select i, 1 + i % 10, null from generate_series(1, ${ROWS}) i;
  ${auditTrigger('orders')}`;

const options = {
  rules: workspaceRule('orders'),
  execute: 'true',
  acknowledge: [NO_GUARD, 'trigger:public.orders.audited'],
  batchTarget: '1ms',
} as const;

/** The oracle is the test's own trigger: each row was written once, with its tenant's workspace, and the ledger says as much. */
async function expectExact(database: TestDatabase, rows: number, what: string): Promise<void> {
  const [found] = await database.rows(`
    select (select count(*) from audit)::int as writes, (select count(distinct id) from audit)::int as rows,
      (select sum(rows_updated) from rowgate.chunk)::int as ledger,
      (select count(*) from orders o join tenants t on t.id = o.tenant_id where o.workspace_id <> t.workspace_id)::int as wrong`);
  assert.deepEqual(found, { writes: rows, rows, ledger: rows, wrong: 0 }, what);
}

describe('a backfill whose connections are cut', () => {
  it('cut after each commit, it fills each row once, and never more than it may', async () => {
    const database = await createDatabase(orders);
    // Commits of batches alone: what begins and ends a run is not tried again by itself.
    let isBatch = false;
    const isCut = (text: string, moment: Moment): boolean => {
      if (text.includes('update only') && !text.includes('explain')) isBatch = true;
      if (!isBatch || text !== 'commit' || moment !== 'after') return false;
      isBatch = false;
      return true;
    };
    const report = await runFill({ ...options, url: database.url, maxRows: '200', isCut });
    assert.equal(report.run?.state, 'stopped_at_bound', JSON.stringify(report.problems));
    await expectExact(database, 200, 'every commit cut');
  });

  it('cut before or after any one statement, it ends as if nothing had happened', async () => {
    let total = 0;
    const whole = await createDatabase(orders);
    await runFill({
      ...options,
      url: whole.url,
      isCut: (_text, moment) => ((total += moment === 'before' ? 1 : 0), false),
    });
    assert.ok(total > 20, `only ${total} statements`);
    const stride = process.env['ROWGATE_ALL_CUTS'] ? 1 : 23;
    let cuts = 0;
    for (let at = 0; at < total; at += stride) {
      for (const when of ['before', 'after'] as const) {
        const database = await createDatabase(orders);
        let seen = -1;
        const isCut = (_text: string, moment: Moment): boolean => moment === when && (seen += 1) === at;
        const first = await runFill({ ...options, url: database.url, isCut });
        const [recorded] = await database
          .rows('select id::text as id, state from rowgate.run')
          .catch(() => []);
        // Workers come back by themselves; a run that could not be begun, or verified, somebody begins again.
        if (recorded?.['state'] !== 'completed')
          await runFill({
            ...options,
            url: database.url,
            ...(recorded ? { runId: String(recorded['id']) } : {}),
          });
        await expectExact(database, ROWS, `cut ${when} statement ${at}: ${JSON.stringify(first.problems)}`);
        await database.drop();
        cuts += 1;
      }
    }
    process.stdout.write(
      `# statements cut: ${cuts} of ${total * 2}; wrong, lost and double-counted rows: 0\n`,
    );
  });
});
