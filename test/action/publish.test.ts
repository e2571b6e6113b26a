import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { parse } from 'yaml';
import type { Report } from '../../src/report/report.ts';
import { startGithubApi } from '../support/github-api.ts';
import { makeReportOf } from '../support/reports.ts';
import { runAction } from '../support/runner-emulator.ts';

const SHA = 'd'.repeat(40);
const FORK = 'eve/shop';
const shop = { full_name: 'acme/shop', private: false };
const forked = { number: 7, headSha: SHA, files: [], headRepository: FORK, headBranch: 'topic' };
const trigger = {
  id: 4_000,
  run_attempt: 2,
  event: 'pull_request',
  head_sha: SHA,
  head_branch: 'topic',
  head_repository: { full_name: FORK },
  // What GitHub gives for a fork.
  pull_requests: [],
};

type Api = Awaited<ReturnType<typeof startGithubApi>>;

async function started(t: TestContext, pulls: Api['state']['pulls'] = [forked]) {
  const api = await startGithubApi({ repository: 'acme/shop', pulls });
  t.after(() => api.close());
  const publish = async (
    report: Report | string | undefined,
    { run = {}, inputs = {} }: { run?: object; inputs?: Readonly<Record<string, string>> } = {},
  ) => {
    const text = typeof report === 'object' ? JSON.stringify(report) : report;
    return runAction({
      actionFolder: path.resolve('publish'),
      files: text === undefined ? {} : { 'reported/report.json': text },
      inputs: { report: 'reported/report.json', ...inputs },
      env: { GITHUB_API_URL: api.url },
      event: { name: 'workflow_run', payload: { repository: shop, workflow_run: { ...trigger, ...run } } },
    });
  };
  return { api, publish };
}

const broken = makeReportOf(3);
const clean = makeReportOf(0);
const noticesOf = ({ annotations }: Awaited<ReturnType<typeof runAction>>): string =>
  annotations.map(({ level, message }) => `${level}: ${message}`).join('\n');

test('a report of a fork is a comment on its pull request, which says whose word it is, and decides nothing', async (t) => {
  const { api, publish } = await started(t);
  const run = await publish(broken);
  assert.equal(run.exitCode, 0, run.log);
  const [comment, ...others] = api.state.comments;
  assert.deepEqual([comment?.pull, others.length], [7, 0]);
  assert.match(comment?.body ?? '', /^<!-- rowgate:comment .* run=4000\.2 .*-->\n> \*\*As the pull request's own run reports it\*\*, of dddddddd.*proves nothing for a deploy/); // prettier-ignore
  assert.match(comment?.body ?? '', /Rowgate: .*\n[^]*actions\/runs\/4000/);
  assert.match(run.summary ?? '', /proves nothing for a deploy/);
  assert.deepEqual(Object.keys(run.outputs).toSorted(), ['comment-id', 'state']);
  assert.deepEqual([run.outputs['state'], run.outputs['comment-id']], ['ok', String(comment?.id)]);
  assert.deepEqual(api.mistakes, []);
});

test('the next run brings the comment up to date, and says what changed', async (t) => {
  const { api, publish } = await started(t);
  await publish(broken);
  const next = await publish(clean, { run: { id: 4_001, run_attempt: 1 } });
  assert.equal(next.exitCode, 0, next.log);
  assert.equal(api.state.comments.length, 1);
  assert.match(api.state.comments[0]?.body ?? '', /✅ Rowgate: Clean/);
});

test('a run whose report is not there, or is none, takes the place of an earlier green', async (t) => {
  const { api, publish } = await started(t);
  await publish(clean, { inputs: { comment: 'always' } });
  assert.match(api.state.comments[0]?.body ?? '', /✅/);
  for (const [id, report, why] of [
    [4_001, undefined, /no such file|no folder/],
    [4_002, '{"version":1', /is not JSON/],
    [4_003, JSON.stringify({ ...broken, verdict: 'clean', exitCode: 0 }), /contradicts itself/],
    [4_004, JSON.stringify({ ...clean, results: [{}] }), /no report of this format/],
  ] as const) {
    const run = await publish(report, { run: { id, run_attempt: 1 } });
    assert.equal(run.exitCode, 0, run.log);
    const [{ body } = { body: '' }, ...others] = api.state.comments;
    assert.equal(others.length, 0);
    assert.doesNotMatch(body, /✅/);
    assert.match(body.replaceAll(/&#8203;|&#\d+;/g, ''), why);
  }
});

for (const [what, pulls, run, reason] of [
  ['whose pull request has moved on', [{ ...forked, headSha: 'e'.repeat(40) }], {}, /has moved on/],
  ['whose pull request is closed', [{ ...forked, state: 'closed' as const }], {}, /no open pull request/],
  ['of a branch with the same name elsewhere', [{ ...forked, headRepository: 'eve/other' }], {}, /no open pull request/], // prettier-ignore
  ['of two pull requests', [forked, { ...forked, number: 8 }], {}, /2 pull requests have that head/],
  ['of a fork that is gone', [forked], { head_repository: null }, /its repository is gone/],
  ['that a push caused', [forked], { event: 'push' }, /caused by push/],
  ['that GitHub does not describe', [forked], { head_sha: 'x' }, /does not say which run/],
] as const)
  test(`a report of a run ${what} is not published, and says why`, async (t) => {
    const { api, publish } = await started(t, pulls);
    const published = await publish(broken, { run });
    assert.equal(published.exitCode, 0, published.log);
    assert.deepEqual([api.state.comments, published.outputs['state']], [[], 'skipped']);
    assert.match(noticesOf(published), reason);
  });

test('a number in the report or the event is not asked: the comment goes where the commit is', async (t) => {
  const { api, publish } = await started(t, [{ number: 1, headSha: 'a'.repeat(40), files: [] }, forked]);
  await publish(broken, { run: { pull_requests: [{ number: 1 }] } });
  assert.deepEqual(api.state.comments.map(({ pull }) => pull), [7]); // prettier-ignore
});

test('no text of a report is markup, a mention or a command, wherever it stands', async (t) => {
  const evil = '<img src=x> @everyone [a](http://evil) --> | `x` ##[error]no ::error::no #1 www.evil.io';
  const free = new Set(['message', 'hint', 'reason', 'why', 'rule', 'kind', 'table', 'strategy', 'remedy', 'database', 'serverVersion', 'role', 'rowgateVersion', 'targetName', 'phase', 'file', 'code', 'class', 'hash', 'commit', 'snapshotLsn', 'name']); // prettier-ignore
  const target = {
    database: 'd',
    serverVersion: '17',
    role: 'r',
    inRecovery: false,
    standby: null,
    snapshotLsn: '0/1',
    pooled: false,
  };
  const note = { code: 'c', message: 'm', hint: 'h', at: { file: 'f', line: 1, column: 1 } };
  const report = { ...makeReportOf(12), target, targetName: 'n', phase: '2', warnings: [note], problems: [note], verdict: 'broken', exitCode: 2 }; // prettier-ignore
  const hostile = JSON.stringify(report, (key, value: unknown) =>
    typeof value === 'string' && free.has(key)
      ? `${evil}${value}`
      : key === 'classes'
        ? { [evil]: 3 }
        : value,
  );
  const { api, publish } = await started(t);
  const run = await publish(hostile);
  const body = api.state.comments[0]?.body ?? '';
  assert.match(body, /evil/, run.log);
  for (const text of [body, run.summary ?? '']) {
    const outsideCode = text.replaceAll(/`[^`\n]*`|<code>[^<>\n]*<\/code>/g, '');
    assert.doesNotMatch(outsideCode, /<img|@everyone|\]\(http:\/\/evil|::error|##\[error|#1 www|www\.evil/);
    assert.equal(text.split('-->').length, text === body ? 2 : 1);
  }
  assert.deepEqual(run.annotations.filter(({ level }) => level !== 'notice'), []); // prettier-ignore
});

test('a report that only wants to be large is refused without an end of memory', async (t) => {
  const { api, publish } = await started(t);
  const many = `{"version":1,"results":[${'[],'.repeat(2_500_000)}[]]}`;
  const run = await publish(many);
  assert.equal(run.exitCode, 0, run.log);
  assert.match(api.state.comments[0]?.body ?? '', /holds more than 2000000 values/);
  const huge = await publish(`"${'x'.repeat(34_000_000)}"`, { run: { id: 4_001 } });
  assert.equal(huge.exitCode, 0, huge.log);
  assert.match(api.state.comments[0]?.body ?? '', /34000002 bytes/);
});

test('a token that may not write is told of by the name of the permission, and a GitHub that fails fails the step', async (t) => {
  const { api, publish } = await started(t);
  api.state.access = 'read';
  const refused = await publish(broken);
  assert.equal(refused.exitCode, 0, refused.log);
  assert.match(noticesOf(refused), /pull-requests: write/);
  api.state.access = 'write';
  api.fail(...Array.from({ length: 9 }, () => ({ status: 502 })));
  const failed = await publish(broken);
  assert.deepEqual([failed.exitCode, failed.outputs['state']], [1, 'failed'], failed.log);
  assert.match(noticesOf(failed), /Could not look for the pull request: Injected 502/);
});

test('examples/publish.yml downloads and publishes, checks nothing out, and may do no more than comment', () => {
  const workflow = parse(readFileSync('examples/publish.yml', 'utf8')) as {
    readonly permissions: object;
    readonly jobs: { readonly comment: { readonly permissions: object; readonly steps: { uses?: string; run?: string; with: Record<string, string> }[] } }; // prettier-ignore
  };
  const { permissions, steps } = workflow.jobs.comment;
  assert.deepEqual(workflow.permissions, {});
  assert.deepEqual(permissions, { actions: 'read', 'pull-requests': 'write' });
  assert.deepEqual(steps.map(({ uses = '', run }) => [uses.replace(/@.*/, ''), run]), [
    ['actions/download-artifact', undefined],
    ['your-org/rowgate/publish', undefined],
  ]); // prettier-ignore
  const { inputs } = parse(readFileSync('publish/action.yml', 'utf8')) as { readonly inputs: object };
  assert.ok(Object.keys(steps[1]?.with ?? {}).every((name) => name in inputs));
  // Where the one puts it, the other looks for it.
  assert.equal(steps[1]?.with['report'], `${steps[0]?.with['path']}/report.json`);
});
