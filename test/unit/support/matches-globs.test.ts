import assert from 'node:assert/strict';
import test from 'node:test';
import { firstMatch } from '../../../src/support/matches-globs.ts';

test('the first path that a glob says is found, with dots, braces and any depth', () => {
  const paths = ['README.md', 'db/.old/1.sql', 'db/migrations/2026/2.sql', 'db/migrations/3.ts'];
  assert.equal(firstMatch(['db/migrations/**'], paths), 'db/migrations/2026/2.sql');
  assert.equal(firstMatch(['db/*/*.{sql,ts}'], paths), 'db/.old/1.sql');
  assert.equal(firstMatch(['*.txt', 'README.*'], paths), 'README.md');
  assert.equal(firstMatch(['*.txt'], paths), undefined);
});

test('a glob that would take for ever matches nothing, and is not waited for', () => {
  for (const glob of [`${'*a'.repeat(12)}*b`, '+(+(+(a)))b', `${'**/'.repeat(12)}b`])
    assert.equal(firstMatch([glob], ['a'.repeat(200), `${'a/'.repeat(40)}c`]), undefined);
});
