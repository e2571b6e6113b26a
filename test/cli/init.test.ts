import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { runCli } from '../support/cli.ts';
import { createTemplate } from '../support/server.ts';
import { newFolder, PACK, runIn, tenantTables } from '../support/tenant-tables.ts';

const template = await createTemplate(tenantTables);

test('init writes a pack that rules and check take at once, and a second run changes nothing', async () => {
  const [{ url }, cwd] = [await template.createDatabase(), newFolder()];
  const first = await runIn(cwd, url, 'init');
  assert.equal(first.exitCode, 0, first.stderr);
  assert.match(first.stdout, /^rules\/tenant-isolation\.yml: written, with \d+ rules/);
  const written = readFileSync(path.join(cwd, PACK), 'utf8');
  assert.equal((await runCli(['rules'], { cwd })).exitCode, 0);
  const check = await runIn(cwd, url, 'check', '--phase', '2');
  assert.equal(check.exitCode, 0, check.stdout + check.stderr);
  const second = await runIn(cwd, url, 'init');
  assert.equal(second.stdout, `${PACK}: nothing is new\n`);
  assert.equal(readFileSync(path.join(cwd, PACK), 'utf8'), written);
});

test('the pack asks what the catalogue leaves open, and nothing of what all tenants share', async () => {
  const [{ url, run }, cwd] = [await template.createDatabase(), newFolder()];
  await runIn(cwd, url, 'init');
  await run(`
    insert into organizations values ('00000000-0000-0000-0000-000000000001'), ('00000000-0000-0000-0000-000000000002');
    insert into "Order" values (1, '00000000-0000-0000-0000-000000000001'), (2, '00000000-0000-0000-0000-000000000002');
    insert into lines values (1, '00000000-0000-0000-0000-000000000002', 1), (2, null, null);
    insert into notes values (1, '00000000-0000-0000-0000-000000000001', 1);
    insert into tags values (1, 2, 1);
    insert into audit_events values (1, null, null), (2, null, 1), (3, '00000000-0000-0000-0000-000000000009', null);
    insert into countries values ('x', null);`);
  const check = await runIn(cwd, url, 'check', '--phase', '2', '--format', 'json');
  const { results } = JSON.parse(check.stdout) as {
    results: {
      kind: string;
      table: string;
      outcome: string;
      enforced: boolean;
      violations: { count: number };
    }[];
  };
  const broken = results.filter(({ outcome, enforced }) => enforced && outcome === 'broken');
  assert.deepEqual(
    broken.map(({ kind, table, violations }) => `${kind} ${table} ${violations.count}`).toSorted(),
    [
      'agrees public.tags 1',
      'implies public.audit_events 1',
      'matches_parent public.lines 1',
      'matches_parent public.notes 1',
      'not_null public.lines 1',
      'references public.audit_events 1',
    ],
  );
});

test('a dry run of a new pack prints it and makes no file', async () => {
  const [{ url }, cwd] = [await template.createDatabase(), newFolder()];
  const { stdout, exitCode } = await runIn(cwd, url, 'init', '--dry-run');
  assert.equal(exitCode, 0);
  assert.match(stdout, /^--- \/dev\/null\n\+\+\+ rules\/tenant-isolation\.yml\n@@ -0,0 \+1,\d+ @@\n\+/);
  assert.equal(existsSync(path.join(cwd, PACK)), false);
});
