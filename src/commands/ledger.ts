import process from 'node:process';
import {
  installLedger,
  LEDGER_LIMITS,
  ledgerGrants,
  ledgerProblem,
  readLedgerStatus,
  removeLedger,
} from '../backfill/ledger.ts';
import type { RawOptions } from '../options.ts';
import type { Session } from '../postgres/database.ts';
import { inReadOnlyTransaction } from '../postgres/transaction.ts';
import { EXIT_CLEAN } from '../report/exit-code.ts';
import { describeProblem } from '../support/problem.ts';
import type { AddCommand } from './command.ts';
import { linesOf, write } from './output.ts';
import { addDatabaseFlags, openWorld, readFlags } from './world.ts';

/** `rowgate ledger`: the tables in which backfills are recorded. */
export const addLedger: AddCommand = (program, { signal, finish }) => {
  const ledger = program
    .command('ledger')
    .description('the tables in which backfills are recorded: the schema rowgate');
  const on = (raw: RawOptions, work: (session: Session) => Promise<string>) =>
    withSession(raw, signal, work).then(finish);
  addDatabaseFlags(ledger.command('install'))
    .description('make them; a role that may not create schemas can then use them')
    .option('--grant-to <role...>', 'print the grants that these roles need')
    .action((raw: RawOptions & { grantTo?: readonly string[] }) =>
      on(raw, async (session) => {
        const made = await installLedger(session);
        const grants = (raw.grantTo ?? []).flatMap(ledgerGrants);
        return [made ? 'The ledger is installed.' : 'The ledger is there already.', ...grants].join('\n');
      }),
    );
  addDatabaseFlags(ledger.command('status'))
    .description('say whether they are there, and whether this role can use them')
    .action((raw: RawOptions) =>
      on(raw, async (session) => {
        const status = await inReadOnlyTransaction(session, LEDGER_LIMITS, readLedgerStatus);
        if (status.state !== 'ready') return describeProblem(ledgerProblem(status));
        return `The ledger has version ${status.version}: ${status.runs} runs, ${status.liveRuns} of them not over.`;
      }),
    );
  addDatabaseFlags(ledger.command('remove'))
    .description('drop them, with all that they recorded')
    .option('--force', 'also while runs are not over')
    .action((raw: RawOptions & { force?: boolean }) =>
      on(raw, async (session) => {
        await removeLedger(session, raw.force === true);
        return 'The ledger is removed.';
      }),
    );
};

async function withSession(
  raw: RawOptions,
  signal: AbortSignal,
  work: (session: Session) => Promise<string>,
): Promise<number> {
  const { world, end } = openWorld(readFlags(raw), signal);
  const session = await world.writableDatabase().connect();
  try {
    await write(process.stdout, linesOf(await work(session)));
    return EXIT_CLEAN;
  } finally {
    await session.close();
    end();
  }
}
