import { setTimeout as sleep } from 'node:timers/promises';
import { buildOrders, fillByHand, runBackfillCli } from './backfill-contenders.ts';
import { repeat } from './repeat.ts';
import type { BenchServer } from './server.ts';

/** Times of an application's statements, in milliseconds. */
type Percentiles = { readonly p50: number; readonly p99: number; readonly statements: number };

/** The same application without and with a fill of the same tables beside it. */
export type Latency = {
  readonly reads: { readonly without: Percentiles; readonly with: Percentiles };
  readonly writes: { readonly without: Percentiles; readonly with: Percentiles };
  /** Rows a second that were filled meanwhile. */
  readonly filledPerSecond: number;
};

type Bench = {
  readonly server: BenchServer;
  readonly cli: string;
  readonly rows: number;
  readonly forMs: number;
};

/** Beside a backfill at default pacing. Its work ends at the bound, so that only work is measured. */
export function besideRowgate(at: Bench): Promise<Latency> {
  return measureLatency(at, async (url) => {
    const report = await runBackfillCli(at.cli, url, ['--max-duration', `${at.forMs}ms`]);
    return report.run?.rowsUpdated ?? 0;
  });
}

/** Beside the usual loop by key, which rests as long as a backfill at default pacing. */
export function besideLoop(at: Bench): Promise<Latency> {
  return measureLatency(at, (url) => fillByHand(url, at.rows, at.forMs));
}

/** Two sessions read and write single rows, alone for a while, and then while `fill` works, which says how many rows it filled. */
async function measureLatency(
  { server, rows, forMs }: Bench,
  fill: (url: string) => Promise<number>,
): Promise<Latency> {
  const database = await server.createDatabase('latency');
  try {
    const url = await buildOrders(database, rows, true);
    await application(url, rows, sleep(1_000));
    const without = await application(url, rows, sleep(forMs));
    const startedAt = performance.now();
    const filling = fill(url);
    const beside = await application(url, rows, filling);
    const filled = await filling;
    if (filled === 0) throw new Error('nothing was filled');
    return {
      reads: { without: without.reads, with: beside.reads },
      writes: { without: without.writes, with: beside.writes },
      filledPerSecond: (filled * 1_000) / (performance.now() - startedAt),
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
  const session = (): ReturnType<typeof repeat> =>
    repeat(url, async (client) => {
      const timed = async (into: number[], statement: string): Promise<void> => {
        const startedAt = performance.now();
        await client.query(statement, [1 + Math.floor(Math.random() * rows)]);
        into.push(performance.now() - startedAt);
      };
      await timed(
        times.reads,
        'select o.note, t.workspace_id from orders o join tenants t on t.id = o.tenant_id where o.id = $1',
      );
      await timed(times.writes, `update orders set note = repeat('y', 100) where id = $1`);
      await sleep(2);
    });
  const sessions = await Promise.all([session(), session()]);
  await until;
  await Promise.all(sessions.map((each) => each.stop()));
  return { reads: percentilesOf(times.reads), writes: percentilesOf(times.writes) };
}

function percentilesOf(times: readonly number[]): Percentiles {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), statements: sorted.length };
}
