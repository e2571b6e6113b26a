import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { openPullRequest } from '../../../src/github/octokit.ts';
import { runnerContext } from '../../../src/github/runner.ts';
import type { ProblemCode } from '../../../src/support/problem.ts';
import { startGithubApi, type ApiFile, type Failure } from '../../support/github-api.ts';

const HASTY = { requestMs: 300, totalMs: 5_000, pauseMs: 1 };
const PAGE = 'GET /repos/acme/shop/pulls/7/files?per_page=100&page=';

async function opened(t: TestContext, files: readonly ApiFile[], patience = HASTY) {
  const api = await startGithubApi({
    repository: 'acme/shop',
    pulls: [{ number: 7, headSha: 'abc', files }],
  });
  t.after(() => api.close());
  const context = {
    ...runnerContext({ GITHUB_REPOSITORY: 'acme/shop', GITHUB_API_URL: api.url }),
    pullRequest: { number: 7, headSha: 'abc', baseSha: undefined },
  };
  const pullRequest = openPullRequest({ token: 'ghs_1', context, patience });
  assert.ok(pullRequest);
  return { api, pullRequest };
}

function times(count: number, failure: Failure): readonly Failure[] {
  return Array.from({ length: count }, () => failure);
}

const FILES = Array.from({ length: 205 }, (_, index) => ({ filename: `migrations/${index}.sql` }));

test('all pages of a pull request are read, a hundred files a page', async (t) => {
  const { api, pullRequest } = await opened(t, FILES);
  const { files: changed, allListed } = await pullRequest.changedFiles();
  assert.equal(allListed, true);
  assert.deepEqual(
    changed.map(({ path }) => path),
    FILES.map(({ filename }) => filename),
  );
  assert.deepEqual(api.requests, [`${PAGE}1`, `${PAGE}2`, `${PAGE}3`]);
});

test('a pull request has at most the 3000 files that GitHub lists', async (t) => {
  const removed = { filename: 'old', status: 'removed' };
  const many = [removed, ...Array.from({ length: 3_050 }, (_, index) => ({ filename: `${index}` }))];
  const { api, pullRequest } = await opened(t, many, { ...HASTY, requestMs: 5_000, totalMs: 60_000 });
  const { files, allListed } = await pullRequest.changedFiles();
  assert.deepEqual([files.length, allListed], [2_999, false]);
  assert.equal(api.requests.length, 30);
});

test('a file that the pull request removes is not one that it changes', async (t) => {
  const { pullRequest } = await opened(t, [{ filename: 'old', status: 'removed' }, { filename: 'new' }]);
  assert.deepEqual(
    (await pullRequest.changedFiles()).files.map(({ path }) => path),
    ['new'],
  );
});

const patches: readonly (readonly [title: string, patch: string | undefined, line: number | undefined])[] = [
  ['a new file', '@@ -0,0 +1,2 @@\n+one\n+two', 1],
  ['context before the line', '@@ -10,3 +12,4 @@ create table t (\n a\n b\n+c\n d', 14],
  ['a replaced line', '@@ -5,2 +5,2 @@\n-old\n+new\n same', 5],
  [
    'a hunk that only removes, then one that adds',
    '@@ -1,2 +1 @@\n-gone\n kept\n@@ -9 +8,2 @@\n kept\n+added',
    9,
  ],
  ['an added line that looks like a header', '@@ -1 +1,2 @@\n a\n+@@ -1 +99 @@', 2],
  ['a missing line end', '@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b', 1],
  ['nothing but removed lines', '@@ -1,2 +1 @@\n-gone\n kept', undefined],
  ['no patch, as for a large or a binary file', undefined, undefined],
];
for (const [title, patch, line] of patches) {
  test(`the first added line is found in ${title}`, async (t) => {
    const { pullRequest } = await opened(t, [
      { filename: 'a.sql', ...(patch === undefined ? {} : { patch }) },
    ]);
    assert.deepEqual((await pullRequest.changedFiles()).files, [{ path: 'a.sql', firstAddedLine: line }]);
  });
}

test('a run about no pull request has none to open', () => {
  const context = runnerContext({ GITHUB_REPOSITORY: 'acme/shop' });
  assert.equal(openPullRequest({ token: 't', context }), undefined);
  assert.equal(
    openPullRequest({
      token: 't',
      context: {
        ...context,
        repository: undefined,
        pullRequest: { number: 1, headSha: 'a', baseSha: undefined },
      },
    }),
    undefined,
  );
});

const passing: readonly (readonly [title: string, ...failures: readonly Failure[]])[] = [
  ['two server errors', { status: 500 }, { status: 503 }],
  ['a rate limit that says when to come back', { status: 429, headers: { 'retry-after': '1' } }],
  ['a secondary rate limit, which is a 403', { status: 403, headers: { 'retry-after': '0' } }],
  ['a connection that is cut', { status: 0, manner: 'reset' }],
  ['a request that is never answered', { status: 0, manner: 'silence' }],
];
for (const [title, ...failures] of passing) {
  test(`changed files are found past ${title}`, async (t) => {
    const { api, pullRequest } = await opened(t, [{ filename: 'a.sql' }]);
    api.fail(...failures);
    assert.equal((await pullRequest.changedFiles()).files.length, 1);
    assert.equal(api.requests.length, failures.length + 1);
  });
}

type Refused = {
  readonly title: string;
  readonly failures: readonly Failure[];
  readonly requests: number;
  readonly message: RegExp;
  readonly hint: RegExp | undefined;
};
const refused: readonly Refused[] = [
  {
    title: 'a 403 names the permission that the token needs',
    failures: [{ status: 403, body: '{"message":"Resource not accessible by integration"}' }],
    requests: 1,
    message: /^Could not list the files of pull request #7: Resource not accessible by integration$/,
    hint: /permission pull-requests: read/,
  },
  {
    title: 'a 404 names the permission too, as it may mean the same',
    failures: [{ status: 404 }],
    requests: 1,
    message: /Injected 404/,
    hint: /permission pull-requests: read/,
  },
  {
    title: 'a 401 blames the token',
    failures: [{ status: 401 }],
    requests: 1,
    message: /Injected 401/,
    hint: /token: it is wrong/,
  },
  {
    title: 'a third server error is final',
    failures: [{ status: 500 }, { status: 502 }, { status: 504 }],
    requests: 3,
    message: /Injected 504/,
    hint: undefined,
  },
  {
    title: 'a third rate limit is final',
    failures: times(3, { status: 429, headers: { 'retry-after': '0' } }),
    requests: 3,
    message: /Injected 429/,
    hint: /rate of requests/,
  },
  {
    title: 'a rate limit longer than the patience is not waited for',
    failures: [{ status: 429, headers: { 'retry-after': '3600' } }],
    requests: 1,
    message: /Injected 429/,
    hint: /rate of requests/,
  },
  {
    title: 'a rate limit that says nothing, or nonsense, is not waited for',
    failures: [{ status: 403, headers: { 'retry-after': 'soon' } }],
    requests: 1,
    message: /Injected 403/,
    hint: /rate of requests/,
  },
  {
    title: 'an exhausted hour is told apart from a missing permission',
    failures: [{ status: 403, headers: { 'x-ratelimit-remaining': '0' } }],
    requests: 1,
    message: /Injected 403/,
    hint: /rate of requests/,
  },
  {
    title: 'a body that is no list of files is not taken for an empty one',
    failures: [{ status: 200, body: '{"message":"hello"}' }],
    requests: 1,
    message: /no list of files/,
    hint: undefined,
  },
  {
    title: 'a body that breaks off is not taken for an empty one',
    failures: [{ status: 200, body: '[{"filename":"a.sql","status":"added"}]', manner: 'stall' }],
    requests: 1,
    message: /no list of files/,
    hint: undefined,
  },
];
for (const { title, failures, requests, message, hint } of refused) {
  test(title, async (t) => {
    const { api, pullRequest } = await opened(t, [{ filename: 'a.sql' }]);
    api.fail(...failures);
    await assert.rejects(
      pullRequest.changedFiles(),
      (problem: { code: ProblemCode; message: string; hint?: string }) => {
        assert.equal(problem.code, 'report-failed');
        assert.match(problem.message, message);
        if (hint) assert.match(problem.hint ?? '', hint);
        else assert.equal(problem.hint, undefined);
        return true;
      },
    );
    assert.equal(api.requests.length, requests);
  });
}

test('a GitHub that never answers ends within the patience', async (t) => {
  const { api, pullRequest } = await opened(t, [], { requestMs: 400, totalMs: 600, pauseMs: 1 });
  api.fail(...times(9, { status: 0, manner: 'silence' }));
  const start = performance.now();
  await assert.rejects(pullRequest.changedFiles(), { code: 'report-failed' });
  assert.ok(performance.now() - start < 3_000);
});

test('the token is sent, and is in no message', async (t) => {
  const { api, pullRequest } = await opened(t, []);
  api.state.access = 'none';
  await assert.rejects(pullRequest.changedFiles(), (problem: Error) => {
    assert.match(problem.message, /Resource not accessible/);
    assert.doesNotMatch(problem.message, /ghs_1/);
    return true;
  });
});
