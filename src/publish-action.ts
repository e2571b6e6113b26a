import path from 'node:path';
import process from 'node:process';
import { choose } from './actions/choose.ts';
import { commentInputs } from './actions/comment.ts';
import { notice } from './actions/notice.ts';
import { findPullRequest } from './github/find-pull-request.ts';
import { MAX_SUMMARY_BYTES } from './github/limits.ts';
import { openConversation } from './github/octokit-conversation.ts';
import { explainRefusal } from './github/persistence.ts';
import { actionsRunner, runnerContext, runUrl, type Runner } from './github/runner.ts';
import { attempt } from './report/channel.ts';
import { makeReport } from './report/make-report.ts';
import { renderMarkdown } from './report/markdown.ts';
import type { Channel, Report } from './report/report.ts';
import { stickyComment } from './report/sticky-comment.ts';
import { makeChanges } from './report/tallies.ts';
import { readReportFile } from './report-files.ts';
import { asProblem, describeProblem, Problem } from './support/problem.ts';

/**
 * The Action below publish/: shows a report that another run left as a comment on its pull request. Whoever opened that
 * pull request may have written the report, so it is data and nothing else: it decides no exit code and no output.
 */
async function main(runner: Runner): Promise<number> {
  const cancel = new AbortController();
  process.on('SIGINT', () => cancel.abort());
  process.on('SIGTERM', () => cancel.abort());
  const { comment: showing, commentKey: key } = commentInputs(runner);
  const summary = choose(runner, 'summary', ['always', 'never']);
  const channel = await attempt('comment', async () => {
    const place = await findPlace(runner, cancel.signal);
    if ('reason' in place) return { state: 'skipped', shown: 0, total: 0, reason: place.reason };
    const report = await readReported(runner.input('report') ?? 'report.json');
    const { headSha, ...access } = place;
    const sticky = stickyComment({
      conversation: openConversation({ ...access, signal: cancel.signal }),
      showing,
      key,
      run: access.run,
      runUrl: runUrl(process.env, access.run.id),
      preface: preface(headSha),
      onMissingPermission: (message) => notice(message, runner),
    });
    const before = await sticky.tallies();
    const changes = before && makeChanges(report, before);
    const shown = await sticky.write(changes ? { ...report, changes } : report);
    runner.output('comment-id', String(sticky.id ?? ''));
    if (summary === 'always')
      runner.summary(`${preface(headSha)}\n\n${renderMarkdown(report, MAX_SUMMARY_BYTES / 2).markdown}`);
    return shown;
  });
  return conclude(channel, runner);
}

/** A comment that fails fails the step: nothing hangs on it but that people see it. */
function conclude({ state, reason }: Channel, runner: Runner): number {
  runner.output('state', state);
  if (reason !== null) notice(`comment: ${state}: ${reason}`, runner);
  return state === 'failed' ? 1 : 0;
}

const preface = (sha: string): string =>
  `> **As the pull request's own run reports it**, of ${sha.slice(0, 8)}. That run may hold code of the pull request, so this proves nothing for a deploy: its gate has to measure again.`;

/** Where the comment goes: the pull request of the run that this one runs after. */
async function findPlace(runner: Runner, signal: AbortSignal) {
  const { triggeringRun: run, repository, apiUrl } = runnerContext(process.env);
  const token = runner.input('github-token');
  if (!run || !repository) return { reason: 'the event is no workflow_run' };
  if (run.event !== 'pull_request')
    return { reason: `the run was caused by ${run.event ?? 'nothing known'}, not by pull_request` };
  if (run.id === undefined || run.headSha === undefined)
    return { reason: 'the event does not say which run it is about' };
  if (token === undefined) return { reason: 'there is no github-token' };
  const at = { ...repository, token, apiUrl };
  try {
    const found = await findPullRequest({ ...at, run, signal });
    if ('reason' in found) return found;
    return {
      ...at,
      number: found.number,
      run: { id: run.id, attempt: run.attempt ?? 1 },
      headSha: run.headSha,
    };
  } catch (cause) {
    const refusal = explainRefusal(cause, 'pull-requests: write');
    if (!refusal) throw cause;
    throw new Problem('report-failed', `Could not look for the pull request: ${refusal.reason}`, {
      hint: refusal.hint,
      cause,
    });
  }
}

/** The report; where there is none that can be read, one that says so, or the comment would go on showing an earlier one. */
async function readReported(file: string): Promise<Report> {
  try {
    // What the file says of comments and changes is about another run than this one.
    const { changes: _, ...report } = await readReportFile(
      path.dirname(path.resolve(file)),
      path.basename(file),
    );
    return { ...report, channels: [] };
  } catch (error) {
    return makeReport({
      results: [],
      problems: [asProblem(error)],
      warnings: [],
      rules: { files: [], hash: '', rules: [], origin: { from: 'workspace' } },
      phase: undefined,
      failOn: 'error',
      startedAt: new Date(),
      elapsedMs: 0,
    });
  }
}

const runner = actionsRunner();
try {
  process.exit(await main(runner));
} catch (error) {
  notice(describeProblem(asProblem(error)), runner);
  process.exit(1);
}
