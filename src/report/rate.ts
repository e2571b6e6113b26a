/** Rows filled by a moment; a run's, in the order of time. */
export type RowsAt = { readonly atMs: number; readonly rows: number };

/** A rate is told once so many spans of work can be compared. */
const LEAST_RATES = 3;
/** One span; in a shorter one a single batch decides. */
const SPAN_MS = 1_000;
/** What is longer ago says little about what is to come. */
const WINDOW_MS = 60_000;

/** How fast rows are filled of late, and how long so many more will take: at the median rate, and at a slow one. */
export type Rate = { readonly rowsPerSecond: number; readonly likelyMs: number; readonly slowMs: number };

/** The rate over the last minute; undefined while there is too little to go by. The slow rate is the tenth percentile. */
export function rateOf(points: readonly RowsAt[], rowsLeft: number): Rate | undefined {
  const since = (points.at(-1)?.atMs ?? 0) - WINDOW_MS;
  const rates = ratesOf(points.filter(({ atMs }) => atMs >= since)).toSorted((a, b) => a - b);
  const median = rates[Math.floor(rates.length / 2)] ?? 0;
  const slow = rates[Math.floor(rates.length / 10)] ?? 0;
  if (rates.length < LEAST_RATES || median <= 0) return undefined;
  const likelyMs = (rowsLeft * 1_000) / median;
  return { rowsPerSecond: median, likelyMs, slowMs: slow > 0 ? (rowsLeft * 1_000) / slow : likelyMs * 10 };
}

/** Rates over spans of a second and more. */
function ratesOf(points: readonly RowsAt[]): number[] {
  const rates: number[] = [];
  let [from] = points;
  for (const to of points) {
    if (from === undefined || to.atMs - from.atMs < SPAN_MS) continue;
    rates.push(((to.rows - from.rows) * 1_000) / (to.atMs - from.atMs));
    from = to;
  }
  return rates;
}

/** `12,300 rows/s, 40 s to 1 min 10 s to go`. */
export function rateText({ rowsPerSecond, likelyMs, slowMs }: Rate): string {
  const [likely, slow] = [roughly(likelyMs), roughly(slowMs)];
  const toGo = likely === slow ? `about ${likely}` : `${likely} to ${slow}`;
  return `${Math.round(rowsPerSecond).toLocaleString('en-US')} rows/s, ${toGo} to go`;
}

/** To two digits of what is being estimated: no estimate is better than that. */
function roughly(durationMs: number): string {
  if (durationMs < 1_000) return '1 s';
  if (durationMs < 120_000) return `${Math.ceil(durationMs / 1_000)} s`;
  const minutes = Math.round(durationMs / 60_000);
  return minutes < 120 ? `${minutes} min` : formatHours(minutes);
}

function formatHours(minutes: number): string {
  const hours = Math.round(minutes / 60);
  return hours < 1_000 ? `${hours} h` : 'over 1,000 h';
}
