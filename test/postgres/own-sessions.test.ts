import assert from 'node:assert/strict';
import test from 'node:test';
import { runGate, type GateOptions } from '../support/run-gate.ts';
import { createRole, createTemplate } from '../support/server.ts';

const template = await createTemplate(`
  create table rows (id int primary key, tenant_id int, name text);
  insert into rows values (1, null, 'a'), (2, 2, '');`);

const rules = `version: 1
rules:
  - { id: called, kind: not_null, tables: [rows], column: tenant_id, where: upper(name) > '' }
  - { id: plain, kind: not_null, tables: [rows], column: tenant_id, where: name <> '' }
  - { id: query, kind: query, query: select id from public.rows where tenant_id is null }
  - { id: bare, kind: not_null, tables: [rows], column: tenant_id }
`;

/** Which session counted for which rule, by what its statement holds. */
async function countingSessions(options: Partial<GateOptions>) {
  const database = await template.createDatabase();
  const pids = new Map<string, number>();
  const report = await runGate({
    url: database.url,
    rules,
    ...options,
    beforeQuery: async (text, pid) => {
      if (!text.startsWith('select') || !text.includes('count(*)')) return;
      const rule = text.includes('upper(') ? 'called' : text.includes('public.rows') ? 'query' : 'other';
      pids.set(rule, pid);
    },
  });
  return { pids, report };
}

for (const driver of ['pg', 'postgres'] as const)
  test(`each check with raw SQL has a session of its own (${driver})`, async () => {
    const { pids, report } = await countingSessions({ driver, maxConnections: 2 });
    assert.equal(new Set(pids.values()).size, 3, JSON.stringify([...pids]));
    assert.deepEqual(
      report.results.map(({ rule, outcome, violations }) => `${rule} ${outcome} ${violations?.count}`),
      ['called broken 1', 'plain broken 1', 'query broken 1', 'bare broken 1'],
    );
  });

test('where one connection is allowed, raw SQL runs last on it', async () => {
  const { pids, report } = await countingSessions({ maxConnections: 1 });
  assert.equal(new Set(pids.values()).size, 1);
  assert.deepEqual([...pids.keys()], ['other', 'called', 'query']);
  assert.equal(report.totals.broken, 4);
});

test('a role that is granted one connection gets every answer all the same', async () => {
  const role = await createRole('connection limit 1');
  const database = await template.createDatabase();
  await database.run(`grant select on rows to ${role.name}`);
  const report = await runGate({ url: database.urlFor(role.name, role.password), rules, maxConnections: 4 });
  assert.equal(report.totals.broken, 4);
});

test('while a session holds locks it ends itself after ten seconds without its client', async () => {
  const database = await template.createDatabase();
  const setting = "pg_catalog.current_setting('idle_in_transaction_session_timeout')";
  const query = `select id from public.rows where ${setting} = '10s'`;
  const text = `version: 1\nrules:\n  - { id: idle, kind: query, query: "${query}" }\n`;
  assert.equal((await runGate({ url: database.url, rules: text })).totals.violations, 2);
});
