import { constants } from 'node:fs';
import { open, realpath, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { Problem } from '../support/problem.ts';
import { findBelow, isOutside, type RuleFiles } from './rule-files.ts';

/** The files below a folder, called `what` in messages. A pattern does not leave it, and neither does a symbolic link. */
export async function folderFiles(folder: string, what = 'a rules file'): Promise<RuleFiles> {
  const root = await realpath(folder);
  return {
    origin: { from: 'workspace' },
    place: `below ${root}`,
    find: (pattern) => findBelow(root, pattern),
    read: (file, maxBytes) => readBelow(root, file, maxBytes, what),
  };
}

/** A pipe would wait for a writer for ever, and some of the kernel's own files for news. */
const WITHOUT_WAITING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

async function readBelow(folder: string, shown: string, maxBytes: number, what: string): Promise<Uint8Array> {
  const absolute = path.resolve(folder, shown);
  const refuse = (message: string, hint?: string): never => {
    throw new Problem('rules-not-found', `${shown}: ${message}`, { hint });
  };
  const cannotRead = (error: unknown): never => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') return refuse('may not be read', 'Check its permissions.');
    if (code === 'ELOOP') return refuse('is a symbolic link to itself');
    return refuse('there is no such file', 'Check the path; it is relative to the working directory.');
  };
  const real = await realpath(absolute).catch(cannotRead);
  const leaves = isOutside(folder, real) && !isOutside(folder, absolute);
  if (leaves) refuse('is a symbolic link that leaves the working directory', 'Name the file itself.');
  // Before it is opened: opening alone can wait, or wind back a tape.
  if (!(await stat(real).catch(cannotRead)).isFile()) refuse('is not a file');
  const handle = await open(real, WITHOUT_WAITING).catch(cannotRead);
  try {
    const { size } = await handle.stat();
    if (size > maxBytes)
      refuse(`has ${size} bytes; ${what} has at most ${maxBytes}`, 'Split it into several files.');
    const bytes = await readUpTo(handle, maxBytes + 1).catch(() => refuse('cannot be read'));
    if (bytes.length > maxBytes) refuse(`has more than ${maxBytes} bytes, the most that ${what} has`);
    return bytes;
  } finally {
    await handle.close();
  }
}

/** A file's size can be wrong, as that of the kernel's own files is, or grow. */
async function readUpTo(handle: FileHandle, maxBytes: number): Promise<Uint8Array> {
  const buffer = Buffer.alloc(maxBytes);
  for (let length = 0; ;) {
    const { bytesRead } = await handle.read(buffer, length, maxBytes - length, null);
    length += bytesRead;
    if (bytesRead === 0 || length === maxBytes) return buffer.subarray(0, length);
  }
}
