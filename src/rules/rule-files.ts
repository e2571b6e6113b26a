import { readdir, type Dirent } from 'node:fs';
import path from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { Problem } from '../support/problem.ts';

/** Where rules came from. Of the base its commit is known; of a working directory nobody can say what is checked out. */
export type RuleOrigin =
  { readonly from: 'workspace' } | { readonly from: 'base'; readonly commit: string | undefined };

/** Files that rules are read from. Their paths are relative, with slashes; what cannot be done is a Problem. */
export type RuleFiles = {
  readonly origin: RuleOrigin;
  /** Where patterns begin, in the words of a message: `below /srv/app`. */
  readonly place: string;
  /** The files that a glob finds; a path without wildcards is given back, whether there is such a file or not. */
  find(pattern: string): Promise<readonly string[]>;
  /** A file's content, if it is no longer than that. */
  read(file: string, maxBytes: number): Promise<Uint8Array>;
};

type Entry = Pick<Dirent, 'name' | 'isFile' | 'isDirectory' | 'isSymbolicLink'>;

/** Lists a folder as Node's `readdir` does, with the types of what is in it. */
export type ListFolder = (
  folder: string,
  options: { readonly withFileTypes: true },
  done: (error: Error | null, entries: Entry[]) => void,
) => void;

/**
 * Finds files as {@link RuleFiles} does, in the file system or in what stands in its place. Linked folders are not
 * entered; a link that a pattern finds is refused, as rules that were left out without a word would seem to hold.
 */
export async function findBelow(
  root: string,
  pattern: string,
  list: ListFolder = readdir,
): Promise<readonly string[]> {
  if (!isDynamicPattern(pattern)) return [relativePath(root, path.resolve(root, pattern))];
  const links = new Set<string>();
  const fs = { readdir: listingLinks(list, links) };
  const options = { cwd: root, onlyFiles: true, followSymbolicLinks: false, absolute: true, fs };
  const found = (await glob(pattern, options)).filter((file) => !isOutside(root, file));
  const link = found.find((file) => links.has(path.resolve(file)));
  if (link === undefined) return found.map((file) => relativePath(root, file));
  const message = `${relativePath(root, link)}: is a symbolic link, which no pattern follows`;
  throw new Problem('rules-not-found', message, {
    hint: 'Name the file itself, or leave it out of the pattern.',
  });
}

/** Shows links as files, and notes them. */
function listingLinks(list: ListFolder, links: Set<string>) {
  const asFile = (folder: string, entry: Entry): Entry => {
    if (!entry.isSymbolicLink()) return entry;
    links.add(path.resolve(folder, entry.name));
    return { name: entry.name, isFile: () => true, isDirectory: () => false, isSymbolicLink: () => false };
  };
  // The walker's own type is of every form that Node's function has.
  return ((folder: string, _options: unknown, done: Parameters<ListFolder>[2]) =>
    list(folder, { withFileTypes: true }, (error, entries) =>
      done(error, error ? [] : entries.map((entry) => asFile(folder, entry))),
    )) as unknown as typeof readdir;
}

/** The path from a folder, with slashes. */
export function relativePath(root: string, file: string): string {
  return path.relative(root, file).split(path.sep).join('/');
}

/** Whether a path is not below the folder; a name may begin with two dots and still be. */
export function isOutside(folder: string, file: string): boolean {
  const [first] = path.relative(folder, file).split(path.sep);
  return first === '..' || path.isAbsolute(path.relative(folder, file));
}
