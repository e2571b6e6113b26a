import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { stringify } from 'yaml';
import type { Report } from '../src/report/report.ts';
import type { Bench } from './bench.ts';
import { elapsedOf, measureInTurns, ownOf, peakOf, type Readings, type Subject } from './measure.ts';
import type { RulesResult } from './results.ts';
import { expectSame, type Counts, type Statement } from './seed-statements.ts';
import { ratioOf, spreadOf } from './spread.ts';
import { rowgateSubject, statementsSubject } from './subjects.ts';

const RULE_COUNTS = { full: [1, 10, 100, 1_000], quick: [1, 10, 100] } as const;
const COLUMNS = 20;

/** A statement for each of more rules than this would take minutes in every round. */
const MOST_SINGLE_STATEMENTS = 100;

/** The table has this share of the benchmark's rows. */
const SHARE = 1 / 4;

/** What the rules allow: they are to count, and not to look for samples as well. */
const MAX_VIOLATIONS = 1_000_000_000;

type Condition = { readonly rule: object; readonly broken: string };

/** The gate with more and more rules on one table, each about other columns and other values. */
export async function compareRuleCounts(bench: Bench): Promise<{ tableRows: number; rules: RulesResult[] }> {
  const counts = RULE_COUNTS[bench.size];
  const tableRows = Math.round(bench.rows * SHARE);
  bench.say(`building one table of ${tableRows.toLocaleString('en-US')} rows`);
  const database = await bench.server.createDatabase('rule_counts');
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-bench-'));
  try {
    await database.owner.query(buildEvents(tableRows));
    await database.settle();
    const expected = await countTogether(database.owner, conditions(Math.max(...counts)));
    const subjects: Subject[] = [];
    for (const count of counts) {
      await writeFile(join(folder, `${count}.yml`), rulesFile(count));
      const run = { cli: bench.cli, folder, url: database.readerUrl, args: ['--rules', `${count}.yml`] };
      subjects.push(rowgateSubject(name('rowgate', count), run, ruleCounts(count), expected));
      subjects.push(oneStatement(database.owner, count, expected));
      if (count <= MOST_SINGLE_STATEMENTS)
        subjects.push(statementsSubject(name('single', count), database.owner, statements(count), expected));
    }
    bench.say('rules on one table: warming up');
    for (const { run } of subjects) await run();
    bench.say('rules on one table: measuring');
    const readings = await measureInTurns(subjects, bench.pace);
    return { tableRows, rules: counts.map((count) => ruleResult(count, readings)) };
  } finally {
    await rm(folder, { recursive: true });
    await database.drop();
  }
}

/** Twenty columns of a thousand values each; every five-hundredth value is missing, in other rows for each column. */
function buildEvents(rows: number): string {
  const each = (text: (column: number) => string): string =>
    Array.from({ length: COLUMNS }, (_, column) => text(column)).join(', ');
  return `
    create table events (id bigint primary key, ${each((column) => `c${column} integer`)}, note text not null);
    insert into events
    select i, ${each((column) => `case when (i + 37 * ${column}) % 500 > 0 then abs(hashint8(i * ${COLUMNS} + ${column})) % 1000 end`)},
      repeat(md5(i::text), 3)
    from generate_series(1, ${rows}) i;`;
}

/** No two conditions are the same, and no part that all of them share does the work of all of them. */
function conditions(count: number): Condition[] {
  return Array.from({ length: count }, (_, index) => {
    const asked = index % COLUMNS;
    const needed = (asked + 1 + (Math.floor(index / COLUMNS) % (COLUMNS - 1))) % COLUMNS;
    const rule = { id: `rule-${index}`, tables: ['events'], max_violations: MAX_VIOLATIONS };
    const where = `c${asked} = ${index}`;
    return index % 2 === 0
      ? {
          rule: { ...rule, kind: 'not_null', column: `c${needed}`, where },
          broken: `${where} and c${needed} is null`,
        }
      : {
          rule: { ...rule, kind: 'implies', when: where, then: `c${needed} >= 5` },
          broken: `${where} and (c${needed} >= 5) is not true`,
        };
  });
}

function rulesFile(count: number): string {
  return stringify({ version: 1, rules: conditions(count).map(({ rule }) => rule) });
}

function statements(count: number): Statement[] {
  return conditions(count).map(({ broken }, index) => ({
    counts: `rule-${index}`,
    text: `select count(*) from events where ${broken}`,
  }));
}

async function countTogether(client: Client, wanted: readonly Condition[]): Promise<Counts> {
  const outputs = wanted.map(({ broken }, index) => `count(*) filter (where ${broken}) as "rule-${index}"`);
  const { rows } = await client.query<Record<string, string>>(`select ${outputs.join(', ')} from events`);
  return Object.fromEntries(Object.entries(rows[0] ?? {}).map(([rule, count]) => [rule, Number(count)]));
}

function oneStatement(client: Client, count: number, expected: Counts): Subject {
  const run = async () => {
    const startedAt = performance.now();
    const found = await countTogether(client, conditions(count));
    const elapsedMs = performance.now() - startedAt;
    expectSame('one statement', found, expected);
    return { elapsedMs };
  };
  return { name: name('together', count), run };
}

const ruleCounts =
  (count: number) =>
  ({ results }: Report): Counts => {
    if (results.length !== count) throw new Error(`${results.length} checks were made, not ${count}`);
    return Object.fromEntries(results.map(({ rule, violations }) => [rule, violations?.count ?? Number.NaN]));
  };

const name = (what: 'rowgate' | 'together' | 'single', count: number): string => `${what} ${count}`;

function ruleResult(count: number, readings: Readings): RulesResult {
  const ours = elapsedOf(readings, name('rowgate', count));
  const own = ownOf(readings, name('rowgate', count));
  const together = elapsedOf(readings, name('together', count));
  const single = elapsedOf(readings, name('single', count));
  return {
    rules: count,
    elapsedMs: spreadOf(ours),
    ownMs: spreadOf(own),
    ratio: ratioOf(ours, elapsedOf(readings, name('rowgate', 1))),
    ownRatio: ratioOf(own, ownOf(readings, name('rowgate', 1))),
    toOneStatement: ratioOf(ours, together),
    toSingleStatements: single.length > 0 ? ratioOf(ours, single) : undefined,
    oneStatementMs: spreadOf(together),
    peakMb: peakOf(readings, name('rowgate', count)),
  };
}
