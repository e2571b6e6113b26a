import assert from 'node:assert/strict';
import test from 'node:test';
import type { Report } from '../../src/report/report.ts';
import { runGate, type GateOptions } from '../support/run-gate.ts';
import { createTemplate, type TestDatabase } from '../support/server.ts';

const template = await createTemplate(`
  create table parents (id int primary key, tenant_id int);
  create table rows (id int primary key, parent_id int, tenant_id int);
  insert into parents select i, i from generate_series(1, 10) i;
  insert into rows select i, i, null from generate_series(1, 10) i;
  create view all_rows as select * from rows;
  create materialized view kept_rows as select * from rows;
  create table parts (id int, tenant_id int) partition by list (id);
  create table parts_1 partition of parts for values in (1);
  create table parts_2 partition of parts for values in (2);
  insert into parts values (2, null);
  create table base (id int, tenant_id int);
  create table child () inherits (base);
  insert into child values (1, null);
  create table spare (id int primary key, parent_id int, tenant_id int);`);

const notNull = (table: string): string =>
  `version: 1\nrules:\n  - { id: a, kind: not_null, tables: [${table}], column: tenant_id }\n`;

const matchesParent = `version: 1
rules:
  - { id: a, kind: matches_parent, tables: [rows], parent: parents, on: { parent_id: id }, match: { tenant_id: tenant_id } }
`;

const query = `version: 1
rules:
  - { id: a, kind: query, query: select id from public.all_rows where tenant_id is null }
`;

/** Runs a script when the run is about to count, after it has its snapshot and has explained everything. */
async function runWith(script: string, options: Omit<GateOptions, 'url'>): Promise<Report> {
  const database = await template.createDatabase();
  return runGate({ ...options, url: database.url, beforeQuery: once(isCount, database, script) });
}

const isCount = (text: string): boolean => text.startsWith('select') && /count\(\*\)/.test(text);

function once(
  matches: (text: string) => boolean,
  database: TestDatabase,
  script: string,
): (text: string) => Promise<void> {
  let done = false;
  return async (text) => {
    if (done || !matches(text)) return;
    done = true;
    await database.run(script);
  };
}

const outcomesOf = ({ exitCode, results }: Report): unknown[] => [
  exitCode,
  ...results.map(({ outcome, problem }) => `${outcome} ${problem?.code ?? ''}`),
];

const changed = [2, 'unknown object-changed'];

const moves: Record<string, [script: string, rules: string]> = {
  'a table that is rewritten': ['alter table parents alter tenant_id type bigint', matchesParent],
  'a table that is truncated': ['truncate rows', notNull('rows')],
  'a table that is truncated and filled again': [
    'begin; truncate rows; insert into rows values (1, 1, null); commit',
    notNull('rows'),
  ],
  'a table that is swapped for one that was there': [
    'begin; alter table rows rename to old_rows; alter table spare rename to rows; commit',
    notNull('rows'),
  ],
  'a table that is dropped and made again': [
    'drop table rows cascade; create table rows (id int primary key, parent_id int, tenant_id int)',
    notNull('rows'),
  ],
  'a table that is put into another schema, with another in its place': [
    'create schema old; begin; alter table rows set schema old; alter table spare rename to rows; commit',
    notNull('rows'),
  ],
  'a parent that is truncated': ['truncate parents', matchesParent],
  'a table behind a view that is truncated': ['truncate rows', query],
  'a table behind a checked view that is truncated': ['truncate rows', notNull('all_rows')],
  'a materialized view that is refreshed': [
    'update rows set tenant_id = 1; refresh materialized view kept_rows',
    notNull('kept_rows'),
  ],
  'a partition that is detached': ['alter table parts detach partition parts_2', notNull('parts')],
  'a partition that is truncated': ['truncate parts_2', notNull('parts')],
  'a child that inherits no more': ['alter table child no inherit base', notNull('base')],
};

for (const [what, [script, rules]] of Object.entries(moves))
  for (const driver of ['pg', 'postgres'] as const)
    test(`${what} while the run goes on is unknown, not held (${driver})`, async () => {
      assert.deepEqual(outcomesOf(await runWith(script, { rules, driver })), changed);
    });

test('a table that is dropped while the run goes on is unknown', async () => {
  const report = await runWith('drop table rows cascade', { rules: notNull('rows') });
  assert.deepEqual(outcomesOf(report), [2, 'unknown query-failed']);
});

const harmless: Record<string, string> = {
  'rows that are written': 'insert into rows values (11, null, null); delete from rows where id < 5',
  'an index that is made': 'create index on rows (tenant_id)',
  'an index that is made anew': 'reindex table rows',
  'a column that is added with a default': 'alter table rows add column note text default 1',
  'a partition that is attached': 'create table parts_3 partition of parts for values in (3)',
  'another table that is truncated': 'truncate spare',
  'statistics and a vacuum': 'analyze rows',
};

for (const [what, script] of Object.entries(harmless))
  test(`${what} while the run goes on changes no answer`, async () => {
    const report = await runWith(script, { rules: notNull('rows, parts') });
    assert.deepEqual(outcomesOf(report), [1, 'broken ', 'broken ']);
    assert.deepEqual(
      report.results.map(({ violations }) => violations?.count),
      [10, 1],
    );
  });

test('a name with quotes, dots and capitals is not taken for one that changed', async () => {
  const database = await template.createDatabase();
  await database.run(
    'create schema "My Schema"; create table "My Schema"."a.""B" (id int, tenant_id int); create table "select" (id int, tenant_id int)',
  );
  const report = await runGate({
    url: database.url,
    rules: notNull("'My Schema.a.\"B', select"),
  });
  assert.deepEqual(outcomesOf(report), [0, 'held ', 'held ']);
});
