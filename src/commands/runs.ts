import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BackfillRun } from '../backfill/backfill-run.ts';
import { LEDGER_LIMITS, ledgerProblem, readLedgerStatus } from '../backfill/ledger.ts';
import { readEvents, readLaneDetails, readProgress } from '../backfill/run-details.ts';
import { changeState, readRun, readRuns, tuneRun } from '../backfill/runs.ts';
import type { Options, RawOptions } from '../options.ts';
import type { Session } from '../postgres/database.ts';
import type { Query } from '../postgres/snapshot.ts';
import { inReadOnlyTransaction, inTransaction } from '../postgres/transaction.ts';
import type { ReportedRun } from '../report/backfill-report.ts';
import { runLines } from '../report/backfill-terminal.ts';
import { runAdvice, runHeadline } from '../report/backfill-words.ts';
import { EXIT_CLEAN } from '../report/exit-code.ts';
import { reportRun } from '../report/make-backfill-report.ts';
import { Problem } from '../support/problem.ts';
import type { AddCommand } from './command.ts';
import { linesOf, write } from './output.ts';
import { addDatabaseFlags, openWorld, readFlags } from './world.ts';

/** `rowgate runs`: what backfills did, are doing, and wait for. */
export const addRuns: AddCommand = (program, { signal, finish }) => {
  const runs = addDatabaseFlags(program.command('runs'))
    .description('list the runs of backfills in this database, newest first')
    .action(async (raw: RawOptions) => finish(await onLedger(raw, signal, listRuns)));
  addDatabaseFlags(runs.command('show <id>'))
    .description('show a run: its state, tables, what is left and why')
    .option('--watch', 'again every two seconds, until it is over')
    .action(async (id: string, raw: RawOptions & { watch?: boolean }) =>
      finish(
        await onLedger(raw, signal, (session, options) =>
          showRun(session, options, id, raw.watch === true, signal),
        ),
      ),
    );
  addDatabaseFlags(runs.command('pause <id>'))
    .description('have the workers of a run stop after the batch that they are at')
    .action(async (id: string, raw: RawOptions) =>
      finish(await onLedger(raw, signal, (session) => change(session, id, 'paused'))),
    );
  addDatabaseFlags(runs.command('resume <id>'))
    .description('let a paused run go on; workers have to be started')
    .action(async (id: string, raw: RawOptions) =>
      finish(await onLedger(raw, signal, (session) => change(session, id, 'running'))),
    );
  addDatabaseFlags(runs.command('cancel <id>'))
    .description('end a run; what is filled stays filled')
    .action(async (id: string, raw: RawOptions) =>
      finish(await onLedger(raw, signal, (session) => change(session, id, 'cancelled'))),
    );
  addDatabaseFlags(runs.command('tune <id>'))
    .description('change the pace of a run; its workers go by it from their next batch on')
    .option('--batch-target <duration>', 'how long a batch should take')
    .option('--nice <n>', 'rest so many times as long as a batch took')
    .action(async (id: string, raw: RawOptions) =>
      finish(await onLedger(raw, signal, (session, options) => tune(session, id, raw, options))),
    );
};

/** Opens a session, makes sure that there is a ledger, and closes the session. */
async function onLedger(
  raw: RawOptions,
  signal: AbortSignal,
  work: (session: Session, options: Options) => Promise<void>,
): Promise<number> {
  const options = readFlags(raw);
  const { world, end } = openWorld(options, signal);
  const session = await world.writableDatabase().connect();
  try {
    const status = await read(session, readLedgerStatus);
    if (status.state !== 'ready') throw ledgerProblem(status);
    await work(session, options);
    return EXIT_CLEAN;
  } finally {
    await session.close();
    end();
  }
}

const read = <Result>(session: Session, ask: (query: Query) => Promise<Result>): Promise<Result> =>
  inReadOnlyTransaction(session, LEDGER_LIMITS, ask);

async function listRuns(session: Session, { format }: Options): Promise<void> {
  const runs = await read(session, async (query) => {
    const found = await readRuns(query, 50);
    return Promise.all(found.map((run) => run));
  });
  if (format === 'json') return write(process.stdout, `${JSON.stringify(runs, null, 2)}\n`);
  const lines = runs.flatMap((run) => [lineOf(run), ...adviceOf(run)]);
  await write(
    process.stdout,
    linesOf(lines.length > 0 ? lines.join('\n') : 'no run is recorded in this database'),
  );
}

const lineOf = (run: BackfillRun): string =>
  `${run.createdAt}  ${runHeadline(run)}  (${run.rules.join(', ')})`;

function adviceOf(run: BackfillRun): string[] {
  const advice = runAdvice(reportRun({ ...run, lanes: [], progress: [], events: [] }));
  return advice ? [`    ${advice}`] : [];
}

async function readWholeRun(session: Session, id: string): Promise<ReportedRun> {
  return read(session, async (query) =>
    reportRun({
      ...(await readRun(query, id)),
      lanes: await readLaneDetails(query, id),
      progress: await readProgress(query, id),
      events: await readEvents(query, id, 50),
    }),
  );
}

const WATCH_EVERY_MS = 2_000;
const AT_WORK: ReadonlySet<string> = new Set(['planned', 'running', 'holding', 'verifying']);

async function showRun(
  session: Session,
  { format }: Options,
  id: string,
  watch: boolean,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const run = await readWholeRun(session, id);
    const text =
      format === 'json'
        ? `${JSON.stringify(run, null, watch ? 0 : 2)}\n`
        : linesOf(runLines(run, Date.now()).join('\n'));
    const clear = watch && format !== 'json' && process.stdout.isTTY ? '\u001b[H\u001b[2J' : '';
    await write(process.stdout, clear + text);
    if (!watch || !AT_WORK.has(run.state) || signal.aborted) return;
    await sleep(WATCH_EVERY_MS, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
  }
}

async function change(session: Session, id: string, to: 'paused' | 'running' | 'cancelled'): Promise<void> {
  const run = await inTransaction(session, LEDGER_LIMITS, async (query) => {
    const before = await readRun(query, id, true);
    const isResume = to === 'running';
    const mayChange = isResume ? before.state === 'paused' : true;
    if (!mayChange || !(await changeState(query, id, to, isResume ? undefined : 'somebody asked for it')))
      throw new Problem(
        'run-busy',
        `run ${id} is ${before.state}, and cannot be ${isResume ? 'resumed' : to}`,
        {
          hint: `See: rowgate runs show ${id}`,
        },
      );
    return readRun(query, id);
  });
  await write(process.stdout, linesOf([runHeadline(run), ...adviceOf(run)].join('\n')));
}

async function tune(session: Session, id: string, raw: RawOptions, options: Options): Promise<void> {
  const settings = {
    ...(raw.batchTarget === undefined ? {} : { batchTargetMs: options.batchTarget }),
    ...(raw.nice === undefined ? {} : { nice: options.nice }),
  };
  if (Object.keys(settings).length === 0)
    throw new Problem('options-invalid', 'give --batch-target or --nice');
  await inTransaction(session, LEDGER_LIMITS, async (query) => {
    await readRun(query, id, true);
    await tuneRun(query, id, settings);
  });
  await write(process.stdout, linesOf(`Run ${id} goes by it from the next batch on`));
}
