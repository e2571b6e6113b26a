import { Option } from 'commander';
import process from 'node:process';
import { runMerge } from '../merge.ts';
import type { RawOptions } from '../options.ts';
import type { AddCommand } from './command.ts';
import { showReport } from './show-report.ts';
import { readFlags } from './world.ts';

/** `rowgate merge`: one verdict of the reports of many targets. */
export const addMerge: AddCommand = (program, { finish }) => {
  program
    .command('merge <report...>')
    .description('fold the report.json files of many targets into one report with one verdict and exit code')
    .option('--expect <name...>', 'the targets that a report has to be there of')
    .option('--max-age <duration>', 'how old a report may be (default: 24h)')
    .addOption(
      new Option('--format <format>', 'json prints the report alone on stdout').choices(['text', 'json']),
    )
    .option('--report-dir <folder>', 'write the files of the merged report there')
    .action(async (reports: string[], raw: RawOptions) => finish(await merge({ ...raw, reports })));
};

async function merge(raw: RawOptions): Promise<number> {
  const options = readFlags(raw);
  const report = await runMerge({ ...options, folder: process.cwd(), now: new Date() });
  return showReport(report, options);
}
