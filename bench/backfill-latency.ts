import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { buildOrders, runBackfillCli } from './backfill-contenders.ts';
import type { BenchServer } from './server.ts';

/** Times of an application's statements, in milliseconds. */
export type Percentiles = { readonly p50: number; readonly p99: number; readonly statements: number };

/** The same application without and with a backfill at default pacing, on the same tables. */
export type Latency = {
  readonly reads: { readonly without: Percentiles; readonly with: Percentiles };
  readonly writes: { readonly without: Percentiles; readonly with: Percentiles };
};

/** Two sessions read and write single rows, without and then with a backfill, for as long each. */
export async function measureLatency(at: {
  readonly server: BenchServer;
  readonly cli: string;
  readonly rows: number;
  readonly forMs: number;
}): Promise<Latency> {
  const database = await at.server.createDatabase('latency');
  try {
    const url = await buildOrders(database, at.rows, true);
    await application(url, at.rows, sleep(1_000));
    const without = await application(url, at.rows, sleep(at.forMs));
    // Work ends at the bound, and only work is measured: the application stops when no row is filled any more.
    const flags = ['--max-duration', `${at.forMs}ms`];
    const filling = runBackfillCli(at.cli, url, flags);
    const filled = await application(url, at.rows, filling);
    if (!(await filling).run?.rowsUpdated) throw new Error('the backfill filled nothing');
    return {
      reads: { without: without.reads, with: filled.reads },
      writes: { without: without.writes, with: filled.writes },
    };
  } finally {
    await database.drop();
  }
}

async function application(
  url: string,
  rows: number,
  until: Promise<unknown>,
): Promise<{ reads: Percentiles; writes: Percentiles }> {
  const times = { reads: [] as number[], writes: [] as number[] };
  const over = new AbortController();
  const session = async (): Promise<void> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    const timed = async (into: number[], statement: string): Promise<void> => {
      const startedAt = performance.now();
      await client.query(statement, [1 + Math.floor(Math.random() * rows)]);
      into.push(performance.now() - startedAt);
    };
    while (!over.signal.aborted) {
      await timed(
        times.reads,
        'select o.note, t.workspace_id from orders o join tenants t on t.id = o.tenant_id where o.id = $1',
      );
      await timed(times.writes, `update orders set note = repeat('y', 100) where id = $1`);
      await sleep(2);
    }
    await client.end();
  };
  const sessions = [session(), session()];
  await until;
  over.abort();
  await Promise.all(sessions);
  return { reads: percentilesOf(times.reads), writes: percentilesOf(times.writes) };
}

function percentilesOf(times: readonly number[]): Percentiles {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), statements: sorted.length };
}
