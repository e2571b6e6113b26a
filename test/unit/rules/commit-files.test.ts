import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import type { Commit, CommitEntry } from '../../../src/github/commit.ts';
import { commitFiles } from '../../../src/rules/commit-files.ts';
import { loadRules } from '../../../src/rules/load-rules.ts';
import { describeProblem, Problem } from '../../../src/support/problem.ts';

const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'rowgate-commit-')));
after(() => rm(folder, { recursive: true }));

const SHA = 'b'.repeat(40);
const ruleFile = (id: string) =>
  `version: 1\nrules:\n  - id: ${id}\n    kind: not_null\n    tables: [t]\n    column: c\n`;

type Entry = string | Uint8Array | { readonly kind: 'symbolic link' | 'submodule'; readonly text: string };

/** A commit in memory; `asked` counts what is asked of it. */
function commitOf(files: Readonly<Record<string, Entry>>): Commit & { asked: number } {
  const folders = new Map<string, Map<string, CommitEntry>>([['', new Map()]]);
  for (const [file, content] of Object.entries(files)) {
    const names = file.split('/');
    for (const [depth, name] of names.entries()) {
      const at = names.slice(0, depth).join('/');
      const isLeaf = depth === names.length - 1;
      const isFile = typeof content === 'string' || content instanceof Uint8Array;
      const kind = !isLeaf ? 'folder' : isFile ? 'file' : content.kind;
      const bytes = isFile && isLeaf ? Buffer.from(content as string).length : 0;
      folders.set(at, (folders.get(at) ?? new Map()).set(name, { name, kind, bytes, hash: file }));
    }
  }
  const commit = {
    sha: SHA,
    asked: 0,
    folder: async (at: string) => {
      commit.asked += 1;
      return [...(folders.get(at)?.values() ?? [])];
    },
    content: async ({ hash }: CommitEntry) => {
      commit.asked += 1;
      return Buffer.from(files[hash] as string);
    },
  };
  return commit;
}

/** The same files in a folder and in a commit; links lead to README.md. */
async function both(files: Readonly<Record<string, Entry>>) {
  const root = await mkdtemp(path.join(folder, 'tree-'));
  for (const [file, content] of Object.entries(files)) {
    const target = path.join(root, file);
    await mkdir(path.dirname(target), { recursive: true });
    if (typeof content === 'string' || content instanceof Uint8Array) await writeFile(target, content);
    else if (content.kind === 'submodule') await mkdir(target);
    else await symlink(content.text, target);
  }
  return { root, commit: commitFiles(commitOf(files), root) };
}

const FILES = {
  'README.md': 'x',
  'a.yml': ruleFile('a'),
  '.hidden.yml': ruleFile('hidden'),
  'rules/b.yml': ruleFile('b'),
  'rules/c.yaml': ruleFile('c'),
  'rules/.d.yml': ruleFile('d'),
  'rules/deep/e.yml': ruleFile('e'),
  'rules/deep/[f].yml': ruleFile('f'),
  'rules/link.yml': { kind: 'symbolic link', text: '../README.md' },
  'other/deep/g.yml': ruleFile('g'),
  linked: { kind: 'symbolic link', text: 'rules' },
  vendor: { kind: 'submodule', text: '' },
} as const;

const patterns: readonly string[] = [
  'rules/*.yml', './rules/*.yml', 'rules/*', 'rules/', 'rules/**', 'rules/**/*.yml', '**/*.yml', '*.yml', '*', '**',
  '{rules,other}/**/*.yml', '{a,rules/b}.yml', 'rules/*.{yml,yaml}', 'rules/?.yml', 'rules/[bc].*', 'rules/\\[f\\].yml',
  'rules/deep/\\[f\\].yml', '!rules/*.yml', '!(rules)/**', 'rules/+(b|c).*', '*/deep/*.yml', 'vendor/*',
  '../*.yml', '../**/*.yml', 'none/*.yml', 'rules//*.yml', 'rules/../a*.yml', 'RULES/*.yml', '.*', 'rules/.*', 'rules/*.yml/',
]; // prettier-ignore
for (const pattern of patterns) {
  test(`the pattern ${pattern} finds in a commit what it finds on disk`, async () => {
    const { root, commit } = await both(FILES);
    const onDisk = await loadRules([pattern], root);
    const inCommit = await loadRules([pattern], commit);
    assert.deepEqual(inCommit.rules.files, onDisk.rules.files);
    assert.deepEqual(inCommit.rules.hash, onDisk.rules.hash);
    const place = / in base commit \w+$/;
    const inCommitWords = inCommit.problems.map((problem) => first(problem).replace(place, ''));
    assert.deepEqual(inCommitWords, onDisk.problems.map(first));
  });
}

test('a pattern that begins with a link finds nothing in a commit', async () => {
  const { problems } = await loadRules(['linked/*.yml'], (await both(FILES)).commit);
  assert.deepEqual(problems.map(first), ["no file matches 'linked/*.yml'"]);
});

const first = (problem: Problem): string => describeProblem(problem).split('\n')[0] ?? '';

test('a pattern that begins with the checkout is one below the root of the commit', async () => {
  const { root, commit } = await both(FILES);
  const { rules, problems } = await loadRules([`${root}/rules/?.yml`], commit);
  assert.deepEqual(problems, []);
  assert.deepEqual(rules.files, ['rules/b.yml']);
});

test('rules of a commit stand at its lines, and say which commit it is', async () => {
  const { commit } = await both({ 'rules/b.yml': `# one\n${ruleFile('b')}` });
  const { rules } = await loadRules(['rules/*.yml'], commit);
  assert.deepEqual(rules.origin, { from: 'base', commit: SHA });
  assert.equal(rules.rules[0]?.source.file, 'rules/b.yml');
  assert.equal(rules.rules[0]?.source.line, 4);
  assert.deepEqual((await loadRules(['rules/*.yml'], (await both(FILES)).root)).rules.origin, {
    from: 'workspace',
  });
});

const LONG = `${ruleFile('a')}#${'x'.repeat(1_048_576)}`;
const refused: readonly (readonly [file: string, files: Readonly<Record<string, Entry>>, message: RegExp])[] =
  [
    ['rules/link.yml', FILES, /rules\/link\.yml: is, or lies behind, a symbolic link/],
    ['linked/b.yml', FILES, /linked\/b\.yml: is, or lies behind, a symbolic link/],
    ['vendor/x.yml', FILES, /is, or lies behind, a submodule/],
    ['rules', FILES, /rules: is not a file/],
    ['a.yml/b.yml', FILES, /there is no such file in base commit bbbbbbbb/],
    ['none.yml', FILES, /there is no such file in base commit bbbbbbbb/],
    ['../a.yml', FILES, /there is no such file in base commit/],
    ['/etc/passwd', FILES, /there is no such file in base commit/],
    ['a.yml', { 'a.yml': LONG }, /has 1048\d+ bytes; a rules file has at most 262144/],
    ['a.yml', { 'a.yml': Buffer.from([0x76, 0xff, 0xfe]) }, /is not UTF-8 text/],
  ];
for (const [file, files, message] of refused) {
  test(`${file} of a commit is refused: ${message.source}`, async () => {
    const { rules, problems } = await loadRules([file], commitFiles(commitOf(files), '/work/shop'));
    assert.deepEqual(rules.rules, []);
    assert.match(first(problems[0] ?? new Problem('internal', 'no problem')), message);
  });
}

test('a file that is too long is refused before it is asked for', async () => {
  const commit = commitOf({ 'a.yml': LONG });
  await loadRules(['a.yml'], commitFiles(commit, '/work/shop'));
  assert.equal(commit.asked, 1);
});

for (const pattern of ['rules/*.yml', '**/*.yml', 'rules/b.yml']) {
  test(`what GitHub does not say is a problem for ${pattern}, not an empty folder`, async () => {
    const commit = {
      ...commitOf(FILES),
      folder: () => Promise.reject(new Problem('base-unreadable', 'no answer')),
    };
    const { rules, problems } = await loadRules([pattern], commitFiles(commit, '/work/shop'));
    assert.deepEqual(rules.rules, []);
    assert.deepEqual(problems.map(({ code }) => code), ['base-unreadable']); // prettier-ignore
  });
}

test('what stands in the checkout is never read', async () => {
  const { root, commit } = await both({ 'rules/b.yml': ruleFile('b') });
  await writeFile(path.join(root, 'rules/evil.yml'), ruleFile('evil'));
  await writeFile(path.join(root, 'rules/b.yml'), ruleFile('evil'));
  const { rules } = await loadRules(['rules/*.yml', 'rules/b.yml'], commit);
  assert.deepEqual(rules.rules.map(({ id }) => id), ['b']); // prettier-ignore
});
