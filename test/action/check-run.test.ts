import assert from 'node:assert/strict';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { reportSchema } from '../../src/report/report.ts';
import { startGithubApi } from '../support/github-api.ts';
import { runAction } from '../support/runner-emulator.ts';
import { createTemplate } from '../support/server.ts';

const COUNT = 12;
const template = await createTemplate(
  'create table orders (id int primary key, tenant_id int); insert into orders values (1, null), (2, 7)',
);
const rules = Array.from({ length: COUNT }, (_, i) => ({
  id: `orders-have-a-tenant-${i}`,
  kind: 'not_null',
  tables: ['orders'],
  column: 'tenant_id',
}));
const shop = { full_name: 'acme/shop', private: true };
const head = { sha: 'd'.repeat(40), repo: shop };
const event = {
  name: 'pull_request',
  payload: { repository: shop, pull_request: { number: 7, head, base: { sha: 'b'.repeat(40), repo: shop } } },
};
const pushed = { sha: 'e'.repeat(40), repo: shop };
/** The same pull request after another push. */
const nextEvent = {
  name: 'pull_request',
  payload: {
    ...event.payload,
    before: head.sha,
    pull_request: { ...event.payload.pull_request, head: pushed },
  },
};

async function started(t: TestContext, basePath: '' | '/api/v3' = '') {
  const database = await template.createDatabase();
  const pulls = [{ number: 7, headSha: head.sha, files: [] }];
  const api = await startGithubApi({ repository: 'acme/shop', pulls }, basePath);
  t.after(() => api.close());
  const gate = async (
    inputs: Readonly<Record<string, string>> = {},
    env: Readonly<Record<string, string>> = {},
    of: typeof event = event,
  ) => {
    const run = await runAction({
      actionFolder: path.resolve('.'),
      files: { 'rules/a.yml': JSON.stringify({ version: 1, rules }) },
      inputs: { 'database-url': database.url, 'check-run': 'true', ...inputs },
      env: { GITHUB_API_URL: api.url, ...env },
      event: of,
    });
    const text = run.read('rowgate-report/report.json');
    const report = text === undefined ? undefined : reportSchema.parse(JSON.parse(text));
    return { run, report, channel: (of: string) => report?.channels.find(({ name }) => name === of) };
  };
  return { database, api, gate };
}

test('a check run is on the head of the pull request, with every annotation, and the step does not repeat them', async (t) => {
  const { database, api, gate } = await started(t);
  const { run, channel } = await gate();
  assert.equal(run.exitCode, 1, run.log);
  const [made, ...others] = api.state.checkRuns;
  assert.equal(others.length, 0);
  assert.deepEqual([made?.headSha, made?.status, made?.conclusion, made?.name], [head.sha, 'completed', 'failure', 'Rowgate']); // prettier-ignore
  assert.equal(made?.annotations.length, COUNT);
  assert.deepEqual([made?.annotations[0]?.path, made?.annotations[0]?.annotation_level], ['rules/a.yml', 'failure']); // prettier-ignore
  assert.deepEqual([channel('check-run')?.state, channel('annotations')?.state], ['ok', 'skipped']);
  assert.deepEqual([run.annotations, run.outputs['degraded']], [[], '']);
  assert.deepEqual(api.mistakes, []);
  await database.run('update orders set tenant_id = 7');
  const clean = await gate({ 'comment-key': 'second' });
  assert.equal(clean.run.exitCode, 0, clean.run.log);
  assert.deepEqual([api.state.checkRuns[1]?.conclusion, api.state.checkRuns[1]?.name], ['success', 'Rowgate: second']); // prettier-ignore
});

test('without a comment each run says what changed by the check of the last, on this commit or the one before', async (t) => {
  const { database, api, gate } = await started(t);
  const first = await gate({ comment: 'never' });
  assert.equal(first.report?.changes, undefined);
  const again = await gate({ comment: 'never' });
  assert.equal(again.report?.changes?.rules[0]?.change, 'same', again.run.log);
  await database.run('update orders set tenant_id = 7');
  const next = await gate({ comment: 'never' }, {}, nextEvent);
  assert.equal(next.report?.changes?.rules[0]?.change, 'fixed', next.run.log);
  assert.match(api.state.checkRuns[2]?.summary ?? '', /was 1, now 0|fixed/);
  assert.deepEqual(api.mistakes, []);
});

test('without checks: write the step annotates as ever, and one notice names the permission', async (t) => {
  const { api, gate } = await started(t);
  api.state.access = 'read';
  const { run, channel } = await gate({ comment: 'never' });
  assert.equal(run.exitCode, 1, run.log);
  assert.deepEqual([channel('check-run')?.state, channel('annotations')?.state], ['degraded', 'degraded']);
  const notices = run.annotations.filter(({ level }) => level === 'notice');
  assert.deepEqual(notices.map(({ message }) => /checks: write/.test(message)), [true]); // prettier-ignore
  assert.equal(run.annotations.filter(({ level }) => level === 'error').length, 10);
  assert.equal(run.outputs['degraded'], 'check-run,annotations');
});

test('a main that is killed leaves no check in progress: post ends it, red', async (t) => {
  const { api, gate } = await started(t);
  // The step's process ends itself as soon as it has heard of its check run, as if it had run out of memory.
  const killer = `import fs from 'node:fs';
    if (process.argv[1].endsWith('index.js')) setInterval(() => {
      if (fs.readFileSync(process.env.GITHUB_STATE, 'utf8').includes('check-run-id')) process.kill(process.pid, 'SIGKILL');
    }, 1).unref();`;
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(killer)}`;
  // While GitHub is asked for the comment, main waits.
  api.fail({ status: 200, manner: 'silence', of: /issues\/7\/comments/ });
  const { run } = await gate({}, { NODE_OPTIONS });
  assert.equal(run.exitCode, 137, run.log);
  const [made, ...others] = api.state.checkRuns;
  assert.equal(others.length, 0);
  assert.deepEqual([made?.status, made?.conclusion], ['completed', 'failure'], run.log);
  assert.match(made?.title ?? '', /Ended before there was a result/);
});

test('a cancelled step has its check ended as cancelled, never green', async (t) => {
  const { api } = await started(t);
  const silent = 'postgres://u:p@127.0.0.1:9/db?sslmode=disable';
  api.fail({ status: 200, manner: 'silence', of: /issues\/7\/comments/ });
  const run = await runAction({
    actionFolder: path.resolve('.'),
    files: { 'rules/a.yml': JSON.stringify({ version: 1, rules }) },
    inputs: { 'database-url': silent, 'check-run': 'true' },
    env: { GITHUB_API_URL: api.url },
    event,
    signalAfter: 2_000,
  });
  assert.equal(run.conclusion, 'cancelled', run.log);
  assert.deepEqual(api.state.checkRuns.map(({ status, conclusion }) => [status, conclusion]), [['completed', 'cancelled']]); // prettier-ignore
});

test('an Enterprise Server is asked below its own address, for checks and comments alike', async (t) => {
  const { api, gate } = await started(t, '/api/v3');
  const { run, channel } = await gate();
  assert.equal(run.exitCode, 1, run.log);
  assert.deepEqual([channel('check-run')?.state, channel('comment')?.state], ['ok', 'ok']);
  assert.deepEqual([api.state.checkRuns.length, api.state.comments.length], [1, 1]);
  const second = await gate();
  assert.equal(second.channel('comment')?.state, 'ok', second.channel('comment')?.reason ?? '');
  assert.equal(api.state.comments.length, 1);
  assert.deepEqual(api.mistakes, []);
});

test('a step without check-run asks nothing of the checks API, and its post does nothing', async (t) => {
  const { api, gate } = await started(t);
  const { run, channel } = await gate({ 'check-run': 'false' });
  assert.equal(channel('check-run')?.state, 'skipped');
  assert.ok(!api.requests.some((request) => request.includes('check-runs')), run.log);
});
