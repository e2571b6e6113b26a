import { createHash } from 'node:crypto';
import { open, realpath } from 'node:fs/promises';
import path from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { asProblem, Problem } from '../support/problem.ts';
import { findRepeatedIds, parseRules } from './parse-rules.ts';
import type { RuleSet } from './rule.ts';

/** A rules file larger than this is refused unread; a pack of 1,000 rules takes about 200 kB. */
const MAX_FILE_BYTES = 1_048_576;

/** More files than this is a glob that matches too much. */
const MAX_FILES = 200;

export type LoadedRules = { readonly rules: RuleSet; readonly problems: readonly Problem[] };

/**
 * Reads every rules file that is named, or that a glob finds below `folder`, in a stable order. Gives all mistakes of
 * all files together; a set with mistakes holds no rules that may be run.
 */
export async function loadRules(patterns: readonly string[], folder: string): Promise<LoadedRules> {
  const root = await realpath(folder);
  const { files, problems } = await findFiles(patterns, root);
  const hash = createHash('sha256');
  const found = [];
  for (const file of files) {
    const text = await readText(root, file).catch((error: unknown) => asProblem(error));
    if (text instanceof Problem) {
      problems.push(text);
      continue;
    }
    hash.update(`${Buffer.byteLength(text)}:${text}`);
    found.push(await parseRules(file, text));
  }
  const rules = found.flatMap((each) => each.rules);
  problems.push(...found.flatMap((each) => each.problems), ...findRepeatedIds(rules));
  return { rules: { files, hash: hash.digest('hex'), rules }, problems: unique(problems) };
}

/** A list that several rules use would report its mistakes once for each of them. */
function unique(problems: readonly Problem[]): Problem[] {
  const key = ({ at, message }: Problem): string => `${at?.file}:${at?.line}:${at?.column}:${message}`;
  return [...new Map(problems.map((problem) => [key(problem), problem])).values()];
}

async function findFiles(
  patterns: readonly string[],
  root: string,
): Promise<{ files: string[]; problems: Problem[] }> {
  const files = new Set<string>();
  const problems: Problem[] = [];
  for (const pattern of patterns) {
    const found = isDynamicPattern(pattern)
      ? (
          await glob(pattern, { cwd: root, onlyFiles: true, followSymbolicLinks: false, absolute: true })
        ).filter((file) => !isOutside(root, file))
      : [path.resolve(root, pattern)];
    const inside = found.map((file) => path.relative(root, file).split(path.sep).join('/'));
    if (inside.length === 0) {
      problems.push(
        new Problem('rules-not-found', `no file matches '${pattern}'`, {
          hint: `Looked below ${root}. Write the pattern relative to it.`,
        }),
      );
    }
    inside.forEach((file) => files.add(file));
  }
  if (files.size > MAX_FILES) {
    problems.push(
      new Problem('rules-not-found', `the patterns match ${files.size} files; at most ${MAX_FILES} are read`),
    );
  }
  return { files: [...files].toSorted().slice(0, MAX_FILES), problems };
}

async function readText(folder: string, shown: string): Promise<string> {
  const absolute = path.resolve(folder, shown);
  const refuse = (message: string, hint?: string): never => {
    throw new Problem('rules-not-found', `${shown}: ${message}`, { hint });
  };
  const real = await realpath(absolute).catch(() =>
    refuse('there is no such file', 'Check the path; it is relative to the working directory.'),
  );
  const leaves = isOutside(folder, real) && !isOutside(folder, absolute);
  if (leaves) refuse('is a symbolic link that leaves the working directory', 'Name the file itself.');
  const handle = await open(real, 'r').catch(() => refuse('cannot be read', 'Check its permissions.'));
  try {
    const { size, isFile } = await handle.stat().then((stat) => ({ size: stat.size, isFile: stat.isFile() }));
    if (!isFile) refuse('is not a file');
    if (size > MAX_FILE_BYTES)
      refuse(`has ${size} bytes; a rules file has at most ${MAX_FILE_BYTES}`, 'Split it into several files.');
    return new TextDecoder('utf-8', { fatal: true }).decode(await handle.readFile());
  } catch (error) {
    if (error instanceof TypeError) return refuse('is not UTF-8 text');
    throw error;
  } finally {
    await handle.close();
  }
}

/** Whether a path is not below the folder; a name may begin with two dots and still be. */
function isOutside(folder: string, file: string): boolean {
  const [first] = path.relative(folder, file).split(path.sep);
  return first === '..' || path.isAbsolute(path.relative(folder, file));
}
