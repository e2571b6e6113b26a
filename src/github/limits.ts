// GitHub's and its runner's numbers, each with where it was read. "runner" is the repository actions/runner.

/** Annotations of one level that a step may make; the runner drops the rest without a word (runner: ExecutionContext.cs, `_maxCountPerIssueType`). */
export const MAX_ANNOTATIONS_PER_LEVEL = 10;

/** UTF-16 units of an annotation's message; the runner cuts the rest off (runner: ExecutionContext.cs, `_maxIssueMessageLength`). */
export const MAX_ANNOTATION_MESSAGE_LENGTH = 4_096;

/** Characters of an annotation's title (docs.github.com, REST API, checks/runs: `title`, "maximum size is 255 characters"). */
export const MAX_ANNOTATION_TITLE_LENGTH = 255;

/** Bytes of a step's summary; over it GitHub shows none of it (runner: FileCommandManager.cs, `AttachmentSizeLimit`). */
export const MAX_SUMMARY_BYTES = 1_048_576;

/** Files that GitHub lists for one pull request (docs.github.com, REST API, pulls/pulls: "List pull requests files"). */
export const MAX_PULL_REQUEST_FILES = 3_000;

/** Items that GitHub gives on one page at most (docs.github.com, REST API: `per_page`). */
export const MAX_PAGE_ITEMS = 100;
