import assert from 'node:assert/strict';
import test from 'node:test';
import {
  backfillStep,
  GUARD,
  hasLedger,
  missing,
  orderTables,
  shown,
  writing,
} from '../support/backfill-step.ts';
import { createDatabase, createTemplate } from '../support/server.ts';

const template = await createTemplate(orderTables(60));

test('a bound that was given is no failure, and the run can be gone on with', async () => {
  const database = await template.createDatabase();
  const run = await backfillStep(database, { inputs: writing(database, { 'max-rows': '20' }) });
  assert.equal(run.exitCode, 0, run.log);
  const { 'backfill-state': state, 'backfill-rows': rows, 'backfill-remaining': left } = run.outputs;
  assert.deepEqual([state, rows, left], ['stopped_at_bound', '20', '39']);
  assert.deepEqual(run.annotations.map(({ level }) => level), ['warning']); // prettier-ignore
  assert.match(run.annotations[0]?.message ?? '', /39 rows left. Go on with it: a step with run-id: 1/);
  const late = await backfillStep(database, { inputs: writing(database, { 'run-id': '1', join: 'true' }) });
  assert.deepEqual([late.exitCode, late.outputs['backfill-state'], await missing(database)], [0, 'stopped_at_bound', 39], 'who joins late does not start it again'); // prettier-ignore
  const more = await backfillStep(database, { inputs: writing(database, { 'run-id': '1' }) });
  assert.deepEqual([more.outputs['backfill-state'], more.outputs['backfill-rows']], ['stopped_at_bound', '40'], 'without another bound it takes as many again'); // prettier-ignore
  const rest = await backfillStep(database, {
    inputs: writing(database, { 'run-id': '1', 'max-rows': '100' }),
  });
  assert.deepEqual([rest.exitCode, rest.outputs['backfill-state'], rest.outputs['backfill-rows']], [0, 'completed', '59'], rest.log); // prettier-ignore
  const over = await backfillStep(database, { inputs: writing(database, { 'run-id': '1' }) });
  assert.deepEqual(
    [over.exitCode, over.outputs['backfill-state']],
    [0, 'completed'],
    'a run that is complete is no failure',
  );
});

test('join without a run-id, as a job that failed leaves it, begins nothing', async () => {
  const database = await template.createDatabase();
  const run = await backfillStep(database, { inputs: writing(database, { join: 'true', 'run-id': '' }) });
  assert.equal(run.exitCode, 3, run.log);
  assert.equal(await hasLedger(database), false);
});

test('a run that a job recorded is worked off by the jobs of a matrix, each row once', async () => {
  const database = await createDatabase(orderTables(5_000));
  await database.run(`
    create table audit (id bigint);
    create function note() returns trigger language plpgsql as 'begin insert into audit values (new.id); return new; end';
    create trigger audit after update on orders for each row execute function note()`);
  const acknowledge = `${GUARD}\ntrigger:public.orders.audit`;
  const plan = await backfillStep(database, { inputs: writing(database, { enqueue: 'true', acknowledge }) });
  assert.deepEqual([plan.exitCode, plan.outputs['backfill-state'], plan.outputs['backfill-rows']], [0, 'planned', '0'], plan.log); // prettier-ignore
  assert.match(shown(plan.summary), /no worker has it: no row is filled yet/);
  const inputs = writing(database, { 'run-id': plan.outputs['run-id'] ?? '', join: 'true', acknowledge });
  const workers = await Promise.all([backfillStep(database, { inputs }), backfillStep(database, { inputs })]);
  for (const worker of workers) assert.equal(worker.exitCode, 0, worker.log);
  assert.ok(workers.some(({ outputs }) => outputs['backfill-state'] === 'completed'));
  const [sums] = await database.rows(
    'select count(*)::int as all, count(distinct id)::int as rows from audit',
  );
  assert.deepEqual(sums, { all: 4_999, rows: 4_999 });
  assert.equal(await missing(database), 0);
});
