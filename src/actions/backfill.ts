import process from 'node:process';
import { MAX_SUMMARY_BYTES } from '../github/limits.ts';
import type { Runner, RunnerContext } from '../github/runner.ts';
import type { Options } from '../options.ts';
import { showProgress } from '../progress.ts';
import { renderBackfillHtml } from '../report/backfill-html.ts';
import { renderBackfillMarkdown } from '../report/backfill-markdown.ts';
import type { BackfillReport } from '../report/backfill-report.ts';
import { renderBackfill } from '../report/backfill-terminal.ts';
import { backfillAdvice, backfillHeadline, namesToAcknowledge } from '../report/backfill-words.ts';
import { renderJson } from '../report/json.ts';
import { makeBackfillReport } from '../report/make-backfill-report.ts';
import type { Showing } from '../report/publish.ts';
import { reportPath, writeReportFile } from '../report/report-file.ts';
import { newFindings, runBackfill } from '../run-backfill.ts';
import { asProblem, describeProblem, Problem } from '../support/problem.ts';
import type { BackfillWorld } from '../world.ts';
import { backfillRefusal } from './may-backfill.ts';

const BACKFILL_REPORT_FILE = 'backfill-report.json';
const BACKFILL_PAGE_FILE = 'backfill-report.html';

/** What the mode is handed by the door. */
export type BackfillStep = {
  readonly options: Options;
  readonly world: BackfillWorld;
  readonly context: RunnerContext;
  readonly runner: Runner;
  /** Where the report goes. */
  readonly folder: string;
  readonly summary: Showing;
};

/** `mode: backfill`: refuses or runs it, shows the result in every channel, and gives the exit code. */
export async function backfill(step: BackfillStep): Promise<number> {
  const { report, runId } = await reportOf(step);
  const worded = inStepsWords(report);
  const degraded = await show(worded, step);
  setOutputs(worded, runId, degraded, step);
  return report.exitCode;
}

/** A report, and the id of the run where one is known, if only from its progress. */
type Reported = { readonly report: BackfillReport; readonly runId: string | undefined };

async function reportOf({ options, world, context }: BackfillStep): Promise<Reported> {
  const refusal = backfillRefusal(context, options);
  if (refusal) return { report: problemReport(options, refusal, world.now()), runId: options.runId };
  const { emit, end } = showProgress(process.stdout);
  let runId = options.runId;
  const watched: BackfillWorld = {
    ...world,
    emit: (event) => {
      if (event.event === 'backfill') runId = event.progress.runId;
      emit(event);
    },
  };
  // Whoever re-runs a workflow of somebody else's is the one who asks now.
  const name = process.env['GITHUB_TRIGGERING_ACTOR'] || context.actor;
  const running = runBackfill(options, watched, { name, url: context.runUrl });
  const report = await Promise.race([running, overdue(world, options, () => runId)]);
  end();
  return { report, runId: report.run?.id ?? runId };
}

function problemReport(options: Options, problem: Problem, startedAt: Date): BackfillReport {
  const found = newFindings(options);
  found.problems.push(problem);
  return makeBackfillReport(found, startedAt, 0);
}

/** The runner waits 7.5 s after its first signal; of that this much is left to the database. */
const ENDS_WITHIN_MS = 5_000;

/** A report for a run that the signal could not end in time, as where the server does not answer any more. */
function overdue(
  { signal, now }: BackfillWorld,
  options: Options,
  runId: () => string | undefined,
): Promise<BackfillReport> {
  return new Promise((resolve) => {
    const giveUp = (): void => {
      const id = runId();
      const hint =
        id === undefined
          ? 'Nothing was begun that is not in the ledger: see rowgate runs.'
          : `What was filled is recorded; the batch that was running is rolled back by the server. Go on with run-id: ${id}.`;
      const problem = new Problem('cancelled', 'it was cancelled, and the server did not answer in time', {
        hint,
      });
      resolve(problemReport(options, problem, now()));
    };
    signal.addEventListener('abort', () => setTimeout(giveUp, ENDS_WITHIN_MS).unref(), { once: true });
  });
}

/** A step has inputs where the command line has flags. */
function inStepsWords(report: BackfillReport): BackfillReport {
  const hint = `Where all of that is as you want it, give their names to acknowledge, one a line: ${namesToAcknowledge(report).join(', ')}`;
  const problems = report.problems.map((problem) =>
    problem.code === 'acknowledgement-missing' ? { ...problem, hint } : problem,
  );
  return { ...report, problems };
}

/** Gives the names of the channels that show less than all, or failed; none of them changes the exit code. */
async function show(report: BackfillReport, { runner, folder, summary }: BackfillStep): Promise<string[]> {
  const degraded: string[] = [];
  const attempt = async (channel: string, give: () => Promise<boolean> | boolean): Promise<void> => {
    try {
      if (!(await give())) degraded.push(channel);
    } catch (error) {
      degraded.push(channel);
      runner.log(describeProblem(asProblem(error)));
    }
  };
  await attempt('log', () => {
    runner.group('Rowgate backfill', renderBackfill(report, 'action').trimEnd().split('\n'));
    return true;
  });
  await attempt('annotations', () => {
    annotate(report, runner);
    return true;
  });
  await attempt('summary', () => {
    if (summary === 'never' || (summary === 'on-failure' && report.exitCode === 0)) return true;
    const { markdown, isWhole } = renderBackfillMarkdown(report, MAX_SUMMARY_BYTES);
    runner.summary(markdown);
    return isWhole;
  });
  await attempt(BACKFILL_REPORT_FILE, async () => {
    await writeReportFile(renderJson(report), folder, BACKFILL_REPORT_FILE);
    return true;
  });
  await attempt(BACKFILL_PAGE_FILE, async () => {
    await writeReportFile(renderBackfillHtml(report, 'action'), folder, BACKFILL_PAGE_FILE);
    return true;
  });
  return degraded;
}

function annotate(report: BackfillReport, runner: Runner): void {
  const [problem] = report.problems;
  const isOpen = report.run?.state === 'stopped_at_bound' || namesToAcknowledge(report).length > 0;
  runner.annotate({
    severity: report.exitCode > 0 ? 'error' : isOpen ? 'warning' : 'notice',
    title: `Rowgate backfill: ${backfillHeadline(report)}`,
    message: [
      ...report.problems.flatMap(({ message, hint }) => [message, ...(hint ? [hint] : [])]),
      backfillAdvice(report, 'action') ?? '',
    ]
      .filter(Boolean)
      .join('\n'),
    file: problem?.at?.file ?? '',
    line: problem?.at?.line ?? 1,
    endLine: problem?.at?.line ?? 1,
  });
}

function setOutputs(
  report: BackfillReport,
  runId: string | undefined,
  degraded: readonly string[],
  { runner, folder }: BackfillStep,
): void {
  const { run, mode, estimate } = report;
  const remaining = mode === 'dry-run' ? rowsMissing(report) : run?.rowsRemaining;
  const pathOf = (name: string): string => (degraded.includes(name) ? '' : reportPath(folder, name));
  const outputs = {
    'backfill-state': run?.state ?? (mode === 'dry-run' && estimate ? 'dry-run' : ''),
    'backfill-rows': String(run?.rowsUpdated ?? 0),
    'backfill-remaining': String(remaining ?? ''),
    'run-id': runId ?? '',
    'report-path': pathOf(BACKFILL_REPORT_FILE),
    'html-path': pathOf(BACKFILL_PAGE_FILE),
    degraded: degraded.join(','),
  };
  for (const [name, value] of Object.entries(outputs)) {
    try {
      runner.output(name, value);
    } catch (error) {
      runner.log(describeProblem(asProblem(error)));
    }
  }
}

/** Rows without their value, whether or not they can be filled. */
function rowsMissing({ census, estimate }: BackfillReport): number | undefined {
  if (!estimate) return undefined;
  const counts = census.flatMap(({ classes }) => Object.entries(classes));
  return counts.reduce((sum, [name, count]) => sum + (name === 'conflicting' ? 0 : count), 0);
}
