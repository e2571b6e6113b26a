/** Something that a folder of a commit holds; `name` without the folder. */
export type CommitEntry = {
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'symbolic link' | 'submodule';
  /** Of a file. */
  readonly bytes: number;
  /** What git calls its content. */
  readonly hash: string;
};

/** The files of a repository at a commit, read without checking it out. */
export interface Commit {
  /** Its SHA; undefined where the event of the run names none, and then nothing can be read. */
  readonly sha: string | undefined;
  /**
   * What a folder holds, by its path from the repository's root ('' is the root); nothing, when there is none. A
   * `base-unreadable` Problem when GitHub does not say, and again for everything that is asked after that.
   */
  folder(path: string): Promise<readonly CommitEntry[]>;
  /** A file's content; problems as {@link folder} has them. */
  content(file: CommitEntry): Promise<Uint8Array>;
}
