import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { globSync } from 'tinyglobby';

const documents = globSync(['*.md', 'docs/*.md', 'docs/decisions/*.md'], { ignore: 'CHANGELOG.md' });

/** What stands between backticks and looks like a path of the repository, without placeholders. */
const pathsIn = (text: string): string[] =>
  Array.from(
    text.matchAll(/`((?:bench|docs|examples|scripts|src|test)\/[^`\s<>*{}]*)`/g),
    ([, path = '']) => path,
  );

for (const file of documents) {
  test(`what ${file} names is there: files, and npm scripts`, () => {
    const text = readFileSync(file, 'utf8');
    assert.deepEqual(pathsIn(text).filter((path) => !existsSync(path)), []); // prettier-ignore
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: object };
    const named = Array.from(
      text.matchAll(/npm run (?:-s |--silent )?([a-z][a-z:-]*)/g),
      ([, name = '']) => name,
    );
    assert.deepEqual(named.filter((name) => !(name in scripts)), []); // prettier-ignore
  });
}

test('every promise of SECURITY.md names the tests that hold it', () => {
  const [, after = ''] = readFileSync('SECURITY.md', 'utf8').split('\n## Promised, and by what\n');
  const [table = ''] = after.split('\n## ');
  const rows = table.split('\n').filter((line) => line.startsWith('|')).slice(2); // prettier-ignore
  assert.ok(rows.length >= 20);
  for (const row of rows) {
    const [, promise = '', mechanism = '', tests = ''] = row.split('|').map((cell) => cell.trim());
    assert.ok(promise && mechanism, row);
    const found = pathsIn(tests);
    assert.ok(found.length > 0 && found.every((path) => path.startsWith('test/')), row);
  }
});
