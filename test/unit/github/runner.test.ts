import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { runnerContext } from '../../../src/github/runner.ts';
import { runAction, type ActionOptions } from '../../support/runner-emulator.ts';

const PRELUDE = `
import { actionsRunner } from ${JSON.stringify(import.meta.resolve('../../../src/github/runner.ts'))};
const runner = actionsRunner();
const refused = (give) => { try { give(); } catch (error) { return error.code + ': ' + error.message; } };
`;

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'runner-test-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

/** Runs a script that has `runner`, as an action with two inputs. */
function run(t: TestContext, script: string, options: Omit<ActionOptions, 'actionFolder'> = {}) {
  const actionFolder = folder(t);
  const inputs = "inputs:\n  database-url:\n    description: ''\n  max rows:\n    default: ' 20 '\n";
  writeFileSync(join(actionFolder, 'action.yml'), `${inputs}runs:\n  using: node24\n  main: main.mts\n`);
  writeFileSync(join(actionFolder, 'main.mts'), PRELUDE + script);
  const env = { NODE_OPTIONS: `--import=${import.meta.resolve('tsx')}`, ...options.env };
  return runAction({ ...options, env, actionFolder });
}

test('inputs are trimmed, and one that is not set is told from one that is not declared', async (t) => {
  const { log } = await run(
    t,
    `runner.log(JSON.stringify(['database-url', 'max rows', 'other'].map((name) => [runner.input(name) ?? null, runner.rawInput(name) ?? null])))`,
  );
  assert.deepEqual(JSON.parse(log), [
    [null, ''],
    ['20', ' 20 '],
    [null, null],
  ]);
});

test('an output of any text arrives as it is', async (t) => {
  const value = 'a\nname=b\nother<<END\nEND\n::error::x';
  const { outputs, annotations } = await run(t, `runner.output('report-path', ${JSON.stringify(value)})`);
  assert.deepEqual(outputs, { 'report-path': value });
  assert.deepEqual(annotations, []);
});

test('what the runner does not take is a problem', async (t) => {
  const script = `for (const give of [() => runner.output('a', 'b'), () => runner.summary('x')]) {
    process.env.GITHUB_OUTPUT = process.env.GITHUB_STEP_SUMMARY = '/nowhere/file';
    runner.log(String(refused(give)));
  }`;
  const { log } = await run(t, script);
  assert.match(log, /^report-failed: The runner did not take the output 'a': .*\/nowhere/m);
  assert.match(log, /^report-failed: The runner did not take the step summary: .*\/nowhere/m);
});

test('a summary is added to, up to 1 MiB, and what is there stays when more is refused', async (t) => {
  const { summary, log } = await run(
    t,
    `runner.summary('# one\\n'); runner.summary('é'.repeat(524285)); runner.log(String(refused(() => runner.summary('x'))));`,
  );
  assert.equal(summary, `# one\n${'é'.repeat(524_285)}`);
  assert.match(log, /^report-failed: The runner did not take the step summary: it would be 1048577 bytes/);
});

test('an annotation arrives with its place, whatever its texts', async (t) => {
  const annotation = {
    severity: 'warning',
    title: 'tasks, 100%: ::error::\n\u202e',
    message: '::error::one, 100%0A\n##[error]two\r\n\u0007',
    file: 'rules/a,b:c%.yml',
    line: 3,
    endLine: 3,
    column: 5,
  };
  const { annotations, log } = await run(t, `runner.annotate(${JSON.stringify(annotation)})`);
  assert.deepEqual(annotations, [
    {
      level: 'warning',
      title: 'tasks, 100%: ::error::\\u000a\\u202e',
      message: '\\u003a:error::one, 100%0A\n##\\u005berror]two\n\\u0007',
      file: 'rules/a,b:c%.yml',
      line: 3,
      endLine: 3,
      col: 5,
    },
  ]);
  assert.match(log, /^##\[warning\]/);
});

test('an annotation over several lines has no column, and one without a message shows its title', async (t) => {
  const { annotations } = await run(
    t,
    `for (const severity of ['error', 'notice']) runner.annotate({ severity, title: 'T', message: '', file: 'a', line: 1, endLine: 4, column: 2 });`,
  );
  const place = { title: 'T', message: 'T', file: 'a', line: 1, endLine: 4, col: undefined };
  assert.deepEqual(annotations, [
    { level: 'error', ...place },
    { level: 'notice', ...place },
  ]);
});

test('a title ends at 255 and a message at 4096 characters, and not inside one', async (t) => {
  const script = `runner.annotate({ severity: 'error', title: 'x'.repeat(253) + '😀😀', message: '😀'.repeat(3000), file: 'a', line: 1, endLine: 1 });`;
  const [annotation] = (await run(t, script)).annotations;
  assert.equal(annotation?.title, `${'x'.repeat(253)}…`);
  assert.equal(annotation?.message, `${'😀'.repeat(2_047)}…`);
});

const hostile = [
  '::error::x',
  '##[add-mask]rows',
  '::stop-commands::a',
  '::endgroup::',
  'a\n::error::b',
  '\u00a0::warning::c',
];

test('no line of a group is a command', async (t) => {
  const { annotations, log, masks, stdoutRaw } = await run(
    t,
    `runner.group('::error::title\\n::error::', ${JSON.stringify(hostile)}); runner.annotate({ severity: 'error', title: 'after', message: 'after', file: 'a', line: 1, endLine: 1 });`,
  );
  assert.deepEqual(
    annotations.map(({ message }) => message),
    ['after'],
  );
  assert.deepEqual(masks, []);
  const [title, stop, ...rest] = log.split('\n');
  assert.equal(title, '##[group]\\u003a:error::title\\u000a::error::');
  const [, token = ''] = /^::stop-commands::([\da-f-]{36})$/.exec(stop ?? '') ?? [];
  assert.deepEqual(rest, [
    '\\u003a:error::x',
    '##\\u005badd-mask]rows',
    '\\u003a:stop-commands::a',
    '\\u003a:endgroup::',
    'a\\u000a::error::b',
    '\\u00a0::warning::c',
    `::${token}::`,
    '##[endgroup]',
    '##[error]after',
  ]);
  assert.ok(!stdoutRaw.includes('\u00a0'));
});

test('no line of the log is a command', async (t) => {
  const { annotations, log } = await run(
    t,
    `for (const line of ${JSON.stringify(hostile)}) runner.log(line);`,
  );
  assert.deepEqual([annotations, log.split('\n').length], [[], hostile.length]);
});

test('a secret and its lines are masked; what is short or common is not', async (t) => {
  const { masks, log } = await run(
    t,
    `for (const secret of ['hunter22', 'line one\\nline two', 'abc', '', ' ', 'postgres', 'Password']) runner.mask(secret);
     runner.log('hunter22, line two, abc, postgres');`,
  );
  assert.deepEqual(masks, ['hunter22', 'line one\nline two', 'line one', 'line two']);
  assert.equal(log, '***, ***, abc, postgres');
});

test('outside of a runner a mask would print the secret, so there is none', async (t) => {
  const { stdoutRaw } = await run(t, `delete process.env.GITHUB_ACTIONS; runner.mask('hunter22');`);
  assert.equal(stdoutRaw, '');
});

// --- The context

const ENV = {
  GITHUB_EVENT_NAME: 'pull_request',
  GITHUB_REPOSITORY: 'acme/shop',
  GITHUB_SHA: 'abc',
  GITHUB_REF: 'refs/pull/7/merge',
  GITHUB_ACTOR: 'octocat',
  GITHUB_WORKSPACE: '/w',
  GITHUB_SERVER_URL: 'https://ghe.example',
  GITHUB_API_URL: 'https://ghe.example/api/v3',
  GITHUB_RUN_ID: '4711',
};

function contextOf(t: TestContext, event: unknown) {
  const path = join(folder(t), 'event.json');
  writeFileSync(path, typeof event === 'string' ? event : JSON.stringify(event));
  return runnerContext({ ...ENV, GITHUB_EVENT_PATH: path });
}

const shop = { full_name: 'acme/shop', private: true };
const baseSha = 'b'.repeat(40);
const pull = { number: 7, head: { sha: 'def', repo: shop }, base: { sha: baseSha, repo: shop } };

test('a pull request of the repository itself is known in full', (t) => {
  const before = 'c'.repeat(40);
  assert.deepEqual(contextOf(t, { repository: shop, pull_request: pull, number: 7, before }), {
    eventName: 'pull_request',
    repository: { owner: 'acme', repo: 'shop' },
    isPrivate: true,
    sha: 'abc',
    beforeSha: before,
    ref: 'refs/pull/7/merge',
    isProtectedRef: false,
    actor: 'octocat',
    workspace: '/w',
    runUrl: 'https://ghe.example/acme/shop/actions/runs/4711',
    run: { id: 4711, attempt: 1 },
    apiUrl: 'https://ghe.example/api/v3',
    pullRequest: { number: 7, headSha: 'def', baseSha },
    isFork: false,
    triggeringRun: undefined,
  });
});

test('of a branch that is new, and of an event that says something else, no commit was there before', (t) => {
  for (const before of ['0'.repeat(40), 'main', 7, undefined])
    assert.equal(contextOf(t, { repository: shop, before }).beforeSha, undefined);
});

const forks: readonly (readonly [what: string, event: unknown, isFork: boolean | undefined])[] = [
  ['from a fork', { pull_request: { ...pull, head: { sha: 'd', repo: { full_name: 'eve/shop' } } } }, true],
  ['from a fork that is gone', { pull_request: { ...pull, head: { sha: 'd', repo: null } } }, true],
  [
    'that ran after a fork',
    { repository: shop, workflow_run: { head_repository: { full_name: 'eve/shop' } } },
    true,
  ],
  [
    'that ran after the repository itself',
    { repository: shop, workflow_run: { head_repository: shop } },
    false,
  ],
  ['of a push', { repository: shop, head_commit: {} }, undefined],
];
for (const [what, event, expected] of forks) {
  test(`an event ${what} ${expected === undefined ? 'does not say whether it is' : expected ? 'is' : 'is not'} from a fork`, (t) => {
    assert.equal(contextOf(t, event).isFork, expected);
  });
}

test('one part of an event that is not as described does not take the others with it', (t) => {
  const { isPrivate, pullRequest, isFork } = contextOf(t, {
    repository: { full_name: 'acme/shop', private: 'yes' },
    pull_request: pull,
    workflow_run: 3,
  });
  assert.deepEqual(
    [isPrivate, pullRequest, isFork],
    [undefined, { number: 7, headSha: 'def', baseSha }, false],
  );
});

for (const event of ['', 'no json', 'null', '[]', '7', '{"pull_request":{"number":"7; drop"}}']) {
  test(`an event file with ${JSON.stringify(event)} is as good as none`, (t) => {
    const { pullRequest, isFork, isPrivate, repository } = contextOf(t, event);
    assert.deepEqual(
      [pullRequest, isFork, isPrivate, repository],
      [undefined, undefined, undefined, { owner: 'acme', repo: 'shop' }],
    );
  });
}

test('outside of a runner nothing is known but where GitHub is', () => {
  const context = runnerContext({ GITHUB_EVENT_PATH: '/nowhere', GITHUB_SHA: '' });
  const { apiUrl, isProtectedRef, run: number, ...rest } = context;
  assert.deepEqual([apiUrl, isProtectedRef], ['https://api.github.com', false]);
  assert.deepEqual(number, { id: 0, attempt: 1 });
  assert.deepEqual(new Set(Object.values(rest)), new Set([undefined]));
});
