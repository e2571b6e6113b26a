import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseOptions } from '../options.ts';
import { openDatabase } from '../postgres/connect.ts';
import { parseConnectionTarget } from '../postgres/connection-string.ts';
import type { Database } from '../postgres/database.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../postgres/embedded.ts';
import type { Report } from '../report/report.ts';
import { renderTerminal } from '../report/terminal.ts';
import { run } from '../run.ts';
import type { Sql } from '../sql/sql.ts';
import { Problem } from '../support/problem.ts';
import type { World } from '../world.ts';
import { beforeRollout } from './rollout-data.ts';
import { walkRollout } from './walk-rollout.ts';
import { demoStatements, PLANTED, READER, readerStatements, TENANT_OWNED } from './demo-data.ts';

export type DemoOptions = {
  readonly rowsPerTable: number;
  /** Walk through the whole rollout instead of checking one moment of it. */
  readonly rollout: boolean;
  /** Leave the server up and print its URL. */
  readonly keep: boolean;
  readonly write: (text: string) => void;
  readonly color: boolean;
  readonly signal: AbortSignal;
};

/**
 * Shows the gate at work: starts a real Postgres, builds the seed's application half-way through its rollout, and runs
 * the shipped pack on it. Throws `demo-failed` when the gate does not find exactly what was planted.
 */
export async function runDemo({
  rowsPerTable,
  rollout,
  keep,
  write,
  color,
  signal,
}: DemoOptions): Promise<void> {
  write('Starting a real PostgreSQL (from npm, on 127.0.0.1, in a folder of its own) ...\n');
  const server = await startEmbeddedPostgres({ keep });
  try {
    const owner = openDatabase(parseConnectionTarget({ url: server.url, env: {} }), 'pg');
    const readerUrl = urlOfReader(server.url);
    const reader = parseConnectionTarget({ url: readerUrl, env: {} });
    const world: World = {
      rules: packFolder(),
      database: () => openDatabase(reader, 'pg', signal),
      now: () => new Date(),
      emit: () => {},
      signal,
    };
    if (rollout) {
      await build(owner, [...beforeRollout(rowsPerTable), ...readerStatements(reader.password ?? '')]);
      const session = await owner.connect();
      try {
        await walkRollout({
          world: { ...world, writableDatabase: () => owner },
          owner: session,
          write,
          color,
        });
      } finally {
        await session.close();
      }
      return;
    }
    write(
      `Creating a multi-tenant application in the middle of a rollout: ${TENANT_OWNED.length} tenant-owned tables of ${rowsPerTable.toLocaleString('en-US')} rows ...\n`,
    );
    await build(owner, [...demoStatements(rowsPerTable), ...readerStatements(reader.password ?? '')]);
    write('\n$ rowgate check --rules rules/workspace-isolation.yml --phase 2\n\n');
    const options = parseOptions(
      { rules: 'rules/workspace-isolation.yml', phase: '2', samples: '3' },
      String,
    );
    const { report } = await run(options, world);
    write(renderTerminal(report, { color }));
    if (signal.aborted) return;
    expectPlanted(report);
    write(nextSteps(server, keep, readerUrl));
  } finally {
    if (!keep) await server.stop();
  }
}

/** The folder that holds `rules/`: the package's own, seen from the bundle or from the sources. */
function packFolder(): string {
  const here = path.dirname(fileURLToPath(import.meta.url));
  return path.resolve(here, path.basename(here) === 'demo' ? '../..' : '..');
}

/** The gate's own role, which can only read; the server is gone before its password could matter. */
function urlOfReader(url: string): string {
  const reader = new URL(url);
  reader.username = READER;
  return reader.href;
}

async function build(database: Database, statements: readonly Sql[]): Promise<void> {
  const session = await database.connect();
  try {
    for (const statement of statements) await session.query(statement, { deadlineMs: 120_000 });
  } finally {
    await session.close();
  }
}

const planted = Object.values(PLANTED).reduce((sum, count) => sum + count, 0);

function expectPlanted({ results }: Report): void {
  const found = results.reduce(
    (sum, { enforced, violations }) => sum + (enforced ? (violations?.count ?? 0) : 0),
    0,
  );
  if (found === planted) return;
  throw new Problem('demo-failed', `the gate found ${found} violations where ${planted} were planted`, {
    hint: 'Please report this.',
  });
}

function nextSteps({ url, pid, folder }: EmbeddedPostgres, keep: boolean, readerUrl: string): string {
  const server = keep
    ? [
        `The server is still up: ${url}`,
        `  npx rowgate check --phase 2 --database-url '${readerUrl}'`,
        `  kill -INT ${pid} && rm -r ${folder}   (when you are done)`,
      ]
    : ['The server is gone again. To keep one and try for yourself: npm run demo -- --keep'];
  return [
    '',
    `That is right: ${planted} violations of phase 2 were planted, and each one was found.`,
    'In CI this run exits with 1, and each broken rule is an annotation on its line of the rules file.',
    '',
    'What a team would do next:',
    '  1. Assign a workspace to the tenant that has none.',
    '  2. Settle the rows that disagree with their tenant, or that have none; no tool can know which side is right.',
    '  3. Backfill the missing values, run the gate again, and only then go on to phase 3 (--phase 3).',
    '',
    ...server,
    '',
  ].join('\n');
}
