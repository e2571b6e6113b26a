import type { Command } from 'commander';
import { userInfo } from 'node:os';
import process from 'node:process';
import type { RawOptions } from '../options.ts';
import { renderBackfillHtml } from '../report/backfill-html.ts';
import { renderBackfill } from '../report/backfill-terminal.ts';
import { renderJson } from '../report/json.ts';
import { runBackfill } from '../run-backfill.ts';
import type { AddCommand } from './command.ts';
import { write } from './output.ts';
import { addDatabaseFlags, openWorld, readFlags } from './world.ts';

/** Flags that are called otherwise than the options they set. */
type Renamed = { readonly rule?: readonly string[]; readonly run?: string; readonly html?: boolean };
type BackfillFlags = Omit<RawOptions, 'backfillRule' | 'runId'> & Renamed;

/** `rowgate backfill`: says what it would fill, or with --execute fills it. */
export const addBackfill: AddCommand = (program, { signal, finish }) => {
  addBackfillFlags(program.command('backfill'))
    .description(
      'fill missing values from the parents that rules name; writes nothing without --execute; exit code 0 complete or at a bound, 1 rows left, 2 failed, 3 could not start',
    )
    .option('--execute', 'write')
    .option('--enqueue', 'record a run for workers to come, and write no row')
    .option('--run <id>', 'go on with this run')
    .option('--max-rows <n>', 'fill at most so many rows, by all workers together')
    .action(async (flags: BackfillFlags) => finish(await backfill(flags, signal)));
};

/** `rowgate work`: one more process for a run. */
export const addWork: AddCommand = (program, { signal, finish }) => {
  addBackfillFlags(program.command('work'))
    .description('work on a run that was recorded with backfill --enqueue, or help with one that is running')
    .requiredOption('--run <id>', 'the run')
    .action(async (flags: BackfillFlags) =>
      finish(await backfill({ ...flags, execute: true, join: true }, signal)),
    );
};

function addBackfillFlags(command: Command): Command {
  return addDatabaseFlags(command)
    .option('--rule <id...>', 'only these rules (default: every rule that declares a backfill)')
    .option('--max-duration <duration>', 'begin no batch after so long (default: 30m)')
    .option('--batch-target <duration>', 'how long a batch should take (default: 350ms)')
    .option('--nice <n>', 'rest so many times as long as a batch took (default: 1; 0 does not rest)')
    .option('--workers <n>', 'sessions that fill side by side (default: 1)')
    .option('--expect-database <name>', 'refuse to work on a database of another name')
    .option('--acknowledge <name...>', 'go on although of this; the dry run lists the names')
    .option(
      '--throttle <signal=limit...>',
      'wait at another limit, such as replica-lag=5s, or do not look: archiver=off',
    )
    .option('--require-signal <name...>', 'wait also where this signal cannot be read')
    .option('--throttle-query <select>', 'wait while the first value of this SELECT is true or above 0')
    .option('--samples <n>', 'keys of rows to show for each table (default: 5)')
    .option('--html', 'print one page of HTML: rowgate backfill --html > backfill.html');
}

/** Reads the flags, does it, and shows the report. */
async function backfill({ rule, run, html, ...flags }: BackfillFlags, signal: AbortSignal): Promise<number> {
  const options = readFlags(
    { ...flags, backfillRule: rule, runId: run },
    { backfillRule: 'rule', runId: 'run' },
  );
  const { world, end } = openWorld(options, signal);
  const report = await runBackfill(options, world, { name: userInfo().username, url: undefined });
  end();
  const text = (): string => {
    if (options.format === 'json') return renderJson(report);
    return html ? renderBackfillHtml(report, 'cli') : renderBackfill(report);
  };
  await write(process.stdout, text());
  return report.exitCode;
}
