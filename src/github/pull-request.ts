/** A file that a pull request adds or changes; `path` from the repository's root, the line counted from 1. */
export type ChangedFile = {
  readonly path: string;
  /** The first line that the pull request adds; undefined when it adds none, or GitHub gave no patch to look in. */
  readonly firstAddedLine?: number | undefined;
};

/** What a pull request changes. GitHub lists no more than 3,000 files: there may be others where not all are listed. */
export type ChangedFiles = { readonly files: readonly ChangedFile[]; readonly allListed: boolean };

/** The pull request that a run is about. */
export interface PullRequest {
  /** The files that it adds or changes, not those it removes; a `report-failed` Problem when GitHub does not say. */
  changedFiles(): Promise<ChangedFiles>;
}
