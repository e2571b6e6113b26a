import type { ChangedFile } from './github/pull-request.ts';
import type { Migration, Migrations } from './migrations/migration.ts';
import { folderFiles } from './rules/folder-files.ts';
import { matchingPaths } from './support/matches-globs.ts';
import { asProblem, Problem } from './support/problem.ts';

/** A migration larger than this is not read; it then ends unknown. */
const MAX_MIGRATION_BYTES = 1_048_576;

/** The files that globs find below a folder, in the order of their names; a glob that finds none is a mistake. */
export async function migrationsBelow(folder: string, globs: readonly string[]): Promise<Migrations> {
  const source = await folderFiles(folder, 'a migration');
  const found = await Promise.all(globs.map((glob) => source.find(glob)));
  const empty = globs.find((_, i) => found[i]?.length === 0);
  if (empty !== undefined)
    throw new Problem('options-invalid', `no migration matches '${empty}'`, {
      hint: `Looked ${source.place}.`,
    });
  const files = [...new Set(found.flat())].toSorted();
  return {
    files: await readMigrations(
      folder,
      files.map((file) => ({ file })),
    ),
    conditions: 'all',
  };
}

/** Those of a pull request's changed files that a glob says, as they are in its checkout, in the order of their names. */
export async function changedMigrations(
  folder: string,
  globs: readonly string[],
  changed: readonly ChangedFile[],
  conditions: Migrations['conditions'],
): Promise<Migrations> {
  const named = matchingPaths(
    globs,
    changed.map(({ path }) => path),
  );
  // Whoever opens the pull request names its files: a name that takes for ever must not hide a migration.
  if (!named)
    throw new Problem(
      'not-measurable',
      'migrations: its globs take too long over the names of the changed files',
      {
        hint: 'Write them with fewer stars in one name, such as migrations/**/*.sql.',
      },
    );
  const wanted = new Set(named);
  const files = changed
    .filter(({ path }) => wanted.has(path))
    .map(({ path, firstAddedLine }) => ({ file: path, changedFrom: firstAddedLine }))
    .toSorted((a, b) => (a.file < b.file ? -1 : 1));
  return { files: await readMigrations(folder, files), conditions };
}

/** Reads migrations below a folder; one that cannot be read has the reason in place of its text. */
async function readMigrations(
  folder: string,
  files: readonly Omit<Migration, 'content'>[],
): Promise<Migration[]> {
  const source = await folderFiles(folder, 'a migration');
  const read = async (file: string): Promise<string | Problem> => {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(await source.read(file, MAX_MIGRATION_BYTES));
    } catch (error) {
      return error instanceof TypeError
        ? new Problem('not-measurable', `${file} is not UTF-8 text`)
        : asProblem(error);
    }
  };
  return Promise.all(files.map(async (each) => ({ ...each, content: await read(each.file) })));
}
