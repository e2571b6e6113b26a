/** How large a worker's next batch is, from what its batches cost so far. Rows are rows that lack a value. */
export type Pace = {
  readonly rows: number;
  /** What a row cost in each of the last batches, the newest last. */
  readonly msPerRow: readonly number[];
  /** Rows that lacked a value, and rows that were looked at for them, each batch weighing three quarters of the one after it. */
  readonly decayedRows: number;
  readonly decayedScanned: number;
};

/** What a batch cost. */
export type BatchCost = {
  readonly candidates: number;
  readonly scanned: number;
  readonly elapsedMs: number;
  readonly walBytes: number;
};

/** Fewer rows cost more in round trips than in work; more hold locks for too long where a range's first pass is dear. */
const LEAST_ROWS = 100;
const MOST_ROWS = 10_000;
const FIRST_ROWS = 1_000;
const DECAY = 0.75;
/** So many that the first passes over two ranges are among them: those are dearer than the others. */
const REMEMBERED = 16;
const MOST_WAL_BYTES = 16 * 1024 * 1024;
/** A range without work is passed over in steps of at most this many rows: index entries, some milliseconds. */
const MOST_SCANNED = 50_000;

export const firstPace: Pace = { rows: FIRST_ROWS, msPerRow: [], decayedRows: 0, decayedScanned: 0 };

/**
 * The pace after a batch that ended well: what the target allows at the cost of the slowest but one of the last batches,
 * changed by half at most. A mean would let each dear batch take longer than the target, for the cheap ones after it.
 */
export function paceAfter(pace: Pace, cost: BatchCost, targetMs: number): Pace {
  const decayedRows = pace.decayedRows * DECAY + cost.candidates;
  const decayedScanned = pace.decayedScanned * DECAY + cost.scanned;
  const known = { ...pace, decayedRows, decayedScanned };
  // A batch that had little to do says little of what a full one would take.
  if (cost.candidates < pace.rows / 2) return known;
  const msPerRow = [...pace.msPerRow, cost.elapsedMs / Math.max(1, cost.candidates)].slice(-REMEMBERED);
  const [slowest = 0, dear = slowest] = msPerRow.toSorted((a, b) => b - a);
  const byTime = clamp(targetMs / Math.max(dear, 1e-6), pace.rows / 2, pace.rows * 1.5);
  const byWal = cost.walBytes > MOST_WAL_BYTES ? (pace.rows * MOST_WAL_BYTES) / cost.walBytes : byTime;
  return { ...known, msPerRow, rows: clamp(Math.floor(Math.min(byTime, byWal)), LEAST_ROWS, MOST_ROWS) };
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
