import type { Results, StateResult } from './results.ts';
import type { Spread } from './spread.ts';
import type { State } from './states.ts';

/** A promise about the gate's cost, and what came out. */
export type Bar = {
  readonly promise: string;
  readonly limit: number;
  /** Whether `limit` itself is too much. */
  readonly below?: boolean;
  readonly measured: Spread;
  /** Without the start of the gate's process, where that was counted. */
  readonly own?: Spread | undefined;
  readonly unit: '' | 's' | 'MB' | 'pages and scans';
};

/** Whether a bar is met, by the median of the rounds. */
export function isMet({ measured, limit, below }: Bar): boolean {
  return below ? measured.median < limit : measured.median <= limit;
}

/**
 * Every bar for which something was measured. Against SQL the gate's whole process counts, its start included; where
 * it is compared with itself the start does not, as it would hide the growth.
 */
export function judge({ states, rules, drivers }: Results): Bar[] {
  const bars: Bar[] = [];
  const add = (
    promise: string,
    limit: number,
    measured: Spread | undefined,
    more: Partial<Bar> = {},
  ): void => {
    if (measured) bars.push({ promise, limit, measured, unit: '', ...more });
  };
  const state = (id: State['id']): StateResult | undefined => states.find((each) => each.state.id === id);
  const against = (promise: string, limit: number, id: State['id'], name: string): void => {
    const found = state(id)?.competitors.find((each) => each.name === name);
    add(promise, limit, found?.rowgate, { own: found?.rowgateOwn });
  };
  against('No index, no proof: of the 25 statements', 0.5, 'bare', '25 statements');
  against("No index, no proof: of the page's 16", 0.9, 'bare', "the page's 16");
  against('No index, no proof: of a bare count of each table', 2.2, 'bare', 'bare count(*)');
  against("The rollout's indexes: of the 25 statements", 0.2, 'indexed', '25 statements');
  add("The rollout's indexes: 8 times the rows, of one time", 2, state('indexed')?.growth.at(-1)?.ownRatio, {
    below: true,
  });
  const ours = state('enforced')?.competitors.find(({ name }) => name === 'Rowgate');
  add('Phase 3: table data read', 0, ours && exactly(tableDataRead(ours.reads)), { unit: 'pages and scans' });
  add('Phase 3: the whole process', 1, ours && scaled(ours.elapsedMs, 1 / 1_000), { unit: 's' });
  add('1,000 rules on one table, of one rule', 3, rules.find((each) => each.rules === 1_000)?.ownRatio);
  const peaks = [
    ...states.flatMap(({ growth }) => growth.map(({ peakMb }) => peakMb)),
    ...rules.map(({ peakMb }) => peakMb),
    ...drivers.flatMap(({ peakMb }) => (peakMb ? [peakMb.pg] : [])),
  ];
  add(
    'Peak memory of any run with the default driver',
    150,
    peaks.length > 0 ? exactly(Math.max(...peaks)) : undefined,
    { unit: 'MB' },
  );
  return bars;
}

function tableDataRead(reads: StateResult['competitors'][number]['reads']): number {
  return reads ? reads.tableScans + reads.indexScans + reads.tablePages : Number.NaN;
}

function exactly(value: number): Spread {
  return { median: value, least: value, most: value };
}

function scaled({ median, least, most }: Spread, factor: number): Spread {
  return { median: median * factor, least: least * factor, most: most * factor };
}
