import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { runAction } from '../support/runner-emulator.ts';
import { createTemplate } from '../support/server.ts';

const template = await createTemplate(
  'create table orders (id int primary key, tenant_id int); insert into orders values (1, 7)',
);
const rules = `version: 1
rules:
  - { id: orders-have-a-tenant, kind: not_null, tables: [orders], column: tenant_id, probe: true }
`;
const shop = { full_name: 'acme/shop', private: true };

async function probe(name: string, payload: object, url: string) {
  return runAction({
    actionFolder: path.resolve('.'),
    files: { 'rules/a.yml': rules },
    inputs: { mode: 'probe', 'database-url': url },
    event: { name, payload: { repository: shop, ...payload } },
  });
}

test('mode: probe says that the database takes a wrong write, and leaves the row as it was', async () => {
  const database = await template.createDatabase();
  const taken = await probe('push', {}, database.url);
  assert.deepEqual([taken.exitCode, taken.outputs['verdict']], [1, 'broken'], taken.log);
  assert.deepEqual(await database.rows('select * from orders'), [{ id: 1, tenant_id: 7 }]);
  await database.run('alter table orders alter tenant_id set not null');
  const guarded = await probe('push', {}, database.url);
  assert.deepEqual([guarded.exitCode, guarded.outputs['verdict']], [0, 'clean'], guarded.log);
});

for (const name of ['pull_request', 'pull_request_target', 'issue_comment'])
  test(`mode: probe does not run on ${name}, and dials nobody`, async () => {
    const head = { sha: 'd'.repeat(40), repo: shop };
    const pull = { number: 7, head, base: { sha: 'b'.repeat(40), repo: shop } };
    const run = await probe(
      name,
      { pull_request: pull },
      'postgres://u:secret@127.0.0.1:1/db?sslmode=disable',
    );
    assert.equal(run.exitCode, 3, run.log);
    assert.match(
      run.annotations.map(({ message }) => message).join('\n'),
      /mode: probe does not run on the event/,
    );
  });
