import { createHash } from 'node:crypto';
import { asProblem, Problem } from '../support/problem.ts';
import { folderFiles } from './folder-files.ts';
import { findRepeatedIds, parseRules } from './parse-rules.ts';
import type { RuleFiles } from './rule-files.ts';
import type { RuleSet } from './rule.ts';

/** A rules file larger than this is refused unread; a pack of 1,000 rules takes about 200 kB. */
export const MAX_FILE_BYTES = 262_144;

/** All files together; what is over is refused. Reading this much takes seconds. */
const MAX_TOTAL_BYTES = 1_048_576;

/** More files than this is a glob that matches too much. */
const MAX_FILES = 200;

/** So many mistakes are told, and how many more there are: nobody reads on, and a log has an end. */
const MAX_PROBLEMS = 500;

export type LoadedRules = { readonly rules: RuleSet; readonly problems: readonly Problem[] };

/**
 * Reads every rules file that is named, or that a glob finds, below a folder or among files from elsewhere, in a stable
 * order. Gives all mistakes of all files together; a set with mistakes holds no rules that may be run.
 */
export async function loadRules(patterns: readonly string[], from: string | RuleFiles): Promise<LoadedRules> {
  const source = typeof from === 'string' ? await folderFiles(from) : from;
  const { files, problems } = await findFiles(patterns, source);
  const hash = createHash('sha256');
  const found = [];
  let totalBytes = 0;
  for (const file of files) {
    const text = await readText(source, file).catch((error: unknown) => asProblem(error));
    if (text instanceof Problem) {
      problems.push(text);
      continue;
    }
    totalBytes += Buffer.byteLength(text);
    if (totalBytes > MAX_TOTAL_BYTES) {
      const message = `the files have more than ${MAX_TOTAL_BYTES} bytes in all, the most that is read`;
      problems.push(new Problem('rules-not-found', message, { hint: 'Does a pattern match too much?' }));
      break;
    }
    hash.update(`${Buffer.byteLength(text)}:${text}`);
    found.push(await parseRules(file, text));
  }
  const rules = found.flatMap((each) => each.rules);
  problems.push(...found.flatMap((each) => each.problems), ...findRepeatedIds(rules));
  return {
    rules: { files, hash: hash.digest('hex'), rules, origin: source.origin },
    problems: capped(unique(problems)),
  };
}

/** A list that several rules use would report its mistakes once for each of them. */
function unique(problems: readonly Problem[]): Problem[] {
  const key = ({ at, message }: Problem): string => `${at?.file}:${at?.line}:${at?.column}:${message}`;
  return [...new Map(problems.map((problem) => [key(problem), problem])).values()];
}

function capped(problems: readonly Problem[]): readonly Problem[] {
  const more = problems.length - MAX_PROBLEMS;
  if (more <= 0) return problems;
  const rest = new Problem('rules-invalid', `and ${more} more mistakes`, {
    hint: 'They are told when these are gone.',
  });
  return [...problems.slice(0, MAX_PROBLEMS), rest];
}

async function findFiles(
  patterns: readonly string[],
  source: RuleFiles,
): Promise<{ files: string[]; problems: Problem[] }> {
  const files = new Set<string>();
  const problems: Problem[] = [];
  for (const pattern of patterns) {
    const found = await source.find(pattern).catch((error: unknown) => asProblem(error));
    if (found instanceof Problem) problems.push(found);
    else if (found.length > 0) found.forEach((file) => files.add(file));
    else {
      problems.push(
        new Problem('rules-not-found', `no file matches '${pattern}'`, {
          hint: `Looked ${source.place}. Write the pattern relative to it.`,
        }),
      );
    }
  }
  if (files.size <= MAX_FILES) return { files: [...files].toSorted(), problems };
  const message = `the patterns match ${files.size} files; at most ${MAX_FILES} are read`;
  return { files: [], problems: [...problems, new Problem('rules-not-found', message)] };
}

async function readText(source: RuleFiles, file: string): Promise<string> {
  const bytes = await source.read(file, MAX_FILE_BYTES);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const at = { file, ...firstBadByte(bytes) };
    throw new Problem('rules-invalid', 'this is not UTF-8 text', { at, hint: 'Save the file as UTF-8.' });
  }
}

/** A decoder that goes on writes U+FFFD for what it cannot read, which may also stand in the file itself. */
function firstBadByte(bytes: Uint8Array): { line: number; column: number } {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const isBad = (index: number): boolean => {
    const start = Buffer.byteLength(text.slice(0, index));
    return !Buffer.from(bytes.subarray(start, start + 3)).equals(Buffer.from('\ufffd'));
  };
  let index = text.indexOf('\ufffd');
  while (!isBad(index)) index = text.indexOf('\ufffd', index + 1);
  const before = text.slice(0, index).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
