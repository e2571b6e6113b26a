import type { Contender, Filled } from './backfill-contenders.ts';
import type { Latency, Percentiles } from './backfill-latency.ts';
import type { Machine } from './results.ts';
import { ratioOf, spreadOf, type Spread } from './spread.ts';

/** All that one run measured. */
export type BackfillResults = {
  readonly machine: Machine;
  readonly rows: number;
  readonly filled: ReadonlyMap<Contender, readonly Filled[]>;
  readonly latency: Latency;
};

const HOW = `Ratios are of rows per second in one round, to one UPDATE of the same table in the same round. Figures are medians, with the least and the most in brackets.
Rowgate is the whole process: its start, its census before, its ledger, and its check after. The longest lock is the longest time for which a transaction that had
written was seen open, looked at every 10 ms. Growth is of the table's file and of its indexes, without any vacuum in between. Throttles are as by default, but for
\`checkpoints=off\` where nothing rests.`;

/** The whole page, as Markdown. */
export function renderBackfillResults({ machine, rows, filled, latency }: BackfillResults): string {
  const tables = [false, true].flatMap((isIndexed) => [
    `## ${isIndexed ? 'With' : 'Without'} an index on the column`,
    contendersTable([...filled].filter(([contender]) => contender.isIndexed === isIndexed)),
  ]);
  return [
    '# What a backfill costs',
    `Written by \`npm run bench:backfill\`, on ${whole(rows)} rows. It ends with an error where any row is wrong.`,
    table(['', ''], machine, 'll'),
    HOW,
    ...tables,
    '## What an application notices',
    'Two sessions read and write single rows of the same tables, without a backfill and with one at default pacing. Milliseconds.',
    table(
      ['', 'p50 without', 'p50 with', 'p99 without', 'p99 with', 'p99 with / without'],
      [latencyRow('Reads', latency.reads), latencyRow('Writes', latency.writes)],
      'lrrrrr',
    ),
    '',
  ].join('\n\n');
}

function contendersTable(contenders: readonly (readonly [Contender, readonly Filled[]])[]): string {
  const rate = ({ rows, elapsedMs }: Filled): number => (rows * 1_000) / elapsedMs;
  const base = (contenders[0]?.[1] ?? []).map(rate);
  const row = ([{ name }, filled]: readonly [Contender, readonly Filled[]]): string[] => {
    const of = (pick: (each: Filled) => number): Spread => spreadOf(filled.map(pick));
    return [
      name,
      whole(of(rate).median),
      spread(ratioOf(filled.map(rate), base)),
      `${whole(Math.max(...filled.map(({ longestLockMs }) => longestLockMs)))} ms`,
      of(({ heapGrowth }) => heapGrowth).median.toFixed(2),
      of(({ indexGrowth }) => indexGrowth).median.toFixed(2),
      `${whole(of(({ walPerRow }) => walPerRow).median)} B`,
    ];
  };
  const head = ['', 'Rows/s', 'Of one UPDATE', 'Longest lock', 'Heap', 'Indexes', 'Log per row'];
  return table(head, contenders.map(row), 'lrrrrrr');
}

function latencyRow(name: string, times: { readonly without: Percentiles; readonly with: Percentiles }) {
  const { without, with: beside } = times;
  const figures = [without.p50, beside.p50, without.p99, beside.p99, beside.p99 / without.p99];
  return [name, ...figures.map((each) => each.toFixed(2))];
}

function table(head: readonly string[], rows: readonly (readonly string[])[], alignment: string): string {
  const rule = [...alignment].map((side) => (side === 'r' ? '---:' : '---'));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const spread = ({ median, least, most }: Spread): string =>
  `${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
