import type { Client } from 'pg';
import type { Report } from '../src/report/report.ts';
import type { Reading, Subject } from './measure.ts';
import { runRowgate, type RowgateRun } from './run-rowgate.ts';
import { expectSame, type Counts, type Statement } from './seed-statements.ts';

/** Runs statements one after the other and gives their counts. */
export async function countAll(client: Client, statements: readonly Statement[]): Promise<Counts> {
  const counts: [string, number][] = [];
  for (const { counts: name, text } of statements) {
    const { rows } = await client.query<{ count: string }>(text);
    counts.push([name, Number(rows[0]?.count)]);
  }
  return Object.fromEntries(counts);
}

/** Something that counts, timed; it fails where it counts other than expected. */
export function countingSubject(name: string, expected: Counts, count: () => Promise<Counts>): Subject {
  const run = async (): Promise<Reading> => {
    const startedAt = performance.now();
    const found = await count();
    const elapsedMs = performance.now() - startedAt;
    expectSame(name, found, expected);
    return { elapsedMs };
  };
  return { name, run };
}

/**
 * Statements through the pg package, one after the other on one connection that is open already; `off` is a setting
 * of the server's planner to do without.
 */
export function statementsSubject(
  name: string,
  client: Client,
  statements: readonly Statement[],
  expected: Counts,
  off?: 'enable_indexonlyscan',
): Subject {
  const { run } = countingSubject(name, expected, () => countAll(client, statements));
  if (!off) return { name, run };
  return {
    name,
    run: async () => {
      await client.query(`set ${off} = off`);
      return run().finally(() => client.query(`reset ${off}`));
    },
  };
}

/** The same for statements that count several things each, and name them. */
export function fusedSubject(
  name: string,
  client: Client,
  statements: readonly string[],
  expected: Counts,
): Subject {
  return countingSubject(name, expected, async () => {
    const found: Record<string, number> = {};
    for (const text of statements) {
      const { rows } = await client.query<Record<string, string>>(text);
      for (const [what, count] of Object.entries(rows[0] ?? {})) found[what] = Number(count);
    }
    return found;
  });
}

/** The gate as a process of its own; `countsOf` says what its report counted. */
export function rowgateSubject(
  name: string,
  run: RowgateRun,
  countsOf: (report: Report) => Counts,
  expected: Counts,
): Subject & { readonly lastReport: () => Report | undefined } {
  let last: Report | undefined;
  return {
    name,
    lastReport: () => last,
    run: async () => {
      const { report, reading } = await runRowgate(run);
      last = report;
      expectSame(name, countsOf(report), expected);
      return reading;
    },
  };
}
