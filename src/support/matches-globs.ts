import { runInNewContext } from 'node:vm';
import picomatch from 'picomatch';

/** A glob such as `*a*a*a*a*b` can take minutes over one name, and who may change a rule may change its globs. */
const PATIENCE_MS = 1_000;

/** The first of some paths that one of some globs says; none where finding it takes longer than a second. */
export function firstMatch(globs: readonly string[], paths: readonly string[]): string | undefined {
  const matches = picomatch([...globs], { dot: true });
  const find = (): string | undefined => paths.find((path) => matches(path));
  try {
    // Of all ways to run code here, this one alone can be stopped from outside.
    return runInNewContext('find()', { find }, { timeout: PATIENCE_MS }) as string | undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined;
    throw error;
  }
}
