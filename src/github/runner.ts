import * as core from '@actions/core';
import { randomUUID } from 'node:crypto';
import { appendFileSync, readFileSync, statSync } from 'node:fs';
import * as z from 'zod';
import { plain } from '../support/plain.ts';
import { Problem } from '../support/problem.ts';
import { wordsOf, type Annotation } from './annotation.ts';
import { MAX_SUMMARY_BYTES } from './limits.ts';

/** The GitHub Actions runner, as a step sees it. What cannot be handed over is a `report-failed` Problem. */
export interface Runner {
  /** An input without the white space around it; undefined when it is not set, or blank. */
  input(name: string): string | undefined;
  /** An input as it came. The runner gives '' for one that is not set, so undefined means that it is not in action.yml. */
  rawInput(name: string): string | undefined;
  /** Has the runner write `***` for a secret, and for each of its lines; for those too short or too common, it does not. */
  mask(secret: string): void;
  output(name: string, value: string): void;
  /** Keeps a value for the step's `post`, whatever becomes of this process. */
  saveState(name: string, value: string): void;
  /** What the step's `main` kept; undefined when it kept nothing. */
  state(name: string): string | undefined;
  /** Adds to the step's summary; refuses when the whole would pass 1 MiB, as GitHub would then show nothing. */
  summary(markdown: string): void;
  /** Over 10 of a severity in a step the runner drops the rest: who calls keeps count. */
  annotate(annotation: Annotation): void;
  /** Lines that fold under a title; no text in them can run a workflow command. */
  group(title: string, lines: readonly string[]): void;
  /** One line of log; no text in it can run a workflow command. */
  log(line: string): void;
}

/** The runner that started this process, by its environment; outside of one, masks are not printed. */
export function actionsRunner(): Runner {
  return {
    input: (name) => core.getInput(name) || undefined,
    rawInput: (name) => process.env[`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`],
    mask,
    output: (name, value) => handOver(`the output '${name}'`, () => core.setOutput(name, value)),
    saveState: (name, value) => handOver(`the state '${name}'`, () => core.saveState(name, value)),
    state: (name) => core.getState(name) || undefined,
    summary: (markdown) => handOver('the step summary', () => appendSummary(markdown)),
    annotate,
    group,
    log: (line) => core.info(plain(line)),
  };
}

/** Words that a password may be, and that everything else is full of: masked, they would blank the summary. */
const COMMON_WORDS = new Set([
  'postgres',
  'postgresql',
  'password',
  'secret',
  'admin',
  'root',
  'test',
  'localhost',
]);
const MIN_SECRET_LENGTH = 4;

function mask(secret: string): void {
  if (process.env.GITHUB_ACTIONS !== 'true') return;
  const values = new Set([secret, ...secret.split(/[\r\n]+/)].map((value) => value.trim()));
  for (const value of values) {
    if (value.length >= MIN_SECRET_LENGTH && !COMMON_WORDS.has(value.toLowerCase())) core.setSecret(value);
  }
}

const ISSUE = { error: core.error, warning: core.warning, notice: core.notice };

function annotate(annotation: Annotation): void {
  const { severity, file, line, endLine, column } = annotation;
  const { title, message } = wordsOf(annotation);
  ISSUE[severity](message, {
    title,
    file,
    startLine: line,
    endLine,
    ...(column === undefined ? {} : { startColumn: column }),
  });
}

function group(title: string, lines: readonly string[]): void {
  const token = randomUUID();
  core.startGroup(plain(title));
  core.info(`::stop-commands::${token}`);
  for (const line of lines) core.info(plain(line));
  core.info(`::${token}::`);
  core.endGroup();
}

function appendSummary(markdown: string): void {
  const file = process.env.GITHUB_STEP_SUMMARY ?? '';
  const bytes = statSync(file).size + Buffer.byteLength(markdown);
  if (bytes > MAX_SUMMARY_BYTES)
    throw new Error(`it would be ${bytes} bytes, and GitHub takes ${MAX_SUMMARY_BYTES}`);
  appendFileSync(file, markdown);
}

function handOver(what: string, give: () => void): void {
  try {
    give();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Problem('report-failed', `The runner did not take ${what}: ${reason}`, { cause });
  }
}

/** Which repository of GitHub's API. */
export type Repository = { readonly owner: string; readonly repo: string };

/** What a run knows of the workflow it runs in; undefined is whatever the runner did not say, or said unreadably. */
export type RunnerContext = {
  readonly eventName: string | undefined;
  readonly repository: Repository | undefined;
  readonly isPrivate: boolean | undefined;
  /** The commit that is checked out: on a pull request a merge, not the pull request's head. */
  readonly sha: string | undefined;
  /** The head that was pushed over, of a branch or a pull request; undefined where there was none. */
  readonly beforeSha: string | undefined;
  readonly ref: string | undefined;
  /** Whether the ref is the default branch, or one that the repository's settings protect. */
  readonly isProtectedRef: boolean;
  readonly actor: string | undefined;
  readonly workspace: string | undefined;
  readonly runUrl: string | undefined;
  /** The run and its attempt; 0 and 1 where the runner does not say. */
  readonly run: { readonly id: number; readonly attempt: number };
  readonly apiUrl: string;
  readonly pullRequest: PullRequestRef | undefined;
  /** Whether the code comes from another repository; undefined on an event that does not tell. */
  readonly isFork: boolean | undefined;
  /** The run that this one runs after; undefined on an event other than `workflow_run`. */
  readonly triggeringRun: TriggeringRun | undefined;
};

/** A run of another workflow, as GitHub tells of it: whoever opened its pull request chose the branch, never the rest. */
export type TriggeringRun = {
  readonly event: string | undefined;
  readonly id: number | undefined;
  readonly attempt: number | undefined;
  readonly headSha: string | undefined;
  readonly headBranch: string | undefined;
  /** As `owner/name`; undefined once it was deleted. */
  readonly headRepository: string | undefined;
};

type PullRequestRef = {
  readonly number: number;
  readonly headSha: string;
  /** The tip of the branch that it goes into, at the time of the event. */
  readonly baseSha: string | undefined;
};

/** The workflow around a run, from the runner's variables and the event's file; it never throws. */
export function runnerContext(env: NodeJS.ProcessEnv): RunnerContext {
  const event = readEvent(env.GITHUB_EVENT_PATH);
  const pull = event.pull_request;
  return {
    eventName: env.GITHUB_EVENT_NAME || undefined,
    repository: readRepository(env.GITHUB_REPOSITORY),
    isPrivate: event.repository?.private,
    sha: env.GITHUB_SHA || undefined,
    beforeSha: event.before,
    ref: env.GITHUB_REF || undefined,
    isProtectedRef: isProtectedRef(event, env),
    actor: env.GITHUB_ACTOR || undefined,
    workspace: env.GITHUB_WORKSPACE || undefined,
    runUrl: runUrl(env, env.GITHUB_RUN_ID),
    run: { id: wholeNumber(env.GITHUB_RUN_ID) ?? 0, attempt: wholeNumber(env.GITHUB_RUN_ATTEMPT) ?? 1 },
    apiUrl: env.GITHUB_API_URL || 'https://api.github.com',
    pullRequest: pull && { number: pull.number, headSha: pull.head.sha, baseSha: pull.base.sha },
    isFork: isFork(event, env.GITHUB_REPOSITORY),
    triggeringRun: event.workflow_run && triggeringRun(event.workflow_run),
  };
}

/** Of `owner/name`. */
function readRepository(text = ''): Repository | undefined {
  const [owner, repo] = text.split('/');
  return owner && repo ? { owner, repo } : undefined;
}

const wholeNumber = (text = ''): number | undefined => (/^\d{1,15}$/.test(text) ? Number(text) : undefined);

/** The page of a run of this repository; undefined outside of a runner. */
export function runUrl(
  { GITHUB_SERVER_URL, GITHUB_REPOSITORY }: NodeJS.ProcessEnv,
  id: string | number | undefined,
): string | undefined {
  if (!GITHUB_SERVER_URL || !GITHUB_REPOSITORY || !id) return undefined;
  return `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${id}`;
}

function triggeringRun(run: NonNullable<Event['workflow_run']>): TriggeringRun {
  const { event, id, run_attempt: attempt, head_sha: headSha, head_branch: headBranch } = run;
  return { event, id, attempt, headSha, headBranch, headRepository: run.head_repository?.full_name };
}

function isProtectedRef(
  { repository }: Event,
  { GITHUB_REF, GITHUB_REF_PROTECTED }: NodeJS.ProcessEnv,
): boolean {
  const branch = repository?.default_branch;
  return GITHUB_REF_PROTECTED === 'true' || (branch !== undefined && GITHUB_REF === `refs/heads/${branch}`);
}

const named = z.object({ full_name: z.string() });

/** What is not as it should be counts as absent. */
const absent = <Schema extends z.ZodType>(schema: Schema) => schema.optional().catch(undefined);

/** The parts of an event that are read, each on its own: one that is not as GitHub describes it counts as absent. */
const Event = z
  .object({
    // All zeros of a branch that is new.
    before: absent(z.string().regex(/^(?!0+$)[0-9a-f]{40,64}$/)),
    repository: named
      .extend({ private: z.boolean(), default_branch: z.string().optional().catch(undefined) })
      .optional()
      .catch(undefined),
    pull_request: z
      .object({
        number: z.int().positive(),
        // Null once the fork was deleted.
        head: z.object({ sha: z.string(), repo: named.nullable() }),
        base: z.object({
          repo: named,
          sha: z
            .string()
            .regex(/^[0-9a-f]{40,64}$/)
            .optional()
            .catch(undefined),
        }),
      })
      .optional()
      .catch(undefined),
    workflow_run: z
      .object({
        event: absent(z.string()),
        id: absent(z.int().positive()),
        run_attempt: absent(z.int().positive()),
        head_sha: absent(z.string().regex(/^[0-9a-f]{40,64}$/)),
        head_branch: absent(z.string().min(1)),
        head_repository: named.nullable(),
      })
      .optional()
      .catch(undefined),
  })
  .catch({});

type Event = z.infer<typeof Event>;

function readEvent(path: string | undefined): Event {
  try {
    return Event.parse(JSON.parse(readFileSync(path ?? '', 'utf8')));
  } catch {
    return {};
  }
}

/** `here` is the repository that the workflow runs in; what GitHub does not name is not it. */
function isFork(
  { pull_request: pull, workflow_run: run }: Event,
  here: string | undefined,
): boolean | undefined {
  if (pull) return [pull.head.repo, pull.base.repo].some((repo) => repo?.full_name !== here);
  return run && run.head_repository?.full_name !== here;
}
