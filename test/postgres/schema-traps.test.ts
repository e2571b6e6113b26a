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
const traps: { what: string; sql: string; asks: string; says: string; skip?: typeof skip }[] = [
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

for (const { what, sql, asks: wanted, says, skip = false } of traps) {
  test(`proves nothing: ${what}`, { skip }, async () => {
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
  const rules = `version: 1\nrules:\n  - { id: a, kind: implies, tables: [rows, more], when: md5(id::text) > '0', then: tenant_id > 0, timeout: 1ms }\n`;
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
