import type { Session } from '../postgres/database.ts';
import type { Query } from '../postgres/snapshot.ts';
import { inTransaction } from '../postgres/transaction.ts';
import { param, sql, textArray, type Sql } from '../sql/sql.ts';
import type { KeyText, RunSettings, RunState } from './backfill-run.ts';
import type { LaneRecord } from './lane-records.ts';
import { highestKey, keyAfterRows, readKey } from './lane-statements.ts';
import { LEDGER_LIMITS } from './ledger.ts';
import { rowsToScan, type Pace } from './pace.ts';
import { workedSince } from './runs.ts';

/** A range of keys to work on, with rows reserved for it. */
export type Chunk = {
  readonly id: string;
  readonly lane: LaneRecord;
  readonly low: KeyText | undefined;
  readonly high: KeyText;
  /** Passes over the range that come after this one; the last one takes every row that is left. */
  readonly passesLeft: number;
  /** At most this many rows may be changed. */
  readonly reserved: number;
  /** How often it was taken, this time included: whoever takes it next counts on. */
  readonly claims: number;
  /** Tries before this one that ended without all of its rows. */
  readonly attempts: number;
  /** How many rows of the table a pass over it spans, where it was just cut. */
  readonly scanned: number;
};

/** An allotment, and how far all workers together have come. */
export type Allotted = { readonly allotment: Allotment; readonly rowsUpdated: number };

/** What there is to do next. */
export type Allotment =
  | { readonly next: 'work'; readonly chunk: Chunk; readonly settings: RunSettings }
  /** Everything left is being worked on, or is not due yet. */
  | { readonly next: 'wait'; readonly forMs: number; readonly why: string }
  | { readonly next: 'stop'; readonly bound: 'rows' | 'time' }
  | { readonly next: 'leave'; readonly state: RunState }
  /** Every range is done. */
  | { readonly next: 'finished' };

/** A chunk that a worker has taken is nobody else's for this long; by then its rows are locked, or the worker is gone. */
const CLAIM_MS = 10_000;

/** Passes differ in size, as rows fall to them by a hash: with less than all of its rows reserved, hardly one is left over. */
const PASS_SHARE = 0.95;

const now = sql`pg_catalog.clock_timestamp()`;
const ms = (value: number): Sql => sql`${param(value, 'bigint')} * interval '1 millisecond'`;

/**
 * Takes a piece of work for a worker, in a transaction of milliseconds: under the run's lock, so that rows and time are
 * never given out twice. First what is due for another try, then a new range of keys.
 */
export async function allocate(
  session: Session,
  runId: string,
  lanes: readonly LaneRecord[],
  worker: string,
  pace: Pace,
): Promise<Allotted> {
  return inTransaction(session, LEDGER_LIMITS, async (query) => {
    const run = await lockRun(query, runId);
    return {
      allotment: await allot(query, run, { runId, lanes, worker, pace }),
      rowsUpdated: run.rowsUpdated,
    };
  });
}

type Applicant = {
  readonly runId: string;
  readonly lanes: readonly LaneRecord[];
  readonly worker: string;
  readonly pace: Pace;
};

async function allot(
  query: Query,
  run: LockedRun,
  { runId, lanes, worker, pace }: Applicant,
): Promise<Allotment> {
  if (run.state !== 'running' && run.state !== 'holding') return { next: 'leave', state: run.state };
  if (run.isLate) return { next: 'stop', bound: 'time' };
  const rows = Math.min(pace.rows, run.left ?? pace.rows);
  const due = await takeDue(query, runId, lanes, rows);
  const chunk = rows > 0 ? (due ?? (await cutNext(query, runId, lanes, pace, rows))) : undefined;
  if (!chunk) return nothingToTake(query, runId, rows);
  await claim(query, runId, chunk, worker);
  return { next: 'work', chunk, settings: run.settings };
}

type LockedRun = {
  readonly state: RunState;
  readonly isLate: boolean;
  /** Rows that may still be given out; undefined where there is no bound. */
  readonly left: number | undefined;
  /** Rows that all workers together have filled and committed. */
  readonly rowsUpdated: number;
  readonly settings: RunSettings;
};

async function lockRun(query: Query, id: string): Promise<LockedRun> {
  await query(sql`select from rowgate.run where id = ${param(id, 'bigint')} for update`);
  const [row] = await query(sql`
    with returned as (
      update rowgate.chunk set refund = 0 where id in (
        select id from rowgate.chunk where run_id = ${param(id, 'bigint')} and refund > 0 for update skip locked
      )
      returning (select c.refund from rowgate.chunk c where c.id = rowgate.chunk.id) as rows
    )
    update rowgate.run set worked_at = ${now}, worked_ms = worked_ms + ${workedSince}, counted_at = ${now},
      rows_allotted = rows_allotted - (select coalesce(pg_catalog.sum(rows), 0) from returned)
    where id = ${param(id, 'bigint')}
    returning (
        -- Each row that was given out is filled, reserved, or to be given back.
        rows_allotted + (select coalesce(pg_catalog.sum(rows), 0) from returned)
        - (select coalesce(pg_catalog.sum(reserved), 0) from rowgate.chunk where run_id = ${param(id, 'bigint')} and state = 'open')
        - (select coalesce(pg_catalog.sum(refund), 0) from rowgate.chunk where run_id = ${param(id, 'bigint')} and refund > 0)
      )::text as rows_updated, state, coalesce(deadline <= ${now}, false) as is_late, (max_rows - rows_allotted)::text as left,
      batch_target_ms::text as batch_target_ms, nice::text as nice`);
  if (!row) throw new TypeError('the run is gone');
  return {
    state: row['state'] as RunState,
    isLate: row['is_late'] === 't',
    rowsUpdated: Number(row['rows_updated']),
    left: row['left'] === null ? undefined : Number(row['left']),
    settings: { batchTargetMs: Number(row['batch_target_ms']), nice: Number(row['nice']) },
  };
}

async function takeDue(
  query: Query,
  runId: string,
  lanes: readonly LaneRecord[],
  rows: number,
): Promise<Chunk | undefined> {
  const [row] = await query(sql`
    select id::text as id, lane_id::text as lane, pg_catalog.array_to_json(low)::text as low, pg_catalog.array_to_json(high)::text as high,
      passes_left::text as passes_left, claims::text as claims, attempts::text as attempts, reserved::text as reserved
    from rowgate.chunk
    where run_id = ${param(runId, 'bigint')} and state = 'open' and not_before <= ${now}
      and (reserved > 0 or ${param(rows > 0, 'boolean')})
    order by id
    limit 1
    for update skip locked`);
  const lane = lanes.find(({ id }) => id === row?.['lane']);
  if (!row || !lane) return undefined;
  // What a worker that is gone had reserved is still reserved.
  const reserved = Number(row['reserved']) || rows;
  return {
    id: row['id'] ?? '',
    lane,
    low: (JSON.parse(row['low'] ?? 'null') as KeyText | null) ?? undefined,
    high: JSON.parse(row['high'] ?? '[]') as KeyText,
    passesLeft: Number(row['passes_left']),
    reserved,
    claims: Number(row['claims']) + 1,
    attempts: Number(row['attempts']),
    scanned: 0,
  };
}

/** Cuts a new range off the first lane that has one, of the first stage that is not done. */
async function cutNext(
  query: Query,
  runId: string,
  lanes: readonly LaneRecord[],
  pace: Pace,
  rows: number,
): Promise<Chunk | undefined> {
  for (;;) {
    const [row] = await query(sql`
      select l.id::text as id, pg_catalog.array_to_json(l.next_key)::text as next, pg_catalog.array_to_json(l.high_key)::text as high
      from rowgate.lane l
      where l.run_id = ${param(runId, 'bigint')} and not l.is_cut and not exists (
        select from rowgate.lane earlier where earlier.run_id = l.run_id and earlier.stage < l.stage and (
          not earlier.is_cut
          or exists (select from rowgate.chunk c where c.lane_id = earlier.id and c.state = 'open')
        )
      )
      order by l.stage, l.id limit 1`);
    const lane = lanes.find(({ id }) => id === row?.['id']);
    if (!row || !lane) return undefined;
    const high = (JSON.parse(row['high'] ?? 'null') as KeyText | null) ?? (await findHigh(query, lane));
    if (!high) continue;
    const low = (JSON.parse(row['next'] ?? 'null') as KeyText | null) ?? undefined;
    const scanned = Math.max(1, rowsToScan({ ...pace, rows }));
    // Few rows on a page are changed anyway where few of them lack a value.
    const passes = scanned > 2 * rows ? 1 : lane.lane.passes;
    const spanned = passes === 1 ? scanned : Math.ceil(scanned * passes * PASS_SHARE);
    const [end] = await query(keyAfterRows(lane.lane, { low, high }, spanned));
    const cut = readKey(lane.lane, end) ?? high;
    const isCut = cut.every((part, i) => part === high[i]);
    await query(sql`
      update rowgate.lane set next_key = ${textArray(cut)}, is_cut = ${param(isCut, 'boolean')}
      where id = ${param(lane.id, 'bigint')}`);
    const [inserted] = await query(sql`
      insert into rowgate.chunk (run_id, lane_id, low, high, passes_left)
      values (${param(runId, 'bigint')}, ${param(lane.id, 'bigint')}, ${low ? textArray(low) : sql`null`}, ${textArray(cut)}, ${param(passes - 1, 'integer')})
      returning id::text as id`);
    return {
      id: inserted?.['id'] ?? '',
      lane,
      low,
      high: cut,
      passesLeft: passes - 1,
      reserved: rows,
      claims: 1,
      attempts: 0,
      scanned,
    };
  }
}

/** The lane's last key as it is now: what is written beyond it later is the writers' business, and the last check's. */
async function findHigh(query: Query, { id, lane }: LaneRecord): Promise<KeyText | undefined> {
  const [row] = await query(highestKey(lane));
  const high = readKey(lane, row);
  await query(sql`
    update rowgate.lane set high_key = ${high ? textArray(high) : sql`null`}, is_cut = ${param(high === undefined, 'boolean')}
    where id = ${param(id, 'bigint')}`);
  return high;
}

async function claim(query: Query, runId: string, { id, reserved }: Chunk, worker: string): Promise<void> {
  await query(sql`
    with before as (select reserved from rowgate.chunk where id = ${param(id, 'bigint')})
    update rowgate.run set rows_allotted = rows_allotted + ${param(reserved, 'bigint')} - (select reserved from before)
    where id = ${param(runId, 'bigint')}`);
  await query(sql`
    update rowgate.chunk set reserved = ${param(reserved, 'bigint')}, worker = ${param(worker, 'text')},
      claims = claims + 1, claimed_at = ${now}, not_before = ${now} + ${ms(CLAIM_MS)}
    where id = ${param(id, 'bigint')}`);
}

/** No range is left to cut and none is due: others may be at work, or what failed waits for its next try. */
async function nothingToTake(query: Query, runId: string, rows: number): Promise<Allotment> {
  const [row] = await query(sql`
    select (select pg_catalog.count(*) from rowgate.chunk where run_id = ${param(runId, 'bigint')} and state = 'open')::text as open,
      (select pg_catalog.count(*) from rowgate.lane where run_id = ${param(runId, 'bigint')} and not is_cut)::text as uncut,
      (select extract(epoch from (min(not_before) - ${now})) * 1000 from rowgate.chunk where run_id = ${param(runId, 'bigint')} and state = 'open')::bigint::text as due_in,
      (select coalesce(pg_catalog.sum(reserved + refund), 0) from rowgate.chunk where run_id = ${param(runId, 'bigint')})::text as out`);
  const [open, uncut, out] = ['open', 'uncut', 'out'].map((name) => Number(row?.[name] ?? 0));
  if (open === 0 && uncut === 0) return { next: 'finished' };
  // Rows that are reserved may come back.
  if (rows === 0 && out === 0) return { next: 'stop', bound: 'rows' };
  const dueIn = Number(row?.['due_in'] ?? 0);
  const why = `${open} ${open === 1 ? 'batch is' : 'batches are'} at work elsewhere, or not due for another try yet`;
  return { next: 'wait', forMs: Math.min(1_000, Math.max(50, dueIn)), why };
}
