import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readBaseline } from '../../src/check/baseline.ts';
import { parseOptions, type Options } from '../../src/options.ts';
import { openDatabase } from '../../src/postgres/connect.ts';
import { parseConnectionTarget } from '../../src/postgres/connection-string.ts';
import type { DriverName } from '../../src/postgres/database.ts';
import type { Migrations } from '../../src/migrations/migration.ts';
import type { Report } from '../../src/report/report.ts';
import type { PlanReport } from '../../src/report/plan-report.ts';
import { explainRun, recordBaseline, run, runProbe } from '../../src/run.ts';
import type { World } from '../../src/world.ts';
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
  /** The text of the baseline file. */
  readonly baseline?: string;
  readonly targetName?: string;
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

/** The name that a baseline given as text has. */
const BASELINE_FILE = 'baseline.json';

/** Runs the gate as both doors do, and gives its report. */
export async function runGate(gate: GateOptions): Promise<Report> {
  return withGate(gate, async (options, world) => (await run(options, world)).report);
}

/** Says how the gate would do it. */
export function planGate(gate: GateOptions): Promise<PlanReport> {
  return withGate(gate, explainRun);
}

/** Tries what rules with a probe forbid; the sessions that write are the same role's. */
export function probeGate(gate: GateOptions): Promise<Report> {
  const writableDatabase = () => openDatabase(parseConnectionTarget({ url: gate.url, env: {} }), 'pg');
  return withGate(gate, async (options, world) => {
    const { report } = await runProbe(options, { ...world, writableDatabase });
    return report;
  });
}

/** Records what rules with a ratchet count, beside the baseline that is given. */
export function recordGate(gate: GateOptions): ReturnType<typeof recordBaseline> {
  const before = gate.baseline === undefined ? undefined : readBaseline(gate.baseline, BASELINE_FILE);
  return withGate(gate, (options, world) => recordBaseline(options, world, before));
}

async function withGate<Result>(
  { url, rules, driver = 'pg', signal, now, migrations, beforeQuery, baseline, ...rest }: GateOptions,
  work: (options: Options, world: World) => Promise<Result>,
): Promise<Result> {
  const { targetName, phase, only, failOn, strategy, proofs, statementTimeout, samples, maxConnections } =
    rest;
  const isText = rules.includes('\n');
  const folder = isText ? await mkdtemp(path.join(tmpdir(), 'rowgate-rules-')) : REPOSITORY;
  try {
    if (isText) await writeFile(path.join(folder, RULES_FILE), rules);
    if (baseline !== undefined) await writeFile(path.join(folder, BASELINE_FILE), baseline);
    const options = parseOptions(
      {
        rules: [isText ? RULES_FILE : rules],
        ...(baseline === undefined ? {} : { baseline: BASELINE_FILE }),
        targetName,
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
    return await work(options, {
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
  } finally {
    if (isText) await rm(folder, { recursive: true });
  }
}
