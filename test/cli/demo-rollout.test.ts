import assert from 'node:assert/strict';
import test from 'node:test';
import { runCli } from '../support/cli.ts';

test('the demo walks the whole rollout to its end', async () => {
  const run = await runCli(['demo', '--rollout', '--rows', '200']);
  assert.deepEqual([run.exitCode, run.stderr], [0, '']);
  assert.match(run.stdout, /Every rule holds, each by a constraint\. No row had to be read to know it\.\n$/);
});
