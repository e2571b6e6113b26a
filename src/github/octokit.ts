import * as z from 'zod';
import { Problem } from '../support/problem.ts';
import { commitFolders, treeSchema } from './commit-folders.ts';
import type { Commit } from './commit.ts';
import { MAX_PAGE_ITEMS, MAX_PULL_REQUEST_FILES } from './limits.ts';
import { explainRefusal, PATIENCE, persisting, type Patience, type Persist } from './persistence.ts';
import type { ChangedFile, ChangedFiles, PullRequest } from './pull-request.ts';
import type { Repository, RunnerContext } from './runner.ts';

type Access = { readonly context: RunnerContext; readonly patience?: Patience };

/** The pull request of the run's event, read through GitHub's API; undefined when the event is about none. */
export function openPullRequest({
  token,
  context,
  patience = PATIENCE,
}: Access & { readonly token: string }): PullRequest | undefined {
  const { pullRequest, repository, apiUrl } = context;
  if (!pullRequest || !repository) return undefined;
  const { number } = pullRequest;
  return {
    changedFiles: () =>
      explained(number, async () => {
        const { pulls } = (await openOctokit(token, apiUrl)).rest;
        const persist = persisting(patience);
        return listFiles((page) =>
          persist((signal) =>
            pulls.listFiles({
              ...repository,
              pull_number: number,
              per_page: MAX_PAGE_ITEMS,
              page,
              request: { signal, log: SILENT },
            }),
          ),
        );
      }),
  };
}

function quiet(): void {}

/** Octokit would print deprecations in the server's words, past everything that keeps commands out of the log. */
export const SILENT = { debug: quiet, info: quiet, warn: quiet, error: quiet };

type Page = { readonly data: unknown; readonly headers: { readonly link?: string } };

const Files = z.array(z.object({ filename: z.string(), status: z.string(), patch: z.string().optional() }));

async function listFiles(read: (page: number) => Promise<Page>): Promise<ChangedFiles> {
  const files: ChangedFile[] = [];
  let count = 0;
  for (let page = 1; page <= MAX_PULL_REQUEST_FILES / MAX_PAGE_ITEMS; page += 1) {
    const { data, headers } = await read(page);
    // Octokit gives a body that broke off, or that is no JSON, as a string, and calls it a success.
    const listed = Files.parse(data);
    const present = listed.filter(({ status }) => status !== 'removed');
    count += listed.length;
    files.push(
      ...present.map(({ filename, patch }) => ({ path: filename, firstAddedLine: firstAddedLine(patch) })),
    );
    if (!headers.link?.includes('rel="next"')) break;
  }
  return { files, allListed: count < MAX_PULL_REQUEST_FILES };
}

/** The first line that a patch adds, counted from 1 in the new file; GitHub leaves the patch out of large files. */
function firstAddedLine(patch = ''): number | undefined {
  let line = 0;
  for (const text of patch.split('\n')) {
    const [, start] = /^@@ -\S+ \+(\d+)/.exec(text) ?? [];
    if (start !== undefined) line = Number(start);
    else if (text.startsWith('+')) return line;
    else if (text.startsWith(' ')) line += 1;
  }
  return undefined;
}

async function explained<Value>(number: number, ask: () => Promise<Value>): Promise<Value> {
  try {
    return await ask();
  } catch (cause) {
    const refusal = explainRefusal(cause, 'pull-requests: read');
    const reason = refusal?.reason ?? 'what GitHub sent is no list of files';
    throw new Problem('report-failed', `Could not list the files of pull request #${number}: ${reason}`, {
      hint: refusal?.hint,
      cause,
    });
  }
}

type CommitAccess = Access & {
  readonly token: string | undefined;
  /** The commit; undefined when the event names none. */
  readonly sha: string | undefined;
  /** Ends the wait for GitHub. */
  readonly signal?: AbortSignal;
};

/** A commit of the run's repository, read through GitHub's API; nothing is asked before someone needs it. */
export function openCommit({ token, context, sha, signal, patience = PATIENCE }: CommitAccess): Commit {
  let opened: Promise<Commit> | undefined;
  let failure: Problem | undefined;
  const read = async <Value>(ask: (commit: Commit) => Promise<Value>): Promise<Value> => {
    try {
      if (failure) throw failure;
      opened ??= requestCommit(sha, token, context, persisting(patience, signal));
      return await ask(await opened);
    } catch (cause) {
      failure ??= signal?.aborted ? cancelled() : unreadable(cause, sha, context);
      throw failure;
    }
  };
  return {
    sha,
    folder: (path) => read((commit) => commit.folder(path)),
    content: (file) => read((commit) => commit.content(file)),
  };
}

const Blob = z.object({ encoding: z.literal('base64'), content: z.string(), size: z.int().min(0) });

async function requestCommit(
  sha: string | undefined,
  token: string | undefined,
  { repository, apiUrl }: RunnerContext,
  persist: Persist,
): Promise<Commit> {
  if (sha === undefined || !repository)
    throw new Problem('base-unreadable', 'The event of this run does not say which commit is its base');
  if (token === undefined)
    throw new Problem('base-unreadable', 'The rules of the base commit cannot be read without a token', {
      hint: 'Leave `github-token` at its default, or pass a token with permission contents: read.',
    });
  const { git } = (await openOctokit(token, apiUrl)).rest;
  const folders = commitFolders(sha, async (tree_sha, extent) => {
    const recursive = extent === 'all' ? { recursive: 'true' } : {};
    const { data } = await persist((signal) =>
      git.getTree({ ...repository, tree_sha, ...recursive, request: { signal, log: SILENT } }),
    );
    return treeSchema.parse(data);
  });
  return {
    sha,
    folder: folders,
    content: async ({ hash: file_sha }) => {
      const { data } = await persist((signal) =>
        git.getBlob({ ...repository, file_sha, request: { signal, log: SILENT } }),
      );
      const { content, size } = Blob.parse(data);
      const bytes = Buffer.from(content, 'base64');
      if (bytes.length !== size) throw new TypeError('the content of a file broke off');
      return bytes;
    },
  };
}

function unreadable(cause: unknown, sha: string | undefined, { repository }: RunnerContext): Problem {
  if (cause instanceof Problem) return cause;
  const refusal = explainRefusal(cause, 'contents: read');
  const reason = refusal?.reason ?? 'what GitHub sent is not what it should be';
  const place = `the rules of base commit ${sha?.slice(0, 8)} of ${repository?.owner}/${repository?.repo}`;
  return new Problem('base-unreadable', `Could not read ${place}: ${reason}`, { hint: refusal?.hint, cause });
}

function cancelled(): Problem {
  return new Problem('cancelled', 'the run was cancelled while it read the rules of the base commit');
}

/** A repository, and the API that it is reached by. */
export type Place = Repository & { readonly apiUrl: string };

/** GitHub's API, also that of an Enterprise Server, by its `GITHUB_API_URL`. */
export async function openOctokit(token: string, baseUrl: string) {
  // Importing it reads the event's file, and throws when that is no JSON: so not before someone needs it.
  const { getOctokit } = await import('@actions/github');
  return getOctokit(token, { baseUrl });
}
