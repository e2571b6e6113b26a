import type { Database } from './postgres/database.ts';
import type { CheckProgress } from './check/run-checks.ts';
import type { SnapshotTarget } from './postgres/snapshot.ts';

/** Something that happened in a run, for whoever watches it. */
export type RunEvent =
  | { readonly event: 'rules-loaded'; readonly files: number; readonly rules: number }
  | { readonly event: 'connected'; readonly target: SnapshotTarget }
  | { readonly event: 'check'; readonly progress: CheckProgress };

/** All that a run may touch, handed in by a door. */
export type World = {
  /** Where relative paths start, and what a rules glob does not leave. */
  readonly folder: string;
  /** The database to check; throws a `connection-invalid` Problem where nothing says which. */
  database(): Database;
  readonly now: () => Date;
  /** Told of what happens, as it happens. */
  readonly emit: (event: RunEvent) => void;
  /** Ends the run early; what was measured by then is reported. */
  readonly signal: AbortSignal;
};
