import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { renderRolloutSql } from '../../src/report/rollout-sql.ts';
import { APPLICATION } from '../support/application.ts';
import { readySteps, rollout } from '../support/rollout.ts';
import { runScript } from '../support/script.ts';
import { createDatabase, testServer } from '../support/server.ts';

const PACK = 'rules/workspace-isolation.yml';
const squawk = process.env['ROWGATE_SQUAWK'];
const { version } = await testServer();

/** What it cannot know from the text alone, each with why it is no fault here. */
const EXCLUDED = [
  // It asks for a statement timeout, too; a VALIDATE and an index take as long as they take.
  'require-timeout-settings',
  // Run statement by statement, as the script's head says; `if not exists` would take another index for this one.
  'prefer-robust-stmts',
];

async function lint(script: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'rowgate-squawk-'));
  try {
    const file = path.join(folder, 'next.sql');
    await writeFile(file, script);
    const options = ['--pg-version', `${version}.0`, '--exclude', EXCLUDED.join(',')];
    await promisify(execFile)(squawk ?? '', [...options, file]);
    return '';
  } catch (thrown) {
    const { stdout = '', stderr = '' } = thrown as { stdout?: string; stderr?: string };
    return stdout + stderr;
  } finally {
    await rm(folder, { recursive: true });
  }
}

test(
  'squawk finds no fault in the scripts of phases 1 and 3',
  { skip: squawk ? false : 'there is no squawk' },
  async () => {
    const database = await createDatabase(APPLICATION);
    const first = await rollout(database.url, PACK);
    assert.ok(readySteps(first).length > 0);
    assert.equal(await lint(renderRolloutSql(first)), '');
    await runScript(database.url, renderRolloutSql(first));
    await runScript(database.url, renderRolloutSql(await rollout(database.url, PACK)));
    await database.run('update tenants set workspace_id = 1 + id % 20');
    for (const { table } of first.tables.filter(({ table }) => table !== 'public.tenants'))
      await database.run(
        `update ${table} c set workspace_id = t.workspace_id from tenants t where t.id = c.tenant_id`,
      );
    const last = await rollout(database.url, PACK, '2');
    assert.ok(readySteps(last).length > 20);
    assert.equal(await lint(renderRolloutSql(last)), '');
    // The linter has been heard: what it is there to find it does find.
    assert.match(
      await lint('alter table policies alter column label set not null;'),
      /adding-not-nullable-field|not-null/,
    );
  },
);
