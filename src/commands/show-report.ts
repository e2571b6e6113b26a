import process from 'node:process';
import type { Options } from '../options.ts';
import { renderJson } from '../report/json.ts';
import { publish } from '../report/publish.ts';
import type { Report } from '../report/report.ts';
import { renderTerminal } from '../report/terminal.ts';
import { linesOf, useColor, write } from './output.ts';

/** Writes the files of a report that were asked for, shows it, and gives its exit code. */
export async function showReport(report: Report, { format, reportDir }: Options): Promise<number> {
  const { channels, exitCode } = await publish(report, { folder: reportDir });
  const people = format === 'json' ? process.stderr : process.stdout;
  if (format === 'json') await write(process.stdout, renderJson({ ...report, channels }));
  await write(people, renderTerminal(report, { color: useColor(people) }));
  for (const { name, state, reason } of channels.filter((channel) => channel.state === 'failed')) {
    await write(process.stderr, linesOf(`${name}: ${state}: ${reason ?? ''}`));
  }
  return exitCode;
}
