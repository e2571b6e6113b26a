import assert from 'node:assert/strict';
import test from 'node:test';
import { DRIVERS } from '../../src/postgres/database.ts';
import { runGate } from '../support/run-gate.ts';
import { createDatabase } from '../support/server.ts';

/** A type, and three of its values that differ, as literals: the first two are as near to each other as they can be. */
type TypeCase = readonly [type: string, one: string, other: string, third: string];

const own = `
  create extension citext; create extension hstore; create extension ltree; create extension cube; create extension isn;
  create type mood as enum ('ok', 'okay', '::error::');
  create type pair as (a bigint, b text);
  create domain positive as bigint check (value > 0);
  create domain shout as text check (value = upper(value));
  create type span as range (subtype = numeric);`;

/** Types that have an equality, and keys of them. */
const comparable: readonly TypeCase[] = [
  ['smallint', '32767', '-32768', '0'], ['integer', '2147483647', '2147483646', '-2147483648'], ['bigint', '9007199254740993', '9007199254740992', '-9223372036854775808'],
  ['bigint', '9223372036854775807', '9223372036854775806', '9223372036854775805'], ['numeric', '12345678901234567890.123456789', '12345678901234567890.123456788', '0.1'],
  ['numeric', '1' + '0'.repeat(300), '1' + '0'.repeat(299) + '1', '0.' + '0'.repeat(200) + '1'], ['numeric', 'NaN', '1e20', '0'], ['numeric', 'Infinity', '-Infinity', 'NaN'], ['numeric(30,10)', '0.0000000001', '0.0000000002', '99999999999999999999.9999999999'],
  ['real', '3.4028235e38', '3.402823e38', 'NaN'], ['double precision', '0.1', '0.10000000000000002', 'Infinity'], ['double precision', '5e-324', '0', '-Infinity'], ['money', '$92,233,720,368,547,758.07', '$92,233,720,368,547,758.06', '-$0.01'],
  ['text', 'a', 'a ', ''], ['text', 'é', 'e\u0301', 'E'], ['text', 'null', 'NULL', '\\N'], ['varchar(3)', 'abc', 'ab', ''], ['char(5)', 'ab', 'ac', ''], ['"char"', 'a', 'b', ''], ['name', 'x'.repeat(63), 'x'.repeat(62), ''], ['citext', 'Straße', 'strasse', 'x'],
  ['bytea', '\\x00ff', '\\x00fe', '\\x'], ['date', 'infinity', '-infinity', '2026-01-01'], ['date', '4713-01-01 BC', '0001-12-31 BC', '5874897-12-31'], ['time', '24:00', '23:59:59.999999', '00:00'], ['timetz', '00:00+15:59', '00:00-15:59', '12:00Z'],
  ['timestamp', '2026-01-01 00:00:00.000001', '2026-01-01 00:00:00.000002', 'infinity'], ['timestamptz', '2026-01-01 00:00:00.000001+00', '2026-01-01 00:00:00.000002+00', '4713-01-01 00:00+00 BC'], ['timestamptz', 'infinity', '-infinity', '294276-12-31'],
  ['interval', '1 day', '23:59:59.999999', '-178000000 years'], ['inet', '10.0.0.1', '10.0.0.1/8', '::1'], ['cidr', '10.0.0.0/8', '10.0.0.0/9', '::/0'], ['macaddr', '08:00:2b:01:02:03', '08:00:2b:01:02:04', '00:00:00:00:00:00'],
  ['macaddr8', '08:00:2b:01:02:03:04:05', '08:00:2b:01:02:03:04:06', '00:00:00:00:00:00:00:00'], ['bit(3)', '101', '100', '000'], ['varbit', '1', '01', ''], ['uuid', '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
  ['jsonb', '{"a": 9007199254740993}', '{"a": 9007199254740992}', 'null'], ['text[]', '{a,"b c",NULL}', '{a,"b c","NULL"}', '{}'], ['bigint[]', '{9007199254740993}', '{9007199254740992}', '{{1,2},{3,4}}'], ['mood', 'ok', 'okay', '::error::'],
  ['pair', '(9007199254740993,"a,b")', '(9007199254740992,"a,b")', '(,)'], ['positive', '9007199254740993', '9007199254740992', '1'], ['shout', 'A', 'B', 'Ö'], ['mood[]', '{ok,okay}', '{okay,ok}', '{}'], ['positive[]', '{9007199254740993}', '{9007199254740992}', '{1}'],
  ['int4range', '[1,5)', '[1,6)', 'empty'], ['numrange', '[1,2)', '[1,2]', '(,)'], ['daterange', '[2026-01-01,infinity)', '[2026-01-01,)', 'empty'], ['tstzrange', '[2026-01-01 00:00+00,)', '(2026-01-01 00:00+00,)', 'empty'], ['span', '[9007199254740993,)', '[9007199254740992,)', 'empty'],
  ['int4multirange', '{[1,3),[5,7)}', '{[1,3),[5,8)}', '{}'], ['tsvector', "'a':1", "'a':2", "'b'"], ['tsquery', "'a' & 'b'", "'a' | 'b'", "'c'"], ['pg_lsn', '16/B374D848', '16/B374D849', '0/0'], ['oid', '4294967295', '4294967294', '0'], ['oidvector', '1 2', '1 3', ''],
  ['hstore', 'a=>1', 'a=>2', ''], ['ltree', 'Top.A', 'Top.B', ''], ['cube', '(1,2)', '(1,3)', '(0)'],
]; // prettier-ignore

/** Types that no value is equal in, by the default operators. */
const incomparable: readonly TypeCase[] = [
  ['json', '{"a": 1}', '{"a":1}', 'null'], ['xml', '<a/>', '<a></a>', 'x'], ['point', '(1,2)', '(1,3)', '(0,0)'], ['jsonpath', '$.a', '$.b', '$'], ['txid_snapshot', '1:2:', '1:3:', '1:1:'],
]; // prettier-ignore

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** The parent has the first value; the child links to it, to the second, to nothing, and to the third. */
function tablesOf([type, ...values]: TypeCase, i: number, isKey: boolean): string {
  const [one, other, third] = values.map((value) => `${literal(value)}::${type}`);
  return `
    create table parent_${i} (id ${type} ${isKey ? 'primary key' : ''}, owner ${type});
    insert into parent_${i} values (${one}, ${other});
    create table child_${i} (id ${type} ${isKey ? 'primary key' : ''}, link ${type}, owner ${type}, twin ${type});
    insert into child_${i} values (${one}, ${one}, ${other}, ${one}), (${other}, ${other}, ${other}, null), (${third}, null, null, ${third});
    insert into child_${i} select null, null, null, null where ${!isKey};`;
}

const cases = [
  ...comparable.map((each) => ({ each, isKey: true })),
  ...incomparable.map((each) => ({ each, isKey: false })),
];
const database = await createDatabase(`${own}\n${cases.map(({ each, isKey }, i) => tablesOf(each, i, isKey)).join('\n')}`); // prettier-ignore

const rulesOf = (i: number, isKey: boolean): readonly object[] => [
  { id: `null-${i}`, kind: 'not_null', tables: [`child_${i}`], columns: ['link', 'owner'] },
  { id: `one-${i}`, kind: 'exactly_one_of', tables: [`child_${i}`], columns: ['link', 'twin'] },
  ...(isKey
    ? [
        { id: `link-${i}`, kind: 'references', tables: [`child_${i}`], parent: `parent_${i}`, on: { link: 'id' } },
        { id: `match-${i}`, kind: 'matches_parent', tables: [`child_${i}`], parent: `parent_${i}`, on: { link: 'id' }, match: { owner: 'owner' }, orphans: 'ignore' },
        { id: `differ-${i}`, kind: 'matches_parent', tables: [`child_${i}`], parent: `parent_${i}`, on: { link: 'id' }, match: { twin: 'owner' }, orphans: 'ignore' },
      ]
    : []),
]; // prettier-ignore

/** What rules of each kind find in the rows that {@link tablesOf} makes, and every key of them. */
const facts = await database.rows(`
  select set_config('DateStyle', 'ISO, YMD', false), set_config('TimeZone', 'UTC', false), f.*
  from (${cases
    .map(({ isKey }, i) => `
      select ${i} as i, array(select ${isKey ? 'id::text' : 'null'} from child_${i}) as keys,
        (select count(*)::int from child_${i} where link is null or owner is null) as "null",
        (select count(*)::int from child_${i} where num_nonnulls(link, twin) <> 1) as one, 1 as link, 0 as match, 1 as differ`)
    .join(' union all ')}) f order by i`); // prettier-ignore

for (const driver of DRIVERS) {
  test(`values of any type are compared exactly, and keys of any type shown as the server writes them (${driver})`, async (t) => {
    const rules = cases.flatMap(({ isKey }, i) => rulesOf(i, isKey));
    const text = `version: 1\nrules:\n${rules.map((rule) => `  - ${JSON.stringify(rule)}\n`).join('')}`;
    const { problems, results } = await runGate({ url: database.url, rules: text, driver, samples: 100 });
    assert.deepEqual([problems, results.length], [[], rules.length]);
    for (const { rule, violations, samples, reason } of results) {
      const [kind = '', index = ''] = rule.split('-');
      const { each, isKey } = cases[Number(index)] ?? assert.fail();
      const fact = facts[Number(index)] ?? assert.fail();
      const about = `${kind} of ${each.join(' | ')}: ${reason}`;
      assert.deepEqual(violations, { count: fact[kind], exact: true }, about);
      if (!isKey) continue;
      const shown = samples.map(({ key }) => key['id']);
      const unknown = shown.filter((key) => !(fact['keys'] as unknown[]).includes(key));
      assert.deepEqual([unknown, shown.length], [[], violations?.count], about);
    }
    t.diagnostic(`odd types: ${cases.length} types, ${results.length} checks exact`);
  });
}

test('types without an equality cannot be linked, and the message says so at its line', async () => {
  for (const [offset, [type]] of incomparable.entries()) {
    const i = comparable.length + offset;
    const rule = {
      id: 'a-rule',
      kind: 'references',
      tables: [`child_${i}`],
      parent: `parent_${i}`,
      on: { link: 'id' },
    };
    const { exitCode, problems } = await runGate({
      url: database.url,
      rules: `version: 1\nrules:\n  - ${JSON.stringify(rule)}\n`,
    });
    assert.equal(exitCode, 3, type);
    assert.equal(problems[0]?.at?.line, 3);
    assert.match(problems[0]?.message ?? '', new RegExp(type));
  }
});
