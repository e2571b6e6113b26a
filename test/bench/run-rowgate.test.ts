import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { runRowgate } from '../../bench/run-rowgate.ts';
import { seedTables } from '../support/seed-tables.ts';
import { createDatabase } from '../support/server.ts';

const root = path.resolve(import.meta.dirname, '../..');
const cli = path.join(root, 'dist', 'cli.js');
const args = ['--rules', 'rules/workspace-isolation.yml', '--only', 'tenant-owned-rows-have-a-workspace'];

for (const driver of ['pg', 'postgres']) {
  test(`a measured run has its report, its time and its peak memory (${driver})`, async () => {
    const { url } = await createDatabase(seedTables);
    const { report, reading } = await runRowgate({
      cli,
      folder: root,
      url,
      args: [...args, '--driver', driver],
    });
    assert.equal(report.results.length, 12);
    assert.ok(reading.elapsedMs > (reading.ownMs ?? Number.NaN));
    assert.ok((reading.peakMb ?? Number.NaN) > 20 && (reading.peakMb ?? Number.NaN) < 1_000);
  });
}

test('a run that could not tell is not measured', async () => {
  const url = 'postgres://nobody@127.0.0.1:1/none';
  await assert.rejects(runRowgate({ cli, folder: root, url, args }), /rowgate ended with [23]/);
});

test('a run in which one check is unknown is not measured, even where another is broken', async () => {
  const { url } = await createDatabase(`${seedTables}
    alter table findings rename column workspace_id to gone;
    update policies set workspace_id = null where id = 1;`);
  const run = runRowgate({ cli, folder: root, url, args: [...args, '--phase', '1'] });
  await assert.rejects(run, /did not count .*unknown column 'workspace_id' in public.findings/);
});
