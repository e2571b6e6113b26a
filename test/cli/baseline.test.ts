import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { runCli } from '../support/cli.ts';
import { createTemplate } from '../support/server.ts';

const template = await createTemplate(`
  create table orders (id int primary key, tenant_id int);
  insert into orders values (1, null), (2, null), (101, 7);
`);
const rules = `version: 1
rules:
  - { id: old-orders, kind: not_null, tables: [orders], column: tenant_id, ratchet: true, since: { column: id, value: 100 } }
`;

async function started(t: TestContext) {
  const { url, run } = await template.createDatabase();
  const folder = mkdtempSync(path.join(tmpdir(), 'rowgate-baseline-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(path.join(folder, 'rules.yml'), rules);
  const file = path.join(folder, 'baseline.json');
  const cli = (...args: string[]) =>
    runCli([...args, '--rules', 'rules.yml'], { cwd: folder, env: { DATABASE_URL: url } });
  return {
    run,
    file,
    text: () => readFileSync(file, 'utf8'),
    record: (...args: string[]) => cli('baseline', '--out', 'baseline.json', ...args),
    check: () => cli('check', '--baseline', 'baseline.json'),
  };
}

test('what is recorded holds, says what the debt is, and may only fall from then on', async (t) => {
  const { run, text, record, check } = await started(t);
  const recorded = await record();
  assert.deepEqual([recorded.exitCode, recorded.stderr], [0, recorded.stderr]);
  assert.match(recorded.stdout, /baseline\.json: 1 count recorded/);
  const first = await check();
  assert.equal(first.exitCode, 0, first.stdout);
  assert.match(first.stdout, /debt 2 \(was 2\)/);
  await run('update orders set tenant_id = 7 where id = 1');
  const fewer = await check();
  assert.equal(fewer.exitCode, 0, fewer.stdout);
  assert.match(fewer.stdout, /debt 1 \(was 2\)/);
  assert.equal((await record()).exitCode, 0);
  assert.equal(JSON.parse(text()).entries[0].violations, 1);
  await run('insert into orders values (3, null)');
  assert.equal((await check()).exitCode, 1);
});

test('a count that rose is recorded only when that is asked for; until then the file stays as it is', async (t) => {
  const { run, text, record } = await started(t);
  await record();
  const before = text();
  await run('insert into orders values (3, null)');
  const refused = await record();
  assert.equal(refused.exitCode, 1);
  assert.match(
    refused.stderr,
    /nothing was written[^]*old-orders on public\.orders: 3, was 2[^]*--accept-more/,
  );
  assert.equal(text(), before);
  assert.equal((await record('--accept-more')).exitCode, 0);
  assert.equal(JSON.parse(text()).entries[0].violations, 3);
});

test('a leak is told of and never recorded', async (t) => {
  const { run, text, record } = await started(t);
  await run('insert into orders values (102, null)');
  const leaking = await record();
  assert.equal(leaking.exitCode, 1, leaking.stdout);
  assert.match(leaking.stdout, /not recorded: old-orders on public\.orders, as new rows break it/);
  assert.deepEqual(JSON.parse(text()).entries, []);
});

test('a file that is no baseline, or of another target, is left alone and starts nothing', async (t) => {
  const { file, text, record, check } = await started(t);
  assert.equal((await check()).exitCode, 3);
  writeFileSync(file, '{"version":1,');
  for (const run of [await record(), await check()]) {
    assert.equal(run.exitCode, 3);
    assert.match(run.stdout + run.stderr, /baseline\.json: is not JSON/);
  }
  const other = JSON.stringify({ version: 1, database: 'elsewhere', targetName: null, entries: [] });
  writeFileSync(file, other);
  const refused = await record();
  assert.deepEqual([refused.exitCode, text()], [3, other]);
  assert.match(refused.stderr, /of another target, of database elsewhere/);
});
