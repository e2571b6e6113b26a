import { renderBackfill } from '../report/backfill-terminal.ts';
import type { BackfillReport } from '../report/backfill-report.ts';
import { namesToAcknowledge, shellWord } from '../report/backfill-words.ts';
import { renderRollout } from '../report/rollout-text.ts';
import { stepsText } from '../report/rollout-rows.ts';
import { headline } from '../report/words.ts';
import { parseOptions } from '../options.ts';
import type { Session } from '../postgres/database.ts';
import type { Rollout } from '../rollout/phase.ts';
import { run, runRollout } from '../run.ts';
import { runBackfill } from '../run-backfill.ts';
import { written } from '../sql/ddl.ts';
import type { Sql } from '../sql/sql.ts';
import { Problem } from '../support/problem.ts';
import type { BackfillWorld } from '../world.ts';
import { DECISIONS, IMPERFECT_WRITES } from './rollout-data.ts';

export type Walk = {
  /** Sees what the gate sees, by a role that can only read; and what a backfill writes with. */
  readonly world: BackfillWorld;
  /** Runs what a person would run. */
  readonly owner: Session;
  readonly write: (text: string) => void;
  readonly color: boolean;
};

const PACK = 'rules/workspace-isolation.yml';
const STATEMENT_DEADLINE_MS = 120_000;

/**
 * Walks an application through its whole rollout, from no column at all to composite foreign keys, and says at each step
 * what a team would do. Throws `demo-failed` where a step does not end as it says.
 */
export async function walkRollout(walk: Walk): Promise<void> {
  const { write } = walk;
  write('\nPhase 1. The team asks what is missing.\n');
  await show(walk);
  write('It puts the printed statements into migrations and deploys them:\n');
  await follow(walk);

  write(
    '\nPhase 1.5. It says which tenant belongs to which workspace, and deploys writers that derive it.\n',
  );
  await execute(walk.owner, IMPERFECT_WRITES);
  await show(walk, '1.5');
  write(
    'One tenant was forgotten, and one writer is wrong. No tool can know which side is right: people decide.\n',
  );
  await execute(walk.owner, DECISIONS);
  await check(walk, '1.5');

  write('\nPhase 2. The rows from before are filled.\n');
  await show(walk, '2');
  await backfill(walk);
  await check(walk, '2');

  write('\nPhase 3. Nothing is in the way any more, so that the database itself can be made to say so:\n');
  await follow(walk, '2');
  await show(walk, '3');
  await check(walk);
  write('Every rule holds, each by a constraint. No row had to be read to know it.\n');
}

/** Looks first, and then writes what was looked at. */
async function backfill({ world, write }: Walk): Promise<void> {
  const show = (flags: string, report: BackfillReport): void =>
    write(`$ rowgate backfill --rules ${PACK}${flags}\n\n${renderBackfill(report)}\n`);
  const requester = { name: 'the demo', url: undefined };
  const looked = await runBackfill(parseOptions({ rules: PACK }, String), world, requester);
  show('', looked);
  if (looked.exitCode !== 0) throw failed(looked.problems[0]?.message ?? 'the dry run could not tell');
  const acknowledge = namesToAcknowledge(looked);
  write(
    'Nothing was written. The writers derive the workspace since phase 1.5, so the team says that it knows of them:\n\n',
  );
  const asked = parseOptions({ rules: PACK, execute: 'true', acknowledge }, String);
  const done = await runBackfill(asked, world, requester);
  const flags = acknowledge.map((name) => ` --acknowledge ${shellWord(name)}`).join('');
  show(` --execute${flags}`, done);
  if (done.run?.state !== 'completed' && !world.signal.aborted)
    throw failed(done.problems[0]?.message ?? 'rows are left to fill');
}

async function assess({ world }: Walk, phase?: string): Promise<Rollout> {
  return runRollout(parseOptions({ rules: PACK, phase }, String), world);
}

const command = (name: string, phase: string | undefined): string =>
  `$ rowgate ${name} --rules ${PACK}${phase === undefined ? '' : ` --phase ${phase}`}\n\n`;

async function show(walk: Walk, phase?: string): Promise<void> {
  walk.write(`\n${command('rollout', phase)}${renderRollout(await assess(walk, phase), walk)}\n`);
}

/** Runs the ready steps until none is left. */
async function follow(walk: Walk, phase?: string): Promise<void> {
  for (;;) {
    const found = await assess(walk, phase);
    const ready = found.steps.filter(({ state }) => state === 'ready');
    if (found.problems.length > 0) throw failed(found.problems[0]?.message ?? '');
    if (ready.length === 0 || walk.world.signal.aborted) return;
    walk.write(`${command('rollout --next', phase).trimEnd()}   # ${stepsText(found.steps)}\n`);
    const statements = ready.flatMap((step) => step.statements.map((each) => written(each.sql)));
    await execute(walk.owner, statements);
    walk.write(`  ${statements.length} statements run, such as: ${ready[0]?.statements[0]?.sql}\n`);
  }
}

async function check(walk: Walk, phase?: string): Promise<void> {
  const { report } = await run(parseOptions({ rules: PACK, phase }, String), walk.world);
  walk.write(`${command('check', phase)}${headline(report)}\n`);
  if (report.exitCode !== 0 && !walk.world.signal.aborted) throw failed(headline(report));
}

async function execute(session: Session, statements: readonly Sql[]): Promise<void> {
  for (const statement of statements) await session.query(statement, { deadlineMs: STATEMENT_DEADLINE_MS });
}

function failed(what: string): Problem {
  return new Problem('demo-failed', `the rollout did not end as it should: ${what}`, {
    hint: 'Please report this.',
  });
}
