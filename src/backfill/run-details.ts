import type { Query } from '../postgres/snapshot.ts';
import { param, sql } from '../sql/sql.ts';
import type { ResidueName } from './backfill-run.ts';

/** What a run did on one table, as its chunks say. */
export type LaneDetails = {
  readonly rule: string;
  readonly table: string;
  readonly columns: readonly string[];
  readonly rowsUpdated: number;
  readonly chunksDone: number;
  readonly chunksOpen: number;
  /** Whether every range of keys has been cut into chunks. */
  readonly isCut: boolean;
  readonly residue: Readonly<Partial<Record<ResidueName, number>>>;
  readonly samples: readonly { readonly class: string; readonly key: readonly string[] }[];
  readonly workedMs: number;
  readonly walBytes: number;
  /** Errors that ended a try, by SQLSTATE, where the chunk's last try met one. */
  readonly sqlstates: readonly string[];
};

/** Something that happened to a run. */
export type RunEventRecord = {
  readonly at: string;
  readonly kind: string;
  readonly detail: string | null;
  readonly worker: string | null;
};

const id = (runId: string) => param(runId, 'bigint');

/** Sums of the run's chunks, a row for each lane, in their order. */
export async function readLaneDetails(query: Query, runId: string): Promise<LaneDetails[]> {
  const rows = await query(sql`
    select l.rule, l.relation_name, pg_catalog.array_to_json(l.column_names)::text as columns, l.is_cut,
      coalesce(pg_catalog.sum(c.rows_updated), 0)::text as rows_updated,
      (pg_catalog.count(*) filter (where c.state = 'done'))::text as chunks_done,
      (pg_catalog.count(*) filter (where c.state = 'open'))::text as chunks_open,
      coalesce(pg_catalog.sum(c.elapsed_ms), 0)::text as worked_ms, coalesce(pg_catalog.sum(c.wal_bytes), 0)::text as wal_bytes,
      coalesce(pg_catalog.json_agg(distinct c.last_sqlstate) filter (where c.last_sqlstate is not null), '[]')::text as sqlstates,
      (
        select coalesce(pg_catalog.json_object_agg(each.class, each.rows), '{}') from (
          select r.key as class, pg_catalog.sum(r.value::bigint) as rows
          from rowgate.chunk done cross join pg_catalog.jsonb_each_text(done.residue) r
          where done.lane_id = l.id and done.state = 'done' group by r.key
        ) as each
      )::text as residue,
      (
        select coalesce(pg_catalog.json_agg(each.sample), '[]') from (
          select s.sample from rowgate.chunk done cross join pg_catalog.jsonb_array_elements(done.samples) as s(sample)
          where done.lane_id = l.id and done.state = 'done' order by done.id limit 20
        ) as each
      )::text as samples
    from rowgate.lane l left join rowgate.chunk c on c.lane_id = l.id
    where l.run_id = ${id(runId)}
    group by l.id order by l.id`);
  return rows.map((row) => ({
    rule: row['rule'] ?? '',
    table: row['relation_name'] ?? '',
    columns: JSON.parse(row['columns'] ?? '[]') as string[],
    isCut: row['is_cut'] === 't',
    rowsUpdated: Number(row['rows_updated']),
    chunksDone: Number(row['chunks_done']),
    chunksOpen: Number(row['chunks_open']),
    workedMs: Number(row['worked_ms']),
    walBytes: Number(row['wal_bytes']),
    sqlstates: JSON.parse(row['sqlstates'] ?? '[]') as string[],
    residue: JSON.parse(row['residue'] ?? '{}') as LaneDetails['residue'],
    samples: JSON.parse(row['samples'] ?? '[]') as LaneDetails['samples'],
  }));
}

/** The latest events of a run, oldest first. */
export async function readEvents(query: Query, runId: string, most: number): Promise<RunEventRecord[]> {
  const rows = await query(sql`
    select pg_catalog.to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at, kind, detail, worker
    from rowgate.event where run_id = ${id(runId)} order by id desc limit ${param(most, 'bigint')}`);
  return rows.toReversed().map((row) => ({
    at: row['at'] ?? '',
    kind: row['kind'] ?? '',
    detail: row['detail'] ?? null,
    worker: row['worker'] ?? null,
  }));
}

/** Rows filled by then, at a few moments of the run, for a chart. */
export async function readProgress(
  query: Query,
  runId: string,
): Promise<readonly { readonly at: string; readonly rows: number }[]> {
  const rows = await query(sql`
    select pg_catalog.to_char(pg_catalog.max(claimed_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at, pg_catalog.max(total)::text as rows
    from (
      select claimed_at, pg_catalog.sum(rows_updated) over (order by claimed_at, id) as total,
        pg_catalog.ntile(60) over (order by claimed_at, id) as part
      from rowgate.chunk where run_id = ${id(runId)} and claimed_at is not null
    ) as cumulated
    group by part order by part`);
  return rows.map((row) => ({ at: row['at'] ?? '', rows: Number(row['rows']) }));
}
