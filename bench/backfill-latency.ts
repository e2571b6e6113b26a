import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { buildOrders, fillByHand, runBackfillCli } from './backfill-contenders.ts';
import { repeat } from './repeat.ts';
import type { BenchServer } from './server.ts';

/** Times of an application's statements, in milliseconds. */
type Percentiles = { readonly p50: number; readonly p99: number; readonly statements: number };

/** The same application without and with something beside it, in one round. */
export type Latency = {
  readonly reads: { readonly without: Percentiles; readonly with: Percentiles };
  readonly writes: { readonly without: Percentiles; readonly with: Percentiles };
  /** Rows a second that were filled meanwhile; undefined beside what fills none. */
  readonly filledPerSecond: number | undefined;
};

type Bench = {
  readonly server: BenchServer;
  readonly cli: string;
  readonly rows: number;
  readonly forMs: number;
};

/** How long {@link keepsBusy} works at a time: about a batch at default pacing. */
const BUSY_MS = 250;

/** What works beside the application; gives the rows that it filled, if it is there to fill any. */
const BESIDE = {
  /** A backfill at default pacing. Its work ends at the bound, so that only work is measured. */
  Rowgate: async ({ cli, forMs }: Bench, url: string): Promise<number> => {
    const report = await runBackfillCli(cli, url, ['--max-duration', `${forMs}ms`]);
    return report.run?.rowsUpdated ?? 0;
  },
  /** The usual loop by key, which rests as long as a backfill at default pacing. */
  'by hand': ({ rows, forMs }: Bench, url: string): Promise<number> => fillByHand(url, rows, forMs),
  /** A session that takes no lock and reads no row: what a processor fewer costs, half of the time. */
  'a busy session': async ({ forMs }: Bench, url: string): Promise<undefined> => {
    const busy = await repeat(url, keepsBusy);
    await sleep(forMs);
    await busy.stop();
  },
} satisfies Record<string, (at: Bench, url: string) => Promise<number | undefined>>;

export type Beside = keyof typeof BESIDE;

export const BESIDES = Object.keys(BESIDE) as Beside[];

async function keepsBusy(client: Client): Promise<void> {
  await client.query(`do $$ declare ends timestamptz := clock_timestamp() + interval '${BUSY_MS} ms';
    begin while clock_timestamp() < ends loop end loop; end $$`);
  await sleep(BUSY_MS);
}

/** Two sessions read and write single rows, alone for a while, and then beside something. */
export async function measureLatency(beside: Beside, at: Bench): Promise<Latency> {
  const { server, rows, forMs } = at;
  const database = await server.createDatabase('latency');
  try {
    const url = await buildOrders(database, rows, true);
    await application(url, rows, sleep(1_000));
    const without = await application(url, rows, sleep(forMs));
    const startedAt = performance.now();
    const filling = BESIDE[beside](at, url);
    const disturbed = await application(url, rows, filling);
    const filled = await filling;
    if (filled === 0) throw new Error('nothing was filled');
    return {
      reads: { without: without.reads, with: disturbed.reads },
      writes: { without: without.writes, with: disturbed.writes },
      filledPerSecond: filled && (filled * 1_000) / (performance.now() - startedAt),
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
