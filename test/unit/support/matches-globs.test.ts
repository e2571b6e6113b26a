import assert from 'node:assert/strict';
import test from 'node:test';
import { changedMigrations } from '../../../src/migration-files.ts';
import { matchingPaths } from '../../../src/support/matches-globs.ts';

test('the paths that a glob says are found in their order, with dots, braces and any depth', () => {
  const paths = ['README.md', 'db/.old/1.sql', 'db/migrations/2026/2.sql', 'db/migrations/3.ts'];
  assert.deepEqual(matchingPaths(['db/migrations/**'], paths), paths.slice(2));
  assert.deepEqual(matchingPaths(['db/*/*.{sql,ts}'], paths), ['db/.old/1.sql', 'db/migrations/3.ts']);
  assert.deepEqual(matchingPaths(['*.txt', 'README.*'], paths), ['README.md']);
  assert.deepEqual(matchingPaths(['*.txt'], paths), []);
});

const endless = `${'*a'.repeat(12)}*b`;
const name = 'a'.repeat(200);

test('a glob that would take for ever is not waited for, and is not taken for one that matches nothing', () => {
  assert.equal(matchingPaths([endless], [name]), undefined);
});

test('the name of a changed file that takes a glob for ever hides no migration: the run cannot tell', async () => {
  const changed = [name, 'migrations/1.sql'].map((path) => ({ path, firstAddedLine: 1 }));
  await assert.rejects(changedMigrations('.', [endless, 'migrations/*.sql'], changed, 'all'), {
    code: 'not-measurable',
  });
});
