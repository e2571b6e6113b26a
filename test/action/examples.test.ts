import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { parse } from 'yaml';
import { startGithubApi } from '../support/github-api.ts';
import { runAction } from '../support/runner-emulator.ts';
import { seedTables } from '../support/seed-tables.ts';
import { createTemplate } from '../support/server.ts';

const actionFolder = path.resolve('.');
const pack = readFileSync('rules/workspace-isolation.yml', 'utf8');
const template = await createTemplate(seedTables);
const BASE = 'b'.repeat(40);

type Step = {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, string>>;
};
type Job = {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly environment?: string;
  readonly 'timeout-minutes'?: number;
  readonly steps: readonly Step[];
};
type Workflow = {
  readonly on: Readonly<Record<string, { readonly branches?: readonly string[] } | null>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
};
const action = parse(readFileSync('action.yml', 'utf8')) as {
  inputs: Record<string, { required?: boolean }>;
};

const examples = readdirSync('examples').map((name) => {
  const workflow = parse(readFileSync(path.join('examples', name), 'utf8')) as Workflow;
  const jobs = Object.values(workflow.jobs);
  const steps = jobs.flatMap((job) => job.steps.map((step) => ({ job, step })));
  const gates = steps.filter(({ step }) => step.uses?.includes('/rowgate@'));
  return { name, workflow, steps, gates };
});

const shop = { full_name: 'acme/shop', private: true };
const pullOf = (repo: string) => ({
  repository: shop,
  pull_request: {
    number: 7,
    head: { sha: 'd'.repeat(40), repo: { full_name: repo } },
    base: { sha: BASE, repo: shop },
  },
});
const payloads: Readonly<Record<string, unknown>> = {
  push: { repository: shop },
  schedule: { repository: shop },
  workflow_dispatch: { repository: shop, inputs: { only: '' } },
  pull_request: pullOf('acme/shop'),
  pull_request_target: pullOf('eve/shop'),
};

/** What the expressions of the examples stand for. */
function evaluated(text: string, url: string): string {
  const values: Record<string, string> = { 'secrets.ROWGATE_DATABASE_URL': url, 'inputs.only': '' };
  return text.replace(/\$\{\{ (.*?) \}\}/g, (_, expression: string) => {
    assert.ok(expression in values, `the test does not know ${expression}`);
    return values[expression] ?? '';
  });
}

for (const { name, workflow, steps, gates } of examples) {
  test(`${name} runs the gate with inputs that there are, and grants no more than it needs`, () => {
    assert.ok(gates.length > 0);
    for (const { job, step } of gates) {
      const given = Object.keys(step.with ?? {});
      assert.deepEqual(given.filter((input) => !(input in action.inputs)), []); // prettier-ignore
      const required = Object.keys(action.inputs).filter((input) => action.inputs[input]?.required);
      assert.deepEqual(required.filter((input) => !given.includes(input)), []); // prettier-ignore
      const granted = { ...workflow.permissions, ...job.permissions };
      assert.equal(granted['contents'], 'read');
      assert.ok(Object.values(granted).every((access) => access === 'read'));
      assert.ok(job['timeout-minutes']);
    }
  });

  test(`${name} runs nothing of a pull request that it should not`, () => {
    for (const [event, filter] of Object.entries(workflow.on)) {
      if (event.startsWith('pull_request')) assert.deepEqual(filter?.branches, ['main']);
    }
    const isTarget = 'pull_request_target' in workflow.on;
    const checkouts = steps.filter(({ step }) => step.uses?.startsWith('actions/checkout@'));
    if (isTarget) assert.deepEqual([checkouts, steps.length], [[], gates.length]);
    for (const { step } of checkouts) assert.equal(String(step.with?.['persist-credentials']), 'false');
    assert.ok(checkouts.every(({ step }) => step.with?.['ref'] === undefined));
    for (const { job, step } of gates) {
      if (step.with?.['raw-sql'] === 'run') assert.ok(job.environment, 'raw SQL runs behind reviewers');
    }
  });

  for (const event of Object.keys(workflow.on)) {
    test(`${name} gates a clean database on ${event}`, async (t) => {
      const database = await template.createDatabase();
      const files = { 'rules/workspace-isolation.yml': pack };
      const pulls = [{ number: 7, headSha: 'd'.repeat(40), files: [] }];
      const api = await startGithubApi({
        repository: 'acme/shop',
        pulls,
        commits: { [BASE]: files },
        access: 'read',
      });
      t.after(() => api.close());
      for (const { step } of gates) {
        const inputs = Object.entries(step.with ?? {}).map(([key, value]) => [
          key,
          evaluated(value, database.url),
        ]);
        const run = await runAction({
          actionFolder,
          files: steps.some(({ step: { uses } }) => uses?.startsWith('actions/checkout@')) ? files : {},
          inputs: Object.fromEntries(inputs),
          env: { GITHUB_API_URL: api.url },
          event: { name: event, payload: payloads[event] },
        });
        assert.equal(run.exitCode, 0, run.log);
        assert.equal(run.outputs['rules-run'], '12');
        assert.deepEqual(run.annotations.filter(({ level }) => level !== 'notice'), []); // prettier-ignore
      }
    });
  }
}
