import assert from 'node:assert/strict';
import test from 'node:test';
import { renderRolloutMarkdown } from '../../src/report/rollout-markdown.ts';
import { renderRolloutSql } from '../../src/report/rollout-sql.ts';
import { renderRollout } from '../../src/report/rollout-text.ts';
import { readySteps, rollout } from '../support/rollout.ts';
import { COLUMN, FILLED, RULES, TENANTS } from '../support/rollout-states.ts';
import { statementsOf } from '../support/script.ts';
import { createDatabase, createRole } from '../support/server.ts';

test('rows that cannot be counted are unknown, and no step that they could stop is ready', async () => {
  const role = await createRole();
  const database = await createDatabase(`${FILLED} grant select on tenants to ${role.name};`);
  const url = database.urlFor(role.name, role.password);
  const found = await rollout(url, RULES, 'fill');
  assert.deepEqual([found.verdict, found.exitCode], ['unknown', 2]);
  const [row] = found.tables;
  assert.deepEqual([row?.stage, row?.rowsLeft, row?.drift], ['indexed', null, 'unknown']);
  assert.deepEqual(readySteps(found), []);
  assert.ok(found.steps.length > 0);
  assert.match(renderRollout(found, { color: false }), /not measured/);
});

test('a step that rows stand in the way of is blocked, with their number, and is no statement of the script', async () => {
  const { url } = await createDatabase(`${FILLED}
    update docs set workspace_id = null where id <= 7;
    update docs set tenant_id = 900 where id = 50;`);
  const found = await rollout(url, RULES, 'fill');
  assert.deepEqual(
    found.steps.map(({ table, title, state, reason, rows }) => [
      table,
      title,
      state,
      reason,
      rows?.count ?? null,
    ]),
    [
      [
        'public.tenants',
        'Make a unique key of (id, workspace_id)',
        'blocked',
        'phase fill is not reached: agrees: 1 row breaks it',
        0,
      ],
      ['public.docs', 'Make workspace_id NOT NULL', 'blocked', '7 rows stand in the way', 7],
      [
        'public.docs',
        'Add the foreign key (tenant_id, workspace_id) to public.tenants',
        'blocked',
        '1 row stands in the way',
        1,
      ],
    ],
  );
  assert.deepEqual(statementsOf(renderRolloutSql(found)), []);
});

test('what a rule tolerates stands in the way of a constraint all the same', async () => {
  const { url } = await createDatabase(`${FILLED} update docs set workspace_id = null where id <= 7;`);
  const tolerant = RULES.replace(
    'column: workspace_id, enforce_from: fill',
    'column: workspace_id, max_violations: 10, enforce_from: fill',
  );
  const found = await rollout(url, tolerant, 'fill');
  assert.equal(found.verdict, 'on track');
  const step = found.steps.find(({ title }) => title === 'Make workspace_id NOT NULL');
  assert.deepEqual([step?.state, step?.rows], ['blocked', { count: 7, exact: true }]);
});

test("a row outside of a rule's filter stands in the way of NOT NULL, which knows no filter", async () => {
  const { url } = await createDatabase(`${FILLED} update docs set workspace_id = null where id <= 7;`);
  const filtered = RULES.replace(
    'column: workspace_id, enforce_from: fill',
    'column: workspace_id, where: id > 7, enforce_from: fill',
  );
  const found = await rollout(url, filtered, 'fill');
  const step = found.steps.find(({ title }) => title === 'Make workspace_id NOT NULL');
  assert.deepEqual([step?.state, step?.rows?.count], ['blocked', 7]);
});

test('a constraint of a later phase waits until the application is declared to be in the one before', async () => {
  const { url } = await createDatabase(FILLED);
  for (const phase of [undefined, 'expand', 'write']) {
    const found = await rollout(url, RULES, phase);
    assert.deepEqual(readySteps(found), [], String(phase));
    assert.match(found.steps[0]?.reason ?? '', /say so with --phase fill/);
  }
  assert.equal(readySteps(await rollout(url, RULES, 'fill')).length, 3);
});

test('a column that no rule asks for is a mistake in the rules, and one that a rule asks for is not', async () => {
  const { url } = await createDatabase(COLUMN);
  const typo = RULES.replace(
    'kind: not_null, tables: [docs], column: workspace_id',
    'kind: not_null, tables: [docs], column: workspce_id',
  );
  const found = await rollout(url, typo);
  assert.equal(found.exitCode, 3);
  assert.match(
    found.problems[0]?.message ?? '',
    /unknown column 'workspce_id' in public.docs \(did you mean 'workspace_id'\?\)/,
  );
  assert.deepEqual(found.steps, []);
  const noTable = await rollout(url, RULES.replaceAll('[docs]', '[dosc]'));
  assert.equal(noTable.exitCode, 3);
});

test('a new column gets the type of the column that it is to be equal to', async () => {
  const { url } = await createDatabase(
    TENANTS.replace('workspace_id bigint', 'workspace_id uuid default gen_random_uuid()').replace(
      'insert into tenants select i, 1 + i % 5',
      'insert into tenants select i',
    ),
  );
  const [step] = readySteps(await rollout(url, RULES));
  assert.equal(step?.statements[0]?.sql, 'alter table "public"."docs" add column "workspace_id" uuid;');
  const orphaned = RULES.replace(/ {2}- id: agrees[^]*?enforce_from: write\n/, '').replace(
    / {2}- id: is-one-key[^]*/,
    '',
  );
  const [unknown] = (await rollout(url, orphaned)).steps;
  assert.deepEqual([unknown?.state, unknown?.statements], ['by hand', []]);
});

test('a type that is more than a type is never part of a statement', async () => {
  const { url } = await createDatabase(TENANTS);
  const rules = RULES.replace(
    'column: workspace_id, enforce_from: expand',
    'column: workspace_id, type: "bigint; drop table docs", enforce_from: expand',
  );
  const [step] = (await rollout(url, rules)).steps;
  assert.equal(step?.state, 'by hand');
});

test('a table without a unique key gets none while two rows share it', async () => {
  const { url } = await createDatabase(
    'create table docs (a int, b int); insert into docs values (1, 1), (1, 1), (2, null), (2, null);',
  );
  const rules = `version: 1
rules:
  - { id: wanted, kind: schema, tables: [docs], unique: [a, b] }
`;
  const [step] = (await rollout(url, rules)).steps;
  assert.deepEqual([step?.state, step?.reason], ['blocked', '1 row stands in the way']);
});

test('names of tables cannot end a comment or a cell, and hidden ones are no statement', async () => {
  const { url } = await createDatabase('create table "a\nb|c" (id int primary key, v int);');
  const rules = `version: 1
rules:
  - { id: wanted, kind: schema, tables: ["a\\nb|c"], index: [v] }
`;
  const found = await rollout(url, rules);
  assert.equal(readySteps(found).length, 1);
  assert.deepEqual(statementsOf(renderRolloutSql(found)), []);
  assert.match(renderRolloutSql(found), /BY HAND: a name in it holds characters that cannot be seen/);
  assert.equal(
    renderRollout(found, { color: false })
      .split('\n')
      .filter((line) => line.startsWith('b')).length,
    0,
  );
  assert.doesNotMatch(renderRolloutMarkdown(found), /\nb/);
});
