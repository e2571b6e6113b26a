import assert from 'node:assert/strict';
import test from 'node:test';
import { rolloutSchema } from '../../src/rollout/phase.ts';
import { runCli, type CliRun } from '../support/cli.ts';
import { readPage } from '../support/html-tree.ts';
import { seedTables } from '../support/seed-tables.ts';
import { runScript, statementsOf } from '../support/script.ts';
import { createDatabase } from '../support/server.ts';

const rollout = (url: string, ...args: string[]): Promise<CliRun> =>
  runCli(['rollout', '--rules', 'rules/workspace-isolation.yml', '--database-url', url, ...args]);

test('the command says where tables stand, as text, JSON, Markdown and HTML, and exits by drift', async () => {
  const { url } = await createDatabase(seedTables);
  const text = await rollout(url, '--phase', '3');
  assert.equal(text.exitCode, 1);
  assert.match(text.stdout, /^Behind: 14 columns, 14 behind\n/);
  assert.match(
    text.stdout,
    /public\.policies +workspace_id +3 +2 +clean +0 +3: tenant-owned-columns-are-not-null/,
  );
  const json = await rollout(url, '--phase', '2', '--format', 'json');
  assert.equal(json.exitCode, 0);
  assert.equal(rolloutSchema.parse(JSON.parse(json.stdout)).verdict, 'on track');
  const markdown = await rollout(url, '--phase', '2', '--markdown');
  assert.match(markdown.stdout, /^## ✅ Rollout: On track: 14 columns, no drift\n/);
  const page = readPage((await rollout(url, '--phase', '3', '--html')).stdout);
  const textOf = (id: string): string => page.find(({ attributes }) => attributes['id'] === id)?.text ?? '';
  assert.match(page.find(({ tag }) => tag === 'h1')?.text ?? '', /^Behind/);
  assert.match(textOf('tables'), /public\.policies/);
  assert.match(textOf('steps'), /not valid;/);
  assert.match(textOf('rollback'), /forward/);
});

test('what --next prints can be run as it stands, and then nothing is left to print', async () => {
  const database = await createDatabase(seedTables);
  const next = await rollout(database.url, '--phase', '2', '--next');
  assert.equal(next.exitCode, 0);
  assert.ok(statementsOf(next.stdout).length > 100);
  await runScript(database.url, next.stdout);
  const after = await rollout(database.url, '--phase', '3', '--next');
  assert.deepEqual([after.exitCode, statementsOf(after.stdout)], [0, []]);
  assert.equal((await rollout(database.url, '--phase', '3')).exitCode, 0);
});

test('mistakes and servers that do not answer are no steps', async () => {
  const { url } = await createDatabase(seedTables);
  const phase = await rollout(url, '--phase', '4', '--next');
  assert.deepEqual([phase.exitCode, statementsOf(phase.stdout)], [3, []]);
  assert.match(phase.stdout, /-- unknown phase '4'/);
  const nobody = await rollout('postgres://nobody@127.0.0.1:1/none', '--next');
  assert.deepEqual([nobody.exitCode, statementsOf(nobody.stdout)], [2, []]);
});
