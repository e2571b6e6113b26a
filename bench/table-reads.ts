import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';

/** What was read of the public schema's tables, as the server counted it. Pages are 8 KiB, cached or not. */
export type TableReads = {
  readonly tableScans: number;
  readonly indexScans: number;
  readonly tablePages: number;
  readonly indexPages: number;
};

const READS = `
  select sum(seq_scan)::float8 as "tableScans", sum(coalesce(idx_scan, 0))::float8 as "indexScans",
    sum(heap_blks_read + heap_blks_hit)::float8 as "tablePages",
    sum(coalesce(idx_blks_read + idx_blks_hit, 0))::float8 as "indexPages"
  from pg_stat_user_tables join pg_statio_user_tables using (relid, schemaname, relname)
  where schemaname = 'public'`;

const OTHERS = `
  select count(*)::integer as others from pg_stat_activity
  where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`;

/** What `work` reads in this database. It may use this session, and others that are gone, or soon will be, when it ends. */
export async function countReads(client: Client, work: () => Promise<unknown>): Promise<TableReads> {
  const before = await readCounters(client);
  await work();
  const after = await readCounters(client);
  const since = (name: keyof TableReads): number => after[name] - before[name];
  return {
    tableScans: since('tableScans'),
    indexScans: since('indexScans'),
    tablePages: since('tablePages'),
    indexPages: since('indexPages'),
  };
}

/** A session hands in its counts when it ends, and this one when told to. */
async function readCounters(client: Client): Promise<TableReads> {
  while ((await client.query<{ others: number }>(OTHERS)).rows[0]?.others !== 0) await sleep(5);
  await client.query('select pg_stat_force_next_flush()');
  const { rows } = await client.query<TableReads>(READS);
  if (!rows[0]) throw new Error('the server gave no counters');
  return rows[0];
}
