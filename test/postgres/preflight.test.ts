import assert from 'node:assert/strict';
import test from 'node:test';
import type { Report } from '../../src/report/report.ts';
import { runGate } from '../support/run-gate.ts';
import { createDatabase, createRole, createTemplate, testServer } from '../support/server.ts';

const template = await createTemplate(`
  create schema app;
  create table app.a (id int primary key, tenant_id int);
  create table app.b (id int primary key, tenant_id int);
  insert into app.a values (1, 1);
  insert into app.b values (1, 1);`);

const rules = `version: 1
defaults: { schema: app }
rules:
  - { id: a, kind: not_null, tables: [a], column: tenant_id }
  - { id: b, kind: not_null, tables: [b], column: tenant_id }
`;

const warningsOf = ({ warnings }: Report): string[] =>
  warnings.map(({ code, message }) => `${code}: ${message}`);

test('a superuser is warned of, and the run goes on', async () => {
  const { url } = await template.createDatabase();
  const report = await runGate({ url, rules });
  assert.deepEqual(warningsOf(report), [
    'role-can-write: the role postgres can do more than read: it is a superuser',
  ]);
  assert.equal(report.exitCode, 0);
});

test('of a role that can only read nothing is warned', async () => {
  const role = await createRole();
  const database = await template.createDatabase();
  await database.run(
    `grant usage on schema app to ${role.name}; grant select on all tables in schema app to ${role.name};
     revoke create on schema public from public`,
  );
  const report = await runGate({ url: database.urlFor(role.name, role.password), rules });
  assert.deepEqual(warningsOf(report), []);
  assert.equal(report.exitCode, 0);
  assert.equal(report.target?.role, role.name);
});

const powers: Record<string, [attributes: string, grants: string, says: RegExp, from?: number]> = {
  'that may update one column': ['', 'grant update (tenant_id) on app.a to ROLE', /may write to 1 table$/],
  'that may truncate': ['', 'grant truncate on all tables in schema app to ROLE', /may write to 2 tables$/],
  'that may create tables': ['', 'grant create on schema app to ROLE', /may create objects in 1 schema$/],
  'that may create schemas': [
    '',
    "do $$begin execute format('grant create on database %I to ROLE', current_database()); end$$",
    /may create schemas$/,
  ],
  'that may create roles': ['createrole', '', /may create roles$/],
  'that may create databases': ['createdb', '', /may create databases$/],
  'that may start replication': ['replication', '', /may start replication$/],
  'that may run programs': ['in role pg_execute_server_program', '', /may run programs on the server/],
  'that may write through a role it is in': [
    'in role pg_write_all_data',
    '',
    /may write to 2 tables, may write every table/,
    14,
  ],
  'that owns a table': ['', 'alter table app.a owner to ROLE', /may write to 1 table$/],
};

for (const [what, [attributes, grants, says, from = 13]] of Object.entries(powers))
  test(`a role ${what} is warned of`, async (t) => {
    if ((await testServer()).version < from) return t.skip(`PostgreSQL ${from} has this role`);
    const role = await createRole(attributes);
    const database = await template.createDatabase();
    await database.run(
      `grant usage on schema app to ${role.name}; grant select on all tables in schema app to ${role.name};
       revoke create on schema public from public; ${grants.replaceAll('ROLE', role.name)}`,
    );
    const report = await runGate({ url: database.urlFor(role.name, role.password), rules });
    const [warning = ''] = warningsOf(report);
    assert.match(warning, says);
    assert.equal(report.exitCode, 0);
  });

test('tables with policies are named, with what the role lacks; their checks are unknown', async () => {
  const role = await createRole();
  const database = await template.createDatabase();
  await database.run(
    `grant usage on schema app to ${role.name}; grant select on all tables in schema app to ${role.name};
     revoke create on schema public from public;
     alter table app.a enable row level security; create policy mine on app.a using (tenant_id = 1);`,
  );
  const report = await runGate({ url: database.urlFor(role.name, role.password), rules });
  assert.deepEqual(warningsOf(report), [
    `row-security: row-level security hides rows of app.a from the role ${role.name}`,
  ]);
  assert.match(report.warnings[0]?.hint ?? '', new RegExp(`alter role ${role.name} bypassrls`));
  assert.deepEqual(
    report.results.map(({ outcome, problem }) => `${outcome} ${problem?.code ?? ''}`),
    ['unknown row-security', 'held '],
  );
  assert.equal(report.exitCode, 2);
});

test('an owner is not above a policy that is forced on it', async () => {
  const role = await createRole();
  const database = await template.createDatabase();
  await database.run(
    `alter schema app owner to ${role.name}; alter table app.a owner to ${role.name}; grant select on app.b to ${role.name};
     alter table app.a enable row level security; alter table app.a force row level security;`,
  );
  const report = await runGate({ url: database.urlFor(role.name, role.password), rules });
  assert.ok(
    warningsOf(report).includes(
      `row-security: row-level security hides rows of app.a from the role ${role.name}`,
    ),
  );
  assert.equal(report.exitCode, 2);
});

test('a rule that holds for want of rows says so, and the tables are named', async () => {
  const database = await createDatabase(`
    create schema app;
    create table app.a (id int primary key, tenant_id int);
    create table app.b (id int primary key, tenant_id int);
    insert into app.b values (1, 1)`);
  const report = await runGate({ url: database.url, rules });
  assert.deepEqual(
    report.results.map(({ reason }) => reason),
    ['app.a has no row', 'no row of app.b breaks it'],
  );
  assert.ok(
    warningsOf(report).includes(
      'tables-empty: no row in app.a: their rules hold because there is nothing to break them',
    ),
  );
});

test('a phase in which no rule is enforced is clean, and says that nothing can fail', async () => {
  const { url } = await template.createDatabase();
  const later = rules
    .replace('defaults: { schema: app }', 'defaults: { schema: app }\nphases: ["1", "2"]')
    .replaceAll('column: tenant_id', 'column: tenant_id, enforce_from: "2"');
  const report = await runGate({ url, rules: later, phase: '1' });
  assert.equal(report.exitCode, 0);
  assert.ok(warningsOf(report).some((warning) => warning.startsWith('nothing-enforced: ')));
});

test('a schema that a pattern matches and in which a rule checks nothing is named', async () => {
  const database = await createDatabase(`
    create schema tenant_1; create table tenant_1.a (id int primary key, tenant_id int); insert into tenant_1.a values (1, 1);
    create schema tenant_2; create table tenant_2.other (id int);
    create schema tenant_3;
    create schema elsewhere;`);
  const by = (tables: string): string => `version: 1
rules:
  - { id: all, kind: not_null, schema: 'tenant_*', tables: ${tables}, column: tenant_id }
`;
  const said = 'schemas-unchecked: the rule all checks nothing in tenant_2, tenant_3, which its schema';
  const report = await runGate({ url: database.url, rules: by('{ with_column: tenant_id }') });
  assert.deepEqual(
    warningsOf(report).filter((each) => each.startsWith('schemas-unchecked')),
    [`${said} 'tenant_*' matches`],
  );
  assert.equal(report.warnings.find(({ code }) => code === 'schemas-unchecked')?.at?.line, 3);
  await database.run('drop table tenant_2.other; drop schema tenant_2');
  const named = await runGate({ url: database.url, rules: by('[a]') });
  assert.ok(warningsOf(named).some((each) => each.includes('checks nothing in tenant_3,')));
});

test('code of the database that checks run is named: volatile behind views, and what a rule asks for', async () => {
  const database = await createDatabase(`
    create schema app;
    create table app.a (id int primary key, tenant_id int); insert into app.a values (1, 1);
    create function app.now_and_then(int) returns int language sql as 'select $1';
    create function app.as_owner(int) returns int stable security definer language sql as 'select $1';
    create function app.steady(int) returns int immutable language sql as 'select $1';
    create view app.quiet as select id, app.steady(tenant_id) as tenant_id from app.a;
    create view app.inner as select id, app.now_and_then(tenant_id) as tenant_id from app.a;
    create view app.outer as select * from app.inner;`);
  const codeOf = async (...lines: string[]): Promise<string[]> => {
    const text = `version: 1\ndefaults: { schema: app }\nrules:\n${lines.map((line) => `  - { ${line} }\n`).join('')}`;
    const report = await runGate({ url: database.url, rules: text });
    assert.equal(report.exitCode, 0, JSON.stringify(report.problems));
    return warningsOf(report).filter((each) => each.startsWith('runs-database-code'));
  };
  const onView = (view: string): string =>
    `id: ${view}, kind: not_null, tables: [${view}], column: tenant_id`;
  const query = "id: q, kind: query, query: 'select id from app.outer where tenant_id is null'";
  const asOwner =
    'id: own, kind: implies, tables: [a], when: app.as_owner(id) > 5, then: "false", functions: [app.as_owner]';
  const said = (names: string): string =>
    `runs-database-code: checks run functions of this database: ${names}`;
  assert.deepEqual(await codeOf(onView('quiet')), []);
  assert.deepEqual(await codeOf(onView('inner'), onView('quiet')), [said('app.now_and_then(integer)')]);
  assert.deepEqual(await codeOf(query), [said('app.now_and_then(integer)')]);
  assert.deepEqual(await codeOf(asOwner), [said('app.as_owner')]);
});
