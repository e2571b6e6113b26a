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
  const run = async (): Promise<Reading> => {
    if (off) await client.query(`set ${off} = off`);
    const startedAt = performance.now();
    const found = await countAll(client, statements);
    const elapsedMs = performance.now() - startedAt;
    if (off) await client.query(`reset ${off}`);
    expectSame(name, found, expected);
    return { elapsedMs };
  };
  return { name, run };
}

/** The same for statements that count several things each, and name them. */
export function fusedSubject(
  name: string,
  client: Client,
  statements: readonly string[],
  expected: Counts,
): Subject {
  const run = async (): Promise<Reading> => {
    const startedAt = performance.now();
    const found: [string, number][] = [];
    for (const text of statements) {
      const { rows } = await client.query<Record<string, string>>(text);
      found.push(
        ...Object.entries(rows[0] ?? {}).map(([what, count]) => [what, Number(count)] as [string, number]),
      );
    }
    const elapsedMs = performance.now() - startedAt;
    expectSame(name, Object.fromEntries(found), expected);
    return { elapsedMs };
  };
  return { name, run };
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
