import { runInNewContext } from 'node:vm';
import picomatch from 'picomatch';

/** A glob such as `*a*a*a*a*b` can take minutes over one name, and who may change a rule may change its globs. */
const PATIENCE_MS = 1_000;

/** Those of some paths that one of some globs says, in their order; undefined where finding them takes longer than a second. */
export function matchingPaths(
  globs: readonly string[],
  paths: readonly string[],
): readonly string[] | undefined {
  const matches = picomatch([...globs], { dot: true });
  const find = (): string[] => paths.filter((path) => matches(path));
  try {
    // Of all ways to run code here, this one alone can be stopped from outside.
    return runInNewContext('find()', { find }, { timeout: PATIENCE_MS }) as string[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined;
    throw error;
  }
}
