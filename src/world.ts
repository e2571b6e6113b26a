import type { Database } from './postgres/database.ts';
import type { WorkProgress } from './backfill/work-run.ts';
import type { CheckProgress } from './check/run-checks.ts';
import type { Migrations } from './migrations/migration.ts';
import type { Rule, RuleSet } from './rules/rule.ts';
import type { RuleFiles } from './rules/rule-files.ts';
import type { Problem } from './support/problem.ts';
import type { SnapshotTarget } from './postgres/snapshot.ts';

/** Something that happened in a run, for whoever watches it. */
export type RunEvent =
  | { readonly event: 'rules-loaded'; readonly files: number; readonly rules: number }
  | { readonly event: 'connected'; readonly target: SnapshotTarget }
  | { readonly event: 'check'; readonly progress: CheckProgress }
  | {
      readonly event: 'backfill';
      readonly progress: WorkProgress;
      /** Rows that the run will have filled when it ends, as far as was known when its work began. */
      readonly goal: number;
    };

/** All that a run may touch, handed in by a door. */
export type World = {
  /** Where rules are: a folder, in which relative paths start and which a glob does not leave, or files from elsewhere. */
  readonly rules: string | RuleFiles;
  /** The rules that may not run before a person has reviewed them, and why; without it, every rule may. */
  findUnreviewed?(rules: RuleSet): Promise<ReadonlyMap<Rule, Problem>>;
  /** The migrations that are to run on the database next, in order; a Problem where it cannot be told. */
  migrations?(): Promise<Migrations>;
  /** The database to check; throws a `connection-invalid` Problem where nothing says which. */
  database(): Database;
  readonly now: () => Date;
  /** Told of what happens, as it happens. */
  readonly emit: (event: RunEvent) => void;
  /** Ends the run early; what was measured by then is reported. */
  readonly signal: AbortSignal;
};

/** All that a backfill may touch. */
export type BackfillWorld = World & {
  /** The database for sessions that write: by the pg package, and not cut by the signal, as they end what they have begun. */
  writableDatabase(): Database;
};
