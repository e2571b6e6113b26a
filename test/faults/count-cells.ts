import { after } from 'node:test';

const counts = { tried: 0, right: 0 };

/** Runs a cell of the fault matrix and counts it. */
export async function countCell(cell: () => Promise<void>): Promise<void> {
  counts.tried += 1;
  await cell();
  counts.right += 1;
}

/** Has the counts printed when the file's tests have ended. */
export function printCounts(what: string): void {
  const line = (): string => `fault cells (${what}): ${counts.tried} tried, ${counts.right} right outcome\n`;
  after(() => void process.stdout.write(line()));
}
