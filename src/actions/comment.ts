import { openConversation } from '../github/octokit-conversation.ts';
import type { Runner, RunnerContext } from '../github/runner.ts';
import { COMMENT_KEY } from '../report/comment-marker.ts';
import type { NoChannel } from '../report/publish.ts';
import { COMMENT_SHOWINGS, stickyComment, type StickyComment } from '../report/sticky-comment.ts';
import { Problem } from '../support/problem.ts';
import { choose } from './choose.ts';
import { noticePermission } from './notice.ts';

export type CommentInputs = {
  readonly comment: (typeof COMMENT_SHOWINGS)[number];
  readonly commentKey: string;
};

/** Reads the inputs of the comment; one that cannot be meant is an `options-invalid` Problem. */
export function commentInputs(runner: Runner): CommentInputs {
  const commentKey = runner.input('comment-key') ?? 'gate';
  if (!COMMENT_KEY.test(commentKey))
    throw new Problem(
      'options-invalid',
      'comment-key: takes 1 to 100 letters, digits, dots, slashes, dashes and underscores',
    );
  return { comment: choose(runner, 'comment', COMMENT_SHOWINGS), commentKey };
}

type CommentStep = CommentInputs & {
  readonly context: RunnerContext;
  readonly runner: Runner;
  readonly signal: AbortSignal;
};

/** The comment on the pull request of the event, or why there can be none. Asks nothing of GitHub yet. */
export function openComment({
  comment: showing,
  commentKey: key,
  context,
  runner,
  signal,
}: CommentStep): StickyComment | NoChannel {
  const { pullRequest, repository, apiUrl, run, runUrl } = context;
  const token = runner.input('github-token');
  if (showing === 'never') return { reason: 'comment: never' };
  if (!pullRequest || !repository) return { reason: 'the event is about no pull request' };
  if (token === undefined) return { reason: 'there is no github-token' };
  const { number } = pullRequest;
  return stickyComment({
    conversation: openConversation({ ...repository, number, token, apiUrl, signal }),
    showing,
    key,
    run,
    runUrl,
    onMissingPermission: (message) => noticePermission(message, runner),
  });
}
