import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';

/** How long GitHub may take: a gate does not wait for ever for what it asks beside the database. */
export type Patience = {
  /** For one request. */
  readonly requestMs: number;
  /** For one question: all of its requests, retries and the pauses before them. */
  readonly totalMs: number;
  /** Before the first retry after a server error; twice as long before the next, and each time give or take a half. */
  readonly pauseMs: number;
};

export const PATIENCE: Patience = { requestMs: 10_000, totalMs: 60_000, pauseMs: 500 };
const MAX_RETRIES = 2;

/** Makes a request, again where that may help, until the patience is over or the signal is given. */
export type Persist = <Answer>(request: (signal: AbortSignal) => Promise<Answer>) => Promise<Answer>;

/** The patience for one question starts here. */
export function persisting({ requestMs, totalMs, pauseMs }: Patience, cancel?: AbortSignal): Persist {
  const endMs = performance.now() + totalMs;
  return async (request) => {
    for (let retry = 0; ; retry += 1) {
      cancel?.throwIfAborted();
      const leftMs = Math.max(0, endMs - performance.now());
      const deadline = AbortSignal.timeout(Math.min(requestMs, Math.ceil(leftMs)));
      try {
        return await request(cancel ? AbortSignal.any([deadline, cancel]) : deadline);
      } catch (error) {
        const waitMs = msBeforeRetry(error, pauseMs * 2 ** retry);
        if (retry === MAX_RETRIES || !(waitMs < endMs - performance.now())) throw error;
        await sleep(waitMs, undefined, cancel ? { signal: cancel } : {});
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

/** Whether it is an answer of GitHub's with this status. */
export function isStatus(error: unknown, status: number): boolean {
  return Refusal.safeParse(error).data?.status === status;
}

/** Whether the token may not do what was asked; a 403 for having asked too often is none. */
export function isForbidden(error: unknown): boolean {
  const { status, response } = Refusal.safeParse(error).data ?? {};
  const { 'retry-after': after, 'x-ratelimit-remaining': remaining } = response?.headers ?? {};
  return status === 401 || status === 404 || (status === 403 && after === undefined && remaining !== '0');
}

/** What GitHub said when it refused, and what a person can do; undefined for what is no refusal of GitHub's. */
export function explainRefusal(
  error: unknown,
  permission: string,
): { readonly reason: string; readonly hint: string | undefined } | undefined {
  const refusal = Refusal.safeParse(error).data;
  return refusal && { reason: refusal.message, hint: hintFor(refusal, permission) };
}

function hintFor({ status, response }: z.infer<typeof Refusal>, permission: string): string | undefined {
  const { 'retry-after': after, 'x-ratelimit-remaining': remaining } = response?.headers ?? {};
  if (status === 401) return 'GitHub refused the token: it is wrong, or it has run out.';
  if (status === 429 || after !== undefined || remaining === '0')
    return 'The token has used up its rate of requests.';
  // GitHub answers 404, not 403, where a token may not even know that a repository is there.
  if (status !== 403 && status !== 404) return undefined;
  return `The token needs permission ${permission}; add it under 'permissions' of the job.`;
}
