import assert from 'node:assert/strict';
import test from 'node:test';
import type { Report } from '../../src/report/report.ts';
import { runGate } from '../support/run-gate.ts';
import { createDatabase } from '../support/server.ts';

/** A verdict that the look of the data suggests, and that is wrong. Classes of no row are left out. */
type Trap = {
  what: string;
  sql: string;
  /** One rule as a flow map's inside, without its id. */
  rule: string;
  /** What must be said: the outcome with the violations, and every class that has rows; or the problems. */
  says: string;
  classes?: Record<string, number>;
};

const filled = (classes: Record<string, number>) =>
  Object.fromEntries(Object.entries(classes).filter(([, count]) => count > 0));

async function judge(sql: string, rule: string): Promise<Report> {
  const { url } = await createDatabase(sql);
  return runGate({ url, rules: `version: 1\nrules:\n  - { id: a, ${rule} }\n` });
}

function said({ results, problems }: Report): string {
  const results_ = results.map(({ outcome, violations, problem }) =>
    [outcome, violations?.count ?? problem?.message].join(' '),
  );
  return [...problems.map(({ message }) => message), ...results_].join('; ');
}

/** Registers a test for each trap. */
function expectAll(traps: readonly Trap[]): void {
  for (const { what, sql, rule, says, classes } of traps) {
    test(what, async () => {
      const report = await judge(sql, rule);
      assert.equal(said(report), says);
      if (classes) assert.deepEqual(filled(report.results[0]?.classes ?? {}), classes);
    });
  }
}

const agree = `kind: agrees, tables: [links], parents: [{ parent: lefts, on: { l: k }, column: v }, { parent: rights, on: { r: k }, column: v }]`;

/** Two parents without a unique key, whose values are of `type`: links 1 to 4 agree, differ, are half NULL, and contradict. */
const grouped = (type: string, one: string, other: string, more = '') => `${more}
  create table lefts (k int, v ${type}); create table rights (k int, v ${type}); create table links (l int, r int);
  insert into lefts values (1, ${one}), (1, ${one}), (2, ${one}), (3, null), (4, ${one}), (4, ${other}), (5, ${one}), (5, null);
  insert into rights values (1, ${one}), (2, ${other}), (3, ${one}), (4, ${one}), (5, ${one});
  insert into links values (1, 1), (2, 2), (3, 3), (4, 4), (5, 5);`;

const sides = { different: 1, one_null: 1, ambiguous: 2 };

expectAll(
  [
    ['text', "'one'", "'other'", ''],
    ['int[]', "'{1,2}'", "'{1,3}'", ''],
    ['text[]', "'{}'", "'{{a,b},{c,d}}'", ''],
    ['bytea', "'\\x01'", "'\\x02'", ''],
    ['jsonb', "'{}'", "'[]'", ''],
    ['pair', 'row(1, null)', 'row(1, 2)', 'create type pair as (a int, b int);'],
    ['pair[]', 'array[row(1, null)]::pair[]', "'{}'", 'create type pair as (a int, b int);'],
    ['list', "'{1}'", "'{2}'", 'create domain list as int[];'],
    ['mood', "'good'", "'bad'", "create type mood as enum ('good', 'bad');"],
    ['int4range', "'[1,2)'", "'empty'", ''],
    ['public.citext', "'one'", "'other'", 'create extension citext;'],
    ['citext[]', "'{one}'", "'{other}'", 'create extension citext;'],
  ].map(([type = '', one = '', other = '', more]) => ({
    what: `grouped parents agree or not by values of ${type}`,
    sql: grouped(type, one, other, more),
    rule: agree,
    says: 'broken 4',
    classes: sides,
  })),
);

const matching = 'kind: matches_parent, tables: [rows], parent: parents, on: { k: k }, match: { v: v }';

expectAll([
  {
    what: 'a row agrees with its grouped parent by values of int[]',
    sql: `create table parents (k int, v int[]); create table rows (k int, v int[]);
      insert into parents values (1, '{1}'), (1, '{1}'), (2, '{2}'), (3, '{3}'), (3, '{4}'), (4, null);
      insert into rows values (1, '{1}'), (2, '{1}'), (3, '{3}'), (4, '{1}'), (1, null);`,
    rule: matching,
    says: 'broken 4',
    classes: { different: 1, ambiguous: 1, parent_null: 1, child_null: 1 },
  },
  {
    what: 'values without an equality are refused, grouped or not',
    sql: 'create table parents (k int, v json); create table rows (k int, v json);',
    rule: matching,
    says: 'the server refuses this rule: Could not identify an equality operator for type json (SQLSTATE 42883)',
  },
  {
    what: 'a key of a composite type is set when only some of its fields are',
    sql: `create type pair as (a int, b int);
      create table parents (k pair primary key); create table rows (k pair);
      insert into parents values (row(1, 1)), (row(2, null)), (row(null, null));
      insert into rows values (row(1, 1)), (row(2, null)), (row(3, null)), (row(null, 4)), (null), (row(null, null));`,
    rule: 'kind: references, tables: [rows], parent: parents, on: { k: k }',
    says: 'broken 2',
    classes: { orphan: 2, no_link: 1 },
  },
  {
    what: 'a composite value to match is NULL only as a whole',
    sql: `create type pair as (a int, b int); create domain whole as pair;
      create table parents (k int primary key, v whole); create table rows (k int, v pair);
      insert into parents values (1, row(1, null)), (2, null), (3, row(1, null)), (4, row(1, 2)), (5, row(null, null));
      insert into rows values (1, null), (2, row(1, null)), (3, row(1, null)), (4, row(1, null)), (5, null);`,
    rule: matching,
    says: 'broken 4',
    classes: { different: 1, child_null: 2, parent_null: 1 },
  },
  {
    what: 'not_null takes for NULL what NOT NULL does: of a composite the whole, not its fields',
    sql: `create type pair as (a int, b int); create table rows (v pair);
      insert into rows values (null), (row(null, null)), (row(1, null)), (row(1, 2));
      alter table rows add constraint proof check (v is distinct from null) not valid;
      delete from rows where v is not distinct from null; alter table rows alter v set not null;
      alter table rows alter v drop not null, drop constraint proof; insert into rows values (null);`,
    rule: 'kind: not_null, tables: [rows], column: v',
    says: 'broken 1',
    classes: { null: 1 },
  },
  {
    what: 'exactly_one_of counts a composite as set when it is there',
    sql: `create type pair as (a int, b int); create table rows (v pair, w int);
      insert into rows values (row(null, null), null), (row(1, null), 1), (null, null);`,
    rule: 'kind: exactly_one_of, tables: [rows], columns: [v, w]',
    says: 'broken 2',
    classes: { none: 1, several: 1 },
  },
]);

const keyed = (parent: string, child: string, parents: string, rows: string, more = '') => `${more}
  create table parents (k ${parent}, v int); create table rows (id serial primary key, k ${child}, v int);
  insert into parents values ${parents}; insert into rows (k, v) values ${rows};`;
const loose = `create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);`;

expectAll([
  {
    what: "a unique key by another collation than the link's is none: no row is counted twice",
    sql: keyed(
      'text unique',
      'text collate loose',
      "('a', 1), ('A', 2), ('b', 1), ('B', 1)",
      "('a', 1), ('A', 1), ('B', 2), ('c', 1)",
      loose,
    ),
    rule: matching,
    says: 'broken 4',
    classes: { ambiguous: 2, different: 1, orphan: 1 },
  },
  {
    what: "a parent's key of a collation that takes texts for equal is compared by it, and found",
    sql: keyed(
      'text collate loose unique',
      'text',
      "('A', 1), ('b', 1)",
      "('a', 1), ('A', 2), ('c', 1)",
      loose,
    ),
    rule: matching,
    says: 'broken 2',
    classes: { different: 1, orphan: 1 },
  },
  {
    what: 'an index by a stricter collation than the column has makes no key unique',
    sql: `${keyed('text collate loose', 'text', "('a', 1), ('A', 2)", "('a', 1)", loose)} create unique index on parents (k collate "C");`,
    rule: matching,
    says: 'broken 1',
    classes: { ambiguous: 1 },
  },
  {
    what: "an index by another type's operators makes no key unique",
    sql: `${keyed('citext', 'citext', "('a', 1), ('A', 2)", "('a', 1)", 'create extension citext;')} create unique index on parents (k text_ops);`,
    rule: matching,
    says: 'broken 1',
    classes: { ambiguous: 1 },
  },
  {
    what: 'texts that a citext key takes for one are told apart by a text that links to it',
    sql: keyed(
      'citext',
      'text',
      "('a', 1), ('A', 2)",
      "('a', 1), ('A', 2), ('A', 1)",
      'create extension citext;',
    ),
    rule: matching,
    says: 'broken 1',
    classes: { different: 1 },
  },
  {
    what: 'texts that a key keeps apart are also told apart by a citext that links to it',
    sql: keyed(
      'text unique',
      'citext',
      "('a', 1), ('A', 2)",
      "('a', 1), ('A', 2), ('A', 1)",
      'create extension citext;',
    ),
    rule: matching,
    says: 'broken 1',
    classes: { different: 1 },
  },
  {
    what: 'a unique index that is not valid, and one that knows not every row, make no key unique',
    sql: `${keyed('int', 'int', '(1, 1), (2, 1)', '(1, 1), (2, 1)')} create unique index unready on parents (k);
      update pg_index set indisvalid = false, indisready = false where indexrelid = 'unready'::regclass;
      insert into parents values (1, 2); create unique index part on parents (k) where v = 1; insert into parents values (2, 2);`,
    rule: matching,
    says: 'broken 2',
    classes: { ambiguous: 2 },
  },
  {
    what: 'a link of characters ignores the padding that keeps two keys apart',
    sql: keyed('varchar(5) unique', 'char(5)', "('a', 1), ('a ', 2), ('b', 1)", "('a', 1), ('b', 1)"),
    rule: matching,
    says: 'broken 1',
    classes: { ambiguous: 1 },
  },
  {
    what: 'numbers that a link as float8 cannot tell apart are several parents',
    sql: keyed(
      'int8 unique',
      'float8',
      '(9007199254740993, 1), (9007199254740992, 2), (3, 1)',
      '(9007199254740992, 1), (3, 1)',
    ),
    rule: matching,
    says: 'broken 1',
    classes: { ambiguous: 1 },
  },
  {
    what: 'values are compared by the equality of both sides also where parents are grouped',
    sql: `create extension citext;
      create table parents (k int, v citext); create table rows (k int, v text);
      insert into parents values (1, 'a'), (1, 'A'), (2, 'b'); insert into rows values (1, 'a'), (2, 'b'), (2, 'B');`,
    rule: matching,
    says: 'broken 2',
    classes: { ambiguous: 1, different: 1 },
  },
  {
    what: 'joins of columns whose names hold commas and equals signs are told apart',
    sql: `create table parents (id int primary key, "c,b=id" int unique, v int);
      create table rows (a int, b int, "a=c,b" int);
      insert into parents values (1, 1, 1), (2, 2, 2); insert into rows values (1, 2, 2);`,
    rule: `kind: agrees, tables: [rows], parents: [{ parent: parents, on: { a: "c,b=id" }, column: v }, { parent: parents, on: { "a=c,b": id }, column: v }]`,
    says: 'broken 1',
    classes: { different: 1 },
  },
  {
    what: 'a row of two parents is in one class, the gravest',
    sql: `create table lefts (k int, v int); create table rights (k int, v int); create table links (l int, r int);
      insert into lefts values (1, 1), (2, 1), (2, 2); insert into rights values (1, 1), (3, 1), (3, 2);
      insert into links values (1, 1), (9, null), (null, 9), (9, 9), (2, 9), (2, null), (2, 3), (9, 3), (1, null);`,
    rule: agree,
    says: 'broken 7',
    classes: { orphan: 3, ambiguous: 4, no_link: 1 },
  },
  {
    what: 'a contradiction breaks also where orphans are ignored',
    sql: `create table lefts (k int, v int); create table rights (k int, v int); create table links (l int, r int);
      insert into lefts values (2, 1), (2, 2); insert into links values (2, 9), (9, null);`,
    rule: `${agree}, orphans: ignore`,
    says: 'broken 1',
    classes: { ambiguous: 1, orphan: 1 },
  },
]);

expectAll(
  (
    [
      ['text', '0.0', "'0.0'", "'0'"],
      ['text', '007', "'007'", "'7'"],
      ['text', '1e3', "'1e3'", "'1000'"],
      ['text', 'TRUE', "'TRUE'", "'true'"],
      ['text', '2020-01-01', "'2020-01-01'", "'2020'"],
      ['text', '-0', "'-0'", "'0'"],
      ['text', '"0.0"', "'0.0'", "'0'"],
      ['int', '007', '7', '70'],
      ['numeric', '1e3', '1000', '1'],
      ['boolean', 'true', 'true', 'false'],
      ['numeric', '0.10000000000000000001', '0.10000000000000000001', '0.1'],
    ] as const
  ).map(([type, written, missing, present]) => ({
    what: `the missing value ${written} of a column of ${type} is what stands there`,
    sql: `create table rows (v ${type}); insert into rows values (${missing}), (${present}), (${present})`,
    rule: `kind: not_null, tables: [rows], column: v, missing_values: [${written}]`,
    says: 'broken 1',
    classes: { missing_value: 1 },
  })),
);

test("samples of an inheritance parent name the table of each row, and partitions' places too", async () => {
  const { url } = await createDatabase(`
    create table base (id int primary key, v int); create table heir () inherits (base);
    insert into base values (1, null); insert into heir values (1, null);
    create table parts (v int, p int) partition by list (p);
    create table parts_1 partition of parts for values in (1); create table parts_2 partition of parts for values in (2);
    insert into parts values (null, 1), (null, 2);`);
  const rules = 'version: 1\nrules:\n  - { id: a, kind: not_null, tables: [base, parts], column: v }\n';
  const { results } = await runGate({ url, rules });
  assert.deepEqual(
    results.map(({ samples }) => samples.map(({ key }) => key)),
    [
      [
        { id: '1', tableoid: 'public.base' },
        { id: '1', tableoid: 'public.heir' },
      ],
      [
        { ctid: '(0,1)', tableoid: 'public.parts_1' },
        { ctid: '(0,1)', tableoid: 'public.parts_2' },
      ],
    ],
  );
});

test('a unique key is one also for a link of another size, of the same family, or below a domain', async () => {
  const pairs: [key: string, link: string][] = [
    ['int', 'numeric'],
    ['numeric', 'int'],
    ['int2', 'int8'],
    ['varchar(5)', 'text'],
    ['text', 'name'],
    ['date', 'timestamptz'],
    ['code', 'citext'],
    ['cidr', 'inet'],
    ['int[]', 'int[]'],
  ];
  const sql = pairs.map(
    ([key, link], i) =>
      `create table parents_${i} (k ${key} primary key, v int); create table rows_${i} (k ${link}, v int);`,
  );
  const { url } = await createDatabase(
    `create extension citext; create domain code as citext; ${sql.join(' ')}
    insert into parents_0 values (1, 1), (2, 1); insert into rows_0 values (1.0, 1), (2, 2), (2.5, 1);`,
  );
  const rules = pairs.map(
    (_, i) =>
      `  - { id: r${i}, kind: matches_parent, tables: [rows_${i}], parent: parents_${i}, on: { k: k }, match: { v: v } }\n`,
  );
  const report = await runGate({ url, rules: `version: 1\nrules:\n${rules.join('')}` });
  assert.deepEqual(report.problems, []);
  // Only where parents are grouped can they be ambiguous.
  const groupedOnes = report.results.filter(({ classes }) => 'ambiguous' in classes);
  assert.deepEqual(groupedOnes, []);
  assert.deepEqual(filled(report.results[0]?.classes ?? {}), { different: 1, orphan: 1 });
});

/** A database in which somebody who may create in `public`, where citext is, has made operators that say what they like. */
const operators = `
  create extension citext;
  create table parents (id int primary key, v numeric); create table rows (id int primary key, v int, code citext);
  insert into parents values (1, 1); insert into rows values (1, 2, 'x'), (9, 1, 'x');
  create function no(int, numeric) returns boolean immutable language sql as 'select false';
  create function yes(int, numeric) returns boolean immutable language sql as 'select true';
  create operator public.<> (function = no, leftarg = int, rightarg = numeric);
  create operator public.= (function = yes, leftarg = int, rightarg = numeric);`;

test("operators beside an extension's are not used by the kinds", async () => {
  const report = await judge(
    operators,
    'kind: matches_parent, tables: [rows], parent: parents, on: { id: id }, match: { v: v }',
  );
  assert.equal(said(report), 'broken 2');
});

test("author SQL that might be answered by an operator beside an extension's is unknown, and no other", async () => {
  const { url, run } = await createDatabase(operators);
  const rules = `version: 1
rules:
  - { id: uses-citext, kind: implies, tables: [rows], when: code = 'x', then: v = 1.0 }
  - { id: uses-none, kind: implies, tables: [rows], when: 'true', then: v = 1.0 }
  - { id: filtered, kind: not_null, tables: [rows], column: v, where: code = 'y' }
  - { id: proved, kind: schema, tables: [rows], check: code = 'x' }
  - { id: asked, kind: query, query: select id from public.rows where v <> 1.0 }
`;
  const short = ({ results }: Report) =>
    results.map(({ rule, outcome, problem }) => [rule, problem?.code ?? outcome]);
  const before = await runGate({ url, rules });
  assert.deepEqual(short(before), [
    ['uses-citext', 'not-measurable'],
    ['uses-none', 'broken'],
    ['filtered', 'not-measurable'],
    ['proved', 'not-measurable'],
    ['asked', 'not-measurable'],
  ]);
  assert.match(before.results[0]?.problem?.message ?? '', /public.*such as public\.<>\(integer,numeric\)/);
  assert.equal(before.exitCode, 1);
  await run('drop operator public.<> (int, numeric); drop operator public.= (int, numeric)');
  assert.deepEqual(short(await runGate({ url, rules })), [
    ['uses-citext', 'broken'],
    ['uses-none', 'broken'],
    ['filtered', 'held'],
    ['proved', 'broken'],
    ['asked', 'broken'],
  ]);
});
