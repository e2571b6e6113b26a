// The seed's application from before phase 1 to after phase 3, only with what Rowgate prints, while it is being written to.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import { renderRolloutSql } from '../../src/report/rollout-sql.ts';
import { APPLICATION, startWriters } from '../support/application.ts';
import { readySteps, rollout } from '../support/rollout.ts';
import { runFill } from '../support/run-fill.ts';
import { runGate } from '../support/run-gate.ts';
import { runScript } from '../support/script.ts';
import { createDatabase, type TestDatabase } from '../support/server.ts';

const PACK = 'rules/workspace-isolation.yml';

/** Runs what is printed until nothing is left that may be run; gives the number of steps that were. */
async function followSteps(database: TestDatabase, phase?: string): Promise<number> {
  let done = 0;
  for (;;) {
    const found = await rollout(database.url, PACK, phase);
    assert.deepEqual(found.problems, []);
    const ready = readySteps(found).length;
    if (ready === 0) return done;
    done += ready;
    await runScript(database.url, renderRolloutSql(found));
  }
}

/** Fills what is missing as a team does: looks, acknowledges what it was told of, writes. */
async function backfill({ url, name }: TestDatabase): Promise<void> {
  const rules = await readFile(PACK, 'utf8');
  const looked = await runFill({ url, rules });
  assert.deepEqual([looked.exitCode, looked.problems], [0, []]);
  assert.equal(looked.census.length, 13);
  const acknowledge = looked.findings.flatMap((each) => (each.weight === 'acknowledge' ? [each.name] : []));
  const { run, problems, estimate } = await runFill({
    url,
    rules,
    execute: 'true',
    expectDatabase: name,
    acknowledge,
    batchTarget: '20ms',
    workers: '2',
  });
  assert.deepEqual([run?.state, run?.rowsRemaining, problems], ['completed', 0, []]);
  const filled = run?.rowsUpdated ?? 0;
  assert.ok(filled > 0 && filled <= (estimate?.rows ?? 0));
}

const stagesOf = ({ tables }: Awaited<ReturnType<typeof rollout>>) =>
  new Set(tables.map(({ stage }) => stage));

test('an application goes from before phase 1 to after phase 3 while it is being written to', async () => {
  const database = await createDatabase(APPLICATION);
  const { url } = database;

  // Before phase 1: nothing but the columns and their indexes may be made.
  const start = await rollout(url, PACK);
  assert.deepEqual(stagesOf(start), new Set(['absent']));
  assert.deepEqual(new Set(readySteps(start).map(({ phase }) => phase)), new Set(['1']));
  const old = await startWriters(url, 'before');
  assert.equal(await followSteps(database), 14 + 12);
  assert.equal((await runGate({ url, rules: PACK, phase: '1' })).exitCode, 0);

  // Which workspace a tenant belongs to is the one thing that no tool can know.
  await database.run('update tenants set workspace_id = 1 + id % 20');

  // Phase 1.5: the new version is deployed; the old one is gone.
  assert.deepEqual(await old.stop(), []);
  assert.ok(old.committed() > 0);
  const writers = await startWriters(url, 'derives');
  assert.equal((await runGate({ url, rules: PACK, phase: '1.5' })).exitCode, 0);

  // Phase 2 is declared before its rows are filled: that is drift, and nothing of phase 3 may be run.
  const unfilled = await rollout(url, PACK, '2');
  assert.equal(unfilled.verdict, 'behind');
  assert.deepEqual(
    readySteps(unfilled).filter(({ table }) => table !== 'public.tenants'),
    [],
  );
  const blocked = unfilled.steps.filter(({ title }) => title === 'Make workspace_id NOT NULL');
  assert.equal(blocked.filter(({ rows }) => (rows?.count ?? 0) > 0).length, 12);
  const unfilledAt = writers.committed();
  await backfill(database);
  assert.ok(writers.committed() > unfilledAt);
  assert.equal((await runGate({ url, rules: PACK, phase: '2' })).exitCode, 0);

  // Phase 3: constraints, one by one, while rows are written.
  const committed = writers.committed();
  assert.ok((await followSteps(database, '2')) > 0);
  assert.ok(writers.committed() > committed);
  assert.deepEqual(await writers.stop(), []);

  const gate = await runGate({ url, rules: PACK });
  assert.deepEqual(
    gate.results.filter(
      ({ outcome, strategy }) => outcome !== 'held' || (strategy !== 'proved' && strategy !== 'catalog'),
    ),
    [],
  );
  assert.ok(gate.results.some(({ strategy }) => strategy === 'proved'));
  assert.deepEqual([gate.verdict, gate.exitCode], ['clean', 0]);
  const end = await rollout(url, PACK, '3');
  assert.deepEqual([end.verdict, end.exitCode, end.steps, end.findings], ['on track', 0, [], []]);
  assert.deepEqual(stagesOf(end), new Set(['composite', 'validated']));

  // What has to be refused is refused, by the database itself.
  await assert.rejects(database.run('insert into policies (tenant_id, workspace_id) values (1, 19)'), {
    code: '23503',
  });
  await assert.rejects(database.run('insert into policies (tenant_id) values (1)'), { code: '23502' });
  await assert.rejects(database.run('insert into audit_logs (tenant_id) values (1)'), { code: '23514' });
});
