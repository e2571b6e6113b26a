import type { Problem } from '../support/problem.ts';

/** `retry`: it passes by itself. `split`: some row is the reason. `stop`: nothing but a person can mend it. */
export type Trouble = 'retry' | 'split' | 'stop';

/** Another session was in the way: a deadlock, a lock that was not free, a time limit, another transaction first. */
const PASSING = new Set(['40P01', '55P03', '57014', '40001']);

/** What a failed batch means for the run. */
export function meaningOf({ code, sqlstate = '' }: Problem): Trouble {
  if (PASSING.has(sqlstate)) return 'retry';
  // Values and constraints (22, 23), and what functions of triggers raise (P0).
  if (/^(22|23|P0)/.test(sqlstate) || code === 'value-altered') return 'split';
  // The client gave up before the server did: a link that was silent for a while.
  if (code === 'statement-timeout' || code === 'lock-timeout') return 'retry';
  return 'stop';
}
