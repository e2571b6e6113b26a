import type { Contender, Filled } from './backfill-contenders.ts';
import type { Beside, Latency } from './backfill-latency.ts';
import { met, spread, table, whole } from './markdown.ts';
import type { Machine } from './results.ts';
import { ratioOf, spreadOf, type Spread } from './spread.ts';

/** All that one run measured. */
export type BackfillResults = {
  readonly machine: Machine;
  readonly rows: number;
  readonly filled: ReadonlyMap<Contender, readonly Filled[]>;
  /** Of an application beside each, round by round. */
  readonly latency: ReadonlyMap<Beside, readonly Latency[]>;
};

/** Which of the application's statements. */
type Statements = 'reads' | 'writes';

const HOW = `Ratios are of rows per second in one round, to one UPDATE of the same table in the same round. Figures are medians, with the least and the most in brackets.
Rowgate is the whole process: its start, its census before, its ledger, and its check after. The longest lock is the longest time for which a transaction that had
written was seen open, looked at every 10 ms. Growth is of the table's file and of its indexes, without any vacuum in between. Throttles are as by default, but for
\`checkpoints=off\` where nothing rests.`;

/** The whole page, as Markdown. */
export function renderBackfillResults(results: BackfillResults): string {
  const { machine, rows, filled, latency } = results;
  const tables = [false, true].flatMap((isIndexed) => [
    `## ${isIndexed ? 'With' : 'Without'} an index on the column`,
    contendersTable([...filled].filter(([contender]) => contender.isIndexed === isIndexed)),
  ]);
  return [
    '# What a backfill costs',
    `Written by \`npm run bench:backfill\`, on ${whole(rows)} rows. It ends with an error where any row is wrong.`,
    table(['', ''], machine, 'll'),
    HOW,
    ...barsSections(results),
    ...tables,
    '## What an application notices',
    `Two sessions read and write single rows of the table with both indexes: alone, then beside a backfill at default pacing, or beside batches of 1,000 by key with the
same rests, written by hand, or beside a session that only computes, half of the time. Milliseconds, medians of the rounds.`,
    table(
      ['', 'Beside', 'Rows/s', 'p50 without', 'p50 with', 'p99 without', 'p99 with', 'p99 with / without'],
      (['reads', 'writes'] as const).flatMap((what) =>
        [...latency].map(([beside, rounds]) => latencyRow(beside, rounds, what)),
      ),
      'llrrrrrr',
    ),
    '',
  ].join('\n\n');
}

/** The bars, and what those that are not met come up against, from the same rounds. */
function barsSections({ filled, latency }: BackfillResults): string[] {
  const shares = (id: Contender['id']): number[] =>
    [false, true].map((isIndexed) => shareOf(filled, id, isIndexed));
  const both = (id: Contender['id']): string => shares(id).map(two).join(' and ');
  const throughput = (what: string, id: Contender['id'], bar: number): string[] => [
    `${what}, of one UPDATE, without and with an index on the column`,
    `at least ${bar}`,
    both(id),
    met(Math.min(...shares(id)) >= bar),
  ];
  const p99 = (what: Statements): string[] => {
    const measured = p99Ratio(latency.get('Rowgate') ?? [], what);
    return [
      `p99 of an application's ${what}, of the same without a backfill`,
      'at most 2',
      spread(measured, two),
      met(measured.median <= 2),
    ];
  };
  const beside = (which: Beside): string => spread(p99Ratio(latency.get(which) ?? [], 'writes'), two);
  const ours = [...filled].filter(([{ id }]) => id === 'one worker' || id === 'two workers');
  const longest = Math.max(...ours.flatMap(([, rounds]) => rounds.map(({ longestLockMs }) => longestLockMs)));
  return [
    '## Bars',
    table(
      ['What', 'Bar', 'Measured', ''],
      [
        throughput('One worker', 'one worker', 0.8),
        throughput('Two workers', 'two workers', 1.2),
        ['Longest lock', 'at most 1,000 ms', `${whole(longest)} ms`, met(longest <= 1_000)],
        p99('reads'),
        p99('writes'),
      ],
      'llrl',
    ),
    '## Where the limits are',
    `- Batches of 10,000 by key, written by hand, take no lock on what they copy from, record nothing, and look at no row twice. They reach ${both('large loop')} of one UPDATE: each time a
  page of an index is full, the server looks for entries of earlier batches that it can remove. Where another session has an old snapshot, so that it cannot, they
  reach ${both('held loop')}, and two such sessions, each with a transaction open while the other works, ${both('two loops')}; the index grows to twice its size then.
- With each row locked before it is written, so that no batch waits for an application, that loop reaches ${both('guarded loop')}.
  Rowgate also locks the parents, records each batch with its rows, counts before and after, and starts: ${both('one worker')}, and with two workers ${both('two workers')}. It fills a range in
  passes, for a table that hardly grows ([decision 0037](../docs/decisions/0037-a-range-is-filled-in-passes.md)).
- The p99 of the application's writes is ${beside('by hand')} times what it is alone beside that loop in batches of 1,000 with the rests that Rowgate takes by default, and
  ${beside('a busy session')} times beside a session that touches no table and only computes, half of the time.`,
  ];
}

/** Rows a second in the share of one UPDATE's, the median of the rounds. */
function shareOf(filled: BackfillResults['filled'], id: Contender['id'], isIndexed: boolean): number {
  const rates = (wanted: Contender['id']): number[] =>
    [...filled].flatMap(([each, rounds]) =>
      each.id === wanted && each.isIndexed === isIndexed ? rounds.map(rate) : [],
    );
  return ratioOf(rates(id), rates('update')).median;
}

function contendersTable(contenders: readonly (readonly [Contender, readonly Filled[]])[]): string {
  const base = (contenders.find(([{ id }]) => id === 'update')?.[1] ?? []).map(rate);
  const row = ([{ name }, filled]: readonly [Contender, readonly Filled[]]): string[] => {
    const of = (pick: (each: Filled) => number): Spread => spreadOf(filled.map(pick));
    return [
      name,
      whole(of(rate).median),
      spread(ratioOf(filled.map(rate), base), two),
      `${whole(Math.max(...filled.map(({ longestLockMs }) => longestLockMs)))} ms`,
      two(of(({ heapGrowth }) => heapGrowth).median),
      two(of(({ indexGrowth }) => indexGrowth).median),
      `${whole(of(({ walPerRow }) => walPerRow).median)} B`,
    ];
  };
  const head = ['', 'Rows/s', 'Of one UPDATE', 'Longest lock', 'Heap', 'Indexes', 'Log per row'];
  return table(head, contenders.map(row), 'lrrrrrr');
}

function latencyRow(beside: Beside, rounds: readonly Latency[], what: Statements): string[] {
  const median = (pick: (each: Latency) => number): number => spreadOf(rounds.map(pick)).median;
  const filled = median(({ filledPerSecond }) => filledPerSecond ?? Number.NaN);
  return [
    what === 'reads' ? 'Reads' : 'Writes',
    beside,
    Number.isNaN(filled) ? '' : whole(filled),
    two(median((each) => each[what].without.p50)),
    two(median((each) => each[what].with.p50)),
    two(median((each) => each[what].without.p99)),
    two(median((each) => each[what].with.p99)),
    spread(p99Ratio(rounds, what), two),
  ];
}

function p99Ratio(rounds: readonly Latency[], what: Statements): Spread {
  const p99 = (when: 'without' | 'with'): number[] => rounds.map((each) => each[what][when].p99);
  return ratioOf(p99('with'), p99('without'));
}

const rate = ({ rows, elapsedMs }: Filled): number => (rows * 1_000) / elapsedMs;
const two = (value: number): string => value.toFixed(2);
