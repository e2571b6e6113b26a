import { performance } from 'node:perf_hooks';
import type { Session } from '../postgres/database.ts';
import type { Query } from '../postgres/snapshot.ts';
import { inTransaction } from '../postgres/transaction.ts';
import { param, sql, textArray, type Sql } from '../sql/sql.ts';
import { asProblem, type Problem } from '../support/problem.ts';
import type { Chunk } from './allocate.ts';
import type { KeyText, ResidueName } from './backfill-run.ts';
import { classifyRest, fillRows, middleKey, readFilled, readKey, type KeyRange } from './lane-statements.ts';
import { LEDGER_LIMITS } from './ledger.ts';
import { lockWay } from './lock-way.ts';
import type { BatchCost } from './pace.ts';
import { meaningOf } from './trouble.ts';

/** The transaction's own bounds: locks are asked for briefly, and no row is held for longer than this. */
const WORK_LIMITS = { statementTimeoutMs: 5_000, lockTimeoutMs: 200 } as const;

/** A chunk whose rows are locked, or that fails, is left to itself after so many tries. */
const MOST_ATTEMPTS = 8;

/** So few rows make no table larger that is worth a batch more; nor does a range in which nothing can be filled. */
const FEW_ROWS = 500;

/** Keys of rows that could not be filled, kept for each class and chunk. */
const SAMPLES_PER_CHUNK = 3;

/** How a try at a chunk ended. */
export type ChunkEnd =
  | { readonly end: 'settled'; readonly filled: number; readonly cost: BatchCost }
  /** Another worker has it, or has done it. */
  | { readonly end: 'taken' }
  | { readonly end: 'retried' | 'split'; readonly problem: Problem }
  | { readonly end: 'failed'; readonly problem: Problem };

type Residue = Partial<Record<ResidueName, number>>;
type Sample = { readonly class: ResidueName; readonly key: KeyText };

/**
 * Fills one chunk, and records it in the same transaction. What fails is rolled back whole and put down: for another
 * try, or as two halves, or as one row that a constraint or a trigger will not have. Rejects when the connection is lost.
 */
export async function workChunk(session: Session, chunk: Chunk, runId: string): Promise<ChunkEnd> {
  try {
    return await inTransaction(session, WORK_LIMITS, (query) => fillChunk(query, chunk, runId));
  } catch (error) {
    if (!session.alive) throw error;
    return putDown(session, chunk, asProblem(error));
  }
}

async function fillChunk(query: Query, chunk: Chunk, runId: string): Promise<ChunkEnd> {
  const startedAt = performance.now();
  const [mine] = await query(sql`
    select pg_catalog.pg_current_wal_insert_lsn()::text as lsn from rowgate.chunk c
    where c.id = ${param(chunk.id, 'bigint')} and ${isStillMine(chunk)}
      and exists (
        select from rowgate.run r where r.id = ${param(runId, 'bigint')}
          and (r.deadline is null or r.deadline > pg_catalog.clock_timestamp())
      )
    for update of c skip locked`);
  if (!mine) return { end: 'taken' };
  const parents = await lockWay(query, chunk.lane.lane, rangeOf(chunk), chunk.reserved);
  // Often the last row that could be reserved is the range's last one, too.
  const isWhole =
    parents.candidates < chunk.reserved ||
    (parents.last?.every((part, i) => part === chunk.high[i]) ?? false);
  const done: KeyRange = { ...rangeOf(chunk), high: isWhole ? chunk.high : (parents.last ?? chunk.high) };
  const [row] =
    parents.candidates > 0
      ? await query(fillRows(chunk.lane.lane, { ...parents, range: done, most: chunk.reserved }))
      : [];
  const { lacking, undone, filled } = row ? readFilled(row) : NOTHING;
  const isLast = chunk.passesLeft === 0;
  const rest = isLast && filled < lacking ? await classify(query, chunk, done, undone) : NO_REST;
  const cost = {
    candidates: parents.candidates,
    scanned: isWhole ? Math.max(chunk.scanned, parents.candidates) : parents.candidates,
    elapsedMs: performance.now() - startedAt,
    walBytes: await walSince(query, mine['lsn'] ?? '0/0'),
  };
  // Rows that somebody had locked are worth another try, unless it was the last one.
  const isOver = isLast && (rest.busy === 0 || chunk.attempts + 1 >= MOST_ATTEMPTS);
  const residue = rest.busy > 0 ? { ...rest.residue, busy: rest.busy } : rest.residue;
  const passesLeft = passesAfter(chunk, filled);
  await settle(query, chunk, { isOver, passesLeft, filled, residue, samples: rest.samples, cost });
  if (!isWhole) await addRest(query, chunk, done.high, runId);
  if (!isWhole || !isOver) await shorten(query, chunk, done.high);
  return { end: 'settled', filled, cost };
}

/** As it was when this worker took it. What happened to it since, also by a commit whose answer was lost, shows here. */
function isStillMine({ reserved, claims }: Chunk): Sql {
  return sql`c.state = 'open' and c.reserved = ${param(reserved, 'bigint')} and c.claims = ${param(claims, 'integer')}`;
}

/** The next pass is the last one where what this one filled says that few rows are left. */
function passesAfter({ passesLeft }: Chunk, filled: number): number {
  return filled * passesLeft <= FEW_ROWS ? 0 : passesLeft - 1;
}

const rangeOf = ({ low, high, passesLeft }: Chunk): KeyRange => ({ low, high, pass: passesLeft });

const NO_REST = { busy: 0, residue: {}, samples: [] } as const;
const NOTHING = { lacking: 0, undone: 0, filled: 0 } as const;

/** Why rows of the range still lack their value. `undone` of them were written, and a trigger would not have it. */
async function classify(
  query: Query,
  { lane: { lane } }: Chunk,
  range: KeyRange,
  undone: number,
): Promise<{ busy: number; residue: Residue; samples: Sample[] }> {
  const rows = await query(classifyRest(lane, range, SAMPLES_PER_CHUNK));
  const counts = new Map(rows.map((row) => [row['class'], Number(row['rows'])]));
  const resolvable = counts.get('resolvable') ?? 0;
  const isUndone = Math.min(undone, resolvable);
  const residue: Residue = {
    ...Object.fromEntries([...counts].filter(([name]) => name !== 'resolvable')),
    ...(isUndone > 0 ? { undone: isUndone } : {}),
  };
  const samples = rows.flatMap((row): Sample[] => {
    const key = readKey(lane, row);
    const name = row['class'] === 'resolvable' ? (isUndone > 0 ? 'undone' : 'busy') : row['class'];
    return key ? [{ class: name as ResidueName, key }] : [];
  });
  return { busy: resolvable - isUndone, residue, samples };
}

/** The server's whole log since then: other sessions write as well, so it is no less than ours. */
async function walSince(query: Query, lsn: string): Promise<number> {
  const [row] = await query(sql`
    select pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), ${param(lsn, 'text')}::pg_lsn)::bigint::text as bytes`);
  return Number(row?.['bytes'] ?? 0);
}

type Settlement = {
  readonly isOver: boolean;
  readonly passesLeft: number;
  readonly filled: number;
  readonly residue: Residue;
  readonly samples: readonly Sample[];
  readonly cost: BatchCost;
};

async function settle(query: Query, chunk: Chunk, what: Settlement): Promise<void> {
  const { id, attempts, reserved } = chunk;
  const { isOver, passesLeft, filled, residue, samples, cost } = what;
  const isTriedAgain = !isOver && chunk.passesLeft === 0;
  await query(sql`
    update rowgate.chunk set
      state = ${param(isOver ? 'done' : 'open', 'text')},
      rows_updated = rows_updated + ${param(filled, 'bigint')},
      refund = refund + ${param(reserved - filled, 'bigint')}, reserved = 0,
      passes_left = ${param(passesLeft, 'integer')}, attempts = attempts + ${param(isTriedAgain ? 1 : 0, 'integer')},
      residue = ${param(JSON.stringify(residue), 'jsonb')}, samples = ${param(JSON.stringify(samples), 'jsonb')},
      elapsed_ms = elapsed_ms + ${param(Math.round(cost.elapsedMs), 'bigint')}, wal_bytes = wal_bytes + ${param(cost.walBytes, 'bigint')},
      not_before = pg_catalog.clock_timestamp() + ${param(isTriedAgain ? backoffMs(attempts) : 0, 'bigint')} * interval '1 millisecond'
    where id = ${param(id, 'bigint')}`);
}

/** What is beyond the rows that could be reserved becomes a chunk of its own. */
async function addRest(
  query: Query,
  { id, high, passesLeft }: Chunk,
  from: KeyText,
  runId: string,
): Promise<void> {
  await query(sql`
    insert into rowgate.chunk (run_id, lane_id, low, high, passes_left)
    select ${param(runId, 'bigint')}, lane_id, ${textArray(from)}, ${textArray(high)}, ${param(passesLeft, 'integer')} from rowgate.chunk where id = ${param(id, 'bigint')}`);
}

async function shorten(query: Query, { id }: Chunk, high: KeyText): Promise<void> {
  await query(sql`update rowgate.chunk set high = ${textArray(high)} where id = ${param(id, 'bigint')}`);
}

/** 100 ms, 200 ms and so on to 6.4 s, more or less: two sessions in each other's way do not meet again. */
function backoffMs(attempts: number): number {
  return Math.round(100 * 2 ** Math.min(attempts, 6) * (0.5 + Math.random()));
}

/** Records a try that was rolled back, and gives back what was reserved. */
async function putDown(session: Session, chunk: Chunk, problem: Problem): Promise<ChunkEnd> {
  const meaning = meaningOf(problem);
  return inTransaction(session, LEDGER_LIMITS, async (query): Promise<ChunkEnd> => {
    const [mine] = await query(sql`
      update rowgate.chunk set refund = refund + reserved, reserved = 0, attempts = attempts + 1, passes_left = 0, last_sqlstate = ${param(problem.sqlstate ?? null, 'text')},
        not_before = pg_catalog.clock_timestamp() + ${param(backoffMs(chunk.attempts), 'bigint')} * interval '1 millisecond'
      where id = (
        select c.id from rowgate.chunk c where c.id = ${param(chunk.id, 'bigint')} and ${isStillMine(chunk)} for update skip locked
      )
      returning run_id::text as run_id`);
    if (!mine) return { end: 'taken' };
    if (meaning === 'stop') return { end: 'failed', problem };
    if (meaning === 'split') return split(query, chunk, problem, mine['run_id'] ?? '');
    if (chunk.attempts + 1 < MOST_ATTEMPTS) return { end: 'retried', problem };
    await giveUp(query, chunk, 'busy', problem);
    return { end: 'retried', problem };
  });
}

/** Two halves; or, of a single row, the row by itself, left as it is. */
async function split(query: Query, chunk: Chunk, problem: Problem, runId: string): Promise<ChunkEnd> {
  const range = { low: chunk.low, high: chunk.high };
  // Of two at least: beyond a single row that could be reserved there may be more.
  const most = Math.max(2, chunk.reserved);
  const middle = readKey(chunk.lane.lane, (await query(middleKey(chunk.lane.lane, range, most)))[0]);
  if (!middle) {
    await giveUp(query, chunk, 'refused', problem);
    return { end: 'split', problem };
  }
  await addRest(query, { ...chunk, passesLeft: 0 }, middle, runId);
  await query(sql`
    update rowgate.chunk set high = ${textArray(middle)}, attempts = 0, not_before = pg_catalog.clock_timestamp()
    where id = ${param(chunk.id, 'bigint')}`);
  return { end: 'split', problem };
}

/** Ends a chunk whose rows stay as they are, and says how many and which. */
async function giveUp(query: Query, chunk: Chunk, why: 'busy' | 'refused', problem: Problem): Promise<void> {
  const range = { low: chunk.low, high: chunk.high };
  const { lane } = chunk.lane;
  const rows = await query(classifyRest(lane, range, SAMPLES_PER_CHUNK));
  const named = (row: (typeof rows)[number]): ResidueName =>
    row['class'] === 'resolvable' ? why : (row['class'] as ResidueName);
  const residue = Object.fromEntries(rows.map((row) => [named(row), Number(row['rows'])]));
  const samples = rows.map((row) => ({ class: named(row), key: readKey(lane, row) ?? [] }));
  await query(sql`
    update rowgate.chunk set state = 'done', residue = ${param(JSON.stringify(residue), 'jsonb')},
      samples = ${param(JSON.stringify(samples), 'jsonb')}, last_sqlstate = ${param(problem.sqlstate ?? null, 'text')}
    where id = ${param(chunk.id, 'bigint')}`);
}
