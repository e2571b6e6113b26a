import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { Report } from '../../src/report/report.ts';
import { runGate } from '../support/run-gate.ts';
import { createDatabase, createTemplate } from '../support/server.ts';

/** A database whose names are as odd as the server allows. */
const long = `${'ü'.repeat(31)}x`;
const odd = await createTemplate(`
  create table "order" (id int primary key, "user" int, "Tenant Id" int, "a.b" int, "it""s" int, "${long}" int);
  insert into "order" values (1, null, null, null, null, null), (2, 1, 1, 1, 1, 1);
  create table "Order" (id int primary key, "user" int);
  insert into "Order" values (1, 1);
  create table "${long}" (id int primary key, "user" int);
  create table "dotted.name" (id int primary key, "user" int);
  create table "has ""quotes"" and spaces" (id int primary key, "user" int);
  create table "übermut😀" (id int primary key, "user" int);
  create schema "My Schema";
  create table "My Schema"."dotted.name" (id int primary key, "user" int);
  insert into "My Schema"."dotted.name" values (1, null);`);

const problemsOf = ({ problems }: Report): string[] =>
  problems.map(({ at, message }) => `${at?.line}:${at?.column}: ${message}`);

/** What each result says, in short. */
const outcomesOf = ({ results }: Report): string[] =>
  results.map(({ table, outcome, violations }) => `${table} ${outcome} ${violations?.count ?? '?'}`);

const notNull = (tables: string, column: string, more = ''): string =>
  `version: 1\nrules:\n  - id: a\n    kind: not_null\n    tables: ${tables}\n    column: ${column}\n${more}`;

test('an unknown table is a mistake at its line, with the nearest name', async () => {
  const { url } = await odd.createDatabase();
  const report = await runGate({ url, rules: notNull('[order, Ordr, My Schema.dotted.nam]', 'id') });
  assert.deepEqual(problemsOf(report), [
    "5:21: unknown table 'Ordr' in schema public (did you mean 'Order'?)",
    "5:27: unknown table 'My Schema.dotted.nam' (did you mean 'My Schema.dotted.name'?)",
  ]);
  assert.deepEqual([report.exitCode, report.verdict, report.results], [3, 'incomplete', []]);
});

test('an unknown column is a mistake at its line, wherever a rule names it', async () => {
  const { url } = await createDatabase(`
    create table parents (id int primary key, tenant_id int);
    create table rows (id int primary key, parent_id int, tenant_id int);`);
  const rules = `version: 1
rules:
  - { id: a, kind: not_null, tables: [rows], column: tenant }
  - { id: b, kind: not_null, tables: [rows], columns: [tenant_id, tenant_ids] }
  - id: c
    kind: matches_parent
    tables: [rows]
    parent: parents
    on: { parentid: id }
    match: { tenant_id: tenant_id }
  - id: d
    kind: matches_parent
    tables: [rows]
    parent: parents
    on: { parent_id: id }
    match: { tenant_id: tenantid }
  - id: e
    kind: implies
    tables: [rows]
    when: |
      id > 0 and
        tenant_idd is null
    then: 'true'
  - { id: f, kind: not_null, tables: [rows], column: id, where: parent = 1 }
  - { id: g, kind: references, tables: [rows], parent: parent, on: { parent_id: id } }
  - { id: h, kind: exactly_one_of, tables: [rows], columns: [id, paren_id] }
  - id: i
    kind: agrees
    tables: [rows]
    parents:
      - { parent: parents, on: { parent_id: id }, column: tenant_id }
      - { parent: parents, on: { parent_id: ids }, column: tenant_id }
  - { id: j, kind: schema, tables: [rows], foreign_key: { parent: parentss, on: { parent_id: id } } }
`;
  const report = await runGate({ url, rules });
  const rows = 'in public.rows';
  assert.deepEqual(problemsOf(report), [
    `3:54: unknown column 'tenant' ${rows} (did you mean 'tenant_id'?)`.replace(
      " (did you mean 'tenant_id'?)",
      '',
    ),
    `4:67: unknown column 'tenant_ids' ${rows} (did you mean 'tenant_id'?)`,
    `9:21: unknown column 'parentid' ${rows} (did you mean 'parent_id'?)`,
    "16:25: unknown column 'tenantid' in public.parents (did you mean 'tenant_id'?)",
    `22:9: unknown column 'tenant_idd' ${rows} (did you mean 'tenant_id'?)`,
    `24:65: unknown column 'parent' ${rows}`,
    "25:56: unknown table 'parent' in schema public (did you mean 'parents'?)",
    `26:66: unknown column 'paren_id' ${rows} (did you mean 'parent_id'?)`,
    "32:45: unknown column 'ids' in public.parents (did you mean 'id'?)",
    "33:67: unknown table 'parentss' in schema public (did you mean 'parents'?)",
  ]);
  assert.equal(report.exitCode, 3);
});

test('names are exact: reserved words, capitals, dots, quotes, spaces, 63 bytes, other alphabets', async () => {
  const { url } = await odd.createDatabase();
  const tables = [
    'order',
    'Order',
    long,
    'dotted.name',
    'has "quotes" and spaces',
    'übermut😀',
    'My Schema.dotted.name',
  ];
  const report = await runGate({ url, rules: notNull(JSON.stringify(tables), 'user') });
  assert.deepEqual(problemsOf(report), []);
  assert.deepEqual(outcomesOf(report), [
    'public.order broken 1',
    'public.Order held 0',
    `public.${long} held 0`,
    'public.dotted.name held 0',
    'public.has "quotes" and spaces held 0',
    'public.übermut😀 held 0',
    'My Schema.dotted.name broken 1',
  ]);
  const columns = ['user', 'Tenant Id', 'a.b', 'it"s', long];
  for (const driver of ['pg', 'postgres'] as const) {
    const rules = `version: 1\nrules:\n  - { id: a, kind: not_null, tables: [order], columns: ${JSON.stringify(columns)} }\n`;
    const { results } = await runGate({ url, rules, driver });
    assert.deepEqual(results[0]?.classes, Object.fromEntries(columns.map((name) => [`${name}.null`, 1])));
    assert.deepEqual(results[0]?.samples, [{ class: 'user.null', key: { id: '1' } }]);
  }
});

const schemas = await createTemplate(`
  create schema tenant_a; create schema tenant_b; create schema tenantless; create schema shared;
  create table tenant_a.orders (id int, tenant_id int);
  create table tenant_b.orders (id int, tenant_id int);
  insert into tenant_b.orders values (1, null);
  create table tenant_a.extras (id int, tenant_id int);
  create table shared.tenants (id int primary key);
  create table tenantless.other (id int);`);

test('a pattern of schemas means each of them', async () => {
  const { url } = await schemas.createDatabase();
  const found = await runGate({ url, rules: notNull('[orders]', 'tenant_id', '    schema: tenant_*\n') });
  assert.deepEqual(outcomesOf(found), ['tenant_a.orders held 0', 'tenant_b.orders broken 1']);
  const lacking = await runGate({
    url,
    rules: notNull('[orders, extras]', 'tenant_id', '    schema: tenant_*\n'),
  });
  assert.deepEqual(problemsOf(lacking), [
    "5:22: schema tenant_b matches 'tenant_*' but has no table 'extras'",
  ]);
  const none = await runGate({ url, rules: notNull('[orders]', 'tenant_id', '    schema: customer_*\n') });
  assert.deepEqual(problemsOf(none), ["5:14: unknown table 'orders' in schema customer_*"]);
});

test('a parent may live in a schema of its own, or in that of the row', async () => {
  const { url, run } = await schemas.createDatabase();
  await run(
    'create table tenant_a.tenants (id int primary key); create table tenant_b.tenants (id int primary key)',
  );
  const rules = (parent: string) =>
    `version: 1\nrules:\n  - { id: a, kind: references, tables: [orders], schema: tenant_?, parent: ${parent}, on: { tenant_id: id } }\n`;
  await run('insert into tenant_b.orders values (2, 5); insert into tenant_b.tenants values (5)');
  assert.deepEqual(outcomesOf(await runGate({ url, rules: rules('tenants') })), [
    'tenant_a.orders held 0',
    'tenant_b.orders held 0',
  ]);
  assert.deepEqual(outcomesOf(await runGate({ url, rules: rules('shared.tenants') })), [
    'tenant_a.orders held 0',
    'tenant_b.orders broken 1',
  ]);
});

test('a column selects its tables: partitions count with their parent, exceptions and views do not', async () => {
  const { url } = await createDatabase(`
    create table plain (id int, tenant_id int);
    insert into plain values (1, null);
    create table tenants (id int, tenant_id int);
    create table events (id int, tenant_id int) partition by range (id);
    create table events_1 partition of events for values from (0) to (10);
    create table events_2 partition of events for values from (10) to (20);
    insert into events values (1, null), (11, null), (12, 1);
    create view plain_view as select * from plain;
    create table without (id int);`);
  const report = await runGate({
    url,
    rules: notNull('{ with_column: tenant_id, except: [tenants] }', 'tenant_id'),
  });
  assert.deepEqual(outcomesOf(report), ['public.events broken 2', 'public.plain broken 1']);
  const wrong = await runGate({ url, rules: notNull('{ with_column: tenant_idd, except: [tenant] }', 'id') });
  assert.deepEqual(problemsOf(wrong), [
    "5:28: no table in schema public has a column 'tenant_idd' (did you mean 'tenant_id'?)",
    "5:49: unknown table 'tenant' in schema public (did you mean 'tenants'?)",
  ]);
  assert.equal(wrong.exitCode, 3);
});

const types = await createTemplate(`
  create extension citext;
  create domain tenant_key as uuid;
  create domain code as citext;
  create type state as enum ('open', 'none');
  create table parents (id uuid primary key, code citext unique, owner text);
  create table rows (
    id int primary key, parent_text text, parent_id tenant_key, code citext, owner text, domain_code code,
    flag char(3), bits bit(3), state state, amount numeric, data json
  );
  insert into parents values ('6f0d3f0e-0000-4000-8000-000000000001', 'Abc', 'x');
  insert into rows values
    (1, '6f0d3f0e-0000-4000-8000-000000000001', '6f0d3f0e-0000-4000-8000-000000000001', 'aBC', 'x', 'ABC', 'XXX', '101', 'none', 0.0, '{}'),
    (2, 'x', '00000000-0000-0000-0000-000000000000', 'other', 'y', 'other', 'X', '100', 'open', 1, null);`);

test('types that cannot be compared are a mistake when the rules are loaded', async () => {
  const { url } = await types.createDatabase();
  const rules = `version: 1
rules:
  - id: a
    kind: references
    tables: [rows]
    parent: parents
    on: { parent_text: id }
  - { id: b, kind: not_null, tables: [rows], column: data, missing_values: ['{}'] }
  - { id: c, kind: implies, tables: [rows], when: amount = 'x', then: 'true' }
  - { id: d, kind: implies, tables: [rows], when: sum(amount) > 1, then: 'true' }
`;
  for (const driver of ['pg', 'postgres'] as const) {
    const report = await runGate({ url, rules, driver });
    assert.deepEqual(problemsOf(report), [
      '7:9: the server refuses this rule: Operator does not exist: uuid = text (SQLSTATE 42883)',
      '8:76: the server refuses this rule: Operator does not exist: json = json (SQLSTATE 42883)',
      '9:51: a value in this rule does not fit the type that it is compared with (SQLSTATE 22P02)',
      '10:51: the server refuses this rule: Aggregate functions are not allowed in FILTER (SQLSTATE 42803)',
    ]);
    assert.equal(report.exitCode, 3);
  }
});

test("a query's mistakes are placed in it, and its key must be among its columns", async () => {
  const { url } = await createDatabase('create table rows (id int)');
  const rules = `version: 1
rules:
  - id: a
    kind: query
    query: |
      select 'ü😀' as name
      from public.rowz; -- done
  - { id: b, kind: query, query: select id from public.rows, key: [idd] }
  - { id: c, kind: query, query: 'select 1 as x, 2 as x', key: [x] }
`;
  assert.deepEqual(problemsOf(await runGate({ url, rules })), [
    '7:12: the server refuses this rule: Relation "public.rowz" does not exist (SQLSTATE 42P01)',
    '8:67: the server refuses this rule: Column "idd" does not exist (SQLSTATE 42703)',
    '9:64: the server refuses this rule: Column reference "x" is ambiguous (SQLSTATE 42702)',
  ]);
});

test('values that do not fit their column are a mistake when the rules are loaded', async () => {
  const { url } = await types.createDatabase();
  const rules = `version: 1\nrules:\n  - id: a\n    kind: not_null\n    tables: [rows]\n    column: parent_id\n    missing_values: [none]\n`;
  for (const driver of ['pg', 'postgres'] as const) {
    const report = await runGate({ url, rules, driver });
    assert.deepEqual(problemsOf(report), [
      '7:21: a value in this rule does not fit the type that it is compared with (SQLSTATE 22P02)',
    ]);
  }
});

test('missing values are compared as values of their column', async () => {
  const { url } = await types.createDatabase();
  const missing: [column: string, values: string, expected: number][] = [
    ['parent_id', '[00000000-0000-0000-0000-000000000000]', 1],
    ['code', '[OTHER]', 1],
    ['domain_code', '[OTHER]', 1],
    ['flag', '[XXX]', 1],
    ['bits', "['101']", 1],
    ['state', '[none]', 1],
    ['amount', '[0]', 1],
    ['owner', "[X, '']", 0],
  ];
  const rules = missing.map(
    ([column, values], i) =>
      `  - { id: r${i}, kind: not_null, tables: [rows], column: ${column}, missing_values: ${values} }`,
  );
  const report = await runGate({ url, rules: `version: 1\nrules:\n${rules.join('\n')}\n` });
  assert.deepEqual(problemsOf(report), []);
  assert.deepEqual(
    report.results.map(({ violations }, i) => [missing[i]?.[0], violations?.count]),
    missing.map(([column, , expected]) => [column, expected]),
  );
});

test('citext is compared without case, also in a parent alone and below a domain', async () => {
  const { url, run } = await types.createDatabase();
  const rules = `version: 1
rules:
  - { id: a, kind: references, tables: [rows], parent: parents, on: { code: code } }
  - { id: b, kind: references, tables: [rows], parent: parents, on: { domain_code: code } }
  - id: c
    kind: matches_parent
    tables: [rows]
    parent: parents
    on: { code: code }
    match: { domain_code: code }
    orphans: ignore
`;
  assert.deepEqual(
    (await runGate({ url, rules })).results.map(({ violations }) => violations?.count),
    [1, 1, 0],
  );
  await run(`
    create table lefts (id int primary key, name citext);
    create table rights (id int primary key, name citext);
    create table links (left_id int, right_id int);
    insert into lefts values (1, 'Same'); insert into rights values (1, 'sAME'); insert into links values (1, 1);`);
  const agrees = `version: 1
rules:
  - id: a
    kind: agrees
    tables: [links]
    parents:
      - { parent: lefts, on: { left_id: id }, column: name }
      - { parent: rights, on: { right_id: id }, column: name }
`;
  assert.deepEqual(outcomesOf(await runGate({ url, rules: agrees })), ['public.links held 0']);
});

test('a domain may be a key', async () => {
  const { url } = await types.createDatabase();
  const rules = `version: 1\nrules:\n  - { id: a, kind: references, tables: [rows], parent: parents, on: { parent_id: id } }\n`;
  assert.deepEqual(outcomesOf(await runGate({ url, rules })), ['public.rows broken 1']);
});

test('two columns of one parent can be compared with each other', async () => {
  const { url } = await createDatabase(`
    create table parents (id int primary key, mine int, yours int);
    create table rows (parent_id int);
    insert into parents values (1, 1, 1), (2, 1, 2); insert into rows values (1), (2);`);
  const rules = `version: 1
rules:
  - id: a
    kind: agrees
    tables: [rows]
    parents:
      - { parent: parents, on: { parent_id: id }, column: mine }
      - { parent: parents, on: { parent_id: id }, column: yours }
`;
  assert.deepEqual(outcomesOf(await runGate({ url, rules })), ['public.rows broken 1']);
});

test('samples show the primary key, else a unique key, else the link, else the place in the table', async () => {
  const { url } = await createDatabase(`
    create table parents (id int primary key);
    create table composite (a int, b text, parent_id int, primary key (a, b));
    create table by_unique (code text not null unique, parent_id int, maybe int unique);
    create table by_link (parent_id int, other int);
    insert into composite values (1, 'x', 9); insert into by_unique values ('c', 9, 1); insert into by_link values (9, 1);
    create view seen as select * from by_link;
    create materialized view kept as select * from by_link;`);
  const rules = `version: 1
rules:
  - { id: a, kind: references, tables: [composite, by_unique, by_link, seen, kept], parent: parents, on: { parent_id: id } }
  - { id: b, kind: implies, tables: [by_link, seen, kept], when: 'true', then: 'false' }
`;
  const { results } = await runGate({ url, rules });
  assert.deepEqual(
    results.map(({ table, outcome, samples }) => [table, outcome, samples.map(({ key }) => key)]),
    [
      ['public.composite', 'broken', [{ a: '1', b: 'x' }]],
      ['public.by_unique', 'broken', [{ code: 'c' }]],
      ['public.by_link', 'broken', [{ parent_id: '9' }]],
      ['public.seen', 'broken', [{ parent_id: '9' }]],
      ['public.kept', 'broken', [{ parent_id: '9' }]],
      ['public.by_link', 'broken', [{ ctid: '(0,1)' }]],
      ['public.seen', 'broken', []],
      ['public.kept', 'broken', [{ ctid: '(0,1)' }]],
    ],
  );
});

test('a foreign table is unknown, and does not hide what the others say', async () => {
  const { url } = await createDatabase(`
    create extension file_fdw;
    create server files foreign data wrapper file_fdw;
    create foreign table remote (id int, tenant_id int) server files options (filename '/dev/null');
    create table local (id int, tenant_id int);
    create view behind as select * from remote union all select * from local;`);
  const query = `  - { id: q, kind: query, query: 'select l.id from public.local l join public.behind using (id)' }\n`;
  const report = await runGate({ url, rules: notNull('[remote, behind, local]', 'tenant_id') + query });
  assert.deepEqual(
    report.results.map(({ table, outcome, problem }) => [table, outcome, problem?.code]),
    [
      ['public.remote', 'unknown', 'not-measurable'],
      ['public.behind', 'unknown', 'not-measurable'],
      ['public.local', 'held', undefined],
      [null, 'unknown', 'not-measurable'],
    ],
  );
  assert.equal(report.exitCode, 2);
});

test('a rule that is not enforced yet may name what is still to come', async () => {
  const { url } = await createDatabase('create table rows (id int, amount int)');
  const rules = `version: 1
phases: [one, two]
rules:
  - { id: a, kind: not_null, tables: [rows, later], column: tenant_id, enforce_from: two }
  - { id: b, kind: implies, tables: [rows], when: amount = 'x', then: 'true', enforce_from: two }
  - { id: c, kind: not_null, tables: [rows], column: id }
`;
  const early = await runGate({ url, rules, phase: 'one' });
  assert.deepEqual(
    early.results.map(({ rule, outcome, enforced, problem }) => [rule, outcome, enforced, problem?.code]),
    [
      ['a', 'unknown', false, 'table-unknown'],
      ['a', 'unknown', false, 'column-unknown'],
      ['b', 'unknown', false, 'rules-invalid'],
      ['c', 'held', true, undefined],
    ],
  );
  assert.deepEqual([early.problems, early.verdict, early.exitCode], [[], 'clean', 0]);
  const late = await runGate({ url, rules, phase: 'two' });
  assert.deepEqual([late.problems.length, late.exitCode], [3, 3]);
});

test('a call that may change something is a mistake at its place', async () => {
  const { url } = await createDatabase('create table rows (id int, name text)');
  const rules = `version: 1
rules:
  - { id: a, kind: implies, tables: [rows], when: id > 0, then: pg_sleep(1) is null }
  - { id: b, kind: implies, tables: [rows], when: id = random(), then: 'true' }
  - { id: c, kind: query, query: "select nextval('x')" }
  - { id: d, kind: query, query: 'select database_to_xml(true)' }
  - { id: e, kind: implies, tables: [rows], when: now() > '2026-01-01' and no_such_function(id), then: 'true' }
`;
  const report = await runGate({ url, rules });
  const refused = (name: string, why: string) =>
    `the function ${name} may not be called in a rule: it ${why}`;
  assert.deepEqual(problemsOf(report), [
    `3:65: ${refused('pg_sleep', 'is volatile, or is not one that comes with Postgres')}`,
    `4:56: ${refused('random', 'is volatile, or is not one that comes with Postgres')}`,
    `5:42: ${refused('nextval', 'is volatile, or is not one that comes with Postgres')}`,
    `6:42: ${refused('database_to_xml', 'reads the whole database')}`,
    `7:76: ${refused('no_such_function', 'is volatile, or is not one that comes with Postgres')}`,
  ]);
});

test('parents of one link that contradict each other are a class of their own', async () => {
  const { url } = await createDatabase(`
    create table parents (code text, tenant_id int);
    create table rows (id int primary key, code text, tenant_id int);
    insert into parents values ('one', 1), ('same', 2), ('same', 2), ('two', 1), ('two', 2), ('half', 1), ('half', null), ('null', null), ('null', null);
    insert into rows values (1, 'one', 1), (2, 'one', 2), (3, 'same', 2), (4, 'same', 1), (5, 'two', 1), (6, 'half', 1), (7, 'null', null), (8, 'null', 1), (9, 'gone', 1);`);
  const rules = `version: 1\nrules:\n  - { id: a, kind: matches_parent, tables: [rows], parent: parents, on: { code: code }, match: { tenant_id: tenant_id } }\n`;
  const { results } = await runGate({ url, rules });
  assert.deepEqual(results[0]?.classes, {
    different: 2,
    child_null: 0,
    parent_null: 1,
    orphan: 1,
    no_link: 0,
    ambiguous: 2,
  });
  assert.equal(results[0]?.violations?.count, 6);
});

type Nullable = number | null;
type World = { parents: { a: Nullable; b: Nullable; x: Nullable; y: Nullable }[]; rows: World['parents'] };

/** The classes of matches_parent, as its words say and by no SQL. */
function classesOf(
  { parents, rows }: World,
  nulls: string,
): { classes: Record<string, number>; violations: number } {
  const classes = { different: 0, child_null: 0, parent_null: 0, orphan: 0, no_link: 0, ambiguous: 0 };
  const breaking: Record<string, boolean> = {
    different: true,
    child_null: nulls !== 'ignore',
    parent_null: nulls === 'differ',
    orphan: true,
    ambiguous: true,
  };
  let violations = 0;
  for (const row of rows) {
    const name = classOf(row, parents);
    if (name === undefined) continue;
    classes[name] += 1;
    if (breaking[name]) violations += 1;
  }
  return { classes, violations };
}

function classOf(row: World['rows'][number], parents: World['parents']) {
  if (row.a === null || row.b === null) return 'no_link';
  const [first, ...more] = parents.filter(({ a, b }) => a === row.a && b === row.b);
  if (!first) return 'orphan';
  if (more.some(({ x, y }) => x !== first.x || y !== first.y)) return 'ambiguous';
  const pairs = [
    [row.x, first.x],
    [row.y, first.y],
  ];
  if (pairs.some(([mine, theirs]) => mine !== null && theirs !== null && mine !== theirs)) return 'different';
  if (pairs.some(([mine, theirs]) => mine === null && theirs !== null)) return 'child_null';
  if (pairs.some(([mine, theirs]) => mine !== null && theirs === null)) return 'parent_null';
  return undefined;
}

test('the classes of matches_parent are what its words say, on any rows', async () => {
  const { url, run } = await createDatabase(`
    create table parents (a int, b int, x int, y int);
    create table keyed (a int, b int, x int, y int, unique (b, a));
    create table rows (a int, b int, x int, y int);`);
  const modes = ['ignore', 'shared', 'differ'];
  const rules = `version: 1\nrules:\n${['parents', 'keyed']
    .flatMap((parent) =>
      modes.map(
        (nulls) =>
          `  - { id: ${parent}-${nulls}, kind: matches_parent, tables: [rows], parent: ${parent}, on: { a: a, b: b }, match: { x: x, y: y }, nulls: ${nulls} }`,
      ),
    )
    .join('\n')}\n`;
  const value = fc.constantFrom(1, 2, 3, null);
  const row = fc.record({ a: value, b: value, x: value, y: value });
  const world = fc.record({
    parents: fc.array(row, { maxLength: 12 }),
    rows: fc.array(row, { maxLength: 20 }),
  });
  const load = (table: string, rows: World['rows']): string =>
    rows
      .map(({ a, b, x, y }) => `insert into ${table} values (${[a, b, x, y].map(String).join(', ')});`)
      .join('\n');
  await fc.assert(
    fc.asyncProperty(world, async ({ parents, rows }) => {
      const keyed = parents.filter(
        (each, i) => parents.findIndex(({ a, b }) => a === each.a && b === each.b) === i || each.a === null,
      );
      await run(
        `truncate parents, keyed, rows; ${load('parents', parents)} ${load('keyed', keyed)} ${load('rows', rows)}`,
      );
      const { results, problems } = await runGate({ url, rules, samples: 0 });
      assert.deepEqual(problems, []);
      const expected = [parents, keyed].flatMap((each) =>
        modes.map((nulls) => classesOf({ parents: each, rows }, nulls)),
      );
      results.forEach(({ classes, violations }, i) => {
        const { classes: wanted, violations: count } = expected[i] ?? { classes: {}, violations: -1 };
        const { ambiguous = 0, ...rest } = classes;
        assert.deepEqual({ ...rest, ambiguous }, wanted);
        assert.deepEqual(violations, { count, exact: true });
      });
    }),
    { numRuns: 40 },
  );
});

test("a unique key of an inheritance parent does not stand for its children's rows: no row is counted twice", async () => {
  const { url } = await createDatabase(`
    create table parent (id int primary key, tenant int);
    create table heir () inherits (parent);
    insert into parent values (1, 1), (2, 1); insert into heir values (1, 2), (2, 1);
    create table child (id int primary key, parent_id int, tenant int);
    insert into child values (1, 1, 1), (2, 2, 2), (3, 2, 1)`);
  const rules = `version: 1\nrules:\n  - id: a\n    kind: matches_parent\n    tables: [child]\n    parent: parent\n    on: { parent_id: id }\n    match: { tenant: tenant }\n`;
  const { results } = await runGate({ url, rules });
  assert.deepEqual(results[0]?.violations, { count: 2, exact: true });
  assert.deepEqual([results[0]?.classes['ambiguous'], results[0]?.classes['different']], [1, 1]);
});
