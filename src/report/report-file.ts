import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Problem } from '../support/problem.ts';

/** The report itself; the other files of a report folder are made from it. */
export const REPORT_FILE = 'report.json';

/** Where {@link writeReportFile} puts a file of a report folder. */
export function reportPath(folder: string, name: string = REPORT_FILE): string {
  return path.join(folder, name);
}

/**
 * Writes a file of a report folder beside its place and moves it there, so that nobody ever reads half a report; makes the folder when
 * it is not there. Rejects with `report-failed`, and leaves neither a piece nor an earlier run's report then.
 */
export async function writeReportFile(
  text: string,
  folder: string,
  name: string = REPORT_FILE,
): Promise<void> {
  const file = reportPath(folder, name);
  // A name that nobody can have put a symbolic link at, and `wx` follows none.
  const beside = path.join(folder, `.${name}.${randomUUID()}`);
  try {
    await makeFolder(folder);
    await writeFile(beside, text, { flag: 'wx' });
    await rename(beside, file);
  } catch (cause) {
    await Promise.all([beside, file].map((each) => rm(each, { force: true }).catch(() => {})));
    const { code = '' } = cause as NodeJS.ErrnoException;
    const reason = REASONS[code] ?? `it failed (${code || String(cause)})`;
    const hint = 'Name a folder that can be written to, or one that is not there yet.';
    throw new Problem('report-failed', `${file} cannot be written: ${reason}`, { hint, cause });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'a permission is missing',
  EPERM: 'a permission is missing',
  EROFS: 'its file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'its folder is a file',
  ENOTDIR: 'a part of its path is no folder',
  EISDIR: 'it is a folder',
  ENOENT: 'no folder can be made there',
  ENAMETOOLONG: 'its path is too long',
};

/** Node's own `recursive` never ends where a file system, such as /proc, says that a folder's parent is missing. */
async function makeFolder(folder: string): Promise<void> {
  const make = async (): Promise<void> => void (await mkdir(folder));
  const onlyIfMissing = async (error: NodeJS.ErrnoException): Promise<void> => {
    const parent = path.dirname(folder);
    if (error.code === 'ENOENT' && parent !== folder) {
      await makeFolder(parent);
      return make();
    }
    const isThere = error.code === 'EEXIST' && (await stat(folder)).isDirectory();
    if (!isThere) throw error;
  };
  await make().catch(onlyIfMissing);
}
