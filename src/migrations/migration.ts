import type { Problem } from '../support/problem.ts';

/** A migration file. Its text may be anybody's: it is parsed, and never run. */
export type Migration = {
  /** As people know it, with slashes. */
  readonly file: string;
  /** The file's text, or why it could not be read. */
  readonly content: string | Problem;
  /** What stands above this line was there before; undefined where all of it counts as changed. */
  readonly changedFrom?: number | undefined;
};

/** What is to run on the database next. */
export type Migrations = {
  /** In the order in which they run. */
  readonly files: readonly Migration[];
  /** Which of their conditions may be asked of the rows: all, those of plain comparisons, or none, as nobody vouches for them. */
  readonly conditions: 'all' | 'plain' | 'none';
};
