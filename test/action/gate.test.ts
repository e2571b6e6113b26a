import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { reportSchema } from '../../src/report/report.ts';
import { startGithubApi } from '../support/github-api.ts';
import { runAction, type ActionOptions, type ActionRun } from '../support/runner-emulator.ts';
import { assertSarif } from '../support/sarif-schema.ts';
import { seedTables } from '../support/seed-tables.ts';
import { createDatabase, createTemplate } from '../support/server.ts';

const actionFolder = path.resolve('.');
const pack = readFileSync('rules/workspace-isolation.yml', 'utf8');
const template = await createTemplate(seedTables);
const damage =
  'update policies set workspace_id = workspace_id % 20 + 1 where id <= 3; update findings set workspace_id = null where id <= 4';

function gate(url: string, options: Partial<ActionOptions> = {}): Promise<ActionRun> {
  return runAction({
    actionFolder,
    files: { 'rules/workspace-isolation.yml': pack },
    ...options,
    inputs: { 'database-url': url, phase: '2', ...options.inputs },
  });
}

const lineOf = (id: string): number => pack.split('\n').findIndex((line) => line.includes(`id: ${id}`)) + 1;

test('a broken database fails the step, with annotations on the rules, a summary, outputs and a report', async () => {
  const database = await template.createDatabase();
  await database.run(damage);
  const run = await gate(database.url);
  assert.equal(run.exitCode, 1, run.log);
  const errors = run.annotations.filter(({ level }) => level === 'error');
  assert.deepEqual(
    errors.map(({ title, file, line }) => [title, file, line]),
    [
      [
        'rows-agree-with-their-tenant: 3 violations in 1 table',
        'rules/workspace-isolation.yml',
        lineOf('rows-agree-with-their-tenant'),
      ],
      [
        'tenant-owned-rows-have-a-workspace: 4 violations in 1 table',
        'rules/workspace-isolation.yml',
        lineOf('tenant-owned-rows-have-a-workspace'),
      ],
    ],
  );
  assert.match(errors[0]?.message ?? '', /public\.policies: 3; different 3/);
  assert.match(run.summary ?? '', /❌ Rowgate: Broken: 2 rules broken on 2 checks/);
  assert.equal(run.outputs['verdict'], 'broken');
  assert.equal(run.outputs['rules-run'], '15');
  const report = reportSchema.parse(JSON.parse(run.read(run.outputs['report-path'] ?? '') ?? ''));
  assert.equal(report.exitCode, 1);
  assertSarif(JSON.parse(run.read(run.outputs['sarif-path'] ?? '') ?? ''));
  assert.match(run.read(run.outputs['junit-path'] ?? '') ?? '', /<testsuites .* failures="2" errors="0"/);
  assert.match(run.read(run.outputs['html-path'] ?? '') ?? '', /<h1>Broken/);
  assert.deepEqual(
    report.results.flatMap(({ samples }) => samples),
    [],
    'the Action shows no keys unless asked',
  );
  assert.deepEqual(
    report.channels.map(({ name, state }) => [name, state]),
    [
      ['log', 'ok'],
      ['check-run', 'skipped'],
      ['annotations', 'ok'],
      ['summary', 'ok'],
      ['comment', 'skipped'],
      ['report.sarif', 'ok'],
      ['report.junit.xml', 'ok'],
      ['report.html', 'ok'],
      ['report.json', 'ok'],
    ],
  );
});

test('a clean database passes the step and says so', async () => {
  const database = await template.createDatabase();
  const run = await gate(database.url);
  assert.equal(run.exitCode, 0, run.log);
  assert.equal(run.outputs['verdict'], 'clean');
  assert.match(run.summary ?? '', /✅ Rowgate: Clean/);
  assert.deepEqual(
    run.annotations.filter(({ level }) => level !== 'notice'),
    [],
  );
});

test('an empty database-url, as an unset secret leaves it, is refused and never dialled', async () => {
  const run = await gate('', { env: { PGHOST: '127.0.0.1', DATABASE_URL: 'postgres://127.0.0.1/x' } });
  assert.equal(run.exitCode, 3);
  assert.equal(run.outputs['verdict'], 'incomplete');
  assert.match(run.annotations[0]?.message ?? '', /empty/);
});

test('an unreachable server is could-not-tell, and neither URL nor password stands in the log', async () => {
  const run = await gate('postgres://someone:p%40ss-word-xyz@127.0.0.1:1/db');
  assert.equal(run.exitCode, 2);
  assert.equal(run.outputs['sarif-path'], '', 'code scanning would close its alerts');
  assert.match(run.read('rowgate-report/report.sarif') ?? '', /Not measured: /);
  for (const secret of ['p%40ss-word-xyz', 'p@ss-word-xyz']) {
    assert.ok(run.masks.includes(secret), secret);
    for (const text of [run.log, run.summary ?? '', ...run.files.values()]) assert.ok(!text.includes(secret));
  }
});

test('more than ten broken rules: nine are annotated, the tenth place counts the rest, and the report says degraded', async () => {
  const database = await createDatabase(
    'create table t (id int primary key, a int); insert into t values (1, null)',
  );
  const rules = Array.from({ length: 25 }, (_, i) => ({
    id: `rule-${i}`,
    kind: 'not_null',
    tables: ['t'],
    column: 'a',
  }));
  const run = await gate(database.url, {
    files: { 'rules/many.yml': JSON.stringify({ version: 1, phases: ['2'], rules }) },
  });
  assert.equal(run.annotations.length, 10);
  assert.equal(run.annotations[9]?.title, 'and 16 more');
  assert.deepEqual(run.droppedAnnotations, { error: 0, warning: 0, notice: 0 });
  assert.equal(run.outputs['degraded'], 'annotations');
  assert.match(run.summary ?? '', /rule-24/);
});

test('with annotations: changed a break stands on the first added line of a changed file that the rule names', async () => {
  const database = await createDatabase(
    'create table t (id int primary key, a int); insert into t values (1, null)',
  );
  const rules = [
    { id: 'named', kind: 'not_null', tables: ['t'], column: 'a', paths: ['migrations/**'] },
    { id: 'unnamed', kind: 'not_null', tables: ['t'], column: 'a' },
  ];
  const pulls = [
    {
      number: 7,
      headSha: 'a'.repeat(40),
      files: [{ filename: 'migrations/1.sql', patch: '@@ -1,2 +1,3 @@\n one\n+two\n three' }],
    },
  ];
  const api = await startGithubApi({ repository: 'o/r', pulls });
  const payload = {
    repository: { full_name: 'o/r', private: true },
    pull_request: {
      number: 7,
      head: { sha: 'a'.repeat(40), repo: { full_name: 'o/r' } },
      base: { repo: { full_name: 'o/r' } },
    },
  };
  const options = {
    inputs: { annotations: 'changed', phase: '' },
    env: { GITHUB_API_URL: api.url, GITHUB_REPOSITORY: 'o/r' },
    event: { name: 'pull_request', payload },
    files: { 'rules/two.yml': JSON.stringify({ version: 1, rules }) },
  };
  try {
    const run = await gate(database.url, options);
    assert.deepEqual(
      run.annotations.map(({ file, line }) => [file, line]),
      [
        ['migrations/1.sql', 2],
        ['rules/two.yml', 1],
      ],
    );
    api.state.access = 'none';
    const refused = await gate(database.url, options);
    assert.equal(refused.exitCode, 1, 'a channel never changes the verdict');
    assert.deepEqual(
      refused.annotations.filter(({ level }) => level === 'error').map(({ file }) => file),
      ['rules/two.yml', 'rules/two.yml'],
    );
  } finally {
    await api.close();
  }
});

test('a changed migration that rows would fail is annotated on its line, and one that did not change is not', async () => {
  const database = await createDatabase(
    'create table t (id int primary key, a int); insert into t values (1, null)',
  );
  const statement = 'alter table t alter a set not null;';
  const files = [{ filename: 'db/2.sql', patch: `@@ -0,0 +1,2 @@\n+-- now\n+${statement}` }];
  const api = await startGithubApi({
    repository: 'o/r',
    pulls: [{ number: 7, headSha: 'a'.repeat(40), files }],
  });
  const payload = {
    repository: { full_name: 'o/r', private: true },
    pull_request: {
      number: 7,
      head: { sha: 'a'.repeat(40), repo: { full_name: 'o/r' } },
      base: { repo: { full_name: 'o/r' } },
    },
  };
  const rules = [{ id: 'ids', kind: 'not_null', tables: ['t'], column: 'id' }];
  const options = {
    inputs: { migrations: 'db/*.sql', phase: '' },
    env: { GITHUB_API_URL: api.url, GITHUB_REPOSITORY: 'o/r' },
    event: { name: 'pull_request', payload },
    files: {
      'rules/one.yml': JSON.stringify({ version: 1, rules }),
      'db/1.sql': statement,
      'db/2.sql': `-- now\n${statement}`,
    },
  };
  try {
    const run = await gate(database.url, options);
    assert.deepEqual(
      run.annotations.map(({ title, file, line }) => [title, file, line]),
      [['migration:db/2.sql:2: 1 row would fail here', 'db/2.sql', 2]],
    );
    assert.equal(run.exitCode, 1);
    api.state.access = 'none';
    const unread = await gate(database.url, options);
    assert.equal(unread.outputs['verdict'], 'incomplete', 'changes that nobody can read are no pass');
  } finally {
    await api.close();
  }
});

test('names from the database and texts from rules run no workflow command', async () => {
  const table = '::error::x ##[error]y <!-- @someone |`';
  const database = await createDatabase(
    `create table "${table}" (id int primary key, a int); insert into "${table}" values (1, null)`,
  );
  const rules = [
    {
      id: 'a-rule',
      kind: 'not_null',
      tables: [table],
      column: 'a',
      why: '::set-output name=verdict::clean',
      remedy: '\n::add-mask::broken',
    },
  ];
  const run = await gate(database.url, {
    inputs: { phase: '' },
    files: { 'rules/hostile.yml': JSON.stringify({ version: 1, rules }) },
  });
  assert.equal(run.exitCode, 1);
  assert.equal(run.annotations.length, 1);
  assert.equal(run.outputs['verdict'], 'broken');
  assert.ok(!run.masks.includes('broken'));
  assert.ok(!(run.summary ?? '').includes('@someone'));
});

test('bad inputs are refused by name, with exit code 3', async () => {
  for (const [inputs, message] of [
    [{ mode: 'backfil' }, /mode: 'backfil' is not one of check/],
    [{ 'raw-sql': 'always' }, /raw-sql: 'always' is not one of base-only, run/],
    [{ summary: 'sometimes' }, /summary: 'sometimes' is not one of always, on-failure, never/],
    [{ samples: '-1' }, /samples: '-1' is not a whole number/],
  ] as const) {
    const run = await gate('postgres://u:p@127.0.0.1:1/db', { inputs });
    assert.equal(run.exitCode, 3);
    assert.match(run.annotations[0]?.message ?? '', message);
  }
});

test('keys that a public repository would show are warned of, and no others', async () => {
  const { url } = await template.createDatabase();
  const warned = async (isPrivate: boolean, samples: string): Promise<boolean> => {
    const event = { name: 'push', payload: { repository: { full_name: 'acme/shop', private: isPrivate } } };
    const { log } = await gate(url, { event, inputs: { samples } });
    return log.includes('warning: samples are on and this repository is public');
  };
  assert.deepEqual(await Promise.all([warned(false, '5'), warned(false, '0'), warned(true, '5')]), [
    true,
    false,
    false,
  ]);
});

test('a cancelled job still writes its summary and outputs', async () => {
  const database = await createDatabase(
    'create view slow as select i as id, length(pg_sleep(0.1)::text) as a from generate_series(1, 600) i',
  );
  const rules = [{ id: 'a-rule', kind: 'not_null', tables: ['slow'], column: 'a' }];
  const run = await gate(database.url, {
    inputs: { phase: '' },
    files: { 'rules/slow.yml': JSON.stringify({ version: 1, rules }) },
    signalAfter: /connected to/,
  });
  assert.deepEqual(run.signals, ['SIGINT']);
  assert.equal(run.outputs['verdict'], 'incomplete');
  assert.match(run.summary ?? '', /Incomplete/);
  assert.deepEqual(
    await database.rows(
      `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    ),
    [],
  );
});
