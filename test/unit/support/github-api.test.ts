import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startGithubApi } from '../../support/github-api.ts';

async function started(t: TestContext) {
  const files = Array.from({ length: 65 }, (_, index) => ({ filename: `file-${index}.sql` }));
  const api = await startGithubApi({
    repository: 'acme/shop',
    pulls: [{ number: 7, headSha: 'abc', files }],
  });
  t.after(() => api.close());
  const get = (path: string, init: RequestInit = {}) =>
    fetch(`${api.url}${path}`, { headers: { authorization: 'token t' }, ...init });
  return { api, get };
}

test('a list comes in pages of 30 with links to its neighbours', async (t) => {
  const { api, get } = await started(t);
  const answer = await get('/repos/acme/shop/pulls/7/files?page=2');
  const files = (await answer.json()) as { filename: string; status: string }[];
  assert.deepEqual([files.length, files[0]], [30, { filename: 'file-30.sql', status: 'modified' }]);
  assert.deepEqual(
    [...(answer.headers.get('link') ?? '').matchAll(/<(\S+)>; rel="(\w+)"/g)].map(([, url = '', rel]) => [
      rel,
      url.replace(api.url, ''),
    ]),
    [
      ['prev', '/repos/acme/shop/pulls/7/files?page=1'],
      ['first', '/repos/acme/shop/pulls/7/files?page=1'],
      ['next', '/repos/acme/shop/pulls/7/files?page=3'],
      ['last', '/repos/acme/shop/pulls/7/files?page=3'],
    ],
  );
});

test('a list that fits on one page has no links', async (t) => {
  const { get } = await started(t);
  const answer = await get('/repos/acme/shop/pulls/7/files?per_page=100');
  assert.equal(((await answer.json()) as unknown[]).length, 65);
  assert.equal(answer.headers.get('link'), null);
});

test('a pull request tells its head', async (t) => {
  const { get } = await started(t);
  const pull = (await (await get('/repos/acme/shop/pulls/7')).json()) as Record<string, unknown>;
  const repo = { full_name: 'acme/shop' };
  assert.deepEqual([pull['number'], pull['head']], [7, { sha: 'abc', ref: 'topic', repo }]);
});

test('what GitHub does not describe is a mistake, and refused: a path, a parameter, a value, a property', async (t) => {
  const { api, get } = await started(t);
  const statuses = [
    await get('/repos/acme/shop/pull/7'),
    await get('/repos/acme/shop/pulls?head_branch=x'),
    await get('/repos/acme/shop/pulls?state=any'),
    await get('/repos/acme/shop/issues/7/comments', { method: 'POST', body: '{"text":"x"}' }),
  ].map(({ status }) => status);
  assert.deepEqual(statuses, [422, 422, 422, 422]);
  for (const why of [
    /there is no GET/,
    /head_branch is no parameter/,
    /state must be equal/,
    /body.text is no property/,
  ])
    assert.ok(
      api.mistakes.some((each) => why.test(each)),
      `${why}\n${api.mistakes.join('\n')}`,
    );
});

test('what is not there is 404, and a request without a token is 401', async (t) => {
  const { get } = await started(t);
  assert.equal((await get('/repos/acme/shop/pulls/8')).status, 404);
  assert.equal((await get('/repos/acme/other/pulls/7')).status, 404);
  assert.equal((await get('/repos/acme/shop/pulls/7', { headers: {} })).status, 401);
});

test('a read-only token may read and not write, and one without access may do neither', async (t) => {
  const { api, get } = await started(t);
  api.state.access = 'read';
  assert.equal((await get('/repos/acme/shop/pulls/7')).status, 200);
  const refused = await get('/repos/acme/shop/pulls/7', { method: 'PATCH' });
  assert.deepEqual(
    [refused.status, await refused.json()],
    [403, { message: 'Resource not accessible by integration' }],
  );
  api.state.access = 'none';
  assert.equal((await get('/repos/acme/shop/pulls/7')).status, 403);
});

test('a failure is used up by one request, and every request is written down', async (t) => {
  const { api, get } = await started(t);
  api.fail({ status: 429, headers: { 'retry-after': '3' } }, { status: 0, manner: 'reset' });
  const limited = await get('/repos/acme/shop/pulls/7');
  assert.deepEqual([limited.status, limited.headers.get('retry-after')], [429, '3']);
  await assert.rejects(get('/repos/acme/shop/pulls/7'));
  assert.equal((await get('/repos/acme/shop/pulls/7')).status, 200);
  assert.deepEqual(api.requests, Array(3).fill('GET /repos/acme/shop/pulls/7'));
});
