import { randomUUID } from 'node:crypto';
import type { Conclusion } from '../github/check-run.ts';
import { openCheckRun, type CheckRunAccess } from '../github/octokit-check-run.ts';
import type { Runner, RunnerContext } from '../github/runner.ts';

/** What `main` keeps for `post`, by these names. */
const STATE = {
  externalId: 'check-run',
  id: 'check-run-id',
  end: 'check-run-end',
  key: 'check-run-key',
} as const;

export type CheckRunStep = {
  /** Tells the checks of several gates on one commit apart, as it does their comments. */
  readonly commentKey: string;
  readonly context: RunnerContext;
  readonly runner: Runner;
  readonly signal: AbortSignal;
};

/** Keeps what `post` needs to end the check run, whatever becomes of this process. */
export function keptCheckRun({ runner, commentKey }: CheckRunStep) {
  const externalId = `rowgate:${randomUUID()}`;
  return {
    externalId,
    onBeginning: () => {
      runner.saveState(STATE.key, commentKey);
      runner.saveState(STATE.externalId, externalId);
    },
    onBegun: (id: number) => runner.saveState(STATE.id, String(id)),
    onCancelled: () => runner.saveState(STATE.end, 'cancelled'),
    onCompleted: () => runner.saveState(STATE.end, 'completed'),
  };
}

/** How GitHub is asked for the check run of this step, or why it cannot be. */
export function checkRunAccess(
  { commentKey, context, runner, signal }: CheckRunStep,
  externalId: string,
): CheckRunAccess | { readonly reason: string } {
  const { pullRequest, repository, apiUrl, runUrl, sha, beforeSha } = context;
  const token = runner.input('github-token');
  const headSha = pullRequest?.headSha ?? sha;
  if (!repository || headSha === undefined) return { reason: 'the run is about no commit' };
  if (token === undefined) return { reason: 'there is no github-token' };
  const name = commentKey === 'gate' ? 'Rowgate' : `Rowgate: ${commentKey}`;
  const place = { ...repository, headSha, beforeSha };
  return { ...place, name, externalId, detailsUrl: runUrl, token, apiUrl, signal };
}

const WORDS: Readonly<Record<'cancelled' | 'failure', string>> = {
  cancelled: 'Cancelled before there was a result',
  failure: 'Ended before there was a result',
};

/** Ends a check run that `main` began and did not end: one that stays in progress tells nobody that nothing was measured. */
export async function endLeftCheckRun(runner: Runner, context: RunnerContext): Promise<void> {
  const externalId = runner.state(STATE.externalId);
  const end = runner.state(STATE.end);
  if (externalId === undefined || end === 'completed') return;
  const commentKey = runner.state(STATE.key) ?? 'gate';
  const signal = new AbortController().signal;
  const access = checkRunAccess({ commentKey, context, runner, signal }, externalId);
  if ('reason' in access) return;
  const checkRun = openCheckRun(access);
  const id = Number(runner.state(STATE.id)) || (await checkRun.find());
  if (id === undefined) return;
  const conclusion: Conclusion & keyof typeof WORDS = end === 'cancelled' ? 'cancelled' : 'failure';
  const summary = `${WORDS[conclusion]}. Nothing is known of the invariants; the log of the step says more.`;
  await checkRun.complete(id, { conclusion, title: WORDS[conclusion], summary, annotations: [] });
  runner.log(`check run ${id}: ended as ${conclusion}`);
}
