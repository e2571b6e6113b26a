import { explainRefusal } from '../github/persistence.ts';
import { asProblem, describeProblem } from '../support/problem.ts';
import type { Channel } from './report.ts';

/** How much a channel shows. */
export type Shown = Omit<Channel, 'name'>;

/** Everything was shown. */
export const ok = (count: number): Shown => ({ state: 'ok', shown: count, total: count, reason: null });

/** Why GitHub did not take what a channel asked, which needs that permission, and what a person can do. */
export function whyRefused(error: unknown, permission: string): string {
  if (error instanceof Error && error.name === 'AbortError') return 'the run was cancelled';
  const refusal = explainRefusal(error, permission);
  return refusal
    ? [refusal.reason, refusal.hint].filter(Boolean).join('\n  ')
    : describeProblem(asProblem(error));
}

/** Uses a channel; whatever goes wrong there is told as its failure, and nowhere else. */
export async function attempt(name: string, show: () => Promise<Shown>): Promise<Channel> {
  try {
    return { name, ...(await show()) };
  } catch (error) {
    return { name, state: 'failed', shown: 0, total: 0, reason: describeProblem(asProblem(error)) };
  }
}
