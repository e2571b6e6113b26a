import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { Client } from 'pg';
import { DRIVERS } from '../../src/postgres/database.ts';
import type { Report } from '../../src/report/report.ts';
import { runGate } from '../support/run-gate.ts';
import { createDatabase, createRole, testServer } from '../support/server.ts';

const { version } = await testServer();
const skip =
  version < 18 && 'before PostgreSQL 18 a constraint is always enforced, and NOT NULL always valid';

const skipPeriod = version < 18 && 'before PostgreSQL 18 no constraint is for a PERIOD';

/** One schema rule on the table `rows`, as a flow map's inside. */
const asks = (what: string) => `version: 1\nrules:\n  - { id: a, kind: schema, tables: [rows], ${what} }\n`;

/** What a result says, in short. */
const said = ({ results, problems }: Report): string[] => [
  ...problems.map(({ message }) => message),
  ...results.map(({ outcome, reason }) => `${outcome}: ${reason}`),
];

const tables = `
  create table parents (id int primary key);
  create table rows (id int, parent_id int, total int);
  insert into rows values (1, 9, -1), (1, 8, null);`;

/** A constraint or an index that is there, and does not vouch for the rows there are. */
const traps: { what: string; sql: string; asks: string; says: string; skip?: string | false }[] = [
  {
    what: 'a foreign key that is NOT VALID',
    sql: 'alter table rows add constraint fk foreign key (parent_id) references parents not valid',
    asks: 'foreign_key: { parent: parents, on: { parent_id: id } }',
    says: 'broken: fk is NOT VALID: run VALIDATE CONSTRAINT',
  },
  {
    what: "a foreign key whose row's triggers are disabled",
    sql: `truncate rows; alter table rows add constraint fk foreign key (parent_id) references parents;
      alter table rows disable trigger all; insert into rows values (1, 9, 1)`,
    asks: 'foreign_key: { parent: parents, on: { parent_id: id } }',
    says: 'broken: fk is not enforced, or its triggers are disabled',
  },
  {
    what: "a foreign key whose parent's triggers are disabled",
    sql: `truncate rows; insert into parents values (9); alter table rows add constraint fk foreign key (parent_id) references parents;
      insert into rows values (1, 9, 1); alter table parents disable trigger all; delete from parents`,
    asks: 'foreign_key: { parent: parents, on: { parent_id: id } }',
    says: 'broken: fk is not enforced, or its triggers are disabled',
  },
  {
    what: 'a foreign key to other columns',
    sql: `create table others (id int primary key, code int unique); truncate rows;
      alter table rows add constraint fk foreign key (parent_id) references others (code)`,
    asks: 'foreign_key: { parent: others, on: { parent_id: id } }',
    says: 'broken: no foreign key (parent_id) references public.others (id)',
  },
  {
    what: 'a check that is NOT VALID',
    sql: 'alter table rows add constraint positive check (total > 0) not valid',
    asks: 'check: total > 0',
    says: 'broken: no validated constraint guarantees: total > 0',
  },
  {
    what: 'a check that says less',
    sql: 'truncate rows; alter table rows add constraint positive check (total >= 0)',
    asks: 'check: total > 0',
    says: 'broken: no validated constraint guarantees: total > 0',
  },
  {
    what: 'a check that lets NULL through, for one that does not',
    sql: 'truncate rows; alter table rows add constraint positive check (total > 0); insert into rows values (1, 1, null)',
    asks: 'check: total > 0 and total is not null',
    says: 'broken: no validated constraint guarantees: total > 0 and total is not null',
  },
  {
    what: 'a check that children do not inherit',
    sql: `truncate rows; alter table rows add constraint positive check (total > 0) no inherit;
      create table children () inherits (rows); insert into children values (1, 1, -1)`,
    asks: 'check: total > 0',
    says: 'broken: no validated constraint guarantees: total > 0',
  },
  {
    what: 'a unique index that knows not every row',
    sql: 'create unique index part on rows (id) where parent_id = 9',
    asks: 'unique: [id]',
    says: 'broken: no unique key over (id)',
  },
  {
    what: 'a unique index over an expression',
    sql: 'create unique index expression on rows ((parent_id + 0))',
    asks: 'unique: [parent_id]',
    says: 'broken: no unique key over (parent_id)',
  },
  {
    what: 'a unique index over more columns',
    sql: 'create unique index more on rows (id, parent_id)',
    asks: 'unique: [id]',
    says: 'broken: no unique key over (id)',
  },
  {
    what: 'a column that a unique index only carries along',
    sql: 'create unique index carrying on rows (parent_id) include (id)',
    asks: 'unique: [parent_id, id]',
    says: 'broken: no unique key over (parent_id, id)',
  },
  {
    what: 'an index that leads with another column',
    sql: 'create index behind on rows (total, id)',
    asks: 'index: [id]',
    says: 'broken: no index leads with (id)',
  },
  {
    what: 'a nullable column',
    sql: 'alter table rows add constraint no_null check (id is not null)',
    asks: 'column: id, not_null: true',
    says: 'broken: id is nullable',
  },
  {
    what: 'a NOT NULL that is NOT VALID',
    sql: 'alter table rows add constraint filled not null total not valid',
    asks: 'column: total, not_null: true',
    says: 'broken: filled is NOT VALID: it says nothing of the rows there are',
    skip,
  },
  {
    what: 'a NOT NULL that is NOT VALID, for the prover',
    sql: 'alter table rows add constraint filled not null total not valid',
    asks: 'check: total is not null',
    says: 'broken: no validated constraint guarantees: total is not null',
    skip,
  },
  {
    what: 'a check that is NOT ENFORCED',
    sql: 'alter table rows add constraint positive check (total > 0) not enforced',
    asks: 'check: total > 0',
    says: 'broken: no validated constraint guarantees: total > 0',
    skip,
  },
  {
    what: 'a foreign key that is NOT ENFORCED',
    sql: 'alter table rows add constraint fk foreign key (parent_id) references parents not enforced',
    asks: 'foreign_key: { parent: parents, on: { parent_id: id } }',
    says: 'broken: fk is not enforced, or its triggers are disabled',
    skip,
  },
];

/** A constraint of one table that is taken for one of all the tables whose rows are read with its own. */
const NOT_NULL_OF_ONE =
  version >= 18 ? 'add constraint filled not null id no inherit' : 'alter id set not null';
const foreignTable = `create extension file_fdw; create server files foreign data wrapper file_fdw;`;
const parts = `drop table rows; create table rows (id int, parent_id int, total int) partition by range (id);
  create table rows_1 partition of rows for values from (0) to (10);`;
const partedParents = `drop table parents; create table parents (id int primary key) partition by range (id);
  create table parents_1 partition of parents for values from (0) to (10);`;
const fk = 'add constraint fk foreign key (parent_id) references parents';
const toParents = 'foreign_key: { parent: parents, on: { parent_id: id } }';

traps.push(
  {
    what: 'a NOT NULL that an inheritance child lacks',
    sql: `truncate rows; create table heir () inherits (rows); alter table only rows ${NOT_NULL_OF_ONE}; insert into heir values (null)`,
    asks: 'column: id, not_null: true',
    says: 'broken: public.heir: id is nullable',
  },
  {
    what: 'a NOT NULL of a foreign table',
    sql: `drop table rows; ${foreignTable} create foreign table rows (id int not null) server files options (filename '/dev/null')`,
    asks: 'column: id, not_null: true',
    says: 'broken: the constraints of a foreign table are checked by nobody',
  },
  {
    what: 'a NOT NULL and a check, where a partition is on another server',
    sql: `${parts} ${foreignTable} create foreign table rows_2 partition of rows for values from (10) to (20) server files options (filename '/dev/null');
      alter table rows alter total set not null, add constraint positive check (total > 0)`,
    asks: 'column: total, not_null: true, check: total > 0',
    says: `broken: public.rows_2: the constraints of a foreign table are checked by nobody; the constraints of a foreign table are checked by nobody`,
  },
  {
    what: 'a check of a foreign table behind a view',
    sql: `drop table rows; ${foreignTable} create foreign table remote (total int, check (total > 0)) server files options (filename '/dev/null');
      create view rows as select * from remote`,
    asks: 'check: total > 0',
    says: 'broken: a view has no constraints: ask it of its tables',
  },
  {
    what: "the absence of a DEFAULT, where the column's domain has one",
    sql: 'create domain key as int default 1; alter table rows alter total type key',
    asks: 'column: total, default: none',
    says: 'broken: total has the DEFAULT of its type, which can hide a writer that forgets it',
  },
  {
    what: 'the absence of a DEFAULT, where the column is an identity',
    sql: 'alter table rows add place int generated by default as identity',
    asks: 'column: place, default: none',
    says: 'broken: place is an identity column, which can hide a writer that forgets it',
  },
  {
    what: 'the absence of a DEFAULT, where the column is generated',
    sql: 'alter table rows add twice int generated always as (id * 2) stored',
    asks: 'column: twice, default: none',
    says: 'broken: twice is generated, which can hide a writer that forgets it',
  },
  {
    what: 'the absence of a DEFAULT, where a partition has one',
    sql: `${parts} alter table rows_1 alter total set default 5`,
    asks: 'column: total, default: none',
    says: 'broken: public.rows_1: total has a DEFAULT, which can hide a writer that forgets it',
  },
  {
    what: 'the bounds of partitions, as the next partition has others',
    sql: parts,
    asks: 'check: id < 10',
    says: 'broken: no validated constraint guarantees: id < 10',
  },
  {
    what: 'a check that compares as text what the rule compares as citext',
    sql: `create extension citext; alter table rows add code citext; alter table rows add check (code::text <> 'none')`,
    asks: "check: code <> 'none'",
    says: "broken: no validated constraint guarantees: code <> 'none'",
  },
  {
    what: 'a foreign key whose triggers are disabled in a partition',
    sql: `${parts} alter table rows ${fk}; alter table rows_1 disable trigger all; insert into rows values (1, 9, 1)`,
    asks: toParents,
    says: 'broken: public.rows_1: fk is not enforced, or its triggers are disabled',
  },
  {
    what: 'a foreign key whose triggers are disabled in a partition of the parent',
    sql: `truncate rows; ${partedParents} insert into parents values (9); alter table rows ${fk}; insert into rows values (1, 9, 1);
      alter table parents_1 disable trigger all; delete from parents`,
    asks: toParents,
    says: 'broken: fk is not enforced, or its triggers are disabled',
  },
  {
    what: "a partition's foreign key whose parent's triggers are disabled",
    sql: `${parts} insert into parents values (9); alter table rows ${fk}; insert into rows values (1, 9, 1); alter table parents disable trigger all;
      delete from parents; alter table rows_1 rename to leaf; alter table rows rename to whole; alter table leaf rename to rows`,
    asks: toParents,
    says: 'broken: fk is not enforced, or its triggers are disabled',
  },
  {
    what: 'a foreign key that an inheritance child lacks',
    sql: `truncate rows; alter table rows ${fk}; create table heir () inherits (rows); insert into heir values (1, 9, 1)`,
    asks: toParents,
    says: 'broken: public.heir: no foreign key (parent_id) references public.parents (id)',
  },
  {
    what: 'a foreign key to a whole table, for one of its partitions',
    sql: `truncate rows; ${partedParents} create table parents_2 partition of parents for values from (10) to (20); alter table rows ${fk};
      insert into parents values (11); insert into rows values (1, 11, 1)`,
    asks: 'foreign_key: { parent: parents_1, on: { parent_id: id } }',
    says: 'broken: no foreign key (parent_id) references public.parents_1 (id)',
  },
  {
    what: 'a foreign key for a PERIOD',
    sql: `create extension btree_gist; truncate rows; alter table rows add during daterange;
      create table bookings (id int, during daterange, primary key (id, during without overlaps)); insert into bookings values (1, '[2020-01-01,2030-01-01)');
      alter table rows add constraint fk foreign key (parent_id, period during) references bookings (id, period during);
      insert into rows values (1, 1, 1, '[2024-01-01,2025-01-01)')`,
    asks: 'foreign_key: { parent: bookings, on: { parent_id: id, during: during } }',
    says: 'broken: fk is for a PERIOD: no parent need have the same columns',
    skip: skipPeriod,
  },
  {
    what: 'a foreign key over a column whose name reads like two',
    sql: `truncate rows; create table others (x int, y int, "y,b=x" int primary key, unique (x, y));
      alter table rows add a int, add b int; alter table rows add constraint fk foreign key (a) references others ("y,b=x")`,
    asks: 'foreign_key: { parent: others, on: { a: y, b: x } }',
    says: 'broken: no foreign key (a, b) references public.others (y, x)',
  },
  {
    what: 'a unique key that an inheritance child is not under',
    sql: 'truncate rows; alter table rows add unique (id); create table heir () inherits (rows); insert into rows values (1); insert into heir values (1)',
    asks: 'unique: [id]',
    says: 'broken: rows_id_key does not cover the rows of public.heir',
  },
  {
    what: 'a key WITHOUT OVERLAPS',
    sql: `create extension btree_gist; truncate rows; alter table rows add during daterange, add unique (id, during without overlaps)`,
    asks: 'unique: [id, during]',
    says: 'broken: no unique key over (id, during)',
    skip: skipPeriod,
  },
  {
    what: 'a unique key over a column whose name reads like two',
    sql: 'alter table rows add "id,total" int unique; create index two on rows ("id,total")',
    asks: 'unique: [id, total], index: [id, total]',
    says: 'broken: no unique key over (id, total); no index leads with (id, total)',
  },
  {
    what: "a unique index and an index by another equality than the column's own",
    sql: 'create extension citext; alter table rows add code citext; create unique index texts on rows (code text_ops)',
    asks: 'unique: [code], index: [code]',
    says: 'broken: no unique key over (code); no index leads with (code)',
  },
  {
    what: 'an index by another collation, which no search for a value can use',
    sql: 'alter table rows add name text; create index other on rows (name collate "C")',
    asks: 'index: [name]',
    says: 'broken: no index leads with (name)',
  },
  {
    what: 'a BRIN index, which finds blocks and not rows',
    sql: 'create index blocks on rows using brin (id)',
    asks: 'index: [id]',
    says: 'broken: no index leads with (id)',
  },
  {
    what: 'a GIN index, which finds elements and not values',
    sql: 'alter table rows add tags int[]; create index elements on rows using gin (tags)',
    asks: 'index: [tags]',
    says: 'broken: no index leads with (tags)',
  },
  {
    what: 'an index that an inheritance child lacks',
    sql: 'create index known on rows (id); create table heir () inherits (rows)',
    asks: 'index: [id]',
    says: 'broken: public.heir: no index leads with (id)',
  },
  {
    what: 'an index of a partitioned table that a partition lacks',
    sql: `${parts} create index known on only rows (id)`,
    asks: 'index: [id]',
    says: 'broken: known is not valid: drop it and create it again',
  },
  {
    what: 'an index that is not valid in a partition',
    sql: `${parts} create unique index known on rows (id); update pg_index set indisvalid = false where indexrelid = 'rows_1_id_idx'::regclass`,
    asks: 'unique: [id], index: [id]',
    says: 'broken: known is not valid: drop it and create it again',
  },
);

for (const { what, sql, asks: wanted, says, skip = false } of traps) {
  test(`proves nothing: ${what}`, { skip }, async () => {
    const { url } = await createDatabase(`${tables} ${sql};`);
    assert.deepEqual(said(await runGate({ url, rules: asks(wanted) })), [says]);
  });
}

const proofs: { what: string; sql: string; asks: string; says: string; skip?: string | false }[] = [
  {
    what: 'a composite foreign key says which rows it lets through, by the columns of every table that is read',
    sql: `truncate rows; create table others (a int, b int, unique (a, b)); alter table rows alter id set not null, alter total set not null;
      alter table rows add constraint fk foreign key (id, total) references others (a, b); create table heir () inherits (rows);
      alter table heir alter total drop not null; alter table heir add constraint fk foreign key (id, total) references others (a, b)`,
    asks: 'foreign_key: { parent: others, on: { total: b, id: a } }',
    says: 'held: fk (rows with NULL in total are let through by fk)',
    skip: version >= 18 && 'since PostgreSQL 18 a child cannot drop the NOT NULL that it inherits',
  },
  {
    what: 'a composite foreign key says which rows it lets through',
    sql: `truncate rows; create table others (a int, b int, unique (a, b));
      alter table rows add constraint fk foreign key (id, total) references others (a, b)`,
    asks: 'foreign_key: { parent: others, on: { total: b, id: a } }',
    says: 'held: fk (rows with NULL in id or total are let through by fk)',
  },
  {
    what: 'a composite foreign key with MATCH FULL lets none through by halves',
    sql: `truncate rows; create table others (a int, b int, unique (a, b));
      alter table rows add constraint fk foreign key (id, total) references others (a, b) match full`,
    asks: 'foreign_key: { parent: others, on: { total: b, id: a } }',
    says: 'held: fk',
  },
  {
    what: 'every constraint of a partitioned table covers its partitions',
    sql: `${parts} ${partedParents} alter table rows alter total set not null, add constraint positive check (total > 0), ${fk}, add unique (id);
      create index by_parent on rows (parent_id)`,
    asks: `column: total, not_null: true, default: none, check: total > 0, ${toParents}, unique: [id], index: [parent_id]`,
    says: `held: column total exists; ${version >= 18 ? 'rows_total_not_null' : 'total is NOT NULL'}; total has no DEFAULT; constraints that the server itself takes for proof; fk; rows_id_key; by_parent`,
  },
  {
    what: 'a constraint that an inheritance child has of its own covers it',
    sql: `truncate rows; alter table rows alter id set not null, ${fk}; create index by_parent on rows (parent_id); create table heir () inherits (rows);
      alter table heir ${fk}; create index on heir (parent_id)`,
    asks: `column: id, not_null: true, ${toParents}, index: [parent_id]`,
    says: `held: column id exists; ${version >= 18 ? 'rows_id_not_null' : 'id is NOT NULL'}; fk; by_parent`,
  },
  {
    what: "the bounds of a partition guard the partition's own rows",
    sql: `${parts} alter table rows_1 rename to leaf; alter table rows rename to whole; alter table leaf rename to rows`,
    asks: 'check: id < 10',
    says: 'held: constraints that the server itself takes for proof',
  },
  {
    what: 'a check of citext is proved as what it is',
    sql: `create extension citext; alter table rows add code citext; alter table rows add check (code <> 'none')`,
    asks: "check: code <> 'none'",
    says: 'held: constraints that the server itself takes for proof',
  },
  {
    what: 'a hash index finds rows by its one column, and a pattern index by its first',
    sql: `alter table rows add name text; create index hashed on rows using hash (id); create index patterns on rows (name text_pattern_ops, id)`,
    asks: 'index: [name]',
    says: 'held: patterns',
  },
  {
    what: 'a hash index finds rows by its column',
    sql: 'create index hashed on rows using hash (id)',
    asks: 'index: [id]',
    says: 'held: hashed',
  },
  {
    what: 'a deferrable key is unique whenever somebody else looks',
    sql: 'truncate rows; alter table rows add constraint later unique (id) deferrable initially deferred',
    asks: 'unique: [id]',
    says: 'held: later',
  },
  {
    what: 'a unique index by a looser collation is a unique key',
    sql: `alter table rows add name text; create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      create unique index by_name on rows (name collate loose)`,
    asks: 'unique: [name]',
    says: 'held: by_name',
  },
];

for (const { what, sql, asks: wanted, says, skip = false } of proofs) {
  test(what, { skip }, async () => {
    const { url } = await createDatabase(`${tables} ${sql};`);
    assert.deepEqual(said(await runGate({ url, rules: asks(wanted) })), [says]);
  });
}

test('proves nothing: a partitioned table that has no partition yet', async () => {
  const { url } = await createDatabase('create table rows (id int, total int) partition by range (id)');
  assert.deepEqual(said(await runGate({ url, rules: asks('check: total > 0') })), [
    'broken: no validated constraint guarantees: total > 0',
  ]);
});

test('proves nothing: a unique index that could not be built', async () => {
  const { url, run } = await createDatabase(tables);
  await assert.rejects(run('create unique index concurrently half on rows (id)'), { code: '23505' });
  const says = ['broken: half is not valid: drop it and create it again'];
  assert.deepEqual(said(await runGate({ url, rules: asks('unique: [id]') })), says);
  assert.deepEqual(said(await runGate({ url, rules: asks('index: [id]') })), says);
});

test('a check that follows from others is proved, also for a partitioned table', async () => {
  const { url } = await createDatabase(`
    create table rows (id int, total int, check (total > 10 or total = 5), check (total is not null)) partition by range (id);
    create table rows_1 partition of rows for values from (0) to (10);`);
  assert.deepEqual(said(await runGate({ url, rules: asks('check: total > 0 and total is not null') })), [
    'held: constraints that the server itself takes for proof',
  ]);
});

const counting = `version: 1
rules:
  - { id: a, kind: not_null, tables: [secret, open], column: tenant_id }
`;

/** The outcome, the violations and the problem's code of each table. */
const outcomes = ({ results }: Report) =>
  results.map(({ table, outcome, violations, problem }) => [
    table,
    outcome,
    violations?.count,
    problem?.code,
  ]);

const twoTables = `
  create table secret (id int, tenant_id int); insert into secret values (1, null), (2, null);
  create table open (id int, tenant_id int); insert into open values (1, null);`;

for (const driver of DRIVERS) {
  test(`rows that a policy hides are unknown, not held (${driver})`, async () => {
    const database = await createDatabase(twoTables);
    const { name, password } = await createRole();
    await database.run(`
      alter table secret enable row level security;
      create policy mine on secret using (tenant_id = 1);
      grant select on secret, open to ${name};`);
    const report = await runGate({ url: database.urlFor(name, password), rules: counting, driver });
    assert.deepEqual(outcomes(report), [
      ['public.secret', 'unknown', undefined, 'row-security'],
      ['public.open', 'broken', 1, undefined],
    ]);
    assert.match(report.results[0]?.problem?.hint ?? '', /bypassrls/);
  });

  test(`a table that may not be read is unknown, and the others are measured (${driver})`, async () => {
    const database = await createDatabase(`${twoTables} delete from open;`);
    const { name, password } = await createRole();
    await database.run(`grant select on open to ${name}`);
    const report = await runGate({ url: database.urlFor(name, password), rules: counting, driver });
    assert.deepEqual(outcomes(report), [
      ['public.secret', 'unknown', undefined, 'privilege-missing'],
      ['public.open', 'held', 0, undefined],
    ]);
    assert.deepEqual([report.verdict, report.exitCode], ['incomplete', 2]);
  });

  test(`a check that runs out of its time is unknown, and the next one is measured (${driver})`, async () => {
    const { url } = await createDatabase(`
      ${twoTables}
      create view slow as select id, tenant_id from secret where pg_sleep(1)::text = '';`);
    const rules = `version: 1
rules:
  - { id: a, kind: implies, tables: [slow], when: id > 0, then: tenant_id > 0, timeout: 100ms }
  - { id: b, kind: query, query: select id from public.slow, timeout: 100ms }
  - { id: c, kind: not_null, tables: [open], column: tenant_id }
`;
    const report = await runGate({ url, rules, driver, maxConnections: 1 });
    assert.deepEqual(
      report.results.map(({ rule, outcome, violations, problem }) => [
        rule,
        outcome,
        violations,
        problem?.code,
      ]),
      [
        ['a', 'unknown', null, 'statement-timeout'],
        ['b', 'unknown', null, 'statement-timeout'],
        ['c', 'broken', { count: 1, exact: true }, undefined],
      ],
    );
  });

  test(`a table that someone else has locked is unknown, and the others are measured (${driver})`, async (t) => {
    const { url } = await createDatabase(twoTables);
    await lock(t, url, 'secret');
    const report = await runGate({ url, rules: counting, driver });
    assert.deepEqual(outcomes(report), [
      ['public.secret', 'unknown', undefined, 'lock-timeout'],
      ['public.open', 'broken', 1, undefined],
    ]);
  });
}

/** Locks a table against every reader until the test ends. */
async function lock(t: TestContext, url: string, table: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  t.after(() => client.end());
  await client.query(`begin; lock table ${table} in access exclusive mode`);
}

test('a column that may not be read makes its check unknown, and no other', async () => {
  const database = await createDatabase(twoTables);
  const { name, password } = await createRole();
  await database.run(`grant select (id) on secret to ${name}; grant select on open to ${name}`);
  const rules = `version: 1
rules:
  - { id: a, kind: not_null, tables: [secret], column: tenant_id }
  - { id: b, kind: not_null, tables: [secret], column: id }
`;
  const report = await runGate({ url: database.urlFor(name, password), rules });
  assert.deepEqual(outcomes(report), [
    ['public.secret', 'unknown', undefined, 'privilege-missing'],
    ['public.secret', 'held', 0, undefined],
  ]);
});

test('a view that sees by its own owner is bound by the policies of that owner', async () => {
  const database = await createDatabase(`${twoTables} create view seen as select * from secret;`);
  const { name, password } = await createRole();
  await database.run(`
    alter table secret enable row level security;
    alter table secret force row level security;
    create role ${name}_owner;
    grant select on secret to ${name}_owner;
    alter view seen owner to ${name}_owner;
    grant select on seen to ${name};`);
  const rules = `version: 1\nrules:\n  - { id: a, kind: not_null, tables: [seen], column: tenant_id }\n`;
  const report = await runGate({ url: database.urlFor(name, password), rules });
  await database.run(`drop owned by ${name}_owner cascade; drop role ${name}_owner`);
  assert.deepEqual(outcomes(report), [['public.seen', 'unknown', undefined, 'row-security']]);
});

test('as many violations as a rule tolerates hold, one more breaks', async () => {
  const { url } = await createDatabase(twoTables);
  const rules = `version: 1
rules:
  - { id: a, kind: not_null, tables: [secret], column: tenant_id, max_violations: 2 }
  - { id: b, kind: not_null, tables: [secret], column: tenant_id, max_violations: 1 }
`;
  const { results, exitCode } = await runGate({ url, rules });
  assert.deepEqual(
    results.map(({ outcome, violations, reason }) => [outcome, violations?.count, reason]),
    [
      ['held', 2, '2 violations, at most 2 allowed'],
      ['broken', 2, '2 rows break it, at most 1 allowed'],
    ],
  );
  assert.equal(exitCode, 1);
});

test('a run whose time is always too short says so of each check, and never that it held', async () => {
  const { url } = await createDatabase(`
    create table rows as select i as id, nullif(i, 0) as tenant_id from generate_series(0, 500000) as i;
    create table more as select * from rows;`);
  // Not 1 ms: a time that ends between the parsing and the binding of a statement is "user request" for PostgreSQL.
  const rules = `version: 1\nrules:\n  - { id: a, kind: implies, tables: [rows, more], when: md5(md5(md5(md5(id::text)))) > '0', then: tenant_id > 0, timeout: 40ms }\n`;
  for (const driver of DRIVERS) {
    const report = await runGate({ url, rules, driver });
    assert.deepEqual(outcomes(report), [
      ['public.rows', 'unknown', undefined, 'statement-timeout'],
      ['public.more', 'unknown', undefined, 'statement-timeout'],
    ]);
    assert.equal(report.exitCode, 2);
  }
});

test('a type has the spellings that SQL gives it', async () => {
  const spellings = {
    a: ['bigint', 'int8'],
    b: ['timestamptz', 'timestamp with time zone'],
    c: ['int[]', 'integer[]'],
    d: ['varchar(20)', 'character varying(20)'],
    e: ['timestamp(3) with time zone'],
    f: ['bool', 'BOOLEAN'],
    g: ['numeric(10, 2)', 'decimal(10,2)'],
  };
  const { url } = await createDatabase(
    'create table typed (a bigint, b timestamptz, c int[], d varchar(20), e timestamptz(3), f bool, g numeric(10,2))',
  );
  const rules = Object.entries(spellings).flatMap(([column, types]) =>
    types.map((type, i) => ({ id: `${column}-${i}`, kind: 'schema', tables: ['typed'], column, type })),
  );
  const report = await runGate({ url, rules: JSON.stringify({ version: 1, rules }, null, 1) });
  assert.deepEqual(
    report.results.filter(({ outcome }) => outcome !== 'held'),
    [],
  );
});
