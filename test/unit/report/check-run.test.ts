import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { openCheckRun } from '../../../src/github/octokit-check-run.ts';
import { checkRunChannel } from '../../../src/report/check-run.ts';
import type { Report } from '../../../src/report/report.ts';
import { writeMarker } from '../../../src/report/comment-marker.ts';
import { talliesOf } from '../../../src/report/tallies.ts';
import type { ApiCheckRun } from '../../support/github-api-checks.ts';
import { startGithubApi, type Failure } from '../../support/github-api.ts';
import { makeReportOf } from '../../support/reports.ts';

const HASTY = { requestMs: 5_000, totalMs: 20_000, pauseMs: 1 };
const headSha = 'd'.repeat(40);
const before = 'c'.repeat(40);

async function started(t: TestContext, ...failures: readonly Failure[]) {
  const api = await startGithubApi({ repository: 'acme/shop' });
  t.after(() => api.close());
  api.fail(...failures);
  const told = { ids: [] as number[], completed: 0, notices: [] as string[] };
  const cancel = new AbortController();
  const checkRun = openCheckRun({
    owner: 'acme',
    repo: 'shop',
    headSha,
    beforeSha: before,
    name: 'Rowgate',
    externalId: 'rowgate:1',
    detailsUrl: 'https://github.com/acme/shop/actions/runs/5',
    token: 'ghs_1',
    apiUrl: api.url,
    signal: cancel.signal,
    patience: HASTY,
  });
  const channel = checkRunChannel({
    checkRun,
    key: 'gate',
    run: { id: 5, attempt: 1 },
    onBegun: (id) => void told.ids.push(id),
    onCompleted: () => void (told.completed += 1),
    onMissingPermission: (message) => void told.notices.push(message),
  });
  return { api, channel, checkRun, told, cancel };
}

/** Each finding is of a rule of its own, and so an annotation. */
function reportOf(findings: number): Report {
  const report = makeReportOf(findings);
  const results = report.results.map((result, i) => ({ ...result, rule: `rule-${i}`, enforced: true }));
  return { ...report, results };
}

for (const [findings, requests] of [
  [0, 2],
  [1, 2],
  [50, 2],
  [51, 3],
  [131, 4],
] as const)
  // prettier-ignore
  test(`${findings} findings are ${findings} annotations of one check run, in ${requests} requests`, async (t) => {
    const { api, channel, told } = await started(t);
    const shown = await channel.write(reportOf(findings), 'rule');
    const [made, ...others] = api.state.checkRuns;
    assert.deepEqual([shown.state, shown.shown, shown.total], ['ok', findings, findings], shown.reason ?? '');
    assert.equal(others.length, 0);
    assert.equal(made?.annotations.length, findings);
    assert.equal(new Set(made?.annotations.map(({ title }) => title)).size, findings);
    assert.deepEqual([made?.headSha, made?.status], [headSha, 'completed']);
    assert.equal(made?.conclusion, findings === 0 ? 'success' : 'failure');
    assert.match(made?.summary ?? '', /Rowgate: /);
    assert.equal(api.requests.length, requests, api.requests.join('\n'));
    assert.deepEqual(api.mistakes, []);
    assert.deepEqual([told.ids, told.completed], [[made?.id], 1]);
  });

test('what the last run counted is in its check, of the same app and gate alone, the newest first', async (t) => {
  const { api, channel } = await started(t);
  assert.equal(await channel.tallies(), undefined, 'the first run has nothing to go by');
  const state = (count: number, key = 'gate'): string =>
    writeMarker({ key, run: { id: 4, attempt: 1 }, tallies: talliesOf(reportOf(count)) });
  const own = api.state.checkRuns[0];
  assert.ok(own);
  const plant = (more: Partial<ApiCheckRun>): void =>
    void api.state.checkRuns.push({ ...own, externalId: 'rowgate:0', status: 'completed', ...more });
  const counted = async (): Promise<number | undefined> => (await channel.tallies())?.rules.size;
  plant({ id: 90_001, headSha: before, summary: `${state(3)}\nmore` });
  assert.equal(await counted(), 4, 'of the commit before');
  plant({ id: 90_002, summary: state(5) });
  assert.equal(await counted(), 6, 'of an earlier run on this commit');
  plant({ id: 90_003, summary: state(7), app: 1 });
  plant({ id: 90_004, summary: state(9, 'other') });
  plant({ id: 90_005, summary: state(11), status: 'in_progress' });
  plant({ id: 90_006, summary: `x ${state(13)}` });
  plant({ id: 90_007, summary: state(15).replace('state=', 'state=AAAA') });
  assert.equal(await counted(), 6, 'nobody else is believed');
});

test('a GitHub that does not list checks costs no result, and nothing is said to have changed', async (t) => {
  const { api, channel } = await started(t);
  await channel.write(reportOf(1), 'rule');
  api.fail(...Array.from({ length: 3 }, () => ({ status: 404 })));
  assert.equal(await channel.tallies(), undefined);
});

test('of 10,000 findings a check run shows 300 of a level, says how many it leaves out, and is degraded', async (t) => {
  const { api, channel } = await started(t);
  const shown = await channel.write(reportOf(10_000), 'rule');
  const [{ annotations } = { annotations: [] }] = api.state.checkRuns;
  const of = (level: string) => annotations.filter((each) => each.annotation_level === level);
  assert.deepEqual(
    ['failure', 'warning', 'notice'].map((level) => of(level).length),
    [300, 300, 300],
  );
  assert.match(of('failure')[299]?.title ?? '', /^and [\d,]+ more$/);
  assert.deepEqual([shown.state, shown.shown, shown.total], ['degraded', 897, 10_000]);
  assert.match(shown.reason ?? '', /300 annotations of a level/);
  assert.deepEqual(api.mistakes, []);
});

test('an answer that is lost makes no second check run and no annotation twice', async (t) => {
  const { api, channel } = await started(
    t,
    { status: 200, manner: 'lost', of: /^POST/ },
    { status: 200, manner: 'lost', of: /^PATCH/ },
    { status: 502, of: /^PATCH/ },
    { status: 200, manner: 'lost', of: /^PATCH/ },
  );
  const shown = await channel.write(reportOf(131), 'rule');
  assert.equal(shown.state, 'ok', shown.reason ?? '');
  const [made, ...others] = api.state.checkRuns;
  assert.equal(others.length, 0);
  assert.deepEqual([made?.annotations.length, made?.status], [131, 'completed']);
});

test('a check run whose annotations GitHub refuses is ended without them, red', async (t) => {
  const { api, channel } = await started(t, { status: 422, of: /^PATCH/ });
  const shown = await channel.write(reportOf(60), 'rule');
  assert.deepEqual([shown.state, shown.shown, shown.total], ['degraded', 0, 60]);
  assert.match(shown.reason ?? '', /GitHub took 0 of 60 annotations: Injected 422/);
  const [made] = api.state.checkRuns;
  assert.deepEqual([made?.status, made?.conclusion], ['completed', 'failure']);
});

test('a token that may not write checks is told of in one notice, by the name of the permission', async (t) => {
  const { api, channel, told } = await started(t);
  api.state.access = 'read';
  channel.begin();
  const shown = await channel.write(reportOf(3), 'rule');
  assert.equal(shown.state, 'degraded');
  assert.equal(told.notices.length, 1);
  assert.match(told.notices[0] ?? '', /checks: write/);
  assert.equal(api.requests.length, 1);
});

for (const status of [429, 500, 503])
  test(`a GitHub that answers ${status} three times fails the channel, and only it`, async (t) => {
    const headers = status === 429 ? { 'retry-after': '0' } : {};
    const { api, channel, told } = await started(
      t,
      ...Array.from({ length: 9 }, () => ({ status, headers })),
    );
    const shown = await channel.write(reportOf(3), 'rule');
    assert.equal(shown.state, 'failed');
    assert.match(shown.reason ?? '', new RegExp(`Injected ${status}`));
    assert.equal(api.requests.length, 3);
    assert.equal(told.completed, 0);
  });

test('a check run that is gone when it is to be ended fails the channel, and does not reject', async (t) => {
  const { channel } = await started(t, { status: 404, of: /^PATCH/ }, { status: 404, of: /^PATCH/ });
  const shown = await channel.write(reportOf(3), 'rule');
  assert.notEqual(shown.state, 'ok');
});

test('a cancelled run leaves its check run to be ended by another process, which finds it', async (t) => {
  const { api, channel, checkRun, told, cancel } = await started(t);
  channel.begin();
  while (told.ids.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  cancel.abort();
  const shown = await channel.write(reportOf(3), 'rule');
  assert.deepEqual([shown.state, told.completed], ['failed', 0]);
  assert.match(shown.reason ?? '', /cancelled/);
  assert.equal(api.state.checkRuns[0]?.status, 'in_progress');
  await assert.rejects(checkRun.find());
});

test('a check is green for clean alone: broken that does not fail the run is neutral, unmeasured is red', async (t) => {
  const conclusionOf = async (report: Report) => {
    const { api, channel } = await started(t);
    await channel.write(report, 'none');
    return api.state.checkRuns[0]?.conclusion;
  };
  const of = (verdict: Report['verdict'], exitCode: number) =>
    conclusionOf({ ...makeReportOf(1), verdict, exitCode });
  assert.equal(await of('clean', 0), 'success');
  assert.equal(await of('broken', 1), 'failure');
  assert.equal(await of('broken', 0), 'neutral');
  assert.equal(await of('incomplete', 2), 'failure');
  assert.equal(await of('incomplete', 3), 'failure');
});
