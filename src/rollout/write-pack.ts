import { randomBytes } from 'node:crypto';
import { link, lstat, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Problem } from '../support/problem.ts';

/** The text of a file; undefined where there is none. A link is refused, as it would be by whoever reads the rules. */
export async function readPack(file: string): Promise<string | undefined> {
  const found = await lstat(file).catch(unlessMissing);
  if (!found) return undefined;
  if (!found.isFile())
    throw new Problem('options-invalid', `${file} is no regular file`, {
      hint: 'Name another file.',
    });
  return readFile(file, 'utf8');
}

/**
 * Writes a file whole or not at all. `before` is what it has to hold until then, undefined where it must not exist: a
 * file that somebody has changed or made meanwhile is left as it is.
 */
export async function writePack(file: string, text: string, before: string | undefined): Promise<void> {
  const folder = path.dirname(file);
  await mkdir(folder, { recursive: true });
  const temporary = path.join(folder, `.${path.basename(file)}.${randomBytes(6).toString('hex')}`);
  const mode = (await lstat(file).catch(unlessMissing))?.mode;
  try {
    const handle = await open(temporary, 'wx', mode === undefined ? 0o666 : mode & 0o777);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (before === undefined) await link(temporary, file);
    else if ((await readPack(file)) === before) await rename(temporary, file);
    else throw changed(file);
  } catch (error) {
    if (isCode(error, 'EEXIST')) throw changed(file);
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

function changed(file: string): Problem {
  return new Problem(
    'options-invalid',
    `${file} was changed by somebody else meanwhile; nothing was written`,
    {
      hint: 'Run it again.',
    },
  );
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

function unlessMissing(error: unknown): undefined {
  if (isCode(error, 'ENOENT')) return undefined;
  throw error;
}
