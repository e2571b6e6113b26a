import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeLanes } from '../../src/backfill/lane.ts';
import { fillNothing, lockParents } from '../../src/backfill/lane-statements.ts';
import { makeFills } from '../../src/plan/make-fills.ts';
import { readCatalog } from '../../src/postgres/catalog.ts';
import { openDatabase } from '../../src/postgres/connect.ts';
import { parseConnectionTarget } from '../../src/postgres/connection-string.ts';
import { inTransaction } from '../../src/postgres/transaction.ts';
import { parseRules } from '../../src/rules/parse-rules.ts';
import { compile, sql } from '../../src/sql/sql.ts';
import { createDatabase, createRole } from '../support/server.ts';
import { NO_GUARD, runFill, workspaceRule } from '../support/run-fill.ts';

const orders = `
  create table tenants (id bigint primary key, workspace_id bigint);
  insert into tenants select i, 100 + i from generate_series(1, 10) i;
  create table orders (id bigint primary key, tenant_id bigint, workspace_id bigint);
  insert into orders select i, 1 + i % 10, null from generate_series(1, 200) i;`;

const go = { rules: workspaceRule('orders'), execute: 'true', acknowledge: NO_GUARD } as const;
const isFill = (text: string): boolean => text.includes('update only');
const limits = { statementTimeoutMs: 5_000, lockTimeoutMs: 1_000 };

describe('a backfill keeps out of the way of writers:', () => {
  it('a value that a writer sets between two statements of a batch stays', async () => {
    const database = await createDatabase(orders);
    let isSet = false;
    const report = await runFill({
      ...go,
      url: database.url,
      beforeQuery: async (text) => {
        if (!isFill(text) || text.includes('explain') || isSet) return;
        isSet = true;
        await database.run('update orders set workspace_id = 7 where id in (5, 6)');
      },
    });
    assert.equal(isSet, true);
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
    assert.deepEqual(await database.rows('select workspace_id as w from orders where id in (5, 6)'), [
      { w: '7' },
      { w: '7' },
    ]);
    assert.equal(report.run.rowsUpdated, 198);
  });

  it('a tenant that moves while its rows are being filled does not leave them behind', async () => {
    const database = await createDatabase(orders);
    let tries = 0;
    let wasFilled = false;
    const report = await runFill({
      ...go,
      url: database.url,
      beforeQuery: async (text) => {
        // Rows of a first pass are written, and not yet committed.
        if (wasFilled && tries === 0 && text.includes('update rowgate.chunk')) {
          tries += 1;
          await database
            .run(
              `
              set lock_timeout = '300ms';
              begin;
              update tenants set workspace_id = 999;
              update orders set workspace_id = 999 where workspace_id is not null;
              commit;`,
            )
            .catch(() => {});
        }
        if (isFill(text) && !text.includes('explain')) wasFilled = true;
      },
    });
    assert.equal(tries, 1);
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
    const wrong = await database.rows(
      'select o.id from orders o join tenants t on t.id = o.tenant_id where o.workspace_id <> t.workspace_id',
    );
    assert.deepEqual(wrong, []);
  });

  it('rows that a writer has locked are passed over, tried again, and filled', async () => {
    const database = await createDatabase(orders);
    const target = parseConnectionTarget({ url: database.url, env: {} });
    const writer = await openDatabase(target, 'pg').connect();
    await writer.query(sql`begin`);
    await writer.query(sql`select from orders where id <= 20 for update`);
    let batches = 0;
    const report = await runFill({
      ...go,
      url: database.url,
      beforeQuery: async (text) => {
        if (isFill(text) && !text.includes('explain') && (batches += 1) === 2)
          await writer.query(sql`commit`);
      },
    });
    await writer.close();
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
    assert.ok(batches > 1);
  });

  it('locks are asked for in the order of keys, parents before rows, and waited for by nobody', async () => {
    const database = await createDatabase(orders);
    const session = await openDatabase(parseConnectionTarget({ url: database.url, env: {} }), 'pg').connect();
    const catalog = await readCatalog(session);
    await session.close();
    const { rules } = await parseRules('rules.yml', go.rules);
    const { fills } = makeFills(
      { files: [], hash: '', rules, origin: { from: 'workspace' } as never },
      catalog,
      [],
    );
    const [lane] = fills.flatMap((fill) => makeLanes(fill, 18).lanes);
    assert.ok(lane);
    const range = { low: ['1'], high: ['9'] };
    const flat = (text: string): string => text.replaceAll(/\s+/g, ' ');
    assert.match(
      flat(compile(lockParents(lane, range, 5, 0)).text),
      /order by "hop 1"\."id" for share of "hop 1" skip locked/,
    );
    assert.match(
      flat(compile(fillNothing(lane)).text),
      /order by "r"\."id" limit \$\d+::bigint for no key update skip locked/,
    );
  });

  it('a policy that hides rows is an error in a transaction that writes, and no row is passed over in silence', async () => {
    const database = await createDatabase(`${orders}
      alter table orders enable row level security;
      create policy late on orders using (id > 100);`);
    const role = await createRole();
    await database.run(`grant select, update on orders to ${role.name}`);
    const target = parseConnectionTarget({ url: database.urlFor(role.name, role.password), env: {} });
    const session = await openDatabase(target, 'pg').connect();
    await assert.rejects(
      inTransaction(session, limits, (query) => query(sql`select count(*) from orders`)),
      { code: 'row-security' },
    );
    await session.close();
    await database.drop();
  });

  it('the run that was paused while it worked stops, and goes on when it is resumed', async () => {
    const database = await createDatabase(orders);
    const target = parseConnectionTarget({ url: database.url, env: {} });
    const { changeState } = await import('../../src/backfill/runs.ts');
    const change = async (to: 'paused' | 'running'): Promise<void> => {
      const session = await openDatabase(target, 'pg').connect();
      await inTransaction(session, limits, (query) => changeState(query, '1', to));
      await session.close();
    };
    let batches = 0;
    const paused = await runFill({
      ...go,
      url: database.url,
      maxRows: '150',
      batchTarget: '1ms',
      beforeQuery: async (text) => {
        if (isFill(text) && !text.includes('explain') && (batches += 1) === 1)
          await change('paused').catch(() => {});
      },
    });
    assert.equal(paused.run?.state, 'paused');
    assert.equal(paused.exitCode, 2);
    const refused = await runFill({ ...go, url: database.url, runId: '1' });
    assert.equal(refused.exitCode, 3);
    await change('running');
    const last = await runFill({ ...go, url: database.url, runId: '1' });
    assert.equal(last.run?.state, 'stopped_at_bound', JSON.stringify(last.problems));
    assert.equal(last.run.rowsUpdated, 150);
  });
});
