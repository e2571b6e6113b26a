import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { DRIVERS } from '../../src/postgres/database.ts';
import { reportSchema } from '../../src/report/report.ts';
import { runCli } from '../support/cli.ts';
import { runAction, type ActionRun } from '../support/runner-emulator.ts';
import { createDatabase, createRole } from '../support/server.ts';

/** Stands in rows, in no key. Long enough to be no accident, and a text that every cast of ours fails on. */
const SECRET = 'swordfish-4242-secret';

const database = await createDatabase(`
  create table person (id int primary key, email text, n int, doc text, check (id > 0));
  insert into person values (1, '${SECRET}', null, '{"${SECRET}"'), (2, '${SECRET}', 1, null);
  create table no_key (id int, email text, n int); insert into no_key values (1, '${SECRET}', null);
  create view cast_error as select id, email::int as n from person;
  create view json_error as select id, doc::json as n from person;
  create view date_error as select id, email::date as n from person;
  create view uuid_error as select id, email::uuid as n from person;
  create view bytes_error as select id, decode(email, 'hex') as n from person;
  create view encoding_error as select id, convert_from(decode('ff', 'hex') || email::bytea, 'UTF8') as n from person;
  create view class_error as select id, email::regclass::text as n from person;
  create view role_error as select id, email::regrole::text as n from person;
  create view pattern_error as select id, 'x' ~ ('(' || email) as n from person;
  create view range_error as select id, repeat(email, -1)::int as n from person;
  create function raised(text) returns int language plpgsql as $$ begin raise exception '%', $1 using detail = $1, hint = $1, errcode = 'P0001'; end $$;
  create function raised_as(text, text) returns int language plpgsql as $$ begin raise exception '%', $1 using detail = $1, hint = $1, errcode = $2, column = $1, table = $1, constraint = $1; end $$;
  create function noted(text) returns int language plpgsql as $$ begin raise notice '%', $1; raise warning '%', $1; return null; end $$;
  create view raise_error as select id, raised(email) as n from person;
  ${[
    '22P02',
    '23505',
    '23514',
    '42501',
    '42883',
    '42P01',
    '42703',
    '42601',
    '25006',
    '53200',
    '57014',
    '57P01',
    '0A000',
    '40001',
    'XX000',
    '55000',
    '08006',
    '28P01',
    '3D000',
  ]
    .map(
      (code) =>
        `create view raise_${code.toLowerCase()} as select id, raised_as(email, '${code}') as n from person;`,
    )
    .join('\n')}
  create view notices as select id, noted(email) as n from person;
  create domain checked as text check (value not like 'swordfish%');
  create view domain_error as select id, email::checked as n from person;`);

const password = 'p@ss/word#&"é %41~xyz';
const role = await createRole('bypassrls in role pg_read_all_data');
await database.run(`alter role ${role.name} password '${password}'`);

/** The secret and the password in every form that somebody could read them from. */
const FORMS = [SECRET, password, encodeURIComponent(password), new URL(Object.assign(new URL('http://h'), { password })).password]
  .flatMap((text) => [text, Buffer.from(text).toString('base64').replace(/=*$/, '').slice(0, -2), Buffer.from(text).toString('hex')]); // prettier-ignore

const views = (await database.rows(`select relname from pg_class where relkind = 'v' and relnamespace = 'public'::regnamespace order by 1`)).map(({ relname }) => String(relname)); // prettier-ignore

/** Everything that finds a row with the secret in it, or stumbles over it. */
const rules = {
  version: 1,
  rules: [
    ...['person', 'no_key', ...views].map((table, i) => ({ id: `null-${i}`, kind: 'not_null', tables: [table], column: 'n' })),
    { id: 'cast', kind: 'implies', tables: ['person'], when: 'email::int > 0', then: 'n > 0' },
    { id: 'json', kind: 'implies', tables: ['person'], when: "doc::json ->> 'a' = 'b'", then: 'n > 0' },
    { id: 'date', kind: 'implies', tables: ['person'], when: "to_date(email, 'YYYY') is null", then: 'n > 0' },
    { id: 'broken', kind: 'implies', tables: ['person'], when: 'email is not null', then: 'n > 5' },
    { id: 'both', kind: 'exactly_one_of', tables: ['person'], columns: ['email', 'n'] },
    { id: 'query', kind: 'query', query: 'select id, email from public.person', key: ['id'] },
    { id: 'no-key', kind: 'query', query: 'select id, email from public.person' },
    { id: 'query-cast', kind: 'query', query: 'select id, email::int from public.person order by 2' },
    { id: 'sum', kind: 'query', query: 'select sum(email::numeric) from public.person' },
  ],
}; // prettier-ignore

const folder = mkdtempSync(path.join(tmpdir(), 'rowgate-leaks-'));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(path.join(folder, 'rules.yml'), JSON.stringify(rules));

const counts = { tried: 0, kept: 0 };

function assertKept(outputs: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(outputs)) {
    for (const form of FORMS) {
      counts.tried += 1;
      const at = text.indexOf(form);
      assert.equal(at, -1, `${name} tells ${form}: ...${text.slice(Math.max(0, at - 200), at + 50)}`);
      counts.kept += 1;
    }
  }
}

for (const driver of DRIVERS) {
  test(`the command line shows keys, and no other value of a row, nor the password (${driver})`, async () => {
    const args = ['--rules', 'rules.yml', '--driver', driver, '--report-dir', 'out', '--samples', '100'];
    for (const format of ['text', 'json']) {
      const { hostname, port } = new URL(database.url);
      const url = `postgres://${role.name}:${encodeURIComponent(password)}@${hostname}:${port}/${database.name}`;
      const run = await runCli(['check', '--format', format, '--database-url', url, ...args], {
        cwd: folder,
      });
      assert.equal(run.exitCode, 1, run.stderr);
      assertKept({ stdout: run.stdout, stderr: run.stderr });
      assert.match(run.stdout, format === 'json' ? /"id": "2"/ : /id=2/);
      if (format === 'text') continue;
      const report = reportSchema.parse(JSON.parse(run.stdout));
      const keys = report.results.flatMap(({ samples }) => samples.flatMap(({ key }) => Object.keys(key)));
      assert.deepEqual([...new Set(keys)].toSorted(), ['ctid', 'id']);
      const unknown = report.results.filter(({ outcome }) => outcome === 'unknown').length;
      assert.ok(unknown > 25, `${unknown} stumbled over the secret`);
    }
  });

  test(`the Action shows no value of a row, nor the password (${driver})`, async () => {
    const { hostname, port } = new URL(database.url);
    const url = `postgres://${role.name}:${encodeURIComponent(password)}@${hostname}:${port}/${database.name}`;
    const files = { 'rules/leaks.yml': JSON.stringify(rules) };
    const inputs = { 'database-url': url, driver, samples: '5' };
    const run = await runAction({ actionFolder, inputs, files });
    assert.equal(run.exitCode, 1, run.log);
    const written = [...run.files].filter(([name]) => !name.endsWith('leaks.yml'));
    assert.ok(written.some(([name]) => name.endsWith('report.json')));
    assertKept({ ...said(run), ...Object.fromEntries(written), summary: run.summary ?? '' });
  });
}

const actionFolder = path.resolve('.');

/** What a run says on its streams and in annotations. What it tells the runner to mask is in commands that no log shows. */
function said({ log, stdoutRaw, stderrRaw, annotations }: ActionRun): Record<string, string> {
  const shown = stdoutRaw.split('\n').filter((line) => !line.startsWith('::add-mask::'));
  return { log, stdout: shown.join('\n'), stderr: stderrRaw, annotations: JSON.stringify(annotations) };
}

/** A connection that fails in each way, with a password that must not be told. */
const failing = (port: string) => [
  `postgres://u:${encodeURIComponent(password)}@127.0.0.1:1/d`,
  `postgres://u:${encodeURIComponent(password)}@127.0.0.1:${port}/d`,
  `postgres://u:${encodeURIComponent(password)}@127.0.0.1:${port}/d?sslmode=verify-full`,
  `postgres://u:${encodeURIComponent(password)}@no-such-host.invalid/d`,
  `postgres://u:${encodeURIComponent(password)}@127.0.0.1:99999/d`,
  `postgres://u:${encodeURIComponent(password)}@127.0.0.1/d?nope=1`,
  `postgres://u:${encodeURIComponent(password)}@127.0.0.1/`,
  `mysql://u:${encodeURIComponent(password)}@127.0.0.1/d`,
  `postgres://u:${password}@127.0.0.1/d`,
  `"postgres://u:${encodeURIComponent(password)}@127.0.0.1/d"`,
  `host=127.0.0.1 password=${password} user=u dbname=d`,
];

for (const driver of DRIVERS) {
  test(`a connection that fails tells no password (${driver})`, async () => {
    const urls = failing(new URL(database.url).port);
    // The driver has no part in what is no URL.
    const tries = (driver === 'pg' ? urls : urls.slice(1, 2)).map(async (url) => {
      const args = ['check', '--rules', 'rules.yml', '--driver', driver];
      const { exitCode, stdout, stderr } = await runCli(args, { cwd: folder, env: { DATABASE_URL: url } });
      assert.ok([2, 3].includes(exitCode ?? 0), stdout);
      assertKept({ stdout, stderr });
    });
    await Promise.all(tries);
  });
}

test('an Action whose connection fails tells no password', async () => {
  const files = { 'rules/leaks.yml': JSON.stringify(rules) };
  const urls = failing(new URL(database.url).port).slice(1, 5);
  const tries = urls.map(async (url) => {
    const run = await runAction({ actionFolder, inputs: { 'database-url': url }, files });
    assert.ok([2, 3].includes(run.exitCode), run.log);
    assertKept({ ...said(run), summary: run.summary ?? '' });
  });
  await Promise.all(tries);
});

test('every secret was kept', (t) => {
  t.diagnostic(`secrets in outputs: ${counts.tried} tried, ${counts.kept} kept`);
  assert.ok(counts.tried > 500);
  assert.equal(counts.kept, counts.tried);
});
