import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parse } from 'libpg-query';
import { checkExpression, checkSelect } from '../../../src/sql/grammar.ts';
import { identifier } from '../../../src/sql/identifier.ts';

const r = identifier('r');

/** Conditions, and the same with every column named as the row's. */
const expressions: [text: string, qualified: string][] = [
  ['a', '"r".a'],
  ['deleted_at is null', '"r".deleted_at is null'],
  ['"Weird "" Name" = 1', '"r"."Weird "" Name" = 1'],
  ["ü😀 = 'ü😀' and b", '"r".ü😀 = \'ü😀\' and "r".b'],
  ['a = b -- trailing', '"r".a = "r".b -- trailing'],
  ['a /* ) or true */ = b', '"r".a /* ) or true */ = "r".b'],
  ["a = ') or (true'", '"r".a = \') or (true\''],
  ['$x$a$x$ = a', '$x$a$x$ = "r".a'],
  ["E'\\'' = a", "E'\\'' = \"r\".a"],
  ['not a or (b and not c)', 'not "r".a or ("r".b and not "r".c)'],
  ['a in (1, 2) and b between 1 and 2', '"r".a in (1, 2) and "r".b between 1 and 2'],
  ["a like 'x%' and b !~ 'y'", '"r".a like \'x%\' and "r".b !~ \'y\''],
  ['a is distinct from b', '"r".a is distinct from "r".b'],
  ['case when a then b else c end', 'case when "r".a then "r".b else "r".c end'],
  ['coalesce(a, b) > greatest(c, 1)', 'coalesce("r".a, "r".b) > greatest("r".c, 1)'],
  ['a[1] = any (array[b, 2])', '"r".a[1] = any (array["r".b, 2])'],
  ['row(a, b) = (c, d)', 'row("r".a, "r".b) = ("r".c, "r".d)'],
  [
    "a::text = 'x' and cast(b as pg_catalog.int4) = 1",
    '"r".a::text = \'x\' and cast("r".b as pg_catalog.int4) = 1',
  ],
  ["a ->> 'x' = 'y' and b ? 'z'", "\"r\".a ->> 'x' = 'y' and \"r\".b ? 'z'"],
  ['lower(a) = pg_catalog.upper(b)', 'lower("r".a) = pg_catalog.upper("r".b)'],
  ['a operator(pg_catalog.=) b', '"r".a operator(pg_catalog.=) "r".b'],
  ['a collate "C" < b', '"r".a collate "C" < "r".b'],
  [
    "a at time zone 'UTC' < now() - interval '1 day'",
    "\"r\".a at time zone 'UTC' < now() - interval '1 day'",
  ],
  ['extract(year from a) = 2026', 'extract(year from "r".a) = 2026'],
  ['(a, b) overlaps (c, d)', '("r".a, "r".b) overlaps ("r".c, "r".d)'],
  ['a is json object', '"r".a is json object'],
  ['setof and type and name', '"r".setof and "r".type and "r".name'],
];

for (const [text, qualified] of expressions) {
  test(`is a condition: ${text}`, async () => {
    const checked = await checkExpression(text);
    assert.ok(checked.ok);
    assert.equal(checked.qualified(r), qualified);
  });
}

/** What would be more than a condition on one row, by the trick. */
const escapes: Record<string, string[]> = {
  'leaves the brackets': [
    'true) or (true',
    'true) union select 1 where (true',
    'a)) or ((b',
    'a) -- b',
    '(a',
    'a = b /* c',
    "a = 'b",
    'a = $x$b',
    'a = "b',
  ],
  'is more than an expression': [
    'true; drop table t',
    'a;',
    'a, b',
    'a as b',
    'a b',
    'distinct a',
    'all a',
    '*',
    'a from t',
    'a where b',
    'a into t',
    'a order by 1',
    'a group by 1',
    'a having b',
    'a limit 1',
    'a for update',
    'a union select 1',
    'a window w as ()',
    '-- a',
    ' ',
    'delete from t',
    'default',
  ],
  'looks at other rows': [
    'exists (select 1)',
    '(select true)',
    'a in (select b from t)',
    'a = any (select b from t)',
    'array(select 1) = a',
    'with x as (delete from t returning *) select 1',
    'sum(a) filter (where b) > 1',
    'count(*) > 1',
    'count(distinct a) > 1',
    'array_agg(a order by b) is null',
    'percentile_cont(0.5) within group (order by a) > 1',
    'row_number() over () = 1',
    'grouping(a) = 1',
  ],
  'names another table': ['t.a', 's.t.a', 'r.*', 'row(t.*) is null', '(a).*'],
  'uses what is not built in': [
    'app.lower(a) = b',
    'db.app.lower(a) = b',
    'a operator(app.=) b',
    'a operator(app.=) any (b)',
    'a::app.email is null',
    'cast(a as app.email) is null',
    "app.email 'x' = a",
    'a::app.email[] is null',
    'a collate app.loose = b',
    "a = 'pg_authid'::regclass",
    'a::pg_catalog.regrole is null',
  ],
  'takes a parameter': ['a = $1', '$1'],
  'is of a node that no list allows': [
    'xmlelement(name a) is null',
    "json_value(a, '$') = b",
    'f(a => 1)',
    'merge_action() = a',
    'current of c',
  ],
  'hides something': ['a\0', 'a = 1 \u202e', 'a\u200b = 1', '\ufeffa'],
  'is too large': ['a'.repeat(8_193), `1${'+1'.repeat(4_000)} > 0`],
};

for (const [trick, texts] of Object.entries(escapes)) {
  for (const text of texts) {
    test(`is refused, as it ${trick}: ${JSON.stringify(text.slice(0, 60))}`, async () => {
      assert.equal((await checkExpression(text)).ok, false);
    });
  }
}

/** A SELECT, and what is kept of it where that is less. */
const selects: [text: string, kept?: string][] = [
  ['select 1'],
  ['select 1;', 'select 1'],
  ['select 1; -- done', 'select 1'],
  ["select ';' ;\n", "select ';' "],
  ['-- why\nselect 1 -- because;'],
  ['table t'],
  ['values (1)'],
  ['select from public.t as a join s.u using (id) where exists (select from v where v.id = a.id)'],
  ['with recursive x (n) as (select 1 union all select n + 1 from x where n < 9) select * from x'],
  ['select count(*) filter (where b) over w from t window w as (partition by c order by d)'],
  ['select distinct on (a) a from t group by grouping sets ((a), ()) order by a limit 1'],
  ['select * from generate_series(1, 2) with ordinality as x (a, b)'],
  ['select 1 union all (select 2 except select 3)'],
  ['select $$;$$ from "a;b"'],
];

for (const [text, kept = text] of selects) {
  test(`is a SELECT: ${JSON.stringify(text)}`, async () => {
    const checked = await checkSelect(text);
    assert.ok(checked.ok);
    assert.equal(checked.text, kept);
  });
}

const noSelects: Record<string, string[]> = {
  'is another statement': [
    'delete from t', 'insert into t values (1)', 'update t set a = 1', 'truncate t', 'drop table t',
    'merge into t using s on true when matched then delete', 'create table t as select 1', 'do $$begin end$$',
    'call f()', 'copy t to stdout', 'lock table t', 'explain analyze delete from t', 'vacuum', 'listen x', 'notify x',
    'set role x', 'set transaction read write', 'reset all', 'discard all', 'show all', 'begin', 'commit',
    'commit and chain', 'rollback', 'prepare transaction \'x\'', 'prepare x as select 1', 'execute x',
    'declare c cursor with hold for select 1', 'alter system set a = 1', 'refresh materialized view v', '-- nothing', ';',
  ],
  'is more than one': ['select 1; select 2', 'select 1; commit', 'select 1;;commit', 'commit; select 1'],
  writes: [
    'select 1 into t',
    'select 1 into t union select 2',
    'select 1 union (select 2 into t)',
    'select * from (select 1 into t) x',
    'with d as (delete from t returning *) select * from d',
    'with d as (insert into t values (1) returning *) select * from d',
    'with d as (update t set a = 1 returning *) select * from d',
    'select (with d as (delete from t returning a) select a from d)',
  ],
  locks: [
    'select * from t for update',
    'select * from t for no key update skip locked',
    'select * from t for key share',
    'select 1 where exists (select from t for share)',
    'select 1 union (select a from t for update)',
    'with x as (select * from t for update) select * from x',
  ],
  'uses what is not built in': [
    'select app.f()',
    'select * from app.f()',
    'select * from rows from (app.f(), generate_series(1, 2))',
    'select * from t, lateral app.f(t.a) with ordinality',
    'select 1 order by app.f()',
    'select a operator(app.+) b from t',
    'select a from t order by a using operator(app.<)',
    'select count(*) over w from t window w as (order by a using operator(app.<))',
    'select a from t where a operator(app.=) any (select 1)',
    'select a::app.email from t',
    "select 'x'::regclass",
    'select a collate app.loose from t',
    'select * from t tablesample app.method(1)',
  ],
  'is of a node that no list allows': [
    "select * from json_table(a, '$' columns (b int))",
    "select * from xmltable('x' passing a columns b int)",
    'select * from f() as x (a int)',
    'select xmlelement(name a)',
  ],
  'takes a parameter': ['select $1', 'select 1 limit $1'],
  'leaves the brackets': ['select 1) x; commit; --', 'select 1 /*', "select '"],
  'hides something': ['select 1\0; commit', 'select 1 \u2066'],
}; // prettier-ignore

for (const [trick, texts] of Object.entries(noSelects)) {
  for (const text of texts) {
    test(`is no SELECT for a rule, as it ${trick}: ${JSON.stringify(text)}`, async () => {
      assert.equal((await checkSelect(text)).ok, false);
    });
  }
}

test('names, calls and their places are found, in code points', async () => {
  const checked = await checkExpression("'😀' = ü and lower(b) = pg_catalog.upper(c)");
  assert.ok(checked.ok);
  assert.deepEqual(
    checked.columns.map(({ name, offset }) => ({ name, offset })),
    [
      { name: 'ü', offset: 6 },
      { name: 'b', offset: 18 },
      { name: 'c', offset: 40 },
    ],
  );
  assert.deepEqual(checked.functions, [
    { name: 'lower', offset: 12 },
    { name: 'upper', offset: 23 },
  ]);
});

test('a mistake is placed in code points', async () => {
  const offsetOf = async (text: string) => {
    const checked = await checkExpression(text);
    assert.ok(!checked.ok);
    return checked.offset;
  };
  assert.equal(await offsetOf("'ü😀' = = b"), 7);
  assert.equal(await offsetOf("'ü😀' = t.b"), 7);
  assert.equal(await offsetOf("'ü😀' = b; commit"), 10);
  assert.equal(await offsetOf("'ü😀' = \u202eb"), 7);
});

/** Enough of the language to make sense now and then, and of what breaks out of it. */
const tokens = [
  'a', 'b', '"c d"', '1', "'x'", "'", '"', '$$', '(', ')', '(', ')', '[', ']', ',', ';', '--', '/*', '*/', '\n', '=', '<>', 'and', 'or',
  'not', 'is null', 'is true', 'between', 'in', 'union', 'select', 'from', 'where', 'case', 'when', 'then', 'end', 'for update', 'into',
  'lower', '::', 'int', 'array', 'any', 'exists', 'null', 'true', '.', '$1', '*', 'over', 'filter', 'as', "E'\\'", 'collate',
]; // prettier-ignore

test('whatever is accepted stays one condition in brackets', async () => {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...tokens), { minLength: 1, maxLength: 12 }), async (words) => {
      const checked = await checkExpression(words.join(' '));
      if (!checked.ok) return;
      accepted += 1;
      const { stmts = [] } = await parse(`select 1 from t as r where (\n${checked.qualified(r)}\n)`);
      const [only, ...more] = stmts.map(({ stmt }) => stmt);
      assert.deepEqual(more, []);
      assert.ok(only && 'SelectStmt' in only);
      assert.deepEqual(Object.keys(only.SelectStmt).toSorted(), [
        'fromClause',
        'limitOption',
        'op',
        'targetList',
        'whereClause',
      ]);
      assert.equal(only.SelectStmt.op, 'SETOP_NONE');
      assert.equal(JSON.stringify(only).includes('"SubLink"'), false);
    }),
    { numRuns: 5_000 },
  );
  assert.ok(accepted > 20, `${accepted} accepted: the soup is too thin to show anything`);
});

test('a function called behind a dot is refused, in a condition and in a query', async () => {
  for (const text of ['(a::float8).pg_sleep is not null', '(a).b is null']) {
    assert.equal((await checkExpression(text)).ok, false, text);
  }
  const query = "select ('/etc/passwd'::text).pg_read_file";
  assert.equal((await checkSelect(query)).ok, false);
  assert.equal((await checkExpression('(a)[1] = 2')).ok, true);
});
