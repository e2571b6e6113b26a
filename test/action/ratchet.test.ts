import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { renderBaseline } from '../../src/check/baseline.ts';
import { startGithubApi } from '../support/github-api.ts';
import { recordGate } from '../support/run-gate.ts';
import { runAction } from '../support/runner-emulator.ts';
import { createTemplate } from '../support/server.ts';

const template = await createTemplate(
  'create table orders (id int primary key, tenant_id int); insert into orders values (1, null), (2, null), (3, 7)',
);
const rules = `version: 1
rules:
  - { id: orders-have-a-tenant, kind: not_null, tables: [orders], column: tenant_id, ratchet: true }
`;
const BASE = 'b'.repeat(40);
const shop = { full_name: 'acme/shop', private: true };

for (const [what, repo, isTrusted] of [
  ['of the repository itself', 'acme/shop', true],
  ['of a fork', 'eve/shop', false],
] as const)
  test(`on a pull request ${what} debt is held against the baseline of ${isTrusted ? 'its checkout' : 'the base commit'}`, async (t) => {
    const { url, run } = await template.createDatabase();
    const made = await recordGate({ url, rules });
    assert.ok('baseline' in made);
    const recorded = renderBaseline(made.baseline);
    await run('insert into orders values (4, null)');
    const raised = await recordGate({ url, rules });
    assert.ok('baseline' in raised);
    const api = await startGithubApi({
      repository: 'acme/shop',
      access: 'read',
      commits: { [BASE]: { 'rules/a.yml': rules, 'baseline.json': recorded } },
    });
    t.after(() => api.close());
    const head = { sha: 'd'.repeat(40), repo: { full_name: repo } };
    const pull = { number: 7, head, base: { sha: BASE, repo: shop } };
    const gate = await runAction({
      actionFolder: path.resolve('.'),
      files: { 'rules/a.yml': rules, 'baseline.json': renderBaseline(raised.baseline) },
      inputs: { 'database-url': url, baseline: 'baseline.json', comment: 'never' },
      env: { GITHUB_API_URL: api.url },
      event: {
        name: isTrusted ? 'pull_request' : 'pull_request_target',
        payload: { repository: shop, pull_request: pull },
      },
    });
    assert.equal(gate.exitCode, isTrusted ? 0 : 1, gate.log);
    assert.match(gate.summary ?? '', isTrusted ? /debt 3 \(was 3\)/ : /debt 3 \(was 2\)/);
  });
