import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseOptions } from '../../src/options.ts';
import { openDatabase } from '../../src/postgres/connect.ts';
import { parseConnectionTarget } from '../../src/postgres/connection-string.ts';
import type { DriverName } from '../../src/postgres/database.ts';
import type { Migrations } from '../../src/migrations/migration.ts';
import type { Report } from '../../src/report/report.ts';
import { run } from '../../src/run.ts';
import { withHook, type BeforeQuery } from './hooked-database.ts';

export type GateOptions = {
  readonly url: string;
  /** A rules file's text, recognised by its line breaks; or the path of one, relative to the repository. */
  readonly rules: string;
  readonly driver?: DriverName;
  readonly phase?: string;
  readonly only?: readonly string[];
  readonly samples?: number;
  readonly maxConnections?: number;
  /** As on the command line, such as `500ms`. */
  readonly statementTimeout?: string;
  readonly failOn?: string;
  readonly strategy?: 'auto' | 'scan';
  readonly proofs?: boolean;
  readonly signal?: AbortSignal;
  /** Migrations that are to run next. */
  readonly migrations?: Migrations;
  /** The run's clock; the real one without it. */
  readonly now?: Date;
  /** Awaited before each statement is sent, so that a test can do something at a known moment of the run. */
  readonly beforeQuery?: BeforeQuery;
};

const REPOSITORY = path.resolve(import.meta.dirname, '../..');

/** The name that rules given as text have in problems and results. */
const RULES_FILE = 'rules.yml';

/** Runs the gate as both doors do, and gives its report. */
export async function runGate({
  url,
  rules,
  driver = 'pg',
  signal,
  now,
  migrations,
  beforeQuery,
  ...rest
}: GateOptions): Promise<Report> {
  const { phase, only, failOn, strategy, proofs, statementTimeout, samples, maxConnections } = rest;
  const isText = rules.includes('\n');
  const folder = isText ? await mkdtemp(path.join(tmpdir(), 'rowgate-rules-')) : REPOSITORY;
  try {
    if (isText) await writeFile(path.join(folder, RULES_FILE), rules);
    const options = parseOptions(
      {
        rules: [isText ? RULES_FILE : rules],
        driver,
        phase,
        only,
        failOn,
        strategy,
        proofs,
        statementTimeout,
        samples: samples?.toString(),
        maxConnections: maxConnections?.toString(),
      },
      (name) => name,
    );
    const { report } = await run(options, {
      rules: folder,
      ...(migrations ? { migrations: () => Promise.resolve(migrations) } : {}),
      database: () => {
        const database = openDatabase(parseConnectionTarget({ url, env: {} }), driver, signal);
        return beforeQuery ? withHook(database, beforeQuery) : database;
      },
      now: () => now ?? new Date(),
      emit: () => {},
      signal: signal ?? new AbortController().signal,
    });
    return report;
  } finally {
    if (isText) await rm(folder, { recursive: true });
  }
}
