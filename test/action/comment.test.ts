import assert from 'node:assert/strict';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { reportSchema } from '../../src/report/report.ts';
import { startGithubApi } from '../support/github-api.ts';
import { runAction } from '../support/runner-emulator.ts';
import { createTemplate } from '../support/server.ts';

const template = await createTemplate(
  'create table orders (id int primary key, tenant_id int); insert into orders values (1, null), (2, null), (3, 7)',
);
const rules = [{ id: 'orders-have-a-tenant', kind: 'not_null', tables: ['orders'], column: 'tenant_id' }];
const shop = { full_name: 'acme/shop', private: true };
const head = { sha: 'd'.repeat(40), repo: shop };
const event = {
  name: 'pull_request',
  payload: { repository: shop, pull_request: { number: 7, head, base: { sha: 'b'.repeat(40), repo: shop } } },
};

async function started(t: TestContext) {
  const database = await template.createDatabase();
  const api = await startGithubApi({
    repository: 'acme/shop',
    pulls: [{ number: 7, headSha: head.sha, files: [] }],
  });
  t.after(() => api.close());
  const gate = async (runId: number, env: Readonly<Record<string, string>> = {}) => {
    const run = await runAction({
      actionFolder: path.resolve('.'),
      files: { 'rules/a.yml': JSON.stringify({ version: 1, rules }) },
      inputs: { 'database-url': database.url },
      env: { GITHUB_API_URL: api.url, GITHUB_RUN_ID: String(runId), ...env },
      event,
    });
    const report = reportSchema.parse(JSON.parse(run.read('rowgate-report/report.json') ?? ''));
    return { run, report, channel: report.channels.find(({ name }) => name === 'comment') };
  };
  return { database, api, gate };
}

test('each run on a pull request brings one comment up to date, and says what changed', async (t) => {
  const { database, api, gate } = await started(t);
  const first = await gate(1);
  assert.equal(first.run.exitCode, 1, first.run.log);
  assert.equal(first.run.outputs['comment-id'], String(api.state.comments[0]?.id));
  assert.equal(first.report.changes, undefined);
  // List, create, and look again for whoever else was at it.
  assert.equal(api.requests.length, 3, api.requests.join('\n'));
  await database.run('update orders set tenant_id = 7 where id = 2');
  const second = await gate(2);
  assert.match(api.state.comments[0]?.body ?? '', /was 2, now 1/);
  assert.match(second.run.summary ?? '', /was 2, now 1/);
  assert.deepEqual(second.report.changes?.rules.map(({ change }) => change), ['fewer']); // prettier-ignore
  // List, who am I, update.
  assert.equal(api.requests.length, 6, api.requests.join('\n'));
  await database.run('update orders set tenant_id = 7');
  const third = await gate(3);
  assert.equal(third.run.exitCode, 0, third.run.log);
  assert.match(api.state.comments[0]?.body ?? '', /✅ Rowgate: Clean[^]*fixed, was 1/);
  assert.equal(api.state.comments.length, 1);
});

test('a token of Dependabot that may only read changes no verdict, and is told of in one notice', async (t) => {
  const { api, gate } = await started(t);
  api.state.access = 'read';
  const { run, channel } = await gate(1, { GITHUB_ACTOR: 'dependabot[bot]' });
  assert.equal(run.exitCode, 1, run.log);
  assert.deepEqual([channel?.state, run.outputs['degraded'], run.outputs['comment-id']], ['skipped', '', '']);
  const notices = run.annotations.filter(({ level }) => level === 'notice');
  assert.equal(notices.length, 1);
  assert.match(notices[0]?.message ?? '', /pull-requests: write/);
});

test('a GitHub that only fails costs no verdict', async (t) => {
  const { api, gate } = await started(t);
  api.fail(...Array.from({ length: 9 }, () => ({ status: 500 })));
  const { run, channel } = await gate(1);
  assert.equal(run.exitCode, 1, run.log);
  assert.deepEqual([channel?.state, run.outputs['degraded']], ['failed', 'comment']);
  assert.equal(api.requests.length, 3);
});
