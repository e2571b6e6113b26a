import type { Problem } from '../support/problem.ts';

export const RUN_STATES = [
  'planned',
  'running',
  'paused',
  'holding',
  'verifying',
  'completed',
  'completed_with_residue',
  'stopped_at_bound',
  'cancelled',
  'failed',
] as const;
export type RunState = (typeof RUN_STATES)[number];

/** Every change of state that there is: what is not listed is refused by the statement that would make it. */
const TRANSITIONS: Readonly<Record<RunState, Partial<Record<RunState, string>>>> = {
  planned: {
    running: 'a worker took it up',
    paused: 'somebody paused it before a worker came',
    cancelled: 'somebody cancelled it before a worker came',
    failed: 'it could not begin',
  },
  running: {
    paused: 'somebody paused it',
    holding: 'a throttle holds it',
    verifying: 'every chunk is done; its rules are checked once more',
    stopped_at_bound: 'the rows or the time that it was given are used up',
    cancelled: 'somebody cancelled it',
    failed: 'something went wrong that trying again does not mend',
  },
  paused: {
    running: 'somebody resumed it',
    stopped_at_bound: 'its time ran out meanwhile',
    cancelled: 'somebody cancelled it',
  },
  holding: {
    running: 'what held it is over',
    paused: 'somebody paused it',
    stopped_at_bound: 'its time ran out meanwhile',
    cancelled: 'somebody cancelled it',
    failed: 'something went wrong that trying again does not mend',
  },
  verifying: {
    completed: 'the rules, checked again, find nothing',
    completed_with_residue: 'rows are left that cannot be filled',
    running: 'somebody resumed it',
    cancelled: 'somebody cancelled it',
    failed: 'it could not be verified',
  },
  stopped_at_bound: {
    running: 'somebody gave it more rows or time',
    cancelled: 'somebody cancelled it',
  },
  failed: { running: 'somebody started it again', cancelled: 'somebody gave it up' },
  completed: {},
  completed_with_residue: {},
  cancelled: {},
};

/** Whether nothing can happen to it any more. */
export function isFinal(state: RunState): boolean {
  return Object.keys(TRANSITIONS[state]).length === 0;
}

/** The states from which a state can be reached. */
export function sourcesOf(state: RunState): RunState[] {
  return RUN_STATES.filter((from) => state in TRANSITIONS[from]);
}

/** Why a row was left as it was. `busy`: locked at each try. `refused`: a constraint or a trigger would not have it. */
export type ResidueName = 'no_link' | 'orphan' | 'parent_null' | 'busy' | 'refused' | 'undone';

/** A key, as the server writes its columns as text. */
export type KeyText = readonly string[];

/** What a run may use up, in all, by all of its workers. */
export type RunBounds = {
  readonly maxRows: number | undefined;
  readonly maxDurationMs: number | undefined;
};

/** How a run's workers go about it; can be changed while they work. */
export type RunSettings = {
  /** What a batch should take. */
  readonly batchTargetMs: number;
  /** Time that a worker rests, for each unit of time that it worked. */
  readonly nice: number;
};

/** A run as its ledger has it. */
export type BackfillRun = {
  readonly id: string;
  readonly state: RunState;
  /** Why it is in this state, in words. */
  readonly reason: string | null;
  readonly rules: readonly string[];
  readonly specHash: string;
  readonly settings: RunSettings;
  readonly maxRows: number | null;
  readonly rowsUpdated: number;
  /** Rows with a missing value when it began, by its census. */
  readonly rowsAtStart: number | null;
  /** The same, by the census that ended it. */
  readonly rowsRemaining: number | null;
  /** The server that it was made on, where the role may know. */
  readonly serverId: string | null;
  readonly requestedBy: string | null;
  readonly runUrl: string | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly deadline: string | null;
  /** Milliseconds since a worker last did something for it; null when none ever has. */
  readonly idleMs: number | null;
  /** Milliseconds in which somebody was at work on it, rests and holds included; null before anybody was. */
  readonly elapsedMs: number | null;
};

/** How one worker's part ended. */
export type WorkerEnd =
  | { readonly end: 'done' }
  | { readonly end: 'bound'; readonly bound: 'rows' | 'time' }
  | { readonly end: 'paused' | 'cancelled' | 'interrupted' }
  | { readonly end: 'failed'; readonly problem: Problem };
