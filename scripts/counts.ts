/** How often something was tried in some tests, and how often it ended as it has to, in the tests' own words. */
export type Count = {
  readonly what: string;
  readonly tried: number;
  readonly right: number;
  /** What is right, such as `contained`. */
  readonly end: string;
};

const LINE = /^ *# ([a-z]+(?: [a-z]+)*)(?: \(.*\))?: (\d+) tried, (\d+) ([a-z ]+)$/gim;

/** The counts in a TAP text, such as `# fault cells (server): 34 tried, 34 right outcome`; the same things are added up. */
export function readCounts(tap: string): Count[] {
  return addUp(
    Array.from(tap.matchAll(LINE), ([, what = '', tried, right, end = '']) => ({
      what,
      tried: Number(tried),
      right: Number(right),
      end,
    })),
  );
}

/** One count for each thing, in the order in which they first came. */
export function addUp(counts: readonly Count[]): Count[] {
  const sums = new Map<string, Count>();
  for (const count of counts) {
    const { tried, right } = sums.get(count.what) ?? { tried: 0, right: 0 };
    sums.set(count.what, { ...count, tried: tried + count.tried, right: right + count.right });
  }
  return [...sums.values()];
}

/** A table, a line each; empty where nothing was counted. */
export function renderCounts(counts: readonly Count[]): string {
  const width = (texts: readonly string[]): number => Math.max(0, ...texts.map((text) => text.length));
  const whats = width(counts.map(({ what }) => what));
  const numbers = width(counts.map(({ tried }) => String(tried)));
  const line = ({ what, tried, right, end }: Count): string =>
    `${what.padEnd(whats)}  ${String(tried).padStart(numbers)} tried  ${String(right).padStart(numbers)} ${end}\n`;
  return counts.map(line).join('');
}

/** Whether everything ended right, and each of these was tried at all. */
export function areRight(counts: readonly Count[], required: readonly string[]): boolean {
  const tried = new Set(counts.filter((count) => count.tried > 0).map(({ what }) => what));
  return counts.every((count) => count.right === count.tried) && required.every((what) => tried.has(what));
}
