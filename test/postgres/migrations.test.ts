import assert from 'node:assert/strict';
import test from 'node:test';
import type { Migrations } from '../../src/migrations/migration.ts';
import { resultText } from '../../src/report/words.ts';
import { runGate } from '../support/run-gate.ts';
import { createTemplate } from '../support/server.ts';

const template = await createTemplate(`
  create table parents (id bigint primary key);
  create table rows (id bigint primary key, parent_id bigint, code text, amount int);
  alter table rows add constraint old_key foreign key (parent_id) references parents not valid;
  alter table rows add constraint old_check check (amount > 0) not valid;
  insert into parents select generate_series(1, 10);
  insert into rows select i, i % 10 + 1, i::text, i from generate_series(1, 2000) i`);

/** Breaks each of the demands with a number of rows of its own. */
const BAD = `
  alter table rows drop constraint old_key;
  alter table rows drop constraint old_check;
  update rows set code = null where id <= 1204;
  update rows set parent_id = 99 where id between 1 and 5;
  update rows set amount = -1 where id between 1 and 7;
  update rows set code = 'same' where id between 1997 and 2000;
  alter table rows add constraint old_key foreign key (parent_id) references parents not valid;
  alter table rows add constraint old_check check (amount > 0) not valid`;

const RULES = `version: 1
rules:
  - id: ids
    kind: not_null
    tables: [rows]
    column: id
`;

type Answer = readonly [line: number, outcome: string, text: string];

async function ask(
  text: string,
  { prepare, ...how }: { prepare?: string; conditions?: Migrations['conditions']; changedFrom?: number } = {},
): Promise<{ exitCode: number; answers: Answer[] }> {
  const database = await template.createDatabase();
  if (prepare) await database.run(prepare);
  const { conditions = 'all', changedFrom } = how;
  const migrations = { files: [{ file: 'db/1.sql', content: text, changedFrom }], conditions };
  const { exitCode, results, problems } = await runGate({ url: database.url, rules: RULES, migrations });
  assert.deepEqual(problems, []);
  const found = results.filter(({ kind }) => kind === 'migration');
  for (const { source, rule } of found) {
    assert.equal(source.file, 'db/1.sql');
    assert.match(rule, new RegExp(`^migration:db/1\\.sql:${source.line}(:\\d+)?$`));
  }
  const answers = found.map((each): Answer => [each.source.line, each.outcome, resultText(each)]);
  return { exitCode, answers };
}

const DEMANDS = `-- a comment
alter table rows alter column code set not null;
alter table only public.rows
  add constraint k foreign key (parent_id) references parents (id);
alter table rows validate constraint old_key;
alter table rows add constraint c check (amount > 0 and code <> '(');
alter table rows validate constraint old_check;
create unique index concurrently i on rows (code);
alter table rows add constraint u unique using index i;
create unique index on rows (amount) where amount < 0;
alter table rows add column extra int not null;
`;

test('each statement that rows would fail is told at its line, with how many', async () => {
  const { exitCode, answers } = await ask(DEMANDS, { prepare: BAD });
  assert.equal(exitCode, 1);
  const rows = (count: string): string => `${count} rows would fail here`;
  assert.deepEqual(answers, [
    [2, 'broken', rows('1,204')],
    [3, 'broken', rows('5')],
    [5, 'broken', rows('5')],
    [6, 'broken', rows('7')],
    [7, 'broken', rows('7')],
    [8, 'broken', rows('3')],
    [10, 'broken', rows('6')],
    [11, 'broken', rows('2,000')],
  ]);
});

test('on sound rows only what no row could satisfy is broken', async () => {
  const { answers } = await ask(DEMANDS);
  assert.deepEqual(
    answers.map(([line, outcome]) => [line, outcome]),
    [2, 3, 5, 6, 7, 8, 10, 11].map((line) => [line, line === 11 ? 'broken' : 'held']),
  );
});

test('a table that the migration makes needs nothing, unless it is filled there', async () => {
  const { answers, exitCode } = await ask(`create table fresh (a int);
alter table fresh alter a set not null;
insert into fresh select 1;
alter table fresh add unique (a);`);
  assert.deepEqual(answers, [
    [4, 'unknown', 'Not measured: line 3 of db/1.sql writes rows of fresh before it'],
  ]);
  assert.equal(exitCode, 2);
});

test('a table that IF NOT EXISTS finds is measured', async () => {
  const text = 'create table if not exists rows (id int);\nalter table rows alter code set not null;';
  assert.deepEqual((await ask(text, { prepare: BAD })).answers, [
    [2, 'broken', '1,204 rows would fail here'],
  ]);
});

const UNCLEAR: Record<string, string> = {
  'a DO block': 'do $$ begin end $$',
  'a call': 'call p()',
  'a function in a SELECT': 'select fill_rows()',
  'prepared SQL': 'execute fill',
  'text that does not parse': 'alter tabel rows',
  'a table that is not there': 'alter table nowhere alter code set not null',
  'a column that is not there': 'alter table rows alter nothing set not null',
  'a constraint that is not there': 'alter table rows validate constraint nothing',
  'an exclusion constraint': 'alter table rows add exclude (code with =)',
  'a new type': 'alter table rows alter code type int using code::int',
  'an index over an expression': 'create unique index on rows (lower(code))',
  'an update before it': 'update rows set code = id::text; alter table rows alter code set not null',
  'a CHECK that calls what is not of Postgres': 'alter table rows add check (public.f(code))',
  'a CHECK that does not fit the types': 'alter table rows add check (amount > code)',
  'a renamed table': 'alter table rows rename to lines; alter table lines alter code set not null',
};
for (const [what, text] of Object.entries(UNCLEAR))
  test(`${what} is unknown, and never held`, async () => {
    const { exitCode, answers } = await ask(text);
    assert.ok(answers.length > 0 && answers.every(([, outcome]) => outcome === 'unknown'), String(answers));
    assert.equal(exitCode, 2);
  });

test('the same name in two schemas is unknown without its schema, and measured behind a search path', async () => {
  const prepare =
    'create schema other; create table other.rows (code text); insert into other.rows values (null)';
  const bare = await ask('alter table rows alter code set not null', { prepare });
  assert.equal(bare.answers[0]?.[1], 'unknown');
  const path = await ask('set search_path = other; alter table rows alter code set not null', { prepare });
  assert.equal(path.answers[0]?.[2], '1 row would fail here');
});

test('a NOT VALID constraint needs nothing, and what validates it later needs its rows', async () => {
  const text = `alter table rows add constraint n check (amount > 0) not valid;\nalter table rows validate constraint n;`;
  assert.deepEqual((await ask(text, { prepare: BAD })).answers, [[2, 'broken', '7 rows would fail here']]);
});

test('conditions of nobody reviewed are not asked; plain ones are where somebody may write to the repository', async () => {
  const plain = 'alter table rows add check (amount > 0)';
  const raw = 'alter table rows add check (abs(amount) > 0)';
  const outcome = async (text: string, conditions: Migrations['conditions']) =>
    (await ask(text, { conditions })).answers.map(([, each]) => each);
  assert.deepEqual(await outcome(plain, 'none'), ['unknown']);
  assert.deepEqual(await outcome(plain, 'plain'), ['held']);
  assert.deepEqual(await outcome(raw, 'plain'), ['unknown']);
  assert.deepEqual(await outcome(raw, 'all'), ['held']);
});

test('statements above the first changed line are not asked about', async () => {
  const text = 'alter table rows alter code set not null;\nalter table rows alter amount set not null;';
  assert.deepEqual(
    (await ask(text, { changedFrom: 2, prepare: BAD })).answers.map(([line]) => line),
    [2],
  );
});
