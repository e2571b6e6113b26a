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
  readonly strategy?: {
    readonly 'fail-fast'?: boolean;
    readonly matrix: Readonly<Record<string, readonly (string | number)[]>>;
  };
  readonly 'timeout-minutes'?: number;
  readonly steps: readonly Step[];
};
type Workflow = {
  readonly on:
    | string
    | Readonly<Record<string, { readonly branches?: readonly string[]; readonly inputs?: object } | null>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly concurrency?: { readonly 'cancel-in-progress'?: boolean };
  readonly jobs: Readonly<Record<string, Job>>;
};
const action = parse(readFileSync('action.yml', 'utf8')) as {
  inputs: Record<string, unknown>;
};

const all = readdirSync('examples').map((name) => {
  const workflow = parse(readFileSync(path.join('examples', name), 'utf8')) as Workflow;
  const jobs = Object.values(workflow.jobs);
  const steps = jobs.flatMap((job) => job.steps.map((step) => ({ job, step })));
  const gates = steps.filter(({ step }) => step.uses?.includes('/rowgate@'));
  const events = typeof workflow.on === 'string' ? { [workflow.on]: null } : workflow.on;
  return {
    name,
    workflow,
    events,
    jobs,
    steps,
    gates,
    fills: gates.some(({ step }) => step.with?.['mode'] === 'backfill'),
  };
});

// What only publishes reports gates nothing; publish.test.ts looks at it.
const examples = all.filter(({ gates, name }) => gates.length > 0 || name !== 'publish.yml');

const shop = { full_name: 'acme/shop', private: true, default_branch: 'main' };
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
  deployment: { repository: shop, deployment: { environment: 'production' } },
  workflow_dispatch: { repository: shop, inputs: { only: '' } },
  pull_request: pullOf('acme/shop'),
  pull_request_target: pullOf('eve/shop'),
};

/** Every cell of a job's matrix of one dimension, as `matrix.name`; one that is empty where there is no matrix. */
function cellsOf({ strategy }: Job): Readonly<Record<string, string>>[] {
  const [dimension] = Object.entries(strategy?.matrix ?? {});
  if (!dimension) return [{}];
  const [name, values] = dimension;
  return values.map((value) => ({ [`matrix.${name}`]: String(value) }));
}

/** What the expressions of the examples stand for. */
function evaluated(text: string, url: string, more: Readonly<Record<string, string>> = {}): string {
  const values: Record<string, string> = {
    'secrets.ROWGATE_DATABASE_URL': url,
    'env.DATABASE_URL': url,
    'inputs.only': '',
    'inputs.phase': '2',
    ...more,
  };
  return String(text).replace(/\$\{\{ (.*?) \}\}/g, (_, expression: string) => {
    assert.ok(expression in values, `the test does not know ${expression}`);
    return values[expression] ?? '';
  });
}

for (const { name, workflow, events, jobs, steps, gates, fills } of examples) {
  test(`${name} runs the gate with inputs that there are, and grants no more than it needs`, () => {
    assert.ok(gates.length > 0);
    for (const { job, step } of gates) {
      const given = Object.keys(step.with ?? {});
      assert.deepEqual(given.filter((input) => !(input in action.inputs)), []); // prettier-ignore
      const isMerge = step.with?.['mode'] === 'merge';
      assert.ok(given.includes(isMerge ? 'reports' : 'database-url'));
      const granted = { ...workflow.permissions, ...job.permissions };
      assert.equal(granted['contents'], 'read');
      // Only a comment is written, and only where nothing of somebody else runs.
      const { 'pull-requests': comments, ...others } = granted;
      assert.ok(Object.values(others).every((access) => access === 'read'));
      if (comments === 'write') assert.ok('pull_request' in events);
      assert.ok(job['timeout-minutes']);
    }
  });

  test(`${name} runs nothing of a pull request that it should not`, () => {
    for (const [event, filter] of Object.entries(events)) {
      if (event.startsWith('pull_request')) assert.deepEqual(filter?.branches, ['main']);
    }
    const isTarget = 'pull_request_target' in events;
    const checkouts = steps.filter(({ step }) => step.uses?.startsWith('actions/checkout@'));
    if (isTarget) assert.deepEqual([checkouts, steps.length], [[], gates.length]);
    for (const { step } of checkouts) assert.equal(String(step.with?.['persist-credentials']), 'false');
    assert.ok(checkouts.every(({ step }) => step.with?.['ref'] === undefined));
    for (const { job, step } of gates) {
      if (step.with?.['raw-sql'] === 'run') assert.ok(job.environment, 'raw SQL runs behind reviewers');
    }
  });

  for (const event of fills ? [] : Object.keys(events)) {
    test(`${name} gates a clean database on ${event}`, async (t) => {
      // A workflow that is called has the event of the one that calls it.
      const eventName = event === 'workflow_call' ? 'push' : event;
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
      // What jobs upload and a last one downloads again.
      const reports: Record<string, string> = {};
      for (const { job, step } of gates) {
        for (const cell of cellsOf(job)) {
          const inputs = Object.entries(step.with ?? {}).map(([key, value]) => [
            key,
            evaluated(value, database.url, cell),
          ]);
          const hasCheckout = steps.some(
            (each) => each.job === job && each.step.uses?.startsWith('actions/checkout@'),
          );
          const run = await runAction({
            actionFolder,
            files: { ...(hasCheckout ? files : {}), ...(step.with?.['mode'] === 'merge' ? reports : {}) },
            inputs: Object.fromEntries(inputs),
            env: { GITHUB_API_URL: api.url },
            event: { name: eventName, payload: payloads[eventName] },
          });
          assert.equal(run.exitCode, 0, run.log);
          assert.equal(run.outputs['rules-run'], '15');
          assert.deepEqual(run.annotations.filter(({ level }) => level !== 'notice'), []); // prettier-ignore
          const artifact = `rowgate-${Object.values(cell).join()}`;
          reports[`reports/${artifact}/report.json`] = run.read(run.outputs['report-path'] ?? '') ?? '';
        }
      }
    });
  }

  if (!fills) continue;

  test(`${name} is started by hand alone, waits for a reviewer, and is not cut off by the next`, () => {
    assert.deepEqual(Object.keys(events), ['workflow_dispatch']);
    assert.equal(workflow.concurrency?.['cancel-in-progress'], false);
    for (const job of jobs) {
      assert.ok(job.environment);
      if (job.strategy) assert.equal(job.strategy['fail-fast'], false);
    }
  });

  test(`${name} fills what is missing, when it is told to`, async () => {
    const database = await template.createDatabase();
    await database.run('update policies set workspace_id = null where id <= 500');
    const values: Record<string, string> = {
      'inputs.execute': 'false',
      'inputs.expect-database': database.name,
      'inputs.rule': '',
      'inputs.max-rows': '',
      'inputs.acknowledge':
        'no-writer-guard:tenant-owned-rows-have-a-workspace, no-writer-guard:audit-rows-are-scoped',
      'inputs.run-id': '',
    };
    const start = (step: Step) =>
      runAction({
        actionFolder,
        files: { 'rules/workspace-isolation.yml': pack },
        inputs: Object.fromEntries(
          Object.entries(step.with ?? {}).map(([key, value]) => [
            key,
            evaluated(value, database.url, values),
          ]),
        ),
        event: { name: 'workflow_dispatch', payload: payloads['workflow_dispatch'] },
      });
    const missing = async () =>
      (await database.rows('select count(*)::int as n from policies where workspace_id is null'))[0]?.['n'];
    const hasDryRun = 'execute' in (events['workflow_dispatch']?.inputs ?? {});
    for (const execute of hasDryRun ? ['false', 'true'] : ['true']) {
      values['inputs.execute'] = execute;
      for (const { job, step } of gates) {
        const workers = job.strategy?.matrix.worker ?? [1];
        const runs = await Promise.all(workers.map(() => start(step)));
        for (const run of runs) assert.equal(run.exitCode, 0, run.log);
        values['needs.plan.outputs.run-id'] ??= runs[0]?.outputs['run-id'] ?? '';
      }
      assert.equal(await missing(), execute === 'true' ? 0 : 500);
    }
  });
}
