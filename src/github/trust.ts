import type { RunnerContext } from './runner.ts';

/**
 * Whose text the files of a run's checkout are. `own`: of people who may write to the repository, or reviewed by them.
 * `same-repository-pull-request`: of somebody who may write, before review. `untrusted`: of anybody, or not known.
 */
export type Trust = 'own' | 'same-repository-pull-request' | 'untrusted';

/** Events that only people with write access, or GitHub itself, can cause, and that check out what is in the repository. */
const OWN_EVENTS = new Set([
  'push',
  'merge_group',
  'schedule',
  'workflow_dispatch',
  'repository_dispatch',
  'deployment',
  'deployment_status',
  'release',
  'create',
  'delete',
]);

/** Events whose workflow and checkout are those of the pull request. For a fork they get no secrets. */
const PULL_REQUEST_EVENTS = new Set(['pull_request', 'pull_request_review', 'pull_request_review_comment']);

/**
 * How far the checkout of a run can be trusted, by its event and the repositories alone: names, titles, labels and
 * users never count, for whoever opens a pull request chooses them. Every other event, such as `pull_request_target`
 * or `issue_comment`, has secrets and can be caused by anybody, so it is untrusted, whatever it checks out.
 */
export function trustOf({ eventName = '', triggeringRun, isFork }: RunnerContext): Trust {
  const isFollowUp = eventName === 'workflow_run';
  const cause = isFollowUp ? (triggeringRun?.event ?? '') : eventName;
  if (OWN_EVENTS.has(cause)) return isFollowUp && isFork !== false ? 'untrusted' : 'own';
  if (PULL_REQUEST_EVENTS.has(cause) && isFork === false) return 'same-repository-pull-request';
  return 'untrusted';
}

/**
 * The commit whose files nobody could change by opening a pull request: the base of the pull request that the event
 * is about, else the commit of the run, which then is one of the default branch. Undefined when the event names none.
 */
export function baseCommit({
  eventName = '',
  ref = '',
  sha,
  pullRequest,
}: RunnerContext): string | undefined {
  // There the commit of the run is the pull request's own, or its merge.
  const isOfPullRequest = eventName.startsWith('pull_request') || ref.startsWith('refs/pull/');
  return isOfPullRequest ? pullRequest?.baseSha : sha;
}
