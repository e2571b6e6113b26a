import assert from 'node:assert/strict';
import test from 'node:test';
import { createDatabase, createTemplate } from '../support/server.ts';
import { newFolder, runIn, tenantTables } from '../support/tenant-tables.ts';

const template = await createTemplate(tenantTables);

test('discover tells of tenants, ways, gaps and tables without a rule, as text and as JSON', async () => {
  const [{ url }, cwd] = [await template.createDatabase(), newFolder()];
  const text = await runIn(cwd, url, 'discover');
  assert.equal(text.exitCode, 0, text.stderr);
  assert.match(text.stdout, /^Tenants: public\.organizations, by id$/m);
  assert.match(text.stdout, /public\.tags {2}by order_id to public\.Order/);
  assert.match(text.stdout, /No rules were read/);
  await runIn(cwd, url, 'init');
  const json = await runIn(cwd, url, 'discover', '--format', 'json', '--schema', 'public');
  const found = JSON.parse(json.stdout) as {
    uncovered: string[];
    gaps: { gap: string; table: string }[];
    doubts: unknown[];
  };
  assert.deepEqual(found.uncovered, []);
  assert.deepEqual(found.doubts, [{ table: 'public.countries', column: 'org_id', type: 'integer' }]);
  assert.ok(found.gaps.some(({ gap, table }) => gap === 'diamond' && table === 'public.tags'));
});

test('a database without tenants, and a flag that names nothing, say what to do', async () => {
  const [{ url }, cwd] = [await createDatabase('create table a (id bigint primary key)'), newFolder()];
  const none = await runIn(cwd, url, 'discover');
  assert.equal(none.exitCode, 3);
  assert.match(none.stderr, /no table looks like that of the tenants[^]*--root/);
  const wrong = await runIn(cwd, url, 'discover', '--root', 'aa');
  assert.match(wrong.stderr, /--root: there is no table 'aa' \(did you mean 'a'\?\)/);
});
