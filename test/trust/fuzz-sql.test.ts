import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { openDatabase } from '../../src/postgres/connect.ts';
import { parseConnectionTarget } from '../../src/postgres/connection-string.ts';
import { DRIVERS } from '../../src/postgres/database.ts';
import { checkExpression } from '../../src/sql/grammar.ts';
import { identifier, quoteIdentifier, tableName } from '../../src/sql/identifier.ts';
import { join, param, sql, textArray } from '../../src/sql/sql.ts';
import { runGate } from '../support/run-gate.ts';
import { createDatabase } from '../support/server.ts';
import { runs } from './fuzzing.ts';
import { asName, hostileStrings } from './hostile-corpus.ts';

const database = await createDatabase(`
  create table fact (id int primary key, a int, b int, name text, note text, yes boolean, no boolean, at timestamptz, tags text[], doc jsonb);
  insert into fact select i, nullif(i % 7, 0), nullif(i % 5, 0) - 2, nullif('n' || i % 3, 'n2'), case when i % 4 = 0 then '' else 'x' || i end,
    case i % 3 when 0 then true when 1 then false end, i % 2 = 0, timestamptz '2026-01-01' + i * interval '1 day', array['t' || i % 2], jsonb_build_object('k', i % 3)
  from generate_series(1, 60) i`);

// --- Names

const name = fc.oneof(
  fc.constantFrom(...hostileStrings).map((text) => asName(text)),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).map((text) => asName(text.replace(/\0|\p{Cs}/gu, ''))),
  fc.string({ unit: fc.constantFrom('"', "'", '\\', ';', '--', '/*', '$', '$$', ' ', '\n', 'a', 'A', '.', '\u00e9', '\u{1f600}', 'select', 'U&'), minLength: 1, maxLength: 20 }).map((text) => asName(text)),
).filter((text) => text !== ''); // prettier-ignore

for (const driver of DRIVERS) {
  test(`a name of any characters is one name to the server, the same (${driver})`, async (t) => {
    const session = await openDatabase(
      parseConnectionTarget({ url: database.url, env: {} }),
      driver,
    ).connect();
    t.after(() => session.close());
    const property = async (names: string[]): Promise<void> => {
      const made = [...new Set(names)].map((text) => identifier(text));
      const columns = made.map((each, i) => sql`${param(i, 'text')} as ${each}`);
      const [row = {}] = await session.query(sql`select ${join(columns, sql`, `)}`);
      assert.deepEqual(Object.entries(row).toSorted(byName), made.map((each, i) => [each, String(i)] as const).toSorted(byName)); // prettier-ignore
      const quoted = made.map((each) => quoteIdentifier(each));
      const read = await session.query(
        sql`select (pg_catalog.parse_ident(each))[1] as name from pg_catalog.unnest(${textArray(quoted)}) each`,
      );
      assert.deepEqual(read.map((each) => each['name']), made); // prettier-ignore
    };
    const lists = fc.array(name, { minLength: 1, maxLength: 20 });
    await fc.assert(fc.asyncProperty(lists, property), runs(60));
    const table = tableName('no"such', "ta'ble");
    await assert.rejects(session.query(sql`select from ${table}`), /no"such\.ta'ble/);
  });
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

// --- Conditions that make sense

const numeric = (inner: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom('a', 'b', 'id', '0', '1', '-2', '3', 'null', 'length(name)', 'cardinality(tags)', "(doc ->> 'k')::int", 'extract(day from at)::int'),
    fc.tuple(inner, fc.constantFrom('+', '-', '*', '%', '/'), inner).map(([x, op, y]) => (op === '/' || op === '%' ? `(${x} ${op} nullif(${y}, 0))` : `(${x} ${op} ${y})`)),
    fc.tuple(inner, inner).map(([x, y]) => `coalesce(${x}, ${y})`),
    fc.tuple(inner, inner).map(([x, y]) => `greatest(${x}, ${y}, 1)`),
    fc.tuple(inner, inner).map(([x, y]) => `case when yes then ${x} when no then ${y} end`),
  ); // prettier-ignore

const text = fc.constantFrom('name', 'note', "'n1'", "''", "(name || note)", 'lower(name)', "coalesce(name, 'x') -- a ) comment\n", "E'\\x6e1'", '$$n1$$', "tags[1]", "/* ' */ name", "note collate \"C\""); // prettier-ignore

const { condition } = fc.letrec<{ number: string; condition: string }>((tie) => ({
  number: fc.oneof({ maxDepth: 3 }, fc.constantFrom('a', 'b', '1'), numeric(tie('number'))),
  condition: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('yes', 'no', 'true', 'null', 'name is null', "doc ? 'k'", "tags @> array['t1']"),
    fc.tuple(tie('number'), fc.constantFrom('=', '<>', '<', '>=', 'is distinct from', 'is not distinct from'), tie('number')).map((parts) => parts.join(' ')),
    fc.tuple(text, fc.constantFrom('=', '<>', '<', 'like', '~', 'is distinct from'), text).map((parts) => parts.join(' ')),
    fc.tuple(tie('number'), tie('number'), tie('number')).map(([x, y, z]) => `${x} between ${y} and ${z}`),
    fc.tuple(tie('number'), fc.array(tie('number'), { minLength: 1, maxLength: 3 })).map(([x, list]) => `${x} in (${list.join(', ')})`),
    fc.tuple(tie('number'), tie('number'), tie('number'), tie('number')).map(([w, x, y, z]) => `(${w}, ${x}) = (${y}, ${z})`),
    fc.tuple(tie('condition'), fc.constantFrom('and', 'or'), tie('condition')).map(([x, word, y]) => `${x} ${word} ${y}`),
    fc.tuple(tie('condition')).map(([x]) => `not (${x})`),
    fc.tuple(tie('condition'), fc.constantFrom('true', 'not true', 'false', 'unknown', 'not null')).map(([x, what]) => `(${x}) is ${what}`),
  ),
})); // prettier-ignore

/** Rules for each text, in one file, at a line each: from line 3 on. */
const rulesFor = (texts: readonly string[]): string =>
  `version: 1\nrules:\n${texts.map((when, i) => `  - ${JSON.stringify({ id: `r-${i}`, kind: 'implies', tables: ['fact'], when, then: 'false' })}\n`).join('')}`;

/** So many rules of a few hundred characters fit a file. */
const BATCH = 100;

test('a condition is true of the same rows in a rule as in a statement of its own', async (t) => {
  const options = runs(BATCH);
  const all = fc.sample(condition, options).filter((each) => each.length < 1_500);
  for (let start = 0; start < all.length; start += BATCH) {
    const texts = all.slice(start, start + BATCH);
    const { problems, results } = await runGate({ url: database.url, rules: rulesFor(texts), samples: 0 });
    assert.deepEqual(problems.map(({ at, message }) => [texts[(at?.line ?? 0) - 3], message]), []); // prettier-ignore
    // The statement knows nothing of our grammar, our alias and our brackets.
    const counts = texts.map((each) => `(select count(*) from fact where (${each}\n))`);
    const [row = {}] = await database.rows(`select array[${counts.join(',\n')}]::int[] as counts`);
    const expected = texts.map((each, i) => [each, (row['counts'] as number[])[i]]);
    const measured = results.map(({ violations, reason }, i) => [texts[i], violations?.count ?? reason]);
    assert.deepEqual(measured, expected);
  }
  t.diagnostic(`conditions: ${all.length} compared from seed ${options.seed}`);
});

// --- Words in any order

const words = [
  'a', 'b', 'id', 'name', 'yes', 'r', 'fact', '"a"', '1', "'x'", "'", '"', '$$', '(', ')', '(', ')', '[', ']', ',', ';', '--', '/*', '*/', '\n', '=', '<>', '+', 'and', 'or', 'not', 'is null', 'is true', 'between', 'in',
  'union', 'select', 'from', 'where', 'case', 'when', 'then', 'end', 'for update', 'into', 'lower', 'nextval', 'set_config', 'pg_sleep', '::', 'int', 'regclass', 'array', 'any', 'exists', 'null', 'true', '.', '$1', '*', 'over', 'filter', 'as', "E'\\'",
  'collate', 'returning', 'delete from fact', 'commit', 'current_user', 'limit', 'offset', 'values',
]; // prettier-ignore

test('words in any order are refused, or are a condition that changes nothing', async (t) => {
  const options = runs(4_000);
  const soup = fc
    .array(fc.constantFrom(...words), { minLength: 1, maxLength: 9 })
    .map((each) => each.join(' '));
  const soups = new Set(fc.sample(soup, options));
  const accepted: string[] = [];
  for (const each of soups) if ((await checkExpression(each)).ok) accepted.push(each);
  const everything = `select md5(string_agg(f::text, ',' order by id)) as sum, count(*) as rows from fact f`;
  const before = await database.rows(everything);
  const first = await runGate({ url: database.url, rules: rulesFor(accepted), samples: 0 });
  // Types and names that do not fit are told at their lines; what is left runs.
  const refused = new Set(first.problems.map(({ at }) => (at?.line ?? 0) - 3));
  assert.ok(!refused.has(-3), 'each problem has its line');
  const left = accepted.filter((_, i) => !refused.has(i));
  const second = await runGate({ url: database.url, rules: rulesFor(left), samples: 0 });
  assert.deepEqual(second.problems, []);
  for (const [i, { outcome, violations }] of second.results.entries()) {
    assert.notEqual(outcome, 'unknown', left[i]);
    assert.ok((violations?.count ?? -1) <= 60, 'a condition gives no more rows than there are');
  }
  assert.deepEqual(await database.rows(everything), before);
  t.diagnostic(`words: ${soups.size} soups, ${accepted.length} conditions, ${left.length} ran`);
  assert.ok(left.length > 3, `${left.length} of ${accepted.length}: the soup is too thin`);
});
