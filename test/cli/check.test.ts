import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { reportSchema, type Report } from '../../src/report/report.ts';
import { runCli, type CliRun } from '../support/cli.ts';
import { seedTables } from '../support/seed-tables.ts';
import { createDatabase, createRole, createTemplate, testServer } from '../support/server.ts';

const PACK = path.resolve('rules/workspace-isolation.yml');
const template = await createTemplate(seedTables);
const folder = mkdtempSync(path.join(tmpdir(), 'rowgate-cli-'));
after(() => rmSync(folder, { recursive: true }));

function rulesFile(text: string, name = 'rules.yml'): string {
  writeFileSync(path.join(folder, name), text);
  return name;
}

const onTable = (body: string): string => `version: 1\nrules:\n  - id: a-rule\n    kind: not_null\n${body}`;
const NO_STACK = /\n\s+at .*[:(]\d+/;

function readReport(run: CliRun): Report {
  assert.doesNotMatch(run.stderr, NO_STACK);
  return reportSchema.parse(JSON.parse(run.stdout));
}

async function checkJson(url: string, rules: string, args: readonly string[] = []): Promise<Report> {
  const run = await runCli(['check', '--rules', rules, '--database-url', url, '--format', 'json', ...args], {
    cwd: folder,
  });
  const report = readReport(run);
  assert.equal(run.exitCode, report.exitCode);
  return report;
}

for (const driver of ['pg', 'postgres']) {
  test(`a clean database exits with 0 (${driver})`, async () => {
    const database = await template.createDatabase();
    const report = await checkJson(database.url, PACK, ['--phase', '2', '--driver', driver]);
    assert.equal(report.verdict, 'clean');
    assert.equal(report.exitCode, 0);
    assert.equal(report.target?.database, database.name);
    assert.match(report.target?.snapshotLsn ?? '', /^[0-9A-F]+\/[0-9A-F]+$/);
  });

  test(`a broken database exits with 1, with counts, classes and keys (${driver})`, async () => {
    const database = await template.createDatabase();
    await database.run('update policies set workspace_id = workspace_id % 20 + 1 where id <= 3');
    const report = await checkJson(database.url, PACK, ['--phase', '2', '--driver', driver]);
    assert.equal(report.exitCode, 1);
    const [broken, ...more] = report.results.filter(
      ({ outcome, enforced }) => outcome === 'broken' && enforced,
    );
    assert.deepEqual(more, []);
    assert.deepEqual(broken?.violations, { count: 3, exact: true });
    assert.equal(broken?.classes['different'], 3);
    assert.deepEqual(broken?.samples.map(({ key }) => key['id']).toSorted(), ['1', '2', '3']);
  });

  test(`a table that may not be read is unknown, the others are measured, and the run exits with 2 (${driver})`, async () => {
    const database = await template.createDatabase();
    const role = await createRole();
    await database.run(
      `grant select on all tables in schema public to ${role.name}; revoke select on findings from ${role.name}`,
    );
    const report = await checkJson(database.urlFor(role.name, role.password), PACK, [
      '--phase',
      '2',
      '--driver',
      driver,
    ]);
    assert.equal(report.exitCode, 2);
    const unknown = report.results.filter(({ outcome }) => outcome === 'unknown');
    assert.ok(unknown.length > 0);
    for (const result of unknown) {
      assert.equal(result.table, 'public.findings');
      assert.equal(result.problem?.code, 'privilege-missing');
      assert.equal(result.violations, null);
    }
  });

  test(`a server that goes away in mid-run leaves unknown checks and exit code 2 (${driver})`, async () => {
    const database = await createDatabase(`
      create view slow as select i as id, length(pg_sleep(0.1)::text) as value from generate_series(1, 200) i;
      create table quick (id bigint primary key, value bigint); insert into quick values (1, 1)`);
    const rules = rulesFile(onTable('    tables: [quick, slow]\n    column: value\n'), `gone-${driver}.yml`);
    const terminate = `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and wait_event = 'PgSleep'`;
    const run = runCli(
      [
        'check',
        '--rules',
        rules,
        '--database-url',
        database.url,
        '--format',
        'json',
        '--driver',
        driver,
        '--max-connections',
        '1',
      ],
      { cwd: folder },
    );
    const killed = (async () => {
      for (let tries = 0; tries < 200; tries += 1) {
        if ((await database.rows(terminate)).length > 0) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.fail('the slow check never began');
    })();
    const [{ stdout, stderr, exitCode }] = await Promise.all([run, killed]);
    const report = readReport({ stdout, stderr, exitCode });
    assert.equal(exitCode, 2);
    assert.deepEqual(
      report.results.map(({ table, outcome }) => [table, outcome]),
      [
        ['public.quick', 'held'],
        ['public.slow', 'unknown'],
      ],
    );
    assert.equal(report.results[1]?.problem?.code, 'connection-lost');
  });
}

test('SIGINT ends the run within seconds, and what was measured is reported', async () => {
  const database = await createDatabase(`
    create view slow as select i as id, length(pg_sleep(0.1)::text) as value from generate_series(1, 600) i;
    create table quick (id bigint primary key, value bigint)`);
  const rules = rulesFile(onTable('    tables: [quick, slow]\n    column: value\n'), 'cancel.yml');
  const active = `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and wait_event = 'PgSleep'`;
  let pid = 0;
  const run = runCli(
    ['check', '--rules', rules, '--database-url', database.url, '--format', 'json', '--max-connections', '1'],
    { cwd: folder, onStart: (started) => (pid = started) },
  );
  for (let tries = 0; tries < 200 && (await database.rows(active)).length === 0; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 50));
  process.kill(pid, 'SIGINT');
  const report = readReport(await run);
  assert.deepEqual(
    report.results.map(({ outcome }) => outcome),
    ['held', 'unknown'],
  );
  assert.equal(report.results[1]?.problem?.code, 'cancelled');
  assert.equal(report.exitCode, 2);
  assert.deepEqual(await database.rows(active), []);
});

test('an unreachable server exits with 2, and every rule and table stands in the report as unknown', async () => {
  const report = await checkJson('postgres://someone:secret-word@127.0.0.1:1/db', PACK, ['--phase', '2']);
  assert.equal(report.exitCode, 2);
  assert.equal(report.verdict, 'incomplete');
  assert.equal(report.target, null);
  assert.ok(report.results.length > 50);
  assert.ok(report.results.every(({ outcome, violations }) => outcome === 'unknown' && violations === null));
  assert.equal(report.problems[0]?.code, 'connection-failed');
  assert.ok(!JSON.stringify(report).includes('secret-word'));
});

const badConnections: readonly [title: string, url: (good: string) => string, code: string][] = [
  ['an empty URL', () => '', 'connection-invalid'],
  ['a URL of blanks', () => '  ', 'connection-invalid'],
  ['a URL that is none', () => 'localhost/app', 'connection-invalid'],
  ['a URL without a database', () => 'postgres://u@127.0.0.1', 'connection-invalid'],
  ['a wrong password', (good) => good.replace(/:[^:@/]+@/, ':wrong-word@'), 'authentication-failed'],
  [
    'a database that is not there',
    (good) => good.replace(/\/[^/]*$/, '/no_such_database'),
    'database-missing',
  ],
];
for (const [title, urlOf, code] of badConnections) {
  test(`${title} is refused with one clear message and exit code 3`, async () => {
    const { url } = await testServer();
    const report = await checkJson(urlOf(url), PACK, ['--phase', '2']);
    assert.equal(report.exitCode, 3);
    assert.equal(report.problems.length, 1);
    assert.equal(report.problems[0]?.code, code);
    assert.ok(!JSON.stringify(report).includes('wrong-word'));
  });
}

const tables = '    tables: [policies]\n';
const badRules: readonly [title: string, text: string | undefined, message: RegExp][] = [
  ['no such file', undefined, /nowhere\.yml: there is no such file/],
  ['an empty file', '', /rules\.yml:1:1: the file is empty/],
  ['tab indentation', 'version: 1\nrules:\n\t- id: a', /rules\.yml:3:\d+: .*tab/],
  [
    'a duplicate key',
    onTable(`${tables}    column: id\n    column: id\n`),
    /rules\.yml:7:5: the key 'column' stands twice/,
  ],
  [
    'an unknown key',
    onTable(`${tables}    column: id\n    severty: error\n`),
    /rules\.yml:7:5: unknown key 'severty' \(did you mean 'severity'\?\)/,
  ],
  [
    'a wrong type',
    onTable(`${tables}    column: 7\n`),
    /rules\.yml:6:13: 'column' must be text: write it in quotes, "7"/,
  ],
  ['an alias bomb', `a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n`, /anchors and aliases are not allowed/],
  [
    'an unknown table',
    onTable('    tables: [polices]\n    column: id\n'),
    /rules\.yml:5:14: unknown table 'polices' in schema public \(did you mean 'policies'\?\)/,
  ],
  [
    'an unknown column',
    onTable(`${tables}    column: workspce_id\n`),
    /rules\.yml:6:13: unknown column 'workspce_id' in public\.policies \(did you mean 'workspace_id'\?\)/,
  ],
  [
    'an unknown kind',
    'version: 1\nrules:\n  - id: a\n    kind: not_nul\n    tables: [policies]\n',
    /rules\.yml:4:11: unknown kind 'not_nul' \(did you mean 'not_null'\?\)/,
  ],
  [
    'an unknown phase of a rule',
    onTable(`${tables}    column: id\n    enforce_from: "9"\n`),
    /rules\.yml:7:19: unknown phase '9'/,
  ],
];
for (const [title, text, message] of badRules) {
  test(`${title} is refused at its line, with exit code 3`, async () => {
    const database = await template.createDatabase();
    const file = text === undefined ? 'nowhere.yml' : rulesFile(text);
    const run = await runCli(['check', '--rules', file, '--database-url', database.url], { cwd: folder });
    assert.equal(run.exitCode, 3);
    assert.match(run.stdout, message);
    assert.doesNotMatch(run.stdout + run.stderr, NO_STACK);
  });
}

test('a glob that matches nothing, and a file of 10 MB, are refused with exit code 3', async () => {
  const nothing = await runCli(['rules', '--rules', 'none/*.yml'], { cwd: folder });
  assert.equal(nothing.exitCode, 3);
  assert.match(nothing.stdout, /no file matches 'none\/\*\.yml'/);
  const huge = await runCli(['rules', '--rules', rulesFile('#'.repeat(10_000_000), 'huge.yml')], {
    cwd: folder,
  });
  assert.equal(huge.exitCode, 3);
  assert.match(huge.stdout, /huge\.yml: has 10000000 bytes/);
});

test('text joined with uuid is an error of the rule, found before any row is read', async () => {
  const database = await createDatabase(`
    create table parent (id uuid primary key, tenant int);
    create table child (id int primary key, parent_id text, tenant int)`);
  const file = rulesFile(`version: 1
rules:
  - id: a-rule
    kind: matches_parent
    tables: [child]
    parent: parent
    on: { parent_id: id }
    match: { tenant: tenant }
`);
  const run = await runCli(['check', '--rules', file, '--database-url', database.url], { cwd: folder });
  assert.equal(run.exitCode, 3);
  assert.match(run.stdout, /rules\.yml:7:9: .*operator does not exist: uuid = text/i);
});

test('reserved words, mixed case, spaces, quotes and 63 bytes are names like any other', async () => {
  const names = ['order', 'MixedCase', 'with space', 'quo"te', 'ü'.repeat(31) + 'x', 'a.dot'];
  const database = await createDatabase(
    names
      .map((name) => `create table "${name.replaceAll('"', '""')}" ("select" int, "Id" int primary key)`)
      .join(';'),
  );
  const rules = { version: 1, rules: [{ id: 'a-rule', kind: 'not_null', tables: names, column: 'select' }] };
  const report = await checkJson(database.url, rulesFile(JSON.stringify(rules), 'names.yml'));
  assert.deepEqual(
    report.results.map(({ table, outcome }) => [table, outcome]),
    names.map((name) => [`public.${name}`, 'held']),
  );
});

test('bad options are refused with what is allowed, and exit code 3', async () => {
  const cases: [string[], RegExp][] = [
    [['check', '--max-connections', 'many'], /--max-connections: 'many' is not a whole number from 1 to 64/],
    [['check', '--statement-timeout', '30'], /--statement-timeout: '30' is not a duration/],
    [['check', '--fail-on', 'sometimes'], /Allowed choices are error, warning, never/],
    [['check', '--phse', '2'], /Did you mean --phase\?/],
    [['chek'], /Did you mean check\?/],
  ];
  for (const [args, message] of cases) {
    const run = await runCli(args, { cwd: folder });
    assert.equal(run.exitCode, 3, args.join(' '));
    assert.match(run.stderr, message);
    assert.doesNotMatch(run.stderr, NO_STACK);
  }
  const database = await template.createDatabase();
  for (const [args, message] of [
    [['--phase', '22'], /unknown phase '22'/],
    [['--only', 'audit-rows'], /no rule has the id 'audit-rows'/],
  ] as const) {
    const run = await runCli(['check', '--rules', PACK, '--database-url', database.url, ...args], {
      cwd: folder,
    });
    assert.equal(run.exitCode, 3);
    assert.match(run.stdout, message);
  }
});

test('fail-on says from which severity on a broken rule fails; never still tells what could not be measured', async () => {
  const database = await createDatabase(
    'create table t (id int primary key, a int); insert into t values (1, null)',
  );
  const file = rulesFile(`${onTable('    tables: [t]\n    column: a\n')}    severity: warning\n`, 'warn.yml');
  const codes = [];
  for (const failOn of ['error', 'warning', 'never'])
    codes.push((await checkJson(database.url, file, ['--fail-on', failOn])).exitCode);
  assert.deepEqual(codes, [0, 1, 0]);
  const role = await createRole();
  const unreadable = await checkJson(
    database.urlFor(role.name, role.password),
    rulesFile(onTable('    tables: [t]\n    column: a\n')),
    ['--fail-on', 'never'],
  );
  assert.equal(unreadable.exitCode, 2);
});

test('with --format json stdout is the report alone, --report-dir writes the same, and PG* variables name the database', async () => {
  const database = await template.createDatabase();
  const { hostname, port, username, password } = new URL(database.url);
  const env = {
    PGHOST: hostname,
    PGPORT: port,
    PGUSER: username,
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: database.name,
  };
  const run = await runCli(
    ['check', '--rules', PACK, '--phase', '2', '--format', 'json', '--report-dir', 'out/deep'],
    { cwd: folder, env },
  );
  const report = readReport(run);
  assert.deepEqual(JSON.parse(readFileSync(path.join(folder, 'out/deep/report.json'), 'utf8')), report);
  assert.match(run.stderr, /Clean: \d+ checks held/);
});

test('a DATABASE_URL that is empty is refused, never dialled as localhost', async () => {
  const run = await runCli(['check', '--rules', PACK, '--phase', '2'], {
    cwd: folder,
    env: { DATABASE_URL: '', PGHOST: '127.0.0.1' },
  });
  assert.equal(run.exitCode, 3);
  assert.match(run.stdout, /empty/);
});

test('rowgate rules checks the shipped pack without a database', async () => {
  const run = await runCli(['rules', '--rules', PACK]);
  assert.equal(run.exitCode, 0);
  assert.match(run.stdout, /1 file: \d+ rules, no problem/);
});
