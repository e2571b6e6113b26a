import process from 'node:process';
import { runDemo } from '../demo/run-demo.ts';
import { EXIT_CLEAN, EXIT_UNKNOWN } from '../report/exit-code.ts';
import { Problem } from '../support/problem.ts';
import type { AddCommand } from './command.ts';
import { useColor } from './output.ts';

/** `rowgate demo`: the main job on a server of its own. */
export const addDemo: AddCommand = (program, { signal, finish }) => {
  program
    .command('demo')
    .description('run the shipped pack on a real Postgres with planted violations')
    .option(
      '--rollout',
      'walk an application through the whole rollout, and say at each step what a team would do',
      false,
    )
    .option('--keep', 'leave the server up and print its URL', false)
    .option('--rows <n>', 'rows of each table', '4000')
    .action(async ({ keep, rollout, rows }: { keep: boolean; rollout: boolean; rows: string }) => {
      const rowsPerTable = readRows(rows);
      const write = (text: string): void => void process.stdout.write(text);
      await runDemo({ rowsPerTable, rollout, keep, write, color: useColor(process.stdout), signal });
      finish(signal.aborted ? EXIT_UNKNOWN : EXIT_CLEAN);
    });
};

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
