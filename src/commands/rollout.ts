import process from 'node:process';
import type { RawOptions } from '../options.ts';
import { EXIT_CLEAN } from '../report/exit-code.ts';
import { renderJson } from '../report/json.ts';
import { renderRolloutHtml } from '../report/rollout-html.ts';
import { renderRolloutMarkdown } from '../report/rollout-markdown.ts';
import { renderRolloutSql } from '../report/rollout-sql.ts';
import { renderRollout } from '../report/rollout-text.ts';
import type { Rollout } from '../rollout/phase.ts';
import { runRollout } from '../run.ts';
import type { AddCommand } from './command.ts';
import { useColor, write } from './output.ts';
import { addCheckFlags, openWorld, readFlags } from './world.ts';

/** `rowgate rollout`: where each table stands, and with `--next` what to run to get on. Executes nothing. */
export const addRollout: AddCommand = (program, { signal, finish }) => {
  addCheckFlags(program.command('rollout'))
    .description(
      'say where each table stands in its rollout and what is in the way; exit code 0 no drift, 1 behind, 2 could not tell, 3 could not start',
    )
    .option(
      '--next',
      'print the next steps as SQL, with locks, estimates and how to undo them; executes nothing',
    )
    .option(
      '--markdown',
      'print Markdown, for a step summary: rowgate rollout --markdown >> $GITHUB_STEP_SUMMARY',
    )
    .option('--html', 'print one page of HTML: rowgate rollout --html > rollout.html')
    .action(async (raw: RolloutFlags) => finish(await rollout(raw, signal)));
};

type RolloutFlags = RawOptions & { next?: boolean; markdown?: boolean; html?: boolean };

async function rollout({ next, markdown, html, ...raw }: RolloutFlags, signal: AbortSignal): Promise<number> {
  const options = readFlags(raw);
  const { world, end } = openWorld(options, signal);
  const found = await runRollout(options, world);
  end();
  const text = (): string => {
    if (options.format === 'json') return renderJson(found);
    if (next) return renderRolloutSql(found);
    if (html) return renderRolloutHtml(found);
    return markdown
      ? renderRolloutMarkdown(found)
      : renderRollout(found, { color: useColor(process.stdout) });
  };
  await write(process.stdout, text());
  return next ? exitCodeOfNext(found) : found.exitCode;
}

/** Steps are what it was asked for; drift is what `rowgate rollout` fails for. */
function exitCodeOfNext({ exitCode, problems, steps }: Rollout): number {
  if (problems.length > 0) return exitCode;
  return steps.some(({ state }) => state === 'unknown') ? 2 : EXIT_CLEAN;
}
