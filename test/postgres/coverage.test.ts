import assert from 'node:assert/strict';
import test from 'node:test';
import { reportSchema } from '../../src/report/report.ts';
import { renderAnnotations } from '../../src/report/annotations.ts';
import { runGate, type GateOptions } from '../support/run-gate.ts';
import { createTemplate } from '../support/server.ts';

const template = await createTemplate(`
  create schema billing;
  create table tenants (id bigint primary key, owner_id bigint);
  create table users (id bigint primary key, tenant_id bigint not null references tenants);
  alter table tenants add foreign key (owner_id) references users;
  create table orders (id bigint primary key, tenant_id bigint);
  create table billing.invoices (id bigint primary key, tenant_id bigint);
  create table parents (id bigint primary key, tenant_id bigint);
  create table children () inherits (parents);
  create table measurements (id bigint, order_id bigint) partition by range (id);
  create table measurements_1 partition of measurements for values from (1) to (2);
  alter table measurements_1 add foreign key (order_id) references orders (id);
`);
const { url } = await template.createDatabase();

const usersRule = `
  - { id: users, kind: not_null, tables: [users], column: tenant_id }`;
const coverage = (more: string, rules = usersRule): string => `version: 1
rules:${rules}
  - id: covered
    kind: coverage
    columns: [tenant_id]
${more}`;

async function judge(rules: string, options: Partial<GateOptions> = {}) {
  const report = reportSchema.parse(await runGate({ url, rules, ...options }));
  const found = report.results.filter(({ kind }) => kind === 'coverage');
  const of = (outcome: string) =>
    found.filter((each) => each.outcome === outcome).map(({ table }) => table?.replace('public.', ''));
  return { report, found, broken: of('broken'), held: of('held') };
}

test('a root that points back at one of its own rows is not wanted, and other schemas are left out', async () => {
  const { broken, held } = await judge(coverage('    roots: [tenants]\n'));
  assert.deepEqual(broken, ['children', 'measurements', 'orders', 'parents']);
  assert.deepEqual(held, ['users']);
});

test('a pattern for the schema looks in each of them', async () => {
  const { broken } = await judge(coverage('    schema: "*"\n'));
  assert.ok(broken.includes('billing.invoices'));
});

test('a rule on a table covers the tables that inherit from it, and one by column covers all that carry it', async () => {
  const rules = `
  - { id: parents, kind: not_null, tables: [parents], column: tenant_id }`;
  assert.deepEqual((await judge(coverage('', rules))).held, ['children', 'parents']);
  const byColumn = `
  - { id: all, kind: not_null, tables: { with_column: tenant_id }, column: tenant_id }`;
  assert.deepEqual((await judge(coverage('    roots: [tenants]\n', byColumn))).broken, ['measurements']);
});

test('rules that this run was told not to check cover their tables all the same', async () => {
  assert.deepEqual((await judge(coverage(''), { only: ['covered'] })).held, ['users']);
});

test('a query, and rules about other columns, cover nothing', async () => {
  const rules = `
  - { id: asked, kind: query, query: select 1 from public.users where tenant_id is null }
  - { id: ids, kind: not_null, tables: [users], column: id, where: tenant_id is not null }
  - { id: there, kind: schema, tables: [users], column: tenant_id, index: [id] }`;
  assert.ok((await judge(coverage('', rules))).broken.includes('users'));
});

const exempt = (expires: string): string => `    exempt:
      - { table: orders, reason: is dropped soon, owner: web, expires: '${expires}' }
      - { table: users, reason: was dirty, owner: web, expires: '2999-12-31' }
`;

test('an exemption counts through its last day, and fails at its own line from the next one on', async () => {
  const rules = coverage(exempt('2026-03-31'));
  const on = async (now: string) =>
    (await judge(rules, { now: new Date(now) })).found.find(({ table }) => table === 'public.orders');
  const last = await on('2026-03-31T23:59:59Z');
  assert.equal(last?.outcome, 'held');
  assert.match(last?.reason ?? '', /until 2026-03-31: is dropped soon \(web\)/);
  const over = await on('2026-04-01T00:00:00Z');
  assert.equal(over?.outcome, 'broken');
  assert.match(over?.reason ?? '', /over since 2026-03-31/);
  assert.equal(over?.source.line, 8);
});

test('an exemption of a table that a rule covers fails at its own line, with an annotation there', async () => {
  const { found, report } = await judge(coverage(exempt('2999-12-31')));
  const stale = found.find(({ table }) => table === 'public.users');
  assert.equal(stale?.outcome, 'broken');
  assert.match(stale?.reason ?? '', /for nothing: asked by users/);
  assert.equal(report.exitCode, 1);
  const lines = renderAnnotations(report, { error: 10, warning: 10, notice: 10 }).annotations.map(
    ({ line }) => line,
  );
  assert.deepEqual(lines, [4, 9]);
});

test('what an exemption, a root, a column or a global names has to be there', async () => {
  const wrong = coverage(`    roots: [tenant]
`);
  const { report } = await judge(wrong);
  assert.equal(report.exitCode, 3);
  assert.deepEqual(report.problems[0]?.at, { file: 'rules.yml', line: 7, column: 13 });
  for (const [more, message] of [
    ["    exempt: [{ table: order, reason: r, owner: o, expires: '2999-01-01' }]\n", /unknown table 'order'/],
    ['    globals: [gone]\n', /unknown table 'gone'/],
    ['    schema: billing\n    roots: [invoices]\n    exempt: []\n    where: x\n', /unknown key 'where'/],
  ] as const) {
    const { report: refused } = await judge(coverage(more));
    assert.equal(refused.exitCode, 3);
    assert.match(refused.problems[0]?.message ?? '', message);
  }
  const column = (await judge(coverage('').replace('columns: [tenant_id]', 'columns: [tenantid]'))).report;
  assert.match(column.problems[0]?.message ?? '', /did you mean 'tenant_id'/);
});

test('a rule that finds no table is refused', async () => {
  const { report } = await judge('version: 1\nrules:\n  - { id: a, kind: coverage, roots: [children] }\n');
  assert.equal(report.exitCode, 3);
  assert.match(report.problems[0]?.message ?? '', /no table of these schemas/);
});
