/** A bar of block characters, such as `███████░░░`, for a share from 0 to 1. */
export function progressBar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

/** `54%`; under 100 until all is done, and over 0 once anything is. */
export function percent(done: number, total: number): string {
  if (total <= 0 || done >= total) return '100%';
  return done <= 0 ? '0%' : `${Math.min(99, Math.max(1, Math.floor((100 * done) / total)))}%`;
}

const STEPS = '▁▂▃▄▅▆▇█';

/** Values as a row of columns, the highest as high as a line allows. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(...values, 0);
  return values
    .map(
      (value) => STEPS[most > 0 ? Math.min(STEPS.length - 1, Math.floor((value / most) * STEPS.length)) : 0],
    )
    .join('');
}
