import process from 'node:process';
import type { RawOptions } from '../options.ts';
import { renderJson } from '../report/json.ts';
import { renderPlan } from '../report/plan-text.ts';
import { explainRun } from '../run.ts';
import type { AddCommand } from './command.ts';
import { write } from './output.ts';
import { addCheckFlags, openWorld, readFlags } from './world.ts';

/** `rowgate plan`: what a check would do. */
export const addPlan: AddCommand = (program, { signal, finish }) => {
  addCheckFlags(program.command('plan'))
    .description(
      'say how each check would be done, what it would cost and what would make it cheaper; reads no table',
    )
    .action(async (raw: RawOptions) => finish(await plan(raw, signal)));
};

async function plan(raw: RawOptions, signal: AbortSignal): Promise<number> {
  const options = readFlags(raw);
  const { world, end } = openWorld(options, signal);
  const report = await explainRun(options, world);
  end();
  await write(process.stdout, options.format === 'json' ? renderJson(report) : renderPlan(report));
  return report.exitCode;
}
