import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { backfillRefusal } from '../../../src/actions/may-backfill.ts';
import { runnerContext } from '../../../src/github/runner.ts';
import { kebabCase, parseOptions, type RawOptions } from '../../../src/options.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'rowgate-events-'));
after(() => rmSync(folder, { recursive: true }));
const repository = { full_name: 'acme/shop', private: true, default_branch: 'main' };

const pull = (repo: string) => ({
  repository,
  pull_request: {
    number: 7,
    head: { sha: 'd'.repeat(40), repo: { full_name: repo } },
    base: { sha: 'b'.repeat(40), repo: repository },
  },
});
const onMain = { GITHUB_REF: 'refs/heads/main' };
const onBranch = { GITHUB_REF: 'refs/heads/topic' };
/** What starts a backfill, whether it may make a dry run, and whether it may write. */
const places: readonly (readonly [what: string, name: string, payload: object, env: Record<string, string>, dry: boolean, write: boolean])[] = [
  ['a pull request of the repository itself', 'pull_request', pull('acme/shop'), { GITHUB_REF: 'refs/pull/7/merge' }, false, false],
  ['a pull request of a fork', 'pull_request', pull('eve/shop'), { GITHUB_REF: 'refs/pull/7/merge' }, false, false],
  ['pull_request_target', 'pull_request_target', pull('eve/shop'), onMain, false, false],
  ['a comment', 'issue_comment', { repository }, onMain, false, false],
  ['an event that is new to us', 'tea_time', { repository }, onMain, false, false],
  ['workflow_run after a pull request of a fork', 'workflow_run', { repository, workflow_run: { event: 'pull_request', head_repository: { full_name: 'eve/shop' } } }, onMain, false, false],
  ['workflow_dispatch on a branch', 'workflow_dispatch', { repository }, onBranch, true, false],
  ['workflow_dispatch on a branch, of a repository that does not say its default', 'workflow_dispatch', {}, onMain, true, false],
  ['workflow_dispatch on a protected branch', 'workflow_dispatch', { repository }, { ...onBranch, GITHUB_REF_PROTECTED: 'true' }, true, true],
  ['schedule', 'schedule', { repository }, onMain, true, true],
]; // prettier-ignore

function refusal(
  name: string,
  payload: object,
  env: Record<string, string>,
  raw: RawOptions,
): string | undefined {
  const file = path.join(folder, 'event.json');
  writeFileSync(file, JSON.stringify(payload));
  const context = runnerContext({
    GITHUB_EVENT_NAME: name,
    GITHUB_EVENT_PATH: file,
    GITHUB_REPOSITORY: 'acme/shop',
    ...env,
  });
  return backfillRefusal(context, parseOptions(raw, kebabCase))?.message;
}

for (const [what, name, payload, env, dry, write] of places) {
  test(`${what}: a dry run is ${dry ? 'made' : 'refused'}, and writing is ${write ? 'done' : 'refused'}`, () => {
    const expectDatabase = 'shop';
    assert.equal(refusal(name, payload, env, {}) === undefined, dry);
    assert.equal(refusal(name, payload, env, { execute: 'true', expectDatabase }) === undefined, write);
    assert.equal(refusal(name, payload, env, { enqueue: 'true', expectDatabase }) === undefined, write);
    if (write)
      assert.match(refusal(name, payload, env, { execute: 'true' }) ?? '', /expect-database is missing/);
  });
}

test('a run outside of any workflow that says where it is, is refused', () => {
  assert.match(refusal('', {}, {}, {}) ?? '', /does not run on the event/);
});
