// How figures are written in the pages of results.
import type { Spread } from './spread.ts';

/** A table; `alignment` has a letter for each column, `l` or `r`. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  alignment: string,
): string {
  const rule = [...alignment].map((side) => (side === 'r' ? '---:' : '---'));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

export function spread({ median, least, most }: Spread, write: (value: number) => string): string {
  return `${write(median)} (${write(least)} to ${write(most)})`;
}

export const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
export const met = (isMet: boolean): string => (isMet ? 'met' : '**not met**');
