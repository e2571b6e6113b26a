import assert from 'node:assert/strict';
import test from 'node:test';
import { runGate } from '../support/run-gate.ts';
import { createDatabase } from '../support/server.ts';

const { url } = await createDatabase(`
  create table parents (id int primary key, tenant_id int);
  create table rows (id int primary key, parent_id int, tenant_id int);
  insert into parents values (1, 1);
  insert into rows select i, 1, case when i > 20 then 2 when i > 10 then 1 end from generate_series(1, 100) i;`);

const rules = `version: 1
rules:
  - { id: few, kind: not_null, tables: [rows], column: tenant_id, count: { at_least: 11 } }
  - { id: many, kind: not_null, tables: [rows], column: tenant_id, count: { at_least: 3 } }
  - { id: allowed, kind: not_null, tables: [rows], column: tenant_id, count: { at_least: 3 }, max_violations: 10 }
  - { id: beyond, kind: not_null, tables: [rows], column: tenant_id, count: { at_least: 3 }, max_violations: 8 }
  - { id: joined, kind: matches_parent, tables: [rows], parent: parents, on: { parent_id: id }, match: { tenant_id: tenant_id }, count: { at_least: 5 } }
  - { id: asked, kind: query, query: select id from public.rows where tenant_id is null, key: [id], count: { at_least: 4 } }
  - { id: whole, kind: not_null, tables: [rows], column: tenant_id, count: exact }
`;

test('counting stops at at_least, or above max_violations, and says so', async () => {
  const { results } = await runGate({ url, rules, samples: 1 });
  assert.deepEqual(
    results.map(({ rule, outcome, violations, reason }) => [rule, outcome, violations, reason]),
    [
      ['few', 'broken', { count: 10, exact: true }, '10 rows break it'],
      ['many', 'broken', { count: 3, exact: false }, 'at least 3 rows break it'],
      ['allowed', 'held', { count: 10, exact: true }, '10 violations, at most 10 allowed'],
      ['beyond', 'broken', { count: 9, exact: false }, 'at least 9 rows break it, at most 8 allowed'],
      ['joined', 'broken', { count: 5, exact: false }, 'at least 5 rows break it'],
      ['asked', 'broken', { count: 4, exact: false }, 'at least 4 rows break it'],
      ['whole', 'broken', { count: 10, exact: true }, '10 rows break it'],
    ],
  );
  assert.deepEqual(
    results.map(({ samples }) => samples.length),
    [1, 1, 0, 1, 1, 1, 1],
  );
});
