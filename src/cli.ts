import { Command, CommanderError, Option } from 'commander';
import process from 'node:process';
import { runDemo } from './demo/run-demo.ts';
import { kebabCase, parseOptions, type Options, type RawOptions } from './options.ts';
import { openDatabase } from './postgres/connect.ts';
import { parseConnectionTarget } from './postgres/connection-string.ts';
import { DRIVERS, type Database } from './postgres/database.ts';
import { showProgress } from './progress.ts';
import { renderJson } from './report/json.ts';
import { EXIT_CLEAN, EXIT_NOT_STARTED, EXIT_UNKNOWN } from './report/exit-code.ts';
import { publish } from './report/publish.ts';
import { renderPlan } from './report/plan-text.ts';
import { renderTerminal } from './report/terminal.ts';
import { loadRules } from './rules/load-rules.ts';
import { explainRun, run } from './run.ts';
import type { World } from './world.ts';
import { plain } from './support/plain.ts';
import { asProblem, describeProblem, Problem } from './support/problem.ts';

declare const ROWGATE_VERSION: string | undefined;

/** The command line: reads it, runs what it asks for, and sets the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  const cancel = new AbortController();
  let interrupts = 0;
  process.on('SIGINT', () => {
    interrupts += 1;
    // Whoever presses it twice does not want to wait for the report. GitHub's runner goes on to SIGTERM, and waits.
    if (interrupts > 1) process.exit(EXIT_UNKNOWN);
    cancel.abort();
  });
  process.on('SIGTERM', () => cancel.abort());
  process.on('SIGHUP', () => cancel.abort());
  let exitCode: number = EXIT_CLEAN;
  const program = makeProgram(cancel.signal, (code) => (exitCode = code));
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CLEAN : EXIT_NOT_STARTED;
    const problem = asProblem(error);
    await write(process.stderr, linesOf(problem));
    return problem.code === 'internal' ? EXIT_UNKNOWN : EXIT_NOT_STARTED;
  }
}

function makeProgram(signal: AbortSignal, finish: (exitCode: number) => void): Command {
  const program = new Command('rowgate')
    .description('Gates deploys on the invariants of a live Postgres.')
    .version(typeof ROWGATE_VERSION === 'string' ? ROWGATE_VERSION : 'development')
    .showHelpAfterError('(run with --help for the options)')
    .exitOverride();
  checkOptions(program.command('check', { isDefault: false }))
    .description(
      'check a database against rules; exit code 0 clean, 1 broken, 2 could not tell, 3 could not start',
    )
    .action(async (raw: RawOptions) => finish(await check(raw, signal)));
  checkOptions(program.command('plan'))
    .description(
      'say how each check would be done, what it would cost and what would make it cheaper; reads no table',
    )
    .action(async (raw: RawOptions) => finish(await plan(raw, signal)));
  program
    .command('rules')
    .description('check rules files without a database: syntax, format, SQL grammar')
    .option('--rules <glob...>', 'rules files', undefined)
    .action(async (raw: RawOptions) => finish(await lintRules(raw)));
  program
    .command('demo')
    .description('run the shipped pack on a real Postgres with planted violations')
    .option('--keep', 'leave the server up and print its URL', false)
    .option('--rows <n>', 'rows of each table', '4000')
    .action(async ({ keep, rows }: { keep: boolean; rows: string }) => {
      const rowsPerTable = readRows(rows);
      const write = (text: string): void => void process.stdout.write(text);
      await runDemo({ rowsPerTable, keep, write, color: useColor(process.stdout), signal });
      finish(signal.aborted ? EXIT_UNKNOWN : EXIT_CLEAN);
    });
  return program;
}

/** The planted rows come first in each table; fewer rows than this would not hold them. */
const LEAST_DEMO_ROWS = 200;

function readRows(text: string): number {
  const rows = Number(text);
  if (/^\d+$/.test(text) && rows >= LEAST_DEMO_ROWS && rows <= 10_000_000) return rows;
  throw new Problem(
    'options-invalid',
    `--rows: '${text}' is not a whole number from ${LEAST_DEMO_ROWS} to 10000000`,
  );
}

function checkOptions(command: Command): Command {
  return command
    .option('--rules <glob...>', 'rules files, relative to the working directory (default: rules/*.yml)')
    .option('--database-url <url>', 'the database (default: DATABASE_URL, then PGHOST and its kind)')
    .option('--phase <phase>', 'the phase that the target is in (default: every rule is enforced)')
    .option('--only <id...>', 'only these rules')
    .addOption(
      new Option('--fail-on <severity>', 'fail from this severity on').choices(['error', 'warning', 'never']),
    )
    .addOption(
      new Option('--format <format>', 'json prints the report alone on stdout').choices(['text', 'json']),
    )
    .option('--report-dir <folder>', 'write report.json there')
    .option('--max-connections <n>', 'connections to use at most (default: 2)')
    .option('--statement-timeout <duration>', 'how long one check may run on the server (default: 60s)')
    .option(
      '--max-duration <duration>',
      'how long the run may take; what is left then is unknown (default: 30m)',
    )
    .addOption(
      new Option('--strategy <name>', 'scan: read every table whole, whatever its indexes').choices([
        'auto',
        'scan',
      ]),
    )
    .option('--no-proofs', 'read the rows even where constraints prove the rule')
    .option('--samples <n>', 'keys of broken rows to show for each check (default: 5)')
    .addOption(new Option('--driver <driver>', 'what speaks to the server').choices([...DRIVERS]));
}

/** A world in the working directory, whose progress is shown on stderr until `end`. */
function openWorld(options: Options, signal: AbortSignal): { world: World; end: () => void } {
  const { emit, end } = showProgress(process.stderr);
  const database = (): Database => {
    const url = options.databaseUrl ?? process.env['DATABASE_URL'];
    return openDatabase(parseConnectionTarget({ url, env: process.env }), options.driver, signal);
  };
  return { world: { rules: process.cwd(), database, now: () => new Date(), emit, signal }, end };
}

async function plan(raw: RawOptions, signal: AbortSignal): Promise<number> {
  const options = parseOptions(raw, (name) => `--${kebabCase(name)}`);
  const { world, end } = openWorld(options, signal);
  const report = await explainRun(options, world);
  end();
  await write(process.stdout, options.format === 'json' ? renderJson(report) : renderPlan(report));
  return report.exitCode;
}

async function check(raw: RawOptions, signal: AbortSignal): Promise<number> {
  const options = parseOptions(raw, (name) => `--${kebabCase(name)}`);
  const { world, end } = openWorld(options, signal);
  const { report } = await run(options, world);
  end();
  const published = await publish(report, { folder: options.reportDir });
  await show(published, options);
  return published.exitCode;
}

async function show(report: Parameters<typeof renderTerminal>[0], { format }: Options): Promise<void> {
  const people = format === 'json' ? process.stderr : process.stdout;
  if (format === 'json') await write(process.stdout, renderJson(report));
  await write(people, renderTerminal(report, { color: useColor(people) }));
  for (const { name, state, reason } of report.channels.filter((channel) => channel.state === 'failed')) {
    await write(process.stderr, linesOf(`${name}: ${state}: ${reason ?? ''}`));
  }
}

async function lintRules(raw: RawOptions): Promise<number> {
  const options = parseOptions(raw, (name) => `--${kebabCase(name)}`);
  const { rules, problems } = await loadRules(options.rules, process.cwd());
  for (const problem of problems) await write(process.stdout, linesOf(problem));
  const files = `${rules.files.length} ${rules.files.length === 1 ? 'file' : 'files'}`;
  const verdict =
    problems.length > 0
      ? `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`
      : `${rules.rules.length} rules, no problem`;
  await write(process.stdout, `${files}: ${verdict}\n`);
  return problems.length > 0 ? EXIT_NOT_STARTED : EXIT_CLEAN;
}

function linesOf(what: Problem | string): string {
  const lines = (typeof what === 'string' ? what : describeProblem(what)).split('\n');
  return `${lines.map((line) => plain(line)).join('\n')}\n`;
}

function useColor(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && !process.env['NO_COLOR'];
}

/** Waits until the stream has taken the text: a report longer than a pipe's buffer must not be cut by the exit. */
function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => stream.write(text, () => resolve()));
}

/**
 * An answer that nobody could be given is no answer: 2 in place of 0. A reader that has gone away (`rowgate check |
 * head`) has seen what it wanted, and does not count.
 */
async function exitCodeWith(exitCode: number, lost: NodeJS.ErrnoException | undefined): Promise<number> {
  if (lost === undefined || lost.code === 'EPIPE') return exitCode;
  await write(process.stderr, `stdout: the output could not be written (${lost.code})\n`);
  return exitCode === EXIT_CLEAN ? EXIT_UNKNOWN : exitCode;
}

let lost: NodeJS.ErrnoException | undefined;
process.stdout.on('error', (error) => (lost ??= error));
process.stderr.on('error', () => {}); // there is nowhere left to tell it
// Node's own exit code for it is 1, which says broken.
process.on('uncaughtException', (error) => {
  process.stderr.write(linesOf(asProblem(error)));
  process.exit(EXIT_UNKNOWN);
});
const exitCode = await main(process.argv.slice(2));
process.exit(await exitCodeWith(exitCode, lost));
