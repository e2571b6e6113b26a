import { posix } from 'node:path';
import * as z from 'zod';
import { Problem } from '../support/problem.ts';
import type { CommitEntry } from './commit.ts';

/** A tree of git's, as GitHub gives it; paths from the tree's own folder. */
type Tree = z.infer<typeof treeSchema>;
export const treeSchema = z.object({
  /** Over 100,000 entries, or 7 MB, GitHub leaves out the rest. */
  truncated: z.boolean(),
  tree: z.array(
    z.object({ path: z.string(), mode: z.string(), sha: z.string(), size: z.int().min(0).default(0) }),
  ),
});

/** Reads the tree of a commit or folder by its hash: what it holds, or all that is below it. */
export type ReadTree = (hash: string, extent: 'folder' | 'all') => Promise<Tree>;

/** How many folders are asked for one by one. */
const MAX_FOLDERS = 100;

/**
 * The folders of a commit, from one request for all of them; of a repository too large for that, one request for each
 * folder that is looked into. Throws a `base-unreadable` Problem where a folder, or their number, is too large.
 */
export function commitFolders(
  commit: string,
  readTree: ReadTree,
): (folder: string) => Promise<readonly CommitEntry[]> {
  const known = new Map<string, Promise<readonly CommitEntry[]>>();
  const readFolder = async (folder: string): Promise<readonly CommitEntry[]> => {
    const { dir, base } = posix.parse(folder);
    const parent = folder === '' ? [] : await eachAlone(dir);
    const hash = folder === '' ? commit : parent.find((entry) => isFolder(entry, base))?.hash;
    if (hash === undefined) return [];
    const { tree, truncated } = await readTree(hash, 'folder');
    if (truncated) throw tooLarge('a folder of it holds more files than GitHub lists');
    return tree.map(asEntry);
  };
  const eachAlone = (folder: string): Promise<readonly CommitEntry[]> => {
    const earlier = known.get(folder);
    if (earlier) return earlier;
    if (known.size >= MAX_FOLDERS)
      return Promise.reject(tooLarge(`the patterns look into more than ${MAX_FOLDERS} folders of it`));
    const entries = readFolder(folder);
    known.set(folder, entries);
    return entries;
  };
  const readAll = async (): Promise<ReadonlyMap<string, readonly CommitEntry[]> | undefined> => {
    const { tree, truncated } = await readTree(commit, 'all');
    return truncated ? undefined : byFolder(tree);
  };
  let all: ReturnType<typeof readAll> | undefined;
  return async (folder) => {
    const folders = await (all ??= readAll());
    return folders ? (folders.get(folder) ?? []) : eachAlone(folder);
  };
}

function byFolder(tree: Tree['tree']): ReadonlyMap<string, readonly CommitEntry[]> {
  const folders = new Map<string, CommitEntry[]>();
  for (const item of tree) {
    const { dir } = posix.parse(item.path);
    folders.set(dir, folders.get(dir) ?? []);
    folders.get(dir)?.push(asEntry(item));
  }
  return folders;
}

const isFolder = ({ name, kind }: CommitEntry, wanted: string): boolean =>
  kind === 'folder' && name === wanted;

function asEntry({ path, mode, size, sha }: Tree['tree'][number]): CommitEntry {
  return { name: posix.basename(path), kind: kindOf(mode), bytes: size, hash: sha };
}

/** By git's file modes. */
function kindOf(mode: string): CommitEntry['kind'] {
  if (mode.startsWith('100')) return 'file';
  if (mode === '040000') return 'folder';
  return mode === '120000' ? 'symbolic link' : 'submodule';
}

function tooLarge(what: string): Problem {
  return new Problem(
    'base-unreadable',
    `The repository is too large to find rules in its base commit: ${what}`,
    {
      hint: 'Begin the patterns of `rules` with the folder that the rules are in, such as rules/*.yml.',
    },
  );
}
