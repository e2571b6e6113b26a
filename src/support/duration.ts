import { Problem } from './problem.ts';

const MS_PER_UNIT: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** What a duration looks like: `500ms`, `30s`, `5m`, `1h`. */
export const DURATION_PATTERN = /^(\d+)(ms|s|m|h)$/;

/** A duration such as `30s` in milliseconds; throws `options-invalid` on anything else. */
export function parseDurationMs(text: string): number {
  const [, amount, unit] = DURATION_PATTERN.exec(text.trim()) ?? [];
  const durationMs = Number(amount) * (MS_PER_UNIT[unit ?? ''] ?? Number.NaN);
  if (!(durationMs > 0 && durationMs <= 2_147_483_647)) {
    throw new Problem('options-invalid', `'${text}' is not a duration`, {
      hint: "Write a number and a unit, such as '500ms', '30s', '5m' or '1h'; at least 1ms, at most 596h.",
    });
  }
  return durationMs;
}

/** Milliseconds for people: `340 ms`, `12.3 s`, `4 min 05 s`. */
export function formatDurationMs(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 60_000) return `${(durationMs / 1_000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1_000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}
