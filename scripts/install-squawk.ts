import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './root.ts';

const run = promisify(execFile);

/** The newest on PyPI when this was written. Its npm package downloads a binary when it is installed; the wheel holds one. */
const VERSION = '2.70.0';

/** Installs squawk, a linter for migrations, under `.cache/squawk`, and gives its command; rejects where there is no pip. */
export async function installSquawk(): Promise<string> {
  const folder = join(ROOT, '.cache', 'squawk');
  const command = join(folder, 'bin', 'squawk');
  const isThere = await run(command, ['--version']).then(
    ({ stdout }) => stdout.includes(VERSION),
    () => false,
  );
  if (isThere) return command;
  await mkdir(folder, { recursive: true });
  const options = ['--quiet', '--no-deps', '--upgrade', '--target', folder];
  await run('python3', ['-m', 'pip', 'install', ...options, `squawk-cli==${VERSION}`]);
  await run(command, ['--version']);
  return command;
}
