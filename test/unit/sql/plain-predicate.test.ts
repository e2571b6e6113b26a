import assert from 'node:assert/strict';
import test from 'node:test';
import { checkExpression } from '../../../src/sql/grammar.ts';

const plain: readonly string[] = [
  'deleted',
  'true',
  '1 = 1',
  'a = 1',
  'a <> -1.5e3',
  'a != b',
  'a < 1 and b <= 2 or c > 3 and d >= 4',
  'not (a = b)',
  '((a = 1))',
  'a is null',
  'a isnull or b notnull',
  '(a = b) is not null',
  'a is true and b is not false and (c = 1) is unknown',
  "a in ('x', 'y', null)",
  'a not in (1, -2, 3.5)',
  'a = null',
  "a = 'it''s' and b = E'\\n' and c = U&'d\\0061t'",
  "a = B'101' or a = X'ff'",
  '"Weird Name" = 1',
  'a operator(=) 1',
  '(a = b) = true',
  "a >= date '2024-01-01'",
  "a = '1f0f7d9c-0000-4000-8000-000000000000'::uuid",
  "a < cast('2024-01-01' as timestamp with time zone) and b = int '5'",
  'a = 1 -- pg_sleep(9)',
  'a = /* lower(b) */ 1',
];

const raw: readonly string[] = [
  // Calls, in every spelling that SQL has for them.
  'lower(a) = b',
  'pg_catalog.lower(a) = b',
  'f(a)',
  'a = abs(-1)',
  'a = coalesce(b, 1)',
  'a = nullif(b, 1)',
  'greatest(a, b) = 1',
  'a < current_date',
  'a < now()',
  'extract(year from a) = 2024',
  "position('x' in a) = 1",
  "a at time zone 'utc' = b",
  '(a, b) overlaps (c, d)',
  // Operators that are no comparison, and comparisons by another schema's word.
  'a + 1 = 2',
  '- a = 1',
  '+a = 1',
  "a || 'x' = 'y'",
  'a operator(pg_catalog.=) 1',
  'a @> b',
  'a && b',
  'a <=> b',
  "a -> 'k' = b",
  "a ->> 'k' = 'v'",
  "a #>> '{k}' = 'v'",
  "a ? 'k'",
  "a like '%x'",
  "a ilike 'x'",
  "a similar to 'x'",
  "a ~ '^(a+)+$'",
  // Comparisons that are more than one, or of more than a row's columns.
  'a between 1 and 2',
  'a is distinct from b',
  'a is not distinct from 1',
  'a = any (array[1, 2])',
  'a <> all (b)',
  "a = any ('{1,2}'::int[])",
  'a in (b)',
  'a in (1, b)',
  'a in (lower(b))',
  "a in ('1'::int)",
  '(a, b) = (1, 2)',
  'row(a, b) is null',
  '(a, b) in ((1, 2))',
  // Casts that are not of a constant, or to a type that could be anything.
  'a::text = b',
  'cast(a as int) = 1',
  "a = '1'::numeric(10, 2)",
  "a = 'x'::char(10485760)",
  "a = 'x'::varchar(9)",
  "a = '1'::bit(83886080)",
  "a = '{1}'::int[]",
  "a = '{}'::jsonb",
  "a = 'x'::something",
  "a = '1'::text::int",
  'a = (1 = 1)::int',
  "a = interval '1' day",
  // What branches, indexes, sorts or looks into a value.
  'case when a then b else c end',
  'a[1] = 2',
  'array[a] = b',
  'a collate "C" = b',
  'a is json',
  // A plain part does not make the rest plain.
  'a = 1 and lower(b) = c',
  'not (a = b or c like d)',
  '(lower(a) = b) is true',
  'lower(a) is null',
];

const refused: readonly string[] = [
  'a = 1; select 1',
  'a = (select 1)',
  'exists (select from t)',
  't.a = 1',
  "a = 'x'::app.domain",
  "a = 't'::regclass",
  'a operator(app.=) 1',
  'a = $1',
  'a = 1) or (true',
  '(a).b = 1',
  'count(*) = 1',
  'a is document',
];

const verdicts = { plain, raw, refused };
for (const [expected, texts] of Object.entries(verdicts)) {
  for (const text of texts) {
    test(`${text} is ${expected}`, async () => {
      const checked = await checkExpression(text);
      const verdict = checked.ok ? (checked.isPlain ? 'plain' : 'raw') : 'refused';
      assert.equal(verdict, expected);
    });
  }
}
