import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { openDatabase } from '../src/postgres/connect.ts';
import { parseConnectionTarget } from '../src/postgres/connection-string.ts';
import { DRIVERS, type DriverName } from '../src/postgres/database.ts';
import { tableName } from '../src/sql/identifier.ts';
import { sql } from '../src/sql/sql.ts';
import { READER } from '../src/demo/demo-data.ts';
import type { Report } from '../src/report/report.ts';
import type { Bench } from './bench.ts';
import { elapsedOf, measureInTurns, peakOf, type Readings, type Subject } from './measure.ts';
import type { DriverResult } from './results.ts';
import { expectSame, type Counts } from './seed-statements.ts';
import type { BenchDatabase } from './server.ts';
import { ratioOf, spreadOf } from './spread.ts';
import { rowgateSubject } from './subjects.ts';

/** How many small tables are asked. */
const PROBES = { full: [500, 2_000], quick: [20, 50] } as const;

/** Each small table has this many rows, of which some lack the value. */
const ROWS = 10;
const MISSING = 3;

/** Many small questions through both drivers: by the driver alone, and by the whole gate. */
export async function compareDrivers(bench: Bench): Promise<DriverResult[]> {
  const database = await bench.server.createDatabase('drivers');
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-bench-'));
  try {
    const subjects: Subject[] = [];
    for (const probes of PROBES[bench.size]) {
      bench.say(`building ${probes} small tables`);
      await buildSmallTables(database, probes);
      await writeFile(join(folder, `${probes}.yml`), rulesFile(probes));
      for (const driver of DRIVERS) {
        subjects.push(inProcess(database, driver, probes));
        subjects.push(wholeGate({ ...bench, root: folder }, database, driver, probes));
      }
    }
    await database.settle();
    bench.say('drivers: warming up');
    for (const { run } of subjects) await run();
    bench.say('drivers: measuring');
    const readings = await measureInTurns(subjects, bench.pace);
    return PROBES[bench.size].flatMap((probes) => [
      driverResult(probes, 'in-process', readings),
      driverResult(probes, 'process', readings),
    ]);
  } finally {
    await rm(folder, { recursive: true });
    await database.drop();
  }
}

const schemaOf = (probes: number): string => `small_${probes}`;
const tablesOf = (probes: number): string[] => Array.from({ length: probes }, (_, index) => `t${index + 1}`);

async function buildSmallTables({ owner }: BenchDatabase, probes: number): Promise<void> {
  await owner.query(`create schema ${schemaOf(probes)}`);
  for (const table of tablesOf(probes))
    await owner.query(`
      create table ${schemaOf(probes)}.${table} (id bigint primary key, workspace_id bigint);
      insert into ${schemaOf(probes)}.${table} select i, nullif(greatest(i, ${MISSING}), ${MISSING}) from generate_series(1, ${ROWS}) i;`);
  await owner.query(`
    grant usage on schema ${schemaOf(probes)} to ${READER};
    grant select on all tables in schema ${schemaOf(probes)} to ${READER};`);
}

function rulesFile(probes: number): string {
  const rule = {
    id: 'small-tables-are-filled',
    kind: 'not_null',
    schema: schemaOf(probes),
    tables: { with_column: 'workspace_id' },
    column: 'workspace_id',
    max_violations: MISSING, // held: no samples are looked for
  };
  return stringify({ version: 1, rules: [rule] });
}

function expectedCounts(probes: number): Counts {
  return Object.fromEntries(tablesOf(probes).map((table) => [`${schemaOf(probes)}.${table}`, MISSING]));
}

const name = (where: DriverResult['where'], driver: DriverName, probes: number): string =>
  `${probes} probes, ${driver}, ${where}`;

/** One session of the driver's, open already, as the gate uses it. */
function inProcess({ readerUrl }: BenchDatabase, driver: DriverName, probes: number): Subject {
  const subject = name('in-process', driver, probes);
  const target = parseConnectionTarget({ url: readerUrl, env: {} });
  const run = async () => {
    const session = await openDatabase(target, driver).connect();
    const counts: [string, number][] = [];
    const startedAt = performance.now();
    for (const table of tablesOf(probes)) {
      const small = tableName(schemaOf(probes), table);
      const [row] = await session.query(
        sql`select count(*)::text as n from ${small} where workspace_id is null`,
      );
      counts.push([`${schemaOf(probes)}.${table}`, Number(row?.['n'] ?? Number.NaN)]);
    }
    const elapsedMs = performance.now() - startedAt;
    await session.close();
    expectSame(subject, Object.fromEntries(counts), expectedCounts(probes));
    return { elapsedMs };
  };
  return { name: subject, run };
}

function wholeGate(
  { cli, root }: Bench,
  { readerUrl }: BenchDatabase,
  driver: DriverName,
  probes: number,
): Subject {
  const args = ['--rules', `${probes}.yml`, '--driver', driver];
  const countsOf = ({ results }: Report): Counts => {
    if (results.length !== probes) throw new Error(`${results.length} checks were made, not ${probes}`);
    return Object.fromEntries(
      results.map(({ table, violations }) => [table ?? '', violations?.count ?? Number.NaN]),
    );
  };
  const run = { cli, folder: root, url: readerUrl, args };
  return rowgateSubject(name('process', driver, probes), run, countsOf, expectedCounts(probes));
}

function driverResult(probes: number, where: DriverResult['where'], readings: Readings): DriverResult {
  const of = (driver: DriverName): number[] => elapsedOf(readings, name(where, driver, probes));
  const peak = (driver: DriverName): number => peakOf(readings, name(where, driver, probes));
  return {
    probes,
    where,
    pgMs: spreadOf(of('pg')),
    postgresMs: spreadOf(of('postgres')),
    ratio: ratioOf(of('postgres'), of('pg')),
    peakMb: where === 'process' ? { pg: peak('pg'), postgres: peak('postgres') } : undefined,
  };
}
