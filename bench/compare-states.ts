import type { Report } from '../src/report/report.ts';
import { buildTables, type Planted } from './build-tables.ts';
import type { Bench } from './bench.ts';
import { elapsedOf, measureInTurns, ownOf, peakOf, type Readings, type Subject } from './measure.ts';
import { installPgtap, pgtapSubject, type Pgtap } from './pgtap.ts';
import type { Competitor, Growth, StateResult } from './results.ts';
import {
  BARE_COUNTS,
  FUSED_STATEMENTS,
  ORPHAN_STATEMENTS,
  PACK_STATEMENTS,
  PAGE_STATEMENTS,
  type Counts,
} from './seed-statements.ts';
import type { BenchDatabase } from './server.ts';
import { ratioOf, spreadOf } from './spread.ts';
import { STATES, type State } from './states.ts';
import { countAll, fusedSubject, rowgateSubject, statementsSubject } from './subjects.ts';
import { countReads, type TableReads } from './table-reads.ts';

/** The data grows from an eighth to the whole, over the same tenants. */
const EIGHTHS = { full: [1, 2, 4, 8], quick: [1, 8] } as const;

/** The rules of the shipped pack that ask what the statements ask. */
const RULES = ['tenant-owned-rows-have-a-workspace', 'rows-agree-with-their-tenant', 'audit-rows-are-scoped'];
const CHECKS = 25;

const ROWGATE = 'Rowgate';
const PACK = '25 statements';

type Sized = { readonly eighths: number; readonly database: BenchDatabase };

/** The gate against SQL in every state of a rollout, and against itself on less data. */
export async function compareStates(bench: Bench): Promise<{ states: StateResult[]; pgtap: Pgtap }> {
  const states: StateResult[] = [];
  let pgtap: Pgtap = { available: false, reason: 'it was not looked for' };
  for (const planted of ['nothing', 'many'] as const) {
    const sizes: Sized[] = [];
    for (const eighths of EIGHTHS[bench.size]) sizes.push(await build(bench, eighths, planted));
    pgtap = await installPgtap(largest(sizes).owner);
    for (const state of STATES.filter((each) => each.planted === planted)) {
      bench.say(`${state.title}: preparing`);
      for (const { database } of sizes) {
        if (state.prepare !== '') await database.owner.query(state.prepare);
        await database.settle();
      }
      states.push(await measureState(bench, state, sizes, pgtap));
    }
    for (const { database } of sizes) await database.drop();
  }
  return { states, pgtap };
}

async function build({ server, rows, say }: Bench, eighths: number, planted: Planted): Promise<Sized> {
  const share = Math.round((rows * eighths) / 8);
  say(`building ${share.toLocaleString('en-US')} rows`);
  const database = await server.createDatabase(`${planted}_${eighths}`);
  await database.owner.query(buildTables(share, planted));
  return { eighths, database };
}

function largest(sizes: readonly Sized[]): BenchDatabase {
  const last = sizes.at(-1);
  if (!last) throw new Error('there is no database');
  return last.database;
}

async function measureState(
  bench: Bench,
  state: State,
  sizes: readonly Sized[],
  pgtap: Pgtap,
): Promise<StateResult> {
  const whole = largest(sizes);
  const expected = await countExpected(whole);
  const ours = rowgateOn(bench, ROWGATE, whole, expected);
  const theirs = [
    statementsSubject(PACK, whole.owner, PACK_STATEMENTS, expected),
    fusedSubject('one statement a table', whole.owner, FUSED_STATEMENTS, expected),
    statementsSubject("the page's 16", whole.owner, PAGE_STATEMENTS, expected),
    statementsSubject('bare count(*)', whole.owner, BARE_COUNTS, expected),
    // A bare count reads the primary key's index alone where it can; no check can be answered from that.
    statementsSubject('count(*) of the rows', whole.owner, BARE_COUNTS, expected, 'enable_indexonlyscan'),
    ...(pgtap.available ? [pgtapSubject('pgTAP', whole.owner, PACK_STATEMENTS, expected)] : []),
  ];
  const smaller: Subject[] = [];
  for (const { eighths, database } of sizes.slice(0, -1)) {
    const fewer = await countExpected(database);
    smaller.push(rowgateOn(bench, onPart(ROWGATE, eighths), database, fewer));
    smaller.push(statementsSubject(onPart(PACK, eighths), database.owner, PACK_STATEMENTS, fewer));
  }
  bench.say(`${state.title}: warming up`);
  const reads = new Map<string, TableReads>();
  for (const { name, run } of [ours, ...theirs]) reads.set(name, await countReads(whole.owner, run));
  for (const { run } of smaller) await run();
  bench.say(`${state.title}: measuring`);
  const readings = await measureInTurns([ours, ...theirs, ...smaller], bench.pace);
  return {
    state,
    size: await sizeOf(whole),
    violations: ours.lastReport()?.totals.violations ?? 0,
    parallel: await countParallel(whole),
    strategies: strategiesOf(ours.lastReport()),
    competitors: [ours, ...theirs].map(({ name }) => competitor(name, readings, reads.get(name))),
    growth: sizes.map(({ eighths }) => growth(eighths, readings)),
  };
}

async function countExpected({ owner }: BenchDatabase): Promise<Counts> {
  return countAll(owner, [...PACK_STATEMENTS, ...ORPHAN_STATEMENTS, ...BARE_COUNTS]);
}

function rowgateOn({ cli, root }: Bench, name: string, { readerUrl }: BenchDatabase, expected: Counts) {
  const args = ['--rules', 'rules/workspace-isolation.yml', '--only', ...RULES];
  return rowgateSubject(name, { cli, folder: root, url: readerUrl, args }, packCounts, expected);
}

/** What the report says of each thing that the statements count. */
function packCounts({ results }: Report): Counts {
  if (results.length !== CHECKS) throw new Error(`${results.length} checks were made, not ${CHECKS}`);
  return Object.fromEntries(
    results.flatMap(({ rule, table, violations, classes }): [string, number][] => {
      const name = table?.replace('public.', '') ?? '';
      const count = violations?.count ?? Number.NaN;
      if (rule === 'tenant-owned-rows-have-a-workspace') return [[`null ${name}`, count]];
      if (rule === 'audit-rows-are-scoped') return [[`audit ${name}`, count]];
      // Where there is no violation at all, a proof need not say of which class there is none.
      const ofClass = (each: string): number => classes[each] ?? (count === 0 ? 0 : Number.NaN);
      return [
        [`different ${name}`, ofClass('different')],
        [`orphan ${name}`, ofClass('orphan')],
      ];
    }),
  );
}

function competitor(name: string, readings: Readings, reads: TableReads | undefined): Competitor {
  const ours = { elapsed: elapsedOf(readings, ROWGATE), own: ownOf(readings, ROWGATE) };
  const theirs = elapsedOf(readings, name);
  return {
    name,
    elapsedMs: spreadOf(theirs),
    ...(name === ROWGATE
      ? { ownMs: spreadOf(ours.own), peakMb: peakOf(readings, name) }
      : { rowgate: ratioOf(ours.elapsed, theirs), rowgateOwn: ratioOf(ours.own, theirs) }),
    reads,
  };
}

function growth(eighths: number, readings: Readings): Growth {
  const name = onPart(ROWGATE, eighths);
  const [elapsed, own] = [elapsedOf(readings, name), ownOf(readings, name)];
  const statements = elapsedOf(readings, onPart(PACK, eighths));
  return {
    eighths,
    elapsedMs: spreadOf(elapsed),
    ownMs: spreadOf(own),
    ratio: ratioOf(elapsed, elapsedOf(readings, onPart(ROWGATE, 1))),
    ownRatio: ratioOf(own, ownOf(readings, onPart(ROWGATE, 1))),
    statementsMs: spreadOf(statements),
    statementsRatio: ratioOf(statements, elapsedOf(readings, onPart(PACK, 1))),
    toStatements: ratioOf(elapsed, statements),
    peakMb: peakOf(readings, name),
  };
}

function onPart(name: string, eighths: number): string {
  return eighths === 8 ? name : `${name} on ${eighths}/8`;
}

function strategiesOf(report: Report | undefined): string {
  const counts = new Map<string, number>();
  for (const { strategy } of report?.results ?? []) counts.set(strategy, (counts.get(strategy) ?? 0) + 1);
  return [...counts].map(([strategy, count]) => `${count} by ${strategy}`).join(', ');
}

async function countParallel({ owner }: BenchDatabase): Promise<number> {
  let parallel = 0;
  for (const { text } of PACK_STATEMENTS) {
    const { rows } = await owner.query<{ 'QUERY PLAN': unknown }>(`explain (format json) ${text}`);
    if (JSON.stringify(rows).includes('"Workers Planned"')) parallel += 1;
  }
  return parallel;
}

async function sizeOf({ owner }: BenchDatabase): Promise<StateResult['size']> {
  const { rows } = await owner.query<StateResult['size']>(`
    select sum(reltuples)::float8 as rows, sum(pg_table_size(oid))::float8 / 1e6 as "tableMb",
      sum(pg_indexes_size(oid))::float8 / 1e6 as "indexMb", sum(relpages)::float8 as pages
    from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`);
  if (!rows[0]) throw new Error('the server gave no sizes');
  return rows[0];
}
