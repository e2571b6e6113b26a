import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { openConversation } from '../../../src/github/octokit-conversation.ts';
import { readMarker, writeMarker } from '../../../src/report/comment-marker.ts';
import type { Report } from '../../../src/report/report.ts';
import { stickyComment, type CommentOptions } from '../../../src/report/sticky-comment.ts';
import { makeChanges, talliesOf } from '../../../src/report/tallies.ts';
import { startGithubApi, type ApiComment } from '../../support/github-api.ts';
import { makeReportOf } from '../../support/reports.ts';

const HASTY = { requestMs: 5_000, totalMs: 20_000, pauseMs: 1 };
const BOT = 'github-actions[bot]';
const pulls = [{ number: 7, headSha: 'd'.repeat(40), files: [] }];

async function started(t: TestContext, comments: ApiComment[] = []) {
  const api = await startGithubApi({ repository: 'acme/shop', pulls, comments });
  t.after(() => api.close());
  const notices: string[] = [];
  const open = (run: number, more: Partial<CommentOptions> = {}, signal = new AbortController().signal) =>
    stickyComment({
      conversation: openConversation({
        owner: 'acme',
        repo: 'shop',
        number: 7,
        token: 'ghs_1',
        apiUrl: api.url,
        signal,
        patience: HASTY,
      }),
      showing: 'auto',
      key: 'gate',
      run: { id: run, attempt: 1 },
      runUrl: `https://github.com/acme/shop/actions/runs/${run}`,
      onMissingPermission: (message) => notices.push(message),
      ...more,
    });
  const writes = (): readonly string[] => api.requests.filter((each) => !/^GET|graphql/.test(each));
  return { api, open, notices, writes };
}

const marked = (id: number, run: number, author = BOT, key = 'gate'): ApiComment => ({
  id,
  pull: 7,
  author,
  body: `${writeMarker({ key, run: { id: run, attempt: 1 }, tallies: undefined })}\nearlier`,
});
const chatter = (count: number): ApiComment[] =>
  Array.from({ length: count }, (_, i) => ({ id: i + 1, pull: 7, author: 'someone', body: `hello ${i}` }));
const broken = makeReportOf(3);
const clean = makeReportOf(0);

for (const findings of [1, 51, 131, 10_000])
  test(`${findings} findings make one comment that fits, and what it leaves out it counts`, async (t) => {
    const { api, open } = await started(t);
    const comment = open(5);
    const shown = await comment.write(makeReportOf(findings));
    const [{ id, body } = { id: 0, body: '' }, ...others] = api.state.comments;
    assert.deepEqual([others.length, comment.id], [0, id]);
    assert.ok([...body].length <= 65_536);
    assert.match(body, /^<!-- rowgate:comment .*-->\n## (❌|⚠️|✅) Rowgate: /);
    const fits = findings < 10_000;
    assert.equal(shown.state, fits ? 'ok' : 'degraded');
    assert.equal(/did not fit/.test(body), !fits);
    // The gravest rules keep their tables as long as there is room.
    if (!fits) assert.ok(body.length > 50_000 && body.includes('<details'));
    assert.ok(readMarker(body)?.tallies);
  });

test('a clean run comments when it is told to, or when there is a comment to bring up to date', async (t) => {
  const { api, open, writes } = await started(t);
  for (const showing of ['auto', 'on-failure'] as const)
    assert.equal((await open(1, { showing }).write(clean)).state, 'skipped');
  assert.deepEqual(writes(), []);
  await open(2).write(broken);
  await open(3).write(clean);
  assert.equal(api.state.comments.length, 1);
  assert.match(api.state.comments[0]?.body ?? '', /✅ Rowgate: Clean/);
  await open(4, { showing: 'always', key: 'other' }).write(clean);
  assert.equal(api.state.comments.length, 2, 'another key has a comment of its own');
});

test('our comment is found behind 131 others, and updated in place', async (t) => {
  const { api, open, writes } = await started(t, [...chatter(131), marked(500, 4)]);
  const comment = open(5);
  assert.equal((await comment.write(broken)).state, 'ok');
  assert.deepEqual([writes(), comment.id], [['PATCH /repos/acme/shop/issues/comments/500'], 500]);
  assert.equal(api.state.comments.length, 132);
});

test('a comment that somebody else planted with our marker is neither touched nor believed', async (t) => {
  const planted: ApiComment = {
    ...marked(3, 9_999_999, 'eve'),
    body: `${writeMarker({ key: 'gate', run: { id: 9_999_999, attempt: 1 }, tallies: talliesOf(clean) })}\nx`,
  };
  const { api, open } = await started(t, [planted]);
  const comment = open(5);
  assert.equal(await comment.tallies(), undefined);
  assert.equal((await comment.write(broken)).state, 'ok');
  assert.deepEqual([api.state.comments.length, api.state.comments[0]], [2, planted]);
});

test('the same text is not written again, and a newer run is not overwritten', async (t) => {
  const { api, open, writes } = await started(t);
  await open(5).write(broken);
  const again = open(5);
  assert.equal((await again.write(broken)).state, 'ok');
  assert.deepEqual([writes().length, again.id], [1, api.state.comments[0]?.id]);
  const older = await open(4).write(clean);
  assert.deepEqual([older.state, older.reason], ['skipped', 'run 5, which is newer, has commented']);
  assert.equal(writes().length, 1);
});

for (const [title, run, other, left] of [
  ['of one run keep the older comment', 5, 5, 900],
  ['of two runs keep the newer run, here the other', 5, 6, 900],
  ['of two runs keep the newer run, here this one', 5, 4, 1_001],
] as const)
  test(`two jobs that comment at once ${title}`, async (t) => {
    const { api, open } = await started(t);
    // It arrives between this job's look and its own comment.
    api.state.before = (request) => {
      if (!request.startsWith('POST') || request.includes('graphql') || api.state.comments.length > 0) return;
      api.state.comments.push(...chatter(1), marked(900, other));
    };
    await open(run).write(broken);
    const ours = api.state.comments.filter(({ body }) => readMarker(body));
    assert.equal(ours.length, 1);
    assert.equal(ours[0]?.id, left);
    assert.equal(ours[0]?.body.includes('earlier'), other > run);
  });

test('two jobs that really run at once leave one comment', async (t) => {
  const { api, open } = await started(t);
  await Promise.all([open(5).write(broken), open(5).write(broken)]);
  assert.equal(api.state.comments.length, 1);
});

test('a comment that was deleted meanwhile is made anew', async (t) => {
  const { api, open } = await started(t, [marked(500, 4)]);
  const comment = open(5);
  await comment.tallies();
  api.state.comments = [];
  assert.equal((await comment.write(broken)).state, 'ok');
  assert.deepEqual(api.state.comments.map(({ id }) => id), [comment.id]); // prettier-ignore
});

test('a server that takes less gets a smaller text, and one that takes nothing a failed channel', async (t) => {
  const { api, open } = await started(t);
  api.state.maxCommentCharacters = 20_000;
  const smaller = open(5);
  await smaller.write(makeReportOf(10_000));
  assert.equal(smaller.id, api.state.comments[0]?.id);
  assert.match(api.state.comments[0]?.body ?? '', /did not fit here/);
  api.state.maxCommentCharacters = 10;
  assert.equal((await open(6).write(makeReportOf(10_000))).state, 'failed');
});

for (const [showing, state] of [
  ['auto', 'skipped'],
  ['always', 'degraded'],
] as const)
  test(`a token that may only read leaves comment: ${showing} ${state}, with one notice`, async (t) => {
    const { api, open, notices } = await started(t);
    api.state.access = 'read';
    assert.equal((await open(5, { showing }).write(broken)).state, state);
    assert.equal(notices.length, 1);
    assert.match(notices[0] ?? '', /permission pull-requests: write/);
  });

test('server errors and a rate limit are waited out, and three errors are too many', async (t) => {
  const { api, open } = await started(t);
  api.fail({ status: 500 }, { status: 502 });
  assert.equal((await open(5).write(broken)).state, 'ok');
  api.fail({ status: 429, headers: { 'retry-after': '0' } });
  assert.equal((await open(6).write(broken)).state, 'ok');
  const before = api.requests.length;
  api.fail({ status: 500 }, { status: 500 }, { status: 500 });
  assert.equal((await open(7).write(broken)).state, 'failed');
  assert.equal(api.requests.length - before, 3);
});

test('a cancelled run asks nothing more of GitHub', async (t) => {
  const { api, open } = await started(t);
  const shown = await open(5, {}, AbortSignal.abort()).write(broken);
  assert.deepEqual([shown.state, api.requests], ['failed', []]);
});

test('the counts of the last run come back out of the comment, and no key does', async (t) => {
  const { api, open } = await started(t);
  await open(5).write(broken);
  const before = await open(6).tallies();
  assert.deepEqual(before, talliesOf(broken));
  assert.deepEqual([...(readMarker(api.state.comments[0]?.body ?? '')?.tallies?.rules.keys() ?? [])].toSorted(), ['rule-0', 'rule-that-held']); // prettier-ignore
});

const counts = (report: Report, count: number, exact = true): Report => ({
  ...report,
  results: report.results.map((result) => ({ ...result, outcome: 'broken', violations: { count, exact } })),
});
for (const [was, now, change] of [
  [12, 3, 'fewer'],
  [3, 12, 'more'],
  [3, 0, 'fixed'],
  [0, 3, 'new'],
  [3, 3, 'same'],
] as const)
  test(`${was} violations, then ${now}, is ${change}`, () => {
    const changes = makeChanges(counts(clean, now), talliesOf(counts(clean, was)));
    assert.deepEqual(changes?.rules.map((each) => each.change), [change]); // prettier-ignore
  });

test('what was not counted exactly is compared with nothing, and another database not at all', () => {
  const before = talliesOf(counts(clean, 3, false));
  assert.equal(makeChanges(counts(clean, 0), before)?.rules[0]?.change, 'unknown');
  assert.equal(makeChanges(counts({ ...clean, targetName: 'other' }, 0), before), undefined);
});

for (const [title, state] of [
  ['no base64', '===='],
  ['no JSON', Buffer.from('x').toString('base64')],
  ['far too much', 'A'.repeat(20_000)],
] as const)
  test(`a marker whose state is ${title} tells of no counts`, () => {
    const marker = readMarker(`<!-- rowgate:comment v=1 key=gate run=5.1 state=${state} -->\n`);
    assert.deepEqual([marker?.run.id, marker?.tallies], [5, undefined]);
  });
