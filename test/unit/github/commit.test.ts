import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { openCommit } from '../../../src/github/octokit.ts';
import { runnerContext } from '../../../src/github/runner.ts';
import type { Problem } from '../../../src/support/problem.ts';
import { startGithubApi, type ApiBlob, type Failure } from '../../support/github-api.ts';

const SHA = 'b'.repeat(40);
const HASTY = { requestMs: 300, totalMs: 5_000, pauseMs: 1 };

async function opened(t: TestContext, files: Readonly<Record<string, ApiBlob>>, maxTreeEntries = 100) {
  const api = await startGithubApi({ repository: 'acme/shop', commits: { [SHA]: files }, maxTreeEntries });
  t.after(() => api.close());
  const context = runnerContext({ GITHUB_REPOSITORY: 'acme/shop', GITHUB_API_URL: api.url });
  const open = (more: Partial<Parameters<typeof openCommit>[0]> = {}) =>
    openCommit({ token: 'ghs_1', context, sha: SHA, patience: HASTY, ...more });
  return { api, commit: open(), open };
}

const FILES = {
  'README.md': 'x',
  'rules/a.yml': 'A',
  'rules/deep/b.yml': 'ß',
  'rules/link.yml': { mode: '120000', text: '../README.md' },
  'rules/run.yml': { mode: '100755', text: 'R' },
  'vendor/lib': { mode: '160000', text: 'commit' },
};

async function names(folder: Promise<readonly { readonly name: string; readonly kind: string }[]>) {
  return Object.fromEntries((await folder).map(({ name, kind }) => [name, kind]));
}

test('a commit is listed by one request, links and submodules told from files', async (t) => {
  const { api, commit } = await opened(t, FILES);
  assert.deepEqual(await names(commit.folder('rules')), {
    deep: 'folder',
    'a.yml': 'file',
    'link.yml': 'symbolic link',
    'run.yml': 'file',
  });
  assert.deepEqual(await names(commit.folder('')), {
    rules: 'folder',
    vendor: 'folder',
    'README.md': 'file',
  });
  assert.deepEqual(await names(commit.folder('vendor')), { lib: 'submodule' });
  assert.deepEqual(await commit.folder('nowhere'), []);
  assert.deepEqual(api.requests, [`GET /repos/acme/shop/git/trees/${SHA}?recursive=true`]);
});

test('a file arrives byte for byte', async (t) => {
  const text = `ß${'long '.repeat(100)}\r\n`;
  const { commit } = await opened(t, { 'a.yml': text });
  const [file] = await commit.folder('');
  assert.ok(file);
  assert.equal(file.bytes, Buffer.byteLength(text));
  assert.equal(Buffer.from(await commit.content(file)).toString(), text);
});

test('what GitHub leaves out of its list is looked for folder by folder', async (t) => {
  const { api, commit } = await opened(t, FILES, 4);
  assert.deepEqual(Object.keys(await names(commit.folder('rules/deep'))), ['b.yml']);
  assert.deepEqual(await names(commit.folder('rules/none')), {});
  assert.equal(Object.keys(await names(commit.folder('rules'))).length, 4);
  assert.equal(api.requests.length, 4, api.requests.join('\n'));
});

test('a folder that GitHub does not list whole is an error, not a shorter folder', async (t) => {
  const { commit } = await opened(t, FILES, 3);
  await assert.rejects(commit.folder('rules'), { code: 'base-unreadable', message: /too large/ });
});

test('of a repository too large to list no more than 100 folders are asked for', async (t) => {
  const files = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`f${index}/a.yml`, 'A']));
  const { api, open } = await opened(t, files, 151);
  const commit = open({ patience: { requestMs: 10_000, totalMs: 60_000, pauseMs: 1 } });
  for (let index = 0; index < 99; index += 1) assert.equal((await commit.folder(`f${index}`)).length, 1);
  await assert.rejects(commit.folder('f99'), { code: 'base-unreadable', message: /more than 100 folders/ });
  assert.equal(api.requests.length, 101);
});

test('nothing is asked before someone needs it', async (t) => {
  const { api, open } = await opened(t, FILES);
  open();
  assert.deepEqual(api.requests, []);
});

type Unreadable = {
  readonly title: string;
  readonly failures?: readonly Failure[];
  readonly open?: { readonly sha?: undefined; readonly token?: undefined };
  readonly message: RegExp;
  readonly hint?: RegExp;
  readonly requests: number;
};
const times = (count: number, failure: Failure): readonly Failure[] =>
  Array.from({ length: count }, () => failure);
const permission = /permission contents: read/;
const unreadable: readonly Unreadable[] = [
  {
    title: 'a 403',
    failures: [{ status: 403 }],
    message: /bbbbbbbb of acme\/shop: Injected 403/,
    hint: permission,
    requests: 1,
  },
  { title: 'a 404', failures: [{ status: 404 }], message: /Injected 404/, hint: permission, requests: 1 },
  {
    title: 'a 401',
    failures: [{ status: 401 }],
    message: /Injected 401/,
    hint: /refused the token/,
    requests: 1,
  },
  {
    title: 'a third server error',
    failures: times(3, { status: 500 }),
    message: /Injected 500/,
    requests: 3,
  },
  {
    title: 'an exhausted rate',
    failures: [{ status: 429 }],
    message: /Injected 429/,
    hint: /rate of requests/,
    requests: 1,
  },
  {
    title: 'a body that is no tree',
    failures: [{ status: 200, body: '{"tree":[]}' }],
    message: /not what it should be/,
    requests: 1,
  },
  {
    title: 'a body that breaks off',
    failures: [{ status: 200, body: `{"tree":[],"truncated":false}`, manner: 'stall' }],
    message: /not what it should be/,
    requests: 1,
  },
  {
    title: 'an event without a base',
    open: { sha: undefined },
    message: /does not say which commit is its base/,
    requests: 0,
  },
  {
    title: 'no token',
    open: { token: undefined },
    message: /without a token/,
    hint: permission,
    requests: 0,
  },
];
for (const { title, failures = [], open = {}, message, hint, requests } of unreadable) {
  test(`${title} makes a commit unreadable, and it stays so`, async (t) => {
    const { api, open: openWith } = await opened(t, FILES);
    const commit = openWith(open);
    api.fail(...failures);
    const check = (problem: Problem): true => {
      assert.equal(problem.code, 'base-unreadable');
      assert.match(problem.message, message);
      if (hint) assert.match(problem.hint ?? '', hint);
      assert.doesNotMatch(problem.message, /ghs_1/);
      return true;
    };
    await assert.rejects(commit.folder('rules'), check);
    await assert.rejects(commit.folder(''), check);
    assert.equal(api.requests.length, requests);
  });
}

for (const [title, body] of [
  ['breaks off', { encoding: 'base64', content: 'QQ==', size: 7 }],
  ['comes in another encoding', { encoding: 'none', content: '', size: 1 }],
] as const) {
  test(`a file whose content ${title} is an error, not another file`, async (t) => {
    const { api, commit } = await opened(t, FILES);
    const file = (await commit.folder('rules')).find(({ name }) => name === 'a.yml');
    assert.ok(file);
    api.fail({ status: 200, body: JSON.stringify(body) });
    await assert.rejects(commit.content(file), { code: 'base-unreadable' });
    await assert.rejects(commit.content(file), { code: 'base-unreadable' });
    await assert.rejects(commit.folder('rules'), { code: 'base-unreadable' });
    assert.equal(api.requests.length, 2, 'nothing more is asked of what is not known in full');
  });
}

test('a cancelled run waits for GitHub no longer', { timeout: 20_000 }, async (t) => {
  const { api, open } = await opened(t, FILES);
  const cancel = new AbortController();
  const commit = open({
    signal: cancel.signal,
    patience: { requestMs: 60_000, totalMs: 60_000, pauseMs: 1 },
  });
  api.fail({ status: 0, manner: 'silence' });
  const folder = commit.folder('');
  while (api.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  cancel.abort();
  await assert.rejects(folder, { code: 'cancelled' });
});
