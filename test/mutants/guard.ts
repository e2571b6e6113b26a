/** A guard of the product, the edit that takes it away, and the test that fails then. */
export type Guard = {
  /** What it keeps from happening. */
  readonly guard: string;
  readonly file: string;
  /** Stands once in the file. */
  readonly find: string;
  readonly replace: string;
  /** A test file that needs no more than `npm ci`, and the whole title of a test in it. */
  readonly test: { readonly file: string; readonly title: string };
};

type Row = readonly [guard: string, find: string, replace: string, title: string];

/** Guards of one file that tests of one file hold. */
export const of = (file: string, testFile: string, rows: readonly Row[]): Guard[] =>
  rows.map(([guard, find, replace, title]) => ({
    guard,
    file,
    find,
    replace,
    test: { file: testFile, title },
  }));
