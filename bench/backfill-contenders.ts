import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { BackfillReport } from '../src/report/backfill-report.ts';
import { repeat } from './repeat.ts';
import type { BenchDatabase, BenchServer } from './server.ts';

/** A way to fill a table. */
export type Contender = {
  readonly id:
    | 'update'
    | 'loop'
    | 'large loop'
    | 'two loops'
    | 'held loop'
    | 'guarded loop'
    | 'limit'
    | 'one worker'
    | 'two workers';
  readonly name: string;
  /** It is quadratic in the rows: it gets this part of them. */
  readonly share?: number;
  /** Whether the filled column has an index. */
  readonly isIndexed: boolean;
  readonly work: (table: FilledTable) => Promise<unknown>;
};

type FilledTable = {
  readonly client: Client;
  readonly url: string;
  readonly cli: string;
  readonly rows: number;
};

/** What one fill cost. Bytes are of the table, its indexes, and the server's log. */
export type Filled = {
  readonly rows: number;
  readonly elapsedMs: number;
  /** The longest that a transaction that had written was seen open, looked at every 10 ms. */
  readonly longestLockMs: number;
  readonly heapGrowth: number;
  readonly indexGrowth: number;
  readonly walPerRow: number;
};

const FILL = `update orders o set workspace_id = t.workspace_id from tenants t where t.id = o.tenant_id and o.workspace_id is null`;

const BATCH = `${FILL} and o.id > $1 and o.id <= $2`;

/** Rows are locked before they are written, but for those that somebody else has locked. */
const GUARDED_BATCH = `
  with candidates as materialized (
    select ctid as place, tenant_id from orders
    where id > $1 and id <= $2 and workspace_id is null order by id for no key update skip locked
  ), resolved as materialized (
    select c.place, t.workspace_id from candidates c join tenants t on t.id = c.tenant_id
  )
  update orders o set workspace_id = resolved.workspace_id from resolved where o.ctid = resolved.place and o.workspace_id is null`;

/** What the usual loop fills: keys after `low` up to `high`, `size` at a time. */
type KeyBatches = {
  readonly low: number;
  readonly high: number;
  readonly size: number;
  readonly statement?: string;
  /** It rests so many times as long as a batch took. */
  readonly nice?: number;
  /** No batch begins later than this after the first. */
  readonly forMs?: number;
};

/** Written by hand: no parent is locked, nothing is recorded, and nothing is looked at again. Gives the rows filled. */
async function inKeyBatches(
  client: Client,
  { low, high, size, statement = BATCH, nice = 0, forMs = Infinity }: KeyBatches,
): Promise<number> {
  const startedAt = performance.now();
  let from = low;
  for (; from < high && performance.now() - startedAt < forMs; from += size) {
    const batchStartedAt = performance.now();
    await client.query(statement, [from, Math.min(from + size, high)]);
    if (nice > 0) await sleep((performance.now() - batchStartedAt) * nice);
  }
  return Math.min(from, high) - low;
}

async function inTwoSessions({ client, url, rows }: FilledTable): Promise<void> {
  const half = Math.ceil(rows / 2);
  await Promise.all([
    inKeyBatches(client, { low: 0, high: half, size: 10_000 }),
    withClient(url, (other) => inKeyBatches(other, { low: half, high: rows, size: 10_000 })),
  ]);
}

/** The usual loop, while another session keeps what it sees for two seconds at a time: what is dead since then cannot be removed. */
const besideSnapshots =
  (statement: string) =>
  async ({ client, url, rows }: FilledTable): Promise<void> => {
    const snapshots = await repeat(url, async (other, over) => {
      await other.query('begin isolation level repeatable read; select 1');
      await sleep(2_000, undefined, { signal: over }).catch(() => undefined);
      await other.query('commit');
    });
    // Rows are found by their places: without this the server would read the whole table for them.
    await client.query('set random_page_cost = 0.1; set enable_seqscan = off');
    await inKeyBatches(client, { low: 0, high: rows, size: 10_000, statement });
    await snapshots.stop();
  };

/** Batches of 1,000 with the rest that Rowgate takes by default. Gives the rows filled. */
export function fillByHand(url: string, rows: number, forMs: number): Promise<number> {
  return withClient(url, (client) =>
    inKeyBatches(client, { low: 0, high: rows, size: 1_000, nice: 1, forMs }),
  );
}

async function withClient<Result>(url: string, use: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

async function untilNoneIsNull({ client }: FilledTable): Promise<void> {
  const batch = `${FILL} and o.id in (select id from orders where workspace_id is null limit 500)`;
  while ((await client.query(batch)).rowCount !== 0);
}

const byKey =
  (size: number) =>
  ({ client, rows }: FilledTable): Promise<number> =>
    inKeyBatches(client, { low: 0, high: rows, size });

const rowgate =
  (workers: number) =>
  async ({ cli, url }: FilledTable): Promise<void> => {
    const flags = ['--nice', '0', '--workers', String(workers), '--throttle', 'checkpoints=off'];
    const report = await runBackfillCli(cli, url, flags);
    if (report.run?.state !== 'completed') throw new Error(JSON.stringify(report.problems));
  };

/** The ways, each without and with an index on the column. */
export const CONTENDERS: readonly Contender[] = [false, true].flatMap((isIndexed): Contender[] => [
  { id: 'update', name: 'One UPDATE', isIndexed, work: ({ client }) => client.query(FILL) },
  { id: 'loop', name: 'Batches of 1,000 by key', isIndexed, work: byKey(1_000) },
  { id: 'large loop', name: 'Batches of 10,000 by key', isIndexed, work: byKey(10_000) },
  { id: 'two loops', name: 'Batches of 10,000 by key, two sessions', isIndexed, work: inTwoSessions },
  {
    id: 'held loop',
    name: 'Batches of 10,000 by key, beside a snapshot',
    isIndexed,
    work: besideSnapshots(BATCH),
  },
  {
    id: 'guarded loop',
    name: 'The same, each row locked first',
    isIndexed,
    work: besideSnapshots(GUARDED_BATCH),
  },
  {
    id: 'limit',
    name: '`where null limit 500`, a tenth of the rows',
    share: 0.1,
    isIndexed,
    work: untilNoneIsNull,
  },
  { id: 'one worker', name: 'Rowgate, one worker, `--nice 0`', isIndexed, work: rowgate(1) },
  { id: 'two workers', name: 'Rowgate, two workers, `--nice 0`', isIndexed, work: rowgate(2) },
]);

/** Runs `rowgate backfill --execute` as a shell would, and gives its report. */
export async function runBackfillCli(
  cli: string,
  url: string,
  flags: readonly string[],
): Promise<BackfillReport> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-bench-'));
  try {
    await writeFile(join(folder, 'rules.yml'), RULES);
    const args = [cli, 'backfill', '--rules', 'rules.yml', '--execute', '--format', 'json'];
    const child = spawn(
      process.execPath,
      [...args, '--acknowledge', 'no-writer-guard:orders-have-a-workspace', ...flags],
      {
        cwd: folder,
        env: { PATH: process.env['PATH'], HOME: process.env['HOME'], DATABASE_URL: url },
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    const output = text(child.stdout);
    await once(child, 'close');
    return JSON.parse(await output) as BackfillReport;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const RULES = `version: 1
rules:
  - id: orders-have-a-workspace
    kind: not_null
    tables: [orders]
    column: workspace_id
    backfill: { from: tenants, on: { tenant_id: id }, set: { workspace_id: workspace_id } }
`;

/** Orders that lack their workspace, of 5,000 tenants, with rows of about 150 bytes. */
export async function buildOrders(
  { owner }: BenchDatabase,
  rows: number,
  isIndexed: boolean,
): Promise<string> {
  await owner.query(`
    create table tenants (id bigint primary key, workspace_id bigint not null);
    insert into tenants select i, 1 + i % 200 from generate_series(1, 5000) i;
    create table orders (id bigint primary key, tenant_id bigint not null, workspace_id bigint, note text);
    insert into orders select i, 1 + i * 7919::bigint % 5000, null, repeat('x', 100) from generate_series(1, ${rows}) i;
    create index on orders (tenant_id);
    ${isIndexed ? 'create index on orders (workspace_id);' : ''}`);
  await owner.query('vacuum (analyze)');
  await owner.query('checkpoint');
  const { user = '', password, host, port, database = '' } = owner;
  return `postgres://${user}:${encodeURIComponent(String(password))}@${host}:${port}/${database}`;
}

/** Builds the table, fills it, and drops it again. Throws where not every row has its tenant's workspace then. */
export async function fillWith(
  contender: Contender,
  at: {
    readonly server: BenchServer;
    readonly cli: string;
    readonly rows: number;
    readonly round: number;
  },
): Promise<Filled> {
  const rows = Math.round(at.rows * (contender.share ?? 1));
  const database = await at.server.createDatabase(`fill_${at.round}_${CONTENDERS.indexOf(contender)}`);
  const { owner } = database;
  try {
    const url = await buildOrders(database, rows, contender.isIndexed);
    const before = await sizes(owner);
    const watch = await watchLocks(url);
    const startedAt = performance.now();
    await contender.work({ client: owner, url, cli: at.cli, rows });
    const elapsedMs = performance.now() - startedAt;
    const longestLockMs = await watch.stop();
    const after = await sizes(owner);
    const wrong = await owner.query(
      'select 1 from orders o join tenants t on t.id = o.tenant_id where o.workspace_id is distinct from t.workspace_id limit 1',
    );
    if (wrong.rowCount !== 0) throw new Error(`${contender.name} left a row wrong`);
    return {
      rows,
      elapsedMs,
      longestLockMs,
      heapGrowth: after.heap / before.heap,
      indexGrowth: after.indexes / before.indexes,
      walPerRow: (after.wal - before.wal) / rows,
    };
  } finally {
    await database.drop();
  }
}

async function sizes(client: Client): Promise<{ heap: number; indexes: number; wal: number }> {
  const { rows } = await client.query<{ heap: number; indexes: number; wal: number }>(`
    select pg_relation_size('orders')::float8 as heap, pg_indexes_size('orders')::float8 as indexes,
      pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as wal`);
  if (!rows[0]) throw new Error('the server gave no sizes');
  return rows[0];
}

const WRITING = `
  select coalesce(max(extract(epoch from clock_timestamp() - xact_start)) * 1000, 0)::float8 as ms
  from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_xid is not null`;

async function watchLocks(url: string): Promise<{ stop(): Promise<number> }> {
  let longest = 0;
  const watch = await repeat(url, async (client) => {
    const { rows } = await client.query<{ ms: number }>(WRITING);
    longest = Math.max(longest, rows[0]?.ms ?? 0);
    await sleep(10);
  });
  return {
    stop: async () => {
      await watch.stop();
      return longest;
    },
  };
}
