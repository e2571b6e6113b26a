import assert from 'node:assert/strict';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { reportSchema, type Report } from '../../src/report/report.ts';
import { startGithubApi, type ApiBlob, type Failure } from '../support/github-api.ts';
import { runAction, type ActionOptions } from '../support/runner-emulator.ts';
import { createTemplate } from '../support/server.ts';

const actionFolder = path.resolve('.');
const BASE = 'b'.repeat(40);
const RUN = 'c'.repeat(40);

const template = await createTemplate(
  `create table orders (id int primary key, tenant_id int, state text);
   insert into orders values (1, null, 'open'), (2, 7, 'closed');
   create table secrets (id int primary key);
   insert into secrets values (42)`,
);

type RuleText = Readonly<Record<string, unknown>>;
const file = (...rules: readonly RuleText[]): string => JSON.stringify({ version: 1, rules });

/** Broken by order 1. */
const strict = { id: 'orders-have-a-tenant', kind: 'not_null', tables: ['orders'], column: 'tenant_id' };
const weakened = { ...strict, where: 'id > 1' };
const harmless = { ...strict, id: 'orders-have-a-state', column: 'state' };
/** Broken whenever it runs; and it reads what nobody reviewed. */
const query = { id: 'reads-secrets', kind: 'query', query: 'select id from public.secrets', key: ['id'] };
const rawWhere = { ...harmless, id: 'calls', tables: ['secrets'], column: 'id', where: "lower('X') = 'x'" };

const shop = { full_name: 'acme/shop', private: true };
const pullRequest = (repo: object | null, name = 'pull_request') => ({
  name,
  payload: {
    repository: shop,
    pull_request: { number: 7, head: { sha: 'd'.repeat(40), repo }, base: { sha: BASE, repo: shop } },
  },
});
const fork = { full_name: 'eve/shop' };
const ofSameRepository = pullRequest(shop);
const workflowRun = (event: string, repo: object) => ({
  name: 'workflow_run',
  payload: { repository: shop, workflow_run: { event, head_repository: repo } },
});

type Setting = {
  readonly event: NonNullable<ActionOptions['event']>;
  /** Of the checkout. */
  readonly head?: Readonly<Record<string, string>>;
  readonly base?: Readonly<Record<string, ApiBlob>>;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly failures?: readonly Failure[];
  readonly env?: Readonly<Record<string, string>>;
};

/** Runs the Action in a workflow whose repository has the base's files at the base commit and at the run's own. */
async function gate(t: TestContext, { event, head = {}, base = {}, inputs, failures = [], env }: Setting) {
  const database = await template.createDatabase();
  const api = await startGithubApi({ repository: 'acme/shop', commits: { [BASE]: base, [RUN]: base } });
  t.after(() => api.close());
  api.fail(...failures);
  const run = await runAction({
    actionFolder,
    files: head,
    inputs: { 'database-url': database.url, comment: 'never', ...inputs },
    env: { GITHUB_API_URL: api.url, GITHUB_SHA: RUN, ...env },
    event,
  });
  const text = run.read('rowgate-report/report.json');
  const report = text === undefined ? undefined : reportSchema.parse(JSON.parse(text));
  // The server counts what a session read when the session ends.
  const others =
    'select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()';
  while ((await database.rows(others)).length > 0) await sleep(20);
  const [row] = await database.rows(
    "select (seq_scan + coalesce(idx_scan, 0))::text as reads from pg_stat_user_tables where relname = 'secrets'",
  );
  return { run, api, report, readsOfSecrets: Number(row?.['reads']) };
}

const outcomes = (report: Report | undefined) =>
  report?.results.map(({ rule, outcome, problem }) => [rule, outcome, problem?.code ?? null]);

const untrusted = {
  'a fork': pullRequest(fork),
  'a deleted fork': pullRequest(null),
  pull_request_target: pullRequest(fork, 'pull_request_target'),
  'pull_request_target of the repository itself': pullRequest(shop, 'pull_request_target'),
  'a run after a pull request of a fork': workflowRun('pull_request', fork),
  'a comment': { name: 'issue_comment', payload: { repository: shop, issue: { pull_request: {} } } },
};
for (const [title, event] of Object.entries(untrusted)) {
  test(`on ${title} the rules are the base's, whatever the checkout holds`, async (t) => {
    const { run, api, report, readsOfSecrets } = await gate(t, {
      event,
      head: { 'rules/a.yml': file(weakened, query), 'rules/b.yml': file(query) },
      base: { 'rules/a.yml': `\n\n${file(strict)}` },
      inputs: { 'raw-sql': 'run' },
    });
    assert.equal(run.exitCode, 1, run.log);
    assert.deepEqual(outcomes(report), [['orders-have-a-tenant', 'broken', null]]);
    assert.equal(readsOfSecrets, 0);
    assert.deepEqual([report?.rules.from, report?.rules.files], ['base', ['rules/a.yml']]);
    assert.equal(report?.rules.commit, event.name.startsWith('pull_request') ? BASE : RUN);
    assert.deepEqual(run.annotations.map(({ file, line }) => [file, line]), [['rules/a.yml', 3]]); // prettier-ignore
    assert.match(run.summary ?? '', /rules of base commit [bc]{8}/);
    assert.match(run.log, /rules of base commit [bc]{8}/);
    assert.equal(api.requests.length, 2, api.requests.join('\n'));
  });
}

test('an untrusted run needs no checkout, and runs the raw SQL of the base', async (t) => {
  const { run, report, readsOfSecrets } = await gate(t, {
    event: pullRequest(fork, 'pull_request_target'),
    base: { 'rules/a.yml': file(query) },
  });
  assert.equal(run.exitCode, 1, run.log);
  assert.deepEqual(outcomes(report), [['reads-secrets', 'broken', null]]);
  assert.ok(readsOfSecrets > 0);
});

type Unreadable = { readonly setting: Partial<Setting>; readonly message: RegExp };
const times = (count: number, failure: Failure): readonly Failure[] =>
  Array.from({ length: count }, () => failure);
const permission = /permission contents: read/;
const unreadable: Readonly<Record<string, Unreadable>> = {
  'a 403': { setting: { failures: [{ status: 403 }] }, message: permission },
  'a 404': { setting: { failures: [{ status: 404 }] }, message: permission },
  'a 500': { setting: { failures: times(3, { status: 500 }) }, message: /Injected 500/ },
  'half a tree': {
    setting: { failures: times(2, { status: 200, body: '{"tree":[],"truncated":true}' }) },
    message: /too large/,
  },
  'no tree at all': {
    setting: { failures: [{ status: 200, body: '{}' }] },
    message: /not what it should be/,
  },
  'no token': { setting: { inputs: { 'github-token': '' } }, message: permission },
  'a link in place of the file': {
    setting: {
      base: { 'rules/a.yml': { mode: '120000', text: '../b.yml' } },
      inputs: { rules: 'rules/a.yml' },
    },
    message: /lies behind, a symbolic link/,
  },
  'no such file': { setting: { base: {} }, message: /no file matches/ },
  'an event that cannot be read': {
    setting: { env: { GITHUB_EVENT_PATH: '/nowhere', GITHUB_REF: 'refs/pull/7/merge' } },
    message: /does not say which commit is its base/,
  },
};
for (const [title, { setting, message }] of Object.entries(unreadable)) {
  test(`${title}, and a fork's run does not start: it never falls back to the checkout`, async (t) => {
    const { run, report, readsOfSecrets } = await gate(t, {
      event: pullRequest(fork),
      head: { 'rules/a.yml': file(weakened, query), 'b.yml': file(weakened) },
      base: { 'rules/a.yml': file(strict) },
      ...setting,
    });
    assert.equal(run.exitCode, 3, run.log);
    assert.equal(run.outputs['verdict'], 'incomplete');
    assert.deepEqual(report?.results, []);
    assert.match(run.annotations.map(({ message: text }) => text).join('\n'), message);
    assert.equal(readsOfSecrets, 0);
  });
}

test('on a pull request of the repository new and changed raw SQL is listed and not run', async (t) => {
  const { run, api, report, readsOfSecrets } = await gate(t, {
    event: ofSameRepository,
    head: { 'rules/a.yml': file(weakened, query, rawWhere) },
    base: { 'rules/a.yml': file(strict, { ...rawWhere, where: "upper('X') = 'x'" }) },
  });
  assert.equal(run.exitCode, 2, run.log);
  assert.deepEqual(outcomes(report), [
    ['orders-have-a-tenant', 'held', null],
    ['reads-secrets', 'unknown', 'sql-not-reviewed'],
    ['calls', 'unknown', 'sql-not-reviewed'],
  ]);
  assert.equal(readsOfSecrets, 0);
  assert.equal(report?.rules.from, 'workspace');
  const messages = run.annotations.map(({ title, message }) => `${title} ${message}`).join('\n');
  assert.match(messages, /reads-secrets.*new against the base commit bbbbbbbb/s);
  assert.match(messages, /calls.*changed against the base commit bbbbbbbb/s);
  assert.match(
    messages,
    /Merge it after a review; or .*environment with required reviewers, with `raw-sql: run`/,
  );
  for (const text of [run.log, run.summary ?? ''])
    assert.match(text, /not run before review.*reads-secrets, calls/);
  assert.equal(api.requests.length, 2);
});

test('raw SQL that waits for a review is not explained either: the planner would evaluate its constants', async (t) => {
  const { run, report } = await gate(t, {
    event: ofSameRepository,
    head: { 'rules/a.yml': file({ ...query, query: 'select id from public.secrets where 1 / 0 = id' }) },
    base: { 'rules/a.yml': file(query) },
  });
  assert.equal(run.exitCode, 2, run.log);
  assert.deepEqual(outcomes(report), [['reads-secrets', 'unknown', 'sql-not-reviewed']]);
});

test('raw SQL that the base has runs on a pull request, also when it moved to another file', async (t) => {
  const { run, report, api } = await gate(t, {
    event: ofSameRepository,
    head: { 'rules/z.yml': `# moved\n${file(query)}` },
    base: { 'rules/a.yml': file(query), 'rules/b.yml': file(strict) },
  });
  assert.equal(run.exitCode, 1, run.log);
  assert.deepEqual(outcomes(report), [['reads-secrets', 'broken', null]]);
  assert.equal(api.requests.length, 3);
});

test('a changed plain predicate runs on a pull request, and GitHub is not asked', async (t) => {
  const { run, report, api } = await gate(t, {
    event: ofSameRepository,
    head: { 'rules/a.yml': file({ ...strict, where: "state in ('open') and not (id > 1)" }) },
    base: { 'rules/a.yml': file(weakened) },
  });
  assert.equal(run.exitCode, 1, run.log);
  assert.deepEqual(outcomes(report), [['orders-have-a-tenant', 'broken', null]]);
  assert.deepEqual(api.requests, []);
});

test('raw SQL that is not asked for does not ask GitHub', async (t) => {
  const { run, api } = await gate(t, {
    event: ofSameRepository,
    head: { 'rules/a.yml': file(harmless, query) },
    inputs: { only: 'orders-have-a-state' },
  });
  assert.equal(run.exitCode, 0, run.log);
  assert.deepEqual(api.requests, []);
});

const trusted = {
  'raw-sql: run on a pull request': { event: ofSameRepository, inputs: { 'raw-sql': 'run' } },
  'a push': { event: { name: 'push', payload: { repository: shop } } },
  'a merge group': { event: { name: 'merge_group', payload: { repository: shop } } },
  'a run after a push': { event: workflowRun('push', shop) },
};
for (const [title, setting] of Object.entries(trusted)) {
  test(`with ${title} new raw SQL runs, and GitHub is not asked`, async (t) => {
    const { run, report, api, readsOfSecrets } = await gate(t, {
      ...setting,
      head: { 'rules/a.yml': file(query) },
    });
    assert.equal(run.exitCode, 1, run.log);
    assert.deepEqual(outcomes(report), [['reads-secrets', 'broken', null]]);
    assert.deepEqual(report?.rules.from, 'workspace');
    assert.ok(readsOfSecrets > 0);
    assert.deepEqual(api.requests, []);
  });
}

for (const [title, setting, message] of [
  ['a 403', { failures: [{ status: 403 }] }, permission],
  ['no token', { inputs: { 'github-token': '' } }, permission],
  ['a 500', { failures: times(3, { status: 500 }) }, /not known to be reviewed: .*Injected 500/],
] as const) {
  test(`${title}, and no raw SQL of a pull request is known to be reviewed`, async (t) => {
    const { run, report, readsOfSecrets } = await gate(t, {
      event: ofSameRepository,
      head: { 'rules/a.yml': file(harmless, query) },
      base: { 'rules/a.yml': file(query) },
      ...setting,
    });
    assert.equal(run.exitCode, 2, run.log);
    assert.deepEqual(outcomes(report), [
      ['orders-have-a-state', 'held', null],
      ['reads-secrets', 'unknown', 'sql-not-reviewed'],
    ]);
    assert.match(run.annotations.map((each) => each.message).join('\n'), message);
    assert.equal(readsOfSecrets, 0);
  });
}

test('a base with many files costs a request for each, and one with too many a single request', async (t) => {
  const filesOf = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`rules/${i}.yml`, file({ ...harmless, id: `rule-${i}` })]),
    );
  const many = await gate(t, { event: pullRequest(fork), base: filesOf(30) });
  assert.equal(many.run.exitCode, 0, many.run.log);
  assert.equal(many.api.requests.length, 31);
  const tooMany = await gate(t, { event: pullRequest(fork), base: filesOf(201) });
  assert.equal(tooMany.run.exitCode, 3);
  assert.equal(tooMany.api.requests.length, 1);
});

test('a pull request of Dependabot has no secrets, so it does not start, and GitHub is not asked', async (t) => {
  const { run, api } = await gate(t, {
    event: ofSameRepository,
    head: { 'rules/a.yml': file(query) },
    inputs: { 'database-url': '' },
    env: { GITHUB_ACTOR: 'dependabot[bot]' },
  });
  assert.equal(run.exitCode, 3);
  assert.match(run.annotations[0]?.message ?? '', /URL is empty[^]*those of Dependabot only its own/);
  assert.deepEqual(api.requests, []);
});
