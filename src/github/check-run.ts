import type { Annotation } from './annotation.ts';

export type Conclusion = 'success' | 'neutral' | 'failure' | 'cancelled';

/** How a check run ends, and what it shows then. */
export type CheckResult = {
  readonly conclusion: Conclusion;
  readonly title: string;
  /** Markdown. */
  readonly summary: string;
  /** Each names a file. */
  readonly annotations: readonly Annotation[];
};

/** One check on one commit, made and ended with one token. What GitHub refuses is thrown as it came. */
export interface CheckRun {
  /** Makes it, in progress, once, however often that has to be asked. Gives its id. */
  begin(): Promise<number>;
  /** The id of one that another process has begun, maybe without hearing of it. */
  find(): Promise<number | undefined>;
  /**
   * Summaries of the checks of the same name and app that have ended on this commit, and on the one before it, the newest
   * first. This check has to have begun: it says which app it is.
   */
  earlier(): Promise<readonly string[]>;
  /**
   * Ends it, if need be without annotations: rejects only where it is not ended. Gives how many annotations it has
   * taken, and what GitHub said to the others.
   */
  complete(id: number, result: CheckResult): Promise<{ readonly taken: number; readonly refusal?: unknown }>;
}
