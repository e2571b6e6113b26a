import process from 'node:process';
import type { RawOptions } from '../options.ts';
import { EXIT_CLEAN, EXIT_NOT_STARTED } from '../report/exit-code.ts';
import { loadRules } from '../rules/load-rules.ts';
import type { AddCommand } from './command.ts';
import { linesOf, write } from './output.ts';
import { readFlags } from './world.ts';

/** `rowgate rules`: whether rules files can be read, without a database. */
export const addRules: AddCommand = (program, { finish }) => {
  program
    .command('rules')
    .description('check rules files without a database: syntax, format, SQL grammar')
    .option('--rules <glob...>', 'rules files', undefined)
    .action(async (raw: RawOptions) => finish(await lintRules(raw)));
};

async function lintRules(raw: RawOptions): Promise<number> {
  const options = readFlags(raw);
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
