import path from 'node:path';
import process from 'node:process';
import { readBaseline, renderBaseline } from '../check/baseline.ts';
import type { MadeBaseline } from '../check/make-baseline.ts';
import type { RawOptions } from '../options.ts';
import { EXIT_BROKEN, EXIT_CLEAN, EXIT_NOT_STARTED, EXIT_UNKNOWN } from '../report/exit-code.ts';
import { readPack, writePack } from '../rollout/write-pack.ts';
import { recordBaseline } from '../run.ts';
import { describeProblem, isOfConfiguration } from '../support/problem.ts';
import type { AddCommand } from './command.ts';
import { linesOf, write } from './output.ts';
import { addDatabaseFlags, openWorld, readFlags } from './world.ts';

type BaselineFlags = RawOptions & { readonly out: string; readonly acceptMore: boolean };

/** `rowgate baseline`: records the counts that rules with a `ratchet` may not rise above. */
export const addBaseline: AddCommand = (program, { signal, finish }) => {
  addDatabaseFlags(program.command('baseline'))
    .description('record what rules with a ratchet count now; from then on a count may fall, never rise')
    .requiredOption('--out <file>', 'the baseline file; one that is there is brought up to date')
    .option('--accept-more', 'also record counts that are higher than those of the file', false)
    .option('--only <id...>', 'only these rules; the others keep their records')
    .option('--target-name <name>', 'the name of the target, as `check` is told it')
    .action(async (flags: BaselineFlags) => finish(await record(flags, signal)));
};

async function record({ out, acceptMore, ...raw }: BaselineFlags, signal: AbortSignal): Promise<number> {
  const options = readFlags(raw);
  const file = path.relative(process.cwd(), path.resolve(out)) || out;
  const text = await readPack(file);
  const before = text === undefined ? undefined : readBaseline(text, file);
  const { world, end } = openWorld(options, signal);
  const made = await recordBaseline(options, world, before).finally(end);
  if ('problems' in made) {
    for (const problem of made.problems) await write(process.stderr, linesOf(describeProblem(problem)));
    return made.problems.every((each) => !isOfConfiguration(each) && each.code !== 'baseline-differs')
      ? EXIT_UNKNOWN
      : EXIT_NOT_STARTED;
  }
  if (made.risen.length > 0 && !acceptMore) {
    const lines = [
      `${file}: nothing was written, as counts have risen:`,
      ...made.risen.map((each) => `  ${each}`),
      'Mend what writes these rows; or record the higher counts with --accept-more.',
    ];
    await write(process.stderr, linesOf(lines.join('\n')));
    return EXIT_BROKEN;
  }
  await writePack(file, renderBaseline(made.baseline), text);
  await write(process.stdout, linesOf(summary(file, made)));
  if (made.leaking.length > 0) return EXIT_BROKEN;
  return made.unknown.length > 0 ? EXIT_UNKNOWN : EXIT_CLEAN;
}

function summary(file: string, { recorded, leaking, unknown }: MadeBaseline): string {
  const skipped = (names: readonly string[], why: string): string[] =>
    names.map((name) => `  not recorded: ${name}, ${why}`);
  return [
    `${file}: ${recorded} ${recorded === 1 ? 'count' : 'counts'} recorded`,
    ...skipped(leaking, 'as new rows break it: a leak is no debt'),
    ...skipped(unknown, 'as it could not be measured'),
  ].join('\n');
}
