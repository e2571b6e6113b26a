import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Client } from 'pg';
import type { BackfillReport } from '../src/report/backfill-report.ts';
import type { BenchDatabase, BenchServer } from './server.ts';

/** A way to fill a table. */
export type Contender = {
  readonly name: string;
  /** It is quadratic in the rows: it gets this part of them. */
  readonly share: number;
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

async function inKeyBatches({ client, rows }: FilledTable): Promise<void> {
  for (let low = 0; low < rows; low += 1_000)
    await client.query(`${FILL} and o.id > $1 and o.id <= $2`, [low, low + 1_000]);
}

async function untilNoneIsNull({ client }: FilledTable): Promise<void> {
  const batch = `${FILL} and o.id in (select id from orders where workspace_id is null limit 500)`;
  while ((await client.query(batch)).rowCount !== 0);
}

const rowgate =
  (workers: number) =>
  async ({ cli, url }: FilledTable): Promise<void> => {
    const flags = ['--nice', '0', '--workers', String(workers), '--throttle', 'checkpoints=off'];
    const report = await runBackfillCli(cli, url, flags);
    if (report.run?.state !== 'completed') throw new Error(JSON.stringify(report.problems));
  };

/** The first is what the others are compared with. */
export const CONTENDERS: readonly Contender[] = [false, true].flatMap((isIndexed) => [
  { name: 'One UPDATE', share: 1, isIndexed, work: ({ client }: FilledTable) => client.query(FILL) },
  { name: 'Batches of 1,000 by key', share: 1, isIndexed, work: inKeyBatches },
  { name: '`where null limit 500`, a tenth of the rows', share: 0.1, isIndexed, work: untilNoneIsNull },
  { name: 'Rowgate, one worker, `--nice 0`', share: 1, isIndexed, work: rowgate(1) },
  { name: 'Rowgate, two workers, `--nice 0`', share: 1, isIndexed, work: rowgate(2) },
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
  const rows = Math.round(at.rows * contender.share);
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
  const client = new Client({ connectionString: url });
  await client.connect();
  let longest = 0;
  const over = new AbortController();
  const watch = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const { rows } = await client.query<{ ms: number }>(WRITING);
      longest = Math.max(longest, rows[0]?.ms ?? 0);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const watching = watch();
  return {
    stop: async () => {
      over.abort();
      await watching;
      await client.end();
      return longest;
    },
  };
}
