import path from 'node:path';
import type { Commit, CommitEntry } from '../github/commit.ts';
import { Problem } from '../support/problem.ts';
import { findBelow, relativePath, type ListFolder, type RuleFiles } from './rule-files.ts';

/** The files of a commit, as if it were checked out in a folder, so that every pattern means what it means there. */
export function commitFiles(commit: Commit, folder: string): RuleFiles {
  const root = path.resolve(folder);
  const place = `in base commit ${commit.sha?.slice(0, 8) ?? ''}`;
  return {
    origin: { from: 'base', commit: commit.sha },
    place,
    find: async (pattern) => {
      const listing = listingOf(commit, root);
      const found = await findBelow(root, pattern, listing.list);
      if (listing.failure) throw listing.failure;
      return found;
    },
    read: async (file, maxBytes) => {
      const refuse = (message: string, hint?: string): never => {
        throw new Problem('rules-not-found', `${file}: ${message}`, { hint });
      };
      const entry = await entryAt(commit, file);
      if (!entry)
        return refuse(`there is no such file ${place}`, 'Paths begin at the root of the repository.');
      if (entry.kind === 'folder') return refuse('is not a file');
      if (entry.kind !== 'file')
        return refuse(`is, or lies behind, a ${entry.kind}`, 'Name the file itself.');
      if (entry.bytes > maxBytes)
        return refuse(
          `has ${entry.bytes} bytes; a rules file has at most ${maxBytes}`,
          'Split it into several files.',
        );
      return commit.content(entry);
    },
  };
}

/** What is at a path, or the link or submodule that stands in its way. */
async function entryAt(commit: Commit, file: string): Promise<CommitEntry | undefined> {
  const { dir, base } = path.posix.parse(file);
  const parent = dir === '' ? undefined : await entryAt(commit, dir);
  if (parent?.kind === 'symbolic link' || parent?.kind === 'submodule') return parent;
  return (await commit.folder(dir)).find(({ name }) => name === base);
}

/** A commit as the file system that a glob walks. The walker takes no error, so the first one is kept here. */
function listingOf(commit: Commit, root: string): { list: ListFolder; failure?: unknown } {
  const listing: ReturnType<typeof listingOf> = {
    list: (folder, _options, done) => {
      commit.folder(relativePath(root, folder)).then(
        (entries) => done(null, entries.map(asDirectoryEntry)),
        (error: unknown) => {
          listing.failure ??= error;
          done(null, []);
        },
      );
    },
  };
  return listing;
}

function asDirectoryEntry({ name, kind }: CommitEntry) {
  return {
    name,
    isFile: () => kind === 'file',
    isDirectory: () => kind === 'folder',
    isSymbolicLink: () => kind === 'symbolic link',
  };
}
