import assert from 'node:assert/strict';
import test from 'node:test';
import { backfillStep, missing, orderTables, reportOf, shown, writing } from '../support/backfill-step.ts';
import { createDatabase } from '../support/server.ts';

test('cancelled as the runner cancels, it writes ledger, summary and outputs before the second signal, and can be gone on with', async () => {
  const database = await createDatabase(orderTables(8_000));
  const run = await backfillStep(database, {
    inputs: writing(database, { nice: '30' }),
    signalAfter: /run 1: /,
  });
  assert.deepEqual(run.signals, ['SIGINT'], 'it did not need the second one');
  assert.equal(run.exitCode, 2, run.log);
  assert.equal(run.outputs['backfill-state'], 'running');
  assert.equal(run.outputs['run-id'], '1');
  const filled = Number(run.outputs['backfill-rows']);
  assert.ok(filled > 0 && filled < 7_999);
  assert.equal(await missing(database), 7_999 - filled, 'the ledger is right');
  assert.match(shown(run.summary), /Run 1 was interrupted/);
  assert.match(shown(run.summary), /Go on with it: a step with run-id: 1 and execute: true/);
  assert.equal(reportOf(run).ended, 'interrupted');
  const rest = await backfillStep(database, { inputs: writing(database, { 'run-id': '1' }) });
  assert.deepEqual([rest.exitCode, rest.outputs['backfill-state'], rest.outputs['backfill-rows']], [0, 'completed', '7999'], rest.log); // prettier-ignore
  assert.equal(await missing(database), 0);
});
