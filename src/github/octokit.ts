import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { Problem } from '../support/problem.ts';
import { MAX_PAGE_ITEMS, MAX_PULL_REQUEST_FILES } from './limits.ts';
import type { ChangedFile, PullRequest } from './pull-request.ts';
import type { RunnerContext } from './runner.ts';

/** How long GitHub may take; a gate does not wait longer for a decoration of its verdict. */
type Patience = {
  /** For one request. */
  readonly requestMs: number;
  /** For one question: all of its pages, retries and the pauses before them. */
  readonly totalMs: number;
  /** Before the first retry after a server error; twice as long before the next, and each time give or take a half. */
  readonly pauseMs: number;
};

const PATIENCE: Patience = { requestMs: 10_000, totalMs: 60_000, pauseMs: 500 };
const MAX_RETRIES = 2;

type Access = { readonly token: string; readonly context: RunnerContext; readonly patience?: Patience };

/** The pull request of the run's event, read through GitHub's API; undefined when the event is about none. */
export function openPullRequest({ token, context, patience = PATIENCE }: Access): PullRequest | undefined {
  const { pullRequest, repository = '', apiUrl } = context;
  const [owner, repo] = repository.split('/');
  if (!pullRequest || !owner || !repo) return undefined;
  const { number } = pullRequest;
  return {
    changedFiles: () =>
      explained(number, async () => {
        // Importing it reads the event's file, and throws when that is no JSON: so not before someone needs it.
        const { getOctokit } = await import('@actions/github');
        const { pulls } = getOctokit(token, { baseUrl: apiUrl }).rest;
        const retrying = retryingUntil(performance.now() + patience.totalMs, patience);
        return listFiles((page) =>
          retrying((signal) =>
            pulls.listFiles({
              owner,
              repo,
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
const SILENT = { debug: quiet, info: quiet, warn: quiet, error: quiet };

type Page = { readonly data: unknown; readonly headers: { readonly link?: string } };

const Files = z.array(z.object({ filename: z.string(), status: z.string(), patch: z.string().optional() }));

async function listFiles(read: (page: number) => Promise<Page>): Promise<readonly ChangedFile[]> {
  const files: ChangedFile[] = [];
  for (let page = 1; page <= MAX_PULL_REQUEST_FILES / MAX_PAGE_ITEMS; page += 1) {
    const { data, headers } = await read(page);
    // Octokit gives a body that broke off, or that is no JSON, as a string, and calls it a success.
    const present = Files.parse(data).filter(({ status }) => status !== 'removed');
    files.push(
      ...present.map(({ filename, patch }) => ({ path: filename, firstAddedLine: firstAddedLine(patch) })),
    );
    if (!headers.link?.includes('rel="next"')) break;
  }
  return files;
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

/** Makes a request, again where that may help, until a moment of `performance.now()`. */
function retryingUntil(endMs: number, { requestMs, pauseMs }: Patience) {
  return async <Answer>(request: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> => {
    for (let retry = 0; ; retry += 1) {
      const leftMs = Math.max(0, endMs - performance.now());
      try {
        return await request(AbortSignal.timeout(Math.min(requestMs, Math.ceil(leftMs))));
      } catch (error) {
        const waitMs = msBeforeRetry(error, pauseMs * 2 ** retry);
        if (retry === MAX_RETRIES || !(waitMs < endMs - performance.now())) throw error;
        await sleep(waitMs);
      }
    }
  };
}

/** What Octokit throws for an answer that is no success; where no answer came, the status is 500. */
const Refusal = z.object({
  status: z.number(),
  message: z.string(),
  response: z.object({ headers: z.record(z.string(), z.unknown()) }).optional(),
});

/** Milliseconds until the same request may do better, not a number when it will not. */
function msBeforeRetry(error: unknown, pauseMs: number): number {
  const { status = 0, response } = Refusal.safeParse(error).data ?? {};
  if (status >= 500) return pauseMs * (0.5 + Math.random());
  return [403, 429].includes(status) ? Number(response?.headers['retry-after']) * 1_000 : Number.NaN;
}

async function explained<Value>(number: number, ask: () => Promise<Value>): Promise<Value> {
  try {
    return await ask();
  } catch (cause) {
    const refusal = Refusal.safeParse(cause).data;
    const reason = refusal?.message ?? 'what GitHub sent is no list of files';
    throw new Problem('report-failed', `Could not list the files of pull request #${number}: ${reason}`, {
      hint: hint(refusal),
      cause,
    });
  }
}

function hint(refusal: z.infer<typeof Refusal> | undefined): string | undefined {
  const { status = 0, response } = refusal ?? {};
  const { 'retry-after': after, 'x-ratelimit-remaining': remaining } = response?.headers ?? {};
  if (status === 401) return 'GitHub refused the token: it is wrong, or it has run out.';
  if (status === 429 || after !== undefined || remaining === '0')
    return 'The token has used up its rate of requests.';
  // GitHub answers 404, not 403, where a token may not even know that a repository is there.
  if (status !== 403 && status !== 404) return undefined;
  return "The token needs permission pull-requests: read; add it under 'permissions' of the job.";
}
