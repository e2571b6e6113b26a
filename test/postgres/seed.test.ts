import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { Report } from '../../src/report/report.ts';
import { TENANT_OWNED } from '../../src/demo/demo-data.ts';
import { runGate } from '../support/run-gate.ts';
import { createTemplate, type TestDatabase } from '../support/server.ts';
import { seedTables, completePhase3 } from '../support/seed-tables.ts';

const PACK = 'rules/workspace-isolation.yml';
const page = readFileSync(
  new URL('../fixtures/quickstart-093-workspace-id-isolation.txt', import.meta.url),
  'utf8',
);
const statements = page.match(/SELECT count\(\*\)[^;]*/g) ?? [];
const template = await createTemplate(seedTables);

async function seedCounts(database: TestDatabase): Promise<number[]> {
  const counts = [];
  for (const statement of statements) counts.push(Number((await database.rows(statement))[0]?.['count']));
  return counts;
}

/** The pack's counterparts of the page's statements, in the page's order. */
function packCounts(report: Report): number[] {
  const find = (rule: string, table: string) => {
    const found = report.results.find((result) => result.rule === rule && result.table === `public.${table}`);
    assert.ok(found, `${rule} on ${table}`);
    return found;
  };
  return [
    ...TENANT_OWNED.map(
      (table) => find('tenant-owned-rows-have-a-workspace', table).violations?.count ?? Number.NaN,
    ),
    find('audit-rows-are-scoped', 'audit_logs').violations?.count ?? Number.NaN,
    ...['policies', 'backup_sets', 'findings'].map(
      (table) => find('rows-agree-with-their-tenant', table).classes['different'] ?? Number.NaN,
    ),
  ];
}

test('the page holds 16 statements', () => assert.equal(statements.length, 16));

for (const driver of ['pg', 'postgres'] as const) {
  test(`the pack counts what the page's own statements count (${driver})`, async () => {
    const database = await template.createDatabase();
    await database.run(`
      ${TENANT_OWNED.map(
        (table, i) => `update ${table} set workspace_id = null where id % ${i + 5} = 0;
      update ${table} set workspace_id = workspace_id + 1 where id % ${i + 11} = 1;
      update ${table} set tenant_id = 100000 + id where id % 97 = 2;`,
      ).join('\n')}
      update tenants set workspace_id = null where id % 10 = 0;
      update audit_logs set workspace_id = null where id % 3 = 0;
    `);
    const expected = await seedCounts(database);
    assert.ok(expected.every((count) => count > 0));
    const report = await runGate({ url: database.url, rules: PACK, phase: '2', driver });
    assert.deepEqual(packCounts(report), expected);
    assert.equal(report.exitCode, 1);
  });
}

test('on clean data every count is 0, and the rules of phase 2 hold', async () => {
  const database = await template.createDatabase();
  const report = await runGate({ url: database.url, rules: PACK, phase: '2' });
  assert.deepEqual(packCounts(report), await seedCounts(database));
  assert.equal(report.verdict, 'clean');
  assert.equal(report.exitCode, 0);
});

test('without a phase the constraints of phase 3 are asked for, and with them the pack is clean', async () => {
  const database = await template.createDatabase();
  const before = await runGate({ url: database.url, rules: PACK });
  assert.equal(before.verdict, 'broken');
  await database.run(completePhase3);
  const after = await runGate({ url: database.url, rules: PACK });
  assert.deepEqual(
    after.results.filter(({ outcome }) => outcome !== 'held'),
    [],
  );
  assert.equal(after.exitCode, 0);
});

test('every statement of the page has a rule for its table, and the pack looks at all twelve tables for both kinds', async () => {
  const database = await template.createDatabase();
  const report = await runGate({ url: database.url, rules: PACK, phase: '2' });
  for (const rule of ['tenant-owned-rows-have-a-workspace', 'rows-agree-with-their-tenant']) {
    const tables = report.results.filter((result) => result.rule === rule).map(({ table }) => table);
    assert.deepEqual(
      tables,
      TENANT_OWNED.map((table) => `public.${table}`),
    );
  }
});
