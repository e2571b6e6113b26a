import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findPullRequest } from '../../../src/github/find-pull-request.ts';
import { startGithubApi } from '../../support/github-api.ts';

const SHA = 'd'.repeat(40);
const pull = { number: 7, headSha: SHA, files: [], headRepository: 'eve/shop', headBranch: 'topic' };
const run = {
  event: 'pull_request',
  id: 1,
  attempt: 1,
  headSha: SHA,
  headBranch: 'topic',
  headRepository: 'eve/shop',
};

for (const [what, pulls, expected] of [
  ['the one of its branch and commit', [{ ...pull, number: 6, headBranch: 'other' }, pull], { number: 7 }],
  ['none that has moved on', [{ ...pull, headSha: 'e'.repeat(40) }], undefined],
  ['none that is closed', [{ ...pull, state: 'closed' as const }], undefined],
  ['none of another repository of the same owner', [{ ...pull, headRepository: 'eve/other' }], undefined],
  ['none of two', [pull, { ...pull, number: 8 }], undefined],
] as const)
  test(`the pull request of a run is ${what}`, async (t) => {
    const api = await startGithubApi({ repository: 'acme/shop', pulls });
    t.after(() => api.close());
    const { signal } = new AbortController();
    const at = { owner: 'acme', repo: 'shop', token: 'ghs_1', apiUrl: api.url, signal };
    const found = await findPullRequest({ ...at, run });
    assert.deepEqual('number' in found ? found : undefined, expected);
    assert.deepEqual(api.mistakes, []);
  });
