import assert from 'node:assert/strict';
import test from 'node:test';
import { runGate } from '../support/run-gate.ts';
import { createDatabase } from '../support/server.ts';

/** Of 20,000 rows, all tagged, every fifth has no owner; what others have set for the database is set for the gate's sessions, too. */
const database = await createDatabase(`
  create table owners (id int primary key);
  insert into owners select i from generate_series(1, 50) i;
  create table rows (id int primary key, owner_id int, tags text[], lasts interval, ratio float8, digest bytea, at timestamptz);
  insert into rows select i, case when i % 5 > 0 then 1 + i % 50 end, case i % 10 when 0 then '{a,b}'::text[] else '{a}' end, '1 day 02:00', 0.1::float8 + 0.2::float8, '\\x00ff', '2026-01-01 23:00+00'
    from generate_series(1, 20000) i;
  create index on rows using gin (tags);
  create index on rows (owner_id);
  analyze;`);
// What an index may leave out is seen where it is used.
await database.run(`alter database ${database.name} set enable_seqscan = off`);

const RULES = `version: 1
rules:
  - { id: tagged, kind: implies, tables: [rows], when: "tags @> '{a}'", then: owner_id is not null }
  - { id: raw, kind: query, query: "select r.id from public.rows r where r.tags @> '{b}' and r.owner_id is null" }
  - { id: owned, kind: not_null, tables: [rows], column: owner_id }
  - { id: known, kind: references, tables: [rows], parent: owners, on: { owner_id: id } }
  - { id: null-is-no-value, kind: implies, tables: [rows], when: owner_id = null, then: 'false' }
  - { id: null-in-an-array, kind: implies, tables: [rows], when: "'{NULL}'::text[] is distinct from array[null]::text[]", then: 'false' }
  - { id: written, kind: implies, tables: [rows], when: 'true',
      then: "lasts::text = '1 day 02:00:00' and ratio::text = '0.30000000000000004' and digest::text = '\\\\x00ff' and at::text like '2026-01-01 23:%'" }
`;

/** Settings that any role or database may have, and that change what a statement reads or what a condition means. */
const SETTINGS: Readonly<Record<string, string>> = {
  gin_fuzzy_search_limit: '10',
  transform_null_equals: 'on',
  array_nulls: 'off',
  intervalstyle: 'iso_8601',
  datestyle: "'SQL, DMY'",
  extra_float_digits: '-3',
  bytea_output: 'escape',
  timezone: "'Asia/Kolkata'",
  standard_conforming_strings: 'off',
  quote_all_identifiers: 'on',
  plan_cache_mode: 'force_generic_plan',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  default_transaction_read_only: 'on',
  constraint_exclusion: 'on',
  row_security: 'on',
  search_path: "''",
  client_encoding: 'latin1',
};

test('no setting of a role or a database changes what is counted', async (t) => {
  const counts = async (): Promise<unknown> =>
    (await runGate({ url: database.url, rules: RULES, samples: 3 })).results.map(
      ({ rule, outcome, violations, problem, samples }) => [
        rule,
        outcome,
        violations?.count,
        problem?.message,
        samples,
      ],
    );
  const plain = await counts();
  assert.deepEqual(
    (plain as unknown[][]).map(([id, outcome, count]) => [id, outcome, count]),
    [
      ['tagged', 'broken', 4_000],
      ['raw', 'broken', 2_000],
      ['owned', 'broken', 4_000],
      ['known', 'held', 0],
      ['null-is-no-value', 'held', 0],
      ['null-in-an-array', 'held', 0],
      ['written', 'held', 0],
    ],
  );
  for (const [name, value] of Object.entries(SETTINGS))
    await t.test(name, async () => {
      await database.run(`alter database ${database.name} set ${name} = ${value}`);
      try {
        assert.deepEqual(await counts(), plain);
      } finally {
        await database.run(`begin read write; alter database ${database.name} reset ${name}; commit`);
      }
    });
});

for (const setting of ['zero_damaged_pages', 'ignore_checksum_failure'])
  test(`where ${setting} lets the server read past damage, nothing is measured`, async () => {
    const { url, name, run } = await createDatabase('create table rows (id int)');
    await run(`alter database ${name} set ${setting} = on`);
    const rules = `version: 1\nrules:\n  - { id: a, kind: not_null, tables: [rows], column: id }\n`;
    const report = await runGate({ url, rules });
    assert.deepEqual(
      [report.exitCode, ...report.results.map(({ outcome, problem }) => [outcome, problem?.message])],
      [2, ['unknown', `${setting} is on: the server reads past damaged pages, without an error`]],
    );
  });
