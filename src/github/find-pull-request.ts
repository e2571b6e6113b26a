import * as z from 'zod';
import { MAX_PAGE_ITEMS } from './limits.ts';
import { openOctokit, SILENT, type Place } from './octokit.ts';
import { PATIENCE, persisting, type Patience } from './persistence.ts';
import type { TriggeringRun } from './runner.ts';

type Search = Place & {
  readonly run: TriggeringRun;
  readonly token: string;
  readonly signal: AbortSignal;
  readonly patience?: Patience;
};

/** The number of a pull request, or why there is none that is certain. */
export type FoundPullRequest = { readonly number: number } | { readonly reason: string };

const Pulls = z.array(
  z.object({
    number: z.int().positive(),
    state: z.string(),
    head: z.object({ sha: z.string(), repo: z.object({ full_name: z.string() }).nullable() }),
    base: z.object({ repo: z.object({ full_name: z.string() }) }),
  }),
);

/**
 * The one open pull request into this repository whose head is still the commit of that run. GitHub tells a run of a fork
 * none, and what the run itself hands over may name any; so it is looked for by the branch, and held against the commit.
 */
export async function findPullRequest({
  owner,
  repo,
  run: { headSha, headBranch, headRepository },
  token,
  apiUrl,
  signal,
  patience = PATIENCE,
}: Search): Promise<FoundPullRequest> {
  if (headSha === undefined || headBranch === undefined || headRepository === undefined)
    return { reason: 'the event does not say from which branch the run was, or its repository is gone' };
  const head = `${headRepository.split('/')[0]}:${headBranch}`;
  const { pulls } = (await openOctokit(token, apiUrl)).rest;
  const { data } = await persisting(
    patience,
    signal,
  )((deadline) => {
    const request = { signal: deadline, log: SILENT };
    return pulls.list({ owner, repo, state: 'open', head, per_page: MAX_PAGE_ITEMS, request });
  });
  const ofBranch = Pulls.parse(data).filter(
    (pull) =>
      pull.state === 'open' &&
      pull.head.repo?.full_name === headRepository &&
      pull.base.repo.full_name === `${owner}/${repo}`,
  );
  const [found, ...others] = ofBranch.filter((pull) => pull.head.sha === headSha);
  if (found && others.length === 0) return { number: found.number };
  if (found)
    return {
      reason: `${1 + others.length} pull requests have that head, and it is not known which is meant`,
    };
  return {
    reason:
      ofBranch.length > 0
        ? 'the pull request has moved on since; the run of its newer commit is the one to publish'
        : 'no open pull request is of that branch',
  };
}
