import { Command, CommanderError } from 'commander';
import process from 'node:process';
import { addBackfill, addWork } from './commands/backfill.ts';
import { addBaseline } from './commands/baseline.ts';
import { addCheck } from './commands/check.ts';
import type { AddCommand, CommandContext } from './commands/command.ts';
import { addDemo } from './commands/demo.ts';
import { addLedger } from './commands/ledger.ts';
import { addDiscover } from './commands/discover.ts';
import { addInit } from './commands/init.ts';
import { linesOf, write } from './commands/output.ts';
import { addMerge } from './commands/merge.ts';
import { addPlan } from './commands/plan.ts';
import { addProbe } from './commands/probe.ts';
import { addRollout } from './commands/rollout.ts';
import { addRules } from './commands/rules.ts';
import { addRuns } from './commands/runs.ts';
import { EXIT_CLEAN, EXIT_NOT_STARTED, EXIT_UNKNOWN } from './report/exit-code.ts';
import { asProblem } from './support/problem.ts';
import { VERSION } from './support/version.ts';

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
  const program = makeProgram({ signal: cancel.signal, finish: (code) => (exitCode = code) });
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

const COMMANDS: readonly AddCommand[] = [
  addCheck,
  addBaseline,
  addMerge,
  addPlan,
  addProbe,
  addBackfill,
  addWork,
  addRuns,
  addLedger,
  addRollout,
  addRules,
  addDiscover,
  addInit,
  addDemo,
];

function makeProgram(context: CommandContext): Command {
  const program = new Command('rowgate')
    .description('Gates deploys on the invariants of a live Postgres.')
    .version(VERSION)
    .showHelpAfterError('(run with --help for the options)')
    .exitOverride();
  for (const add of COMMANDS) add(program, context);
  return program;
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
