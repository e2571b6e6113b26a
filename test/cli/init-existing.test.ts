import assert from 'node:assert/strict';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { createDatabase, createTemplate } from '../support/server.ts';
import { seedTables } from '../support/seed-tables.ts';
import { newFolder, PACK, runIn, tenantTables } from '../support/tenant-tables.ts';

const template = await createTemplate(tenantTables);

test('what is new is put into an edited pack, and no line of it changes', async () => {
  const [{ url, run }, cwd] = [await template.createDatabase(), newFolder()];
  await runIn(cwd, url, 'init');
  const file = path.join(cwd, PACK);
  const edited = readFileSync(file, 'utf8')
    .replace('name: tenant-isolation', 'name: ours # do not touch')
    .replace('severity: error }', "severity:   'warning'  }")
    .replace('why: A row without a tenant is shown to nobody, or to everybody.', 'why: "ours"')
    .concat('# the end\n');
  writeFileSync(file, edited);
  await run(
    `create table refunds (id bigint primary key, org_id uuid references organizations, order_id bigint not null references "Order")`,
  );
  const dry = await runIn(cwd, url, 'init', '--dry-run');
  assert.equal(readFileSync(file, 'utf8'), edited);
  assert.match(dry.stdout, /^--- rules\/tenant-isolation\.yml\n\+\+\+ rules\/tenant-isolation\.yml\n@@ -/);
  assert.doesNotMatch(dry.stdout, /^-(?!--)/m);
  const grown = await runIn(cwd, url, 'init');
  assert.equal(grown.exitCode, 0, grown.stderr);
  const lines = readFileSync(file, 'utf8').split('\n');
  let next = 0;
  for (const line of edited.split('\n')) {
    next = lines.indexOf(line, next) + 1;
    assert.ok(next > 0, `the line is still there, in its place: ${line}`);
  }
  assert.ok(lines.some((line) => /refunds/.test(line)));
  assert.equal((await runIn(cwd, url, 'init')).stdout, `${PACK}: nothing is new\n`);
  const check = await runIn(cwd, url, 'check', '--phase', '2');
  assert.equal(check.exitCode, 0, check.stdout);
});

test('rules of other files are not written again, and a table of theirs is not asked twice', async () => {
  const [{ url }, cwd] = [await createDatabase(seedTables), newFolder()];
  writeFileSync(path.join(cwd, 'seed.yml'), readFileSync('rules/workspace-isolation.yml'));
  const { stdout, exitCode } = await runIn(
    cwd,
    url,
    'init',
    '--rules',
    'seed.yml',
    '--dry-run',
    '--output',
    'more.yml',
  );
  assert.equal(exitCode, 0);
  assert.doesNotMatch(stdout, /kind: (not_null|implies)/);
  assert.match(stdout, /kind: coverage/);
});

test('a file that cannot be read as rules, or is a link, is left as it is', async () => {
  const [{ url }, cwd] = [await template.createDatabase(), newFolder()];
  writeFileSync(path.join(cwd, 'mine.yml'), 'version: 1\nrules: [{ id: a }]\n');
  const broken = await runIn(cwd, url, 'init', '--output', 'mine.yml');
  assert.equal(broken.exitCode, 3);
  assert.match(broken.stderr, /mine\.yml:2:/);
  symlinkSync('mine.yml', path.join(cwd, 'link.yml'));
  const link = await runIn(cwd, url, 'init', '--output', 'link.yml');
  assert.equal(link.exitCode, 3);
  assert.match(link.stderr, /no regular file/);
  assert.equal(readFileSync(path.join(cwd, 'mine.yml'), 'utf8'), 'version: 1\nrules: [{ id: a }]\n');
});
