// GitHub's and its runner's numbers, each with where it was read: `runner:` is a file of github.com/actions/runner,
// `REST:` a page of docs.github.com/rest.

/** Annotations of one level that a step may make; the rest is dropped without a word (runner: ExecutionContext.cs). */
export const MAX_ANNOTATIONS_PER_LEVEL = 10;

/** UTF-16 units of an annotation's message; what is over is cut off (runner: ExecutionContext.cs). */
export const MAX_ANNOTATION_MESSAGE_LENGTH = 4_096;

/** Characters of an annotation's title (REST: checks/runs, `annotations[].title`). */
export const MAX_ANNOTATION_TITLE_LENGTH = 255;

/** Bytes of a step's summary; of a longer one GitHub shows nothing (runner: FileCommandManager.cs). */
export const MAX_SUMMARY_BYTES = 1_048_576;

/** Files that GitHub lists for one pull request (REST: pulls/pulls, "List pull requests files"). */
export const MAX_PULL_REQUEST_FILES = 3_000;

/** Items on one page of a list (REST: using-the-rest-api/using-pagination-in-the-rest-api, `per_page`). */
export const MAX_PAGE_ITEMS = 100;

/** Results of a SARIF file that code scanning keeps; of more it drops some (docs: code-scanning, "SARIF results exceed limits"). */
export const MAX_SARIF_RESULTS = 5_000;

/** Bytes of a SARIF file that code scanning takes, once it is compressed (docs: code-scanning, "SARIF support"). */
export const MAX_SARIF_BYTES = 10_485_760;

/** Characters of a comment; more is answered with 422, "body is too long" (the message of that answer names the number). */
export const MAX_COMMENT_CHARACTERS = 65_536;

/** Annotations in one request to a check run; the next request adds to them (REST: checks/runs, "Update a check run"). */
export const MAX_CHECK_ANNOTATIONS_PER_REQUEST = 50;

/** Characters of a check run's summary (REST: checks/runs, `output.summary`); counted in bytes here, which are no fewer. */
export const MAX_CHECK_SUMMARY_BYTES = 65_535;
