/** How large a worker's next batch is, from what its batches cost so far. Rows are rows that lack a value. */
export type Pace = {
  readonly rows: number;
  /** Rows and time of the batches so far, each batch weighing three quarters of the one after it. */
  readonly decayedRows: number;
  readonly decayedMs: number;
  /** How many of the rows that were looked at lacked a value, weighed in the same way. */
  readonly decayedScanned: number;
};

/** What a batch cost. */
export type BatchCost = {
  readonly candidates: number;
  readonly scanned: number;
  readonly elapsedMs: number;
  readonly walBytes: number;
};

/** From the design notes: fewer rows cost more in round trips than in work, more hold locks for too long. */
const LEAST_ROWS = 100;
const MOST_ROWS = 10_000;
const FIRST_ROWS = 1_000;
const DECAY = 0.75;
const MOST_WAL_BYTES = 16 * 1024 * 1024;
/** A range without work is passed over in steps of at most this many rows: index entries, some milliseconds. */
const MOST_SCANNED = 50_000;

export const firstPace: Pace = { rows: FIRST_ROWS, decayedRows: 0, decayedMs: 0, decayedScanned: 0 };

/** The pace after a batch that ended well: what the target allows at the decayed mean, changed by half at most. */
export function paceAfter(pace: Pace, cost: BatchCost, targetMs: number): Pace {
  const decayedRows = pace.decayedRows * DECAY + cost.candidates;
  const decayedMs = pace.decayedMs * DECAY + cost.elapsedMs;
  const decayedScanned = pace.decayedScanned * DECAY + cost.scanned;
  const known = { decayedRows, decayedMs, decayedScanned };
  // A batch that had little to do says little of what a full one would take.
  if (cost.candidates < pace.rows / 2) return { ...known, rows: pace.rows };
  const wanted = (targetMs * decayedRows) / Math.max(1, decayedMs);
  const byTime = clamp(wanted, pace.rows / 2, pace.rows * 1.5);
  const byWal = cost.walBytes > MOST_WAL_BYTES ? (pace.rows * MOST_WAL_BYTES) / cost.walBytes : byTime;
  return { ...known, rows: clamp(Math.floor(Math.min(byTime, byWal)), LEAST_ROWS, MOST_ROWS) };
}

/** The pace after a batch that took too long or met a lock: a tenth. */
export function paceAfterTrouble(pace: Pace): Pace {
  return { ...firstPace, rows: Math.max(LEAST_ROWS, Math.floor(pace.rows / 10)) };
}

/** How many rows of the table to look through for a batch: more where few of them lack a value. */
export function rowsToScan({ rows, decayedRows, decayedScanned }: Pace): number {
  if (decayedScanned === 0) return rows;
  const density = Math.max(decayedRows / decayedScanned, 0.001);
  return Math.floor(clamp(rows / density, rows, Math.max(rows, MOST_SCANNED)));
}

/** How long a worker rests after a batch. */
export function restAfterMs(elapsedMs: number, nice: number): number {
  return elapsedMs * nice;
}

const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));
