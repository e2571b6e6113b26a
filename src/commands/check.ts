import type { RawOptions } from '../options.ts';
import { run } from '../run.ts';
import type { AddCommand } from './command.ts';
import { showReport } from './show-report.ts';
import { addCheckFlags, openWorld, readFlags } from './world.ts';

/** `rowgate check`: the gate itself. */
export const addCheck: AddCommand = (program, { signal, finish }) => {
  addCheckFlags(program.command('check', { isDefault: false }))
    .option(
      '--migrations <glob...>',
      'SQL migrations that are to run next: say which of their statements the rows of now would fail',
    )
    .option('--baseline <file>', 'the recorded counts that rules with a ratchet may not rise above')
    .description(
      'check a database against rules; exit code 0 clean, 1 broken, 2 could not tell, 3 could not start',
    )
    .action(async (raw: RawOptions) => finish(await check(raw, signal)));
};

async function check(raw: RawOptions, signal: AbortSignal): Promise<number> {
  const options = readFlags(raw);
  const { world, end } = openWorld(options, signal);
  const { report } = await run(options, world);
  end();
  return showReport(report, options);
}
