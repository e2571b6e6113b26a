/** A file that a pull request adds or changes; `path` from the repository's root, the line counted from 1. */
export type ChangedFile = {
  readonly path: string;
  /** The first line that the pull request adds; undefined when it adds none, or GitHub gave no patch to look in. */
  readonly firstAddedLine?: number | undefined;
};

/** The pull request that a run is about. */
export interface PullRequest {
  /** The files that it adds or changes, not those it removes; a `report-failed` Problem when GitHub does not say. */
  changedFiles(): Promise<readonly ChangedFile[]>;
}
