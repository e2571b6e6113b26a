import path from 'node:path';
import process from 'node:process';
import { backfill } from './actions/backfill.ts';
import { checkRunAccess, keptCheckRun, type CheckRunStep } from './actions/check-run.ts';
import { choose } from './actions/choose.ts';
import { commentInputs, openComment, type CommentInputs } from './actions/comment.ts';
import { expectOwn } from './actions/may-backfill.ts';
import { noticePermission } from './actions/notice.ts';
import { openCheckRun } from './github/octokit-check-run.ts';
import { openPullRequest } from './github/octokit.ts';
import { actionsRunner, runnerContext, type Runner, type RunnerContext } from './github/runner.ts';
import { kebabCase, OPTION_NAMES, parseOptions, type Options, type RawOptions } from './options.ts';
import { changedMigrations } from './migration-files.ts';
import { runMerge } from './merge.ts';
import { openDatabase } from './postgres/connect.ts';
import { parseConnectionTarget, secretsOf } from './postgres/connection-string.ts';
import type { ConnectionTarget } from './postgres/database.ts';
import type { ChangedPlaces } from './report/annotations.ts';
import { checkRunChannel, type CheckRunChannel } from './report/check-run.ts';
import { EXIT_NOT_STARTED, EXIT_UNKNOWN } from './report/exit-code.ts';
import { publish, type NoChannel, type Showing } from './report/publish.ts';
import { HTML_FILE, JUNIT_FILE, SARIF_FILE } from './report/publish-files.ts';
import { REPORT_FILE, reportPath } from './report/report-file.ts';
import type { StickyComment } from './report/sticky-comment.ts';
import { makeChanges, type Tallies } from './report/tallies.ts';
import type { Report } from './report/report.ts';
import type { RuleSet } from './rules/rule.ts';
import { run, runProbe } from './run.ts';
import { asProblem, describeProblem, Problem } from './support/problem.ts';
import { askableConditions, RAW_SQL, trustedRules } from './trusted-rules.ts';
import type { World } from './world.ts';

const MODES = ['check', 'merge', 'backfill', 'probe'] as const;
const SHOWINGS = ['always', 'on-failure', 'never'] as const;
const ANNOTATION_PLACES = ['rule', 'changed', 'none'] as const;
const FLAGS = ['false', 'true'] as const;

/** The Action: reads its inputs, runs, shows the result, and gives the exit code. */
async function main(runner: Runner): Promise<number> {
  const cancel = new AbortController();
  process.on('SIGINT', () => cancel.abort());
  process.on('SIGTERM', () => cancel.abort());
  const context = runnerContext(process.env);
  const folder = context.workspace ?? process.cwd();
  // Before anything is printed: whatever the rest does, the log must not show them.
  const databaseUrl = runner.rawInput('database-url') ?? '';
  const maskAll = (secrets: readonly string[]): void => secrets.forEach((secret) => runner.mask(secret));
  maskAll(secretsOf(databaseUrl, undefined));
  const inputs = readInputs(runner);
  const target = (): ConnectionTarget => {
    const parsed = parseConnectionTarget({ url: databaseUrl, env: process.env });
    maskAll(secretsOf(databaseUrl, parsed));
    return parsed;
  };
  const reportFolder = path.resolve(folder, inputs.options.reportDir ?? 'rowgate-report');
  const world = (): World => ({
    ...trustedRules({
      ...inputs,
      context,
      folder,
      token: runner.input('github-token'),
      signal: cancel.signal,
    }),
    ...migrationsOf(inputs, context, folder, runner),
    database: () => openDatabase(target(), inputs.options.driver, cancel.signal),
    now: () => new Date(),
    emit: (event) => {
      if (event.event === 'connected')
        runner.log(`connected to ${event.target.database}, PostgreSQL ${event.target.serverVersion}`);
    },
    signal: cancel.signal,
  });
  const writableDatabase = () => openDatabase(target(), 'pg');
  if (inputs.mode === 'backfill') {
    const { options, summary } = inputs;
    const step = { options, summary, context, runner, folder: reportFolder };
    return backfill({ ...step, world: { ...world(), writableDatabase } });
  }
  const measure = (): Promise<{ report: Report; rules: RuleSet | undefined }> => {
    if (inputs.mode === 'merge') return mergeReportFiles(inputs.options, folder);
    if (inputs.mode === 'probe') return runProbe(inputs.options, { ...world(), writableDatabase });
    return run(inputs.options, world());
  };
  if (inputs.mode === 'probe') expectOwn(context);
  const step = { ...inputs, context, runner, signal: cancel.signal };
  const checkRun = inputs.checkRun === 'true' ? beginCheckRun(step) : { reason: 'check-run: false' };
  const { report, rules } = await measure();
  if (inputs.options.samples > 0 && context.isPrivate === false) {
    runner.log(
      'warning: samples are on and this repository is public: everyone can read the keys that they show',
    );
  }
  const comment = openComment(step);
  const before = await talliesBefore(comment, checkRun);
  const changes = before && makeChanges(report, before);
  const annotations =
    inputs.annotations === 'changed' ? await changedPlaces(rules, context, runner) : inputs.annotations;
  const published = await publish(changes ? { ...report, changes } : report, {
    folder: reportFolder,
    runner: { port: runner, summary: inputs.summary, annotations, comment, checkRun },
  });
  const commentId = 'id' in comment ? comment.id : undefined;
  setOutputs(published, { folder: reportFolder, commentId }, runner);
  return published.exitCode;
}

/** The reports say what their rules found, not which files those rules are about. */
async function mergeReportFiles(
  options: Options,
  folder: string,
): Promise<{ report: Report; rules: undefined }> {
  return { report: await runMerge({ ...options, folder, now: new Date() }), rules: undefined };
}

type Inputs = {
  readonly options: Options;
  readonly mode: (typeof MODES)[number];
  readonly rawSql: (typeof RAW_SQL)[number];
  readonly summary: Showing;
  readonly annotations: (typeof ANNOTATION_PLACES)[number];
  readonly checkRun: (typeof FLAGS)[number];
} & CommentInputs;

function readInputs(runner: Runner): Inputs {
  const raw = Object.fromEntries(
    OPTION_NAMES.map((name) => [name, runner.input(kebabCase(name))]),
  ) as RawOptions;
  const options = parseOptions(raw, kebabCase);
  const mode = choose(runner, 'mode', MODES);
  if (mode === 'merge' && options.reports.length === 0)
    throw new Problem('options-invalid', 'reports: mode: merge needs the paths of the reports', {
      hint: 'Such as reports/*/report.json, where actions/download-artifact put them.',
    });
  return {
    options,
    mode,
    rawSql: choose(runner, 'raw-sql', RAW_SQL),
    summary: choose(runner, 'summary', SHOWINGS),
    annotations: choose(runner, 'annotations', ANNOTATION_PLACES),
    checkRun: choose(runner, 'check-run', FLAGS),
    ...commentInputs(runner),
  };
}

/** Has GitHub show a check in progress from now on; `post` ends it where this process does not. */
function beginCheckRun(step: CheckRunStep): CheckRunChannel | NoChannel {
  const kept = keptCheckRun(step);
  const access = checkRunAccess(step, kept.externalId);
  if ('reason' in access) return access;
  kept.onBeginning();
  step.signal.addEventListener('abort', kept.onCancelled);
  const channel = checkRunChannel({
    ...kept,
    checkRun: openCheckRun(access),
    key: step.commentKey,
    run: step.context.run,
    onMissingPermission: (message) => noticePermission(message, step.runner),
  });
  channel.begin();
  return channel;
}

/** What the last run counted, from whatever of it is on GitHub. */
async function talliesBefore(
  ...places: readonly (CheckRunChannel | StickyComment | NoChannel)[]
): Promise<Tallies | undefined> {
  for (const place of places) {
    const tallies = 'tallies' in place ? await place.tallies() : undefined;
    if (tallies) return tallies;
  }
  return undefined;
}

/** The files that the pull request changes; without them, for whatever reason, annotations stand on the rules' lines. */
async function changedPlaces(
  rules: RuleSet | undefined,
  context: RunnerContext,
  runner: Runner,
): Promise<ChangedPlaces | 'rule'> {
  const token = runner.input('github-token');
  const pullRequest = token === undefined ? undefined : openPullRequest({ token, context });
  if (!pullRequest) {
    runner.log('annotations: changed needs a pull request and a github-token; annotating the rules instead');
    return 'rule';
  }
  try {
    const { files } = await pullRequest.changedFiles();
    const paths = new Map(rules?.rules.map((rule) => [rule.id, rule.paths]));
    return { files, pathsOf: (rule) => paths.get(rule) ?? [] };
  } catch (error) {
    runner.log(`annotations: ${describeProblem(asProblem(error))}; annotating the rules instead`);
    return 'rule';
  }
}

/** The migrations that the pull request changes; without a pull request nobody says which are to run, and none is looked at. */
function migrationsOf(
  { mode, options, rawSql }: Inputs,
  context: RunnerContext,
  folder: string,
  runner: Runner,
): Pick<World, 'migrations'> {
  if (mode !== 'check' || options.migrations.length === 0) return {};
  if (context.pullRequest === undefined) {
    runner.log('migrations: this is no pull request, so no migration is looked at');
    return {};
  }
  return {
    migrations: async () => {
      const token = runner.input('github-token');
      const pullRequest = token === undefined ? undefined : openPullRequest({ token, context });
      if (!pullRequest)
        throw new Problem('report-failed', 'migrations: the changed files cannot be read without a token', {
          hint: 'Leave `github-token` at its default, with permission pull-requests: read.',
        });
      const changed = await pullRequest.changedFiles();
      if (!changed.allListed)
        throw new Problem('report-failed', 'migrations: GitHub does not list all files that it changes');
      return changedMigrations(folder, options.migrations, changed.files, askableConditions(context, rawSql));
    },
  };
}

function setOutputs(
  report: Report,
  { folder, commentId }: { readonly folder: string; readonly commentId: number | undefined },
  runner: Runner,
): void {
  const degraded = report.channels.filter(({ state }) => state === 'degraded' || state === 'failed');
  const pathOf = (file: string): string =>
    report.channels.some(({ name, state }) => name === file && (state === 'ok' || state === 'degraded'))
      ? reportPath(folder, file)
      : '';
  // Code scanning takes an alert that it does not find again for solved.
  const isMeasured = report.totals.held + report.totals.broken > 0;
  const outputs = {
    verdict: report.verdict,
    violations: String(report.totals.violations),
    'rules-run': String(new Set(report.results.map(({ rule }) => rule)).size),
    'report-path': pathOf(REPORT_FILE),
    'sarif-path': isMeasured ? pathOf(SARIF_FILE) : '',
    'junit-path': pathOf(JUNIT_FILE),
    'html-path': pathOf(HTML_FILE),
    'comment-id': String(commentId ?? ''),
    degraded: degraded.map(({ name }) => name).join(','),
  };
  for (const [name, value] of Object.entries(outputs)) {
    try {
      runner.output(name, value);
    } catch (error) {
      runner.log(describeProblem(asProblem(error)));
    }
  }
}

const runner = actionsRunner();
try {
  process.exit(await main(runner));
} catch (error) {
  const problem = asProblem(error);
  runner.annotate({
    severity: 'error',
    title: 'Rowgate could not start',
    message: describeProblem(problem),
    file: '',
    line: 1,
    endLine: 1,
  });
  runner.output('verdict', 'incomplete');
  process.exit(problem.code === 'internal' ? EXIT_UNKNOWN : EXIT_NOT_STARTED);
}
