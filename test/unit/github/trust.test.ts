import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { runnerContext } from '../../../src/github/runner.ts';
import { baseCommit, trustOf, type Trust } from '../../../src/github/trust.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'rowgate-trust-'));
after(() => rmSync(folder, { recursive: true }));

const BASE = 'b'.repeat(40);
const RUN = 'c'.repeat(40);

const shop = { full_name: 'acme/shop', private: true };
const eves = { full_name: 'eve/shop', private: false };
const base = { sha: BASE, ref: 'main', repo: shop };
const pullOf = (repo: unknown, more: object = {}) => ({
  repository: shop,
  pull_request: { number: 7, head: { sha: 'd'.repeat(40), ref: 'main', repo }, base, ...more },
});
const runOf = (event: unknown, repo: unknown) => ({
  repository: shop,
  workflow_run: { event, head_repository: repo, head_branch: 'main', pull_requests: [] },
});

/** What somebody who opens a pull request can choose, or be. */
const friendly = {
  title: '[trusted] raw-sql: run',
  author_association: 'OWNER',
  user: { login: 'octocat', type: 'Bot' },
  labels: [{ name: 'safe to test' }],
  head: { sha: 'd'.repeat(40), ref: 'main', label: 'acme:main', user: { login: 'acme' }, repo: eves },
};

type Case = {
  readonly title: string;
  readonly event: string;
  /** Its file: as JSON, as a text, or none at all. */
  readonly payload?: unknown;
  readonly env?: Readonly<Record<string, string>>;
  readonly trust: Trust;
  readonly commit: string | undefined;
};

const own = { trust: 'own', commit: RUN } as const;
const same = { trust: 'same-repository-pull-request', commit: BASE } as const;
const untrusted = { trust: 'untrusted', commit: BASE } as const;
const ofMerge = { GITHUB_REF: 'refs/pull/7/merge' };

const cases: readonly Case[] = [
  { title: 'a push', event: 'push', payload: { repository: shop, ref: 'refs/heads/main' }, ...own },
  { title: 'a push with an unreadable event', event: 'push', payload: 'no json', ...own },
  { title: 'a merge group', event: 'merge_group', payload: { repository: shop, merge_group: {} }, ...own },
  { title: 'a schedule', event: 'schedule', payload: { schedule: '0 0 * * *' }, ...own },
  { title: 'a run by hand', event: 'workflow_dispatch', payload: { repository: shop }, ...own },
  { title: 'a deployment', event: 'deployment', payload: { repository: shop, deployment: {} }, ...own },

  { title: 'a pull request of the repository', event: 'pull_request', payload: pullOf(shop), ...same },
  {
    title: 'a pull request of Dependabot',
    event: 'pull_request',
    payload: pullOf(shop, { user: { login: 'dependabot[bot]' } }),
    env: { GITHUB_ACTOR: 'dependabot[bot]' },
    ...same,
  },
  { title: 'a review of a pull request', event: 'pull_request_review', payload: pullOf(shop), ...same },

  { title: 'a pull request of a fork', event: 'pull_request', payload: pullOf(eves), ...untrusted },
  { title: 'a pull request of a deleted fork', event: 'pull_request', payload: pullOf(null), ...untrusted },
  {
    title: 'a review of a pull request of a fork',
    event: 'pull_request_review_comment',
    payload: pullOf(eves),
    ...untrusted,
  },
  {
    title: 'a fork with names, labels and an author that look like the own ones',
    event: 'pull_request',
    payload: pullOf(eves, friendly),
    env: { GITHUB_ACTOR: 'octocat', GITHUB_HEAD_REF: 'main' },
    ...untrusted,
  },
  {
    title: 'a pull request between two repositories, neither of which runs it',
    event: 'pull_request',
    payload: pullOf(eves, { base: { ...base, repo: eves } }),
    ...untrusted,
  },
  {
    title: 'a pull request of this repository to another one',
    event: 'pull_request',
    payload: pullOf(shop, { base: { ...base, repo: eves } }),
    ...untrusted,
  },
  { title: 'pull_request_target', event: 'pull_request_target', payload: pullOf(shop), ...untrusted },
  {
    title: 'pull_request_target of a fork',
    event: 'pull_request_target',
    payload: pullOf(eves),
    ...untrusted,
  },
  {
    title: 'a pull request with broken JSON',
    event: 'pull_request',
    payload: '{"pull_request":',
    env: ofMerge,
    trust: 'untrusted',
    commit: undefined,
  },
  {
    title: 'a pull request without a file for its event',
    event: 'pull_request',
    env: { ...ofMerge, GITHUB_EVENT_PATH: '/nowhere/event.json' },
    trust: 'untrusted',
    commit: undefined,
  },
  {
    title: 'a pull request without its head',
    event: 'pull_request',
    payload: { repository: shop, pull_request: { number: 7, base } },
    trust: 'untrusted',
    commit: undefined,
  },
  {
    title: 'a base that is no SHA',
    event: 'pull_request_target',
    payload: pullOf(eves, { base: { ...base, sha: '../../contents' } }),
    trust: 'untrusted',
    commit: undefined,
  },
  {
    title: 'an event that is not known, on the merge of a pull request',
    event: 'pull_something',
    payload: {},
    env: ofMerge,
    trust: 'untrusted',
    commit: undefined,
  },

  { title: 'a run after a push', event: 'workflow_run', payload: runOf('push', shop), ...own },
  {
    title: 'a run after a pull request of the repository',
    event: 'workflow_run',
    payload: runOf('pull_request', shop),
    trust: 'same-repository-pull-request',
    commit: RUN,
  },
  ...[
    ['a run after a pull request of a fork', runOf('pull_request', eves)],
    ['a run after a push to another repository', runOf('push', eves)],
    ['a run after something of a deleted fork', runOf('push', null)],
    ['a run after pull_request_target', runOf('pull_request_target', shop)],
    ['a run after a run', runOf('workflow_run', shop)],
    ['a run after nobody knows what', runOf(undefined, shop)],
    ['a run after a run that is not as GitHub describes it', { repository: shop, workflow_run: 3 }],
    ['a run with broken JSON', '{'],
  ].map(([title, payload]) => ({
    title: String(title),
    event: 'workflow_run',
    payload,
    trust: 'untrusted' as const,
    commit: RUN,
  })),
  ...['issue_comment', 'issues', 'discussion_comment', 'fork', 'watch', 'check_run', 'status', ''].map(
    (event) => ({
      title: `the event '${event}', which anybody can cause`,
      event,
      payload: { repository: shop },
      trust: 'untrusted' as const,
      commit: RUN,
    }),
  ),
];

for (const [index, { title, event, payload, env, trust, commit }] of cases.entries()) {
  test(`${title}: ${trust}${commit === undefined ? ', and no commit to go by' : ''}`, () => {
    const file = path.join(folder, `${index}.json`);
    if (payload !== undefined)
      writeFileSync(file, typeof payload === 'string' ? payload : JSON.stringify(payload));
    const context = runnerContext({
      GITHUB_EVENT_NAME: event,
      GITHUB_EVENT_PATH: file,
      GITHUB_REPOSITORY: 'acme/shop',
      GITHUB_SHA: RUN,
      GITHUB_REF: 'refs/heads/main',
      ...env,
    });
    assert.deepEqual({ trust: trustOf(context), commit: baseCommit(context) }, { trust, commit });
  });
}

test('a run that does not know its repository trusts no pull request', () => {
  const file = path.join(folder, 'unknown.json');
  writeFileSync(file, JSON.stringify(pullOf(shop)));
  assert.equal(
    trustOf(runnerContext({ GITHUB_EVENT_NAME: 'pull_request', GITHUB_EVENT_PATH: file })),
    'untrusted',
  );
});
