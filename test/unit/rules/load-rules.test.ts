import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { parse } from 'yaml';
import { parseOptions } from '../../../src/options.ts';
import { loadRules } from '../../../src/rules/load-rules.ts';
import { describeProblem } from '../../../src/support/problem.ts';

const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

/** A folder with files in it. */
async function folderOf(files: Record<string, string | Uint8Array>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'rowgate-test-'));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.join(folder, path.dirname(name)), { recursive: true });
    await writeFile(path.join(folder, name), content);
  }
  return folder;
}

const ruleFile = (id: string) =>
  `version: 1\nrules:\n  - id: ${id}\n    kind: not_null\n    tables: [t]\n    column: c\n`;

/** The first line of each mistake. */
async function mistakes(patterns: readonly string[], folder: string): Promise<(string | undefined)[]> {
  const { problems } = await loadRules(patterns, folder);
  return problems.map((problem) => describeProblem(problem).split('\n')[0]);
}

test('files are read in the order of their names, each once', async () => {
  const folder = await folderOf({
    'b.yml': ruleFile('b'),
    'a.yml': ruleFile('a'),
    'sub/c.yml': ruleFile('c'),
  });
  const { rules, problems } = await loadRules(['**/*.yml', 'b.yml', './b.yml', '*.yml'], folder);
  assert.deepEqual(problems, []);
  assert.deepEqual(rules.files, ['a.yml', 'b.yml', 'sub/c.yml']);
  assert.deepEqual(rules.rules.map(({ id }) => id), ['a', 'b', 'c']); // prettier-ignore
});

test('the hash says whether the rules are the same, wherever they lie', async () => {
  const hashOf = async (files: Record<string, string>) =>
    (await loadRules(['*.yml'], await folderOf(files))).rules.hash;
  const first = await hashOf({ 'a.yml': ruleFile('a'), 'b.yml': ruleFile('b') });
  assert.match(first, /^[0-9a-f]{64}$/);
  assert.equal(await hashOf({ 'b.yml': ruleFile('b'), 'a.yml': ruleFile('a') }), first);
  assert.notEqual(await hashOf({ 'a.yml': ruleFile('a'), 'b.yml': `${ruleFile('b')}# new\n` }), first);
});

test('by default both ways to end the name of a YAML file are read, at both doors', async () => {
  const folder = await folderOf({ 'rules/a.yml': ruleFile('a'), 'rules/b.yaml': ruleFile('b') });
  const byDefault = parseOptions({}, String).rules;
  const { rules } = await loadRules(byDefault, folder);
  assert.deepEqual(rules.files, ['rules/a.yml', 'rules/b.yaml']);
  const { inputs } = parse(await readFile('action.yml', 'utf8')) as {
    inputs: { rules: { default: string } };
  };
  assert.deepEqual(parseOptions({ rules: inputs.rules.default }, String).rules, byDefault);
});

test('a byte order mark is no mistake', async () => {
  const { rules, problems } = await loadRules(
    ['a.yml'],
    await folderOf({ 'a.yml': `\ufeff${ruleFile('a')}` }),
  );
  assert.deepEqual(problems, []);
  assert.equal(rules.rules[0]?.source.line, 3);
});

test('a file that is not there is named', async () => {
  assert.deepEqual(await mistakes(['no.yml'], await folderOf({})), ['no.yml: there is no such file']);
});

test('a pattern that matches nothing is a mistake, also beside one that does', async () => {
  const folder = await folderOf({ 'a.yml': ruleFile('a') });
  assert.deepEqual(await mistakes(['*.yml', 'rules/*.yml'], folder), ["no file matches 'rules/*.yml'"]);
});

test('a folder is not a file', async () => {
  assert.deepEqual(await mistakes(['sub'], await folderOf({ 'sub/a.yml': ruleFile('a') })), [
    'sub: is not a file',
  ]);
});

test('a file of 10 MB is refused by its size, unread', async () => {
  const folder = await folderOf({ 'a.yml': '' });
  await truncate(path.join(folder, 'a.yml'), 10_000_000);
  assert.deepEqual(await mistakes(['a.yml'], folder), [
    'a.yml: has 10000000 bytes; a rules file has at most 262144',
  ]);
});

test('bytes that are not UTF-8 are refused', async () => {
  const folder = await folderOf({ 'a.yml': Buffer.from('name: caf\xe9\n', 'latin1') });
  assert.deepEqual(await mistakes(['a.yml'], folder), ['a.yml:1:10: this is not UTF-8 text']);
});

test('mistakes of all files are told together, and no rule may run', async () => {
  const folder = await folderOf({ 'a.yml': ruleFile('a'), 'b.yml': 'version: 2\n', 'c.yml': ruleFile('a') });
  assert.deepEqual(await mistakes(['no.yml', '*.yml'], folder), [
    'no.yml: there is no such file',
    "b.yml:1:10: 'version' must be 1",
    "b.yml:1:1: 'rules' is missing here",
    "c.yml:3:9: the id 'a' is taken by the rule at a.yml:3",
  ]);
});

test('a list that several rules use tells its mistakes once', async () => {
  const folder = await folderOf({
    'a.yml':
      'version: 1\nlists: { owned: [t, t] }\nrules:\n  - { id: a, kind: not_null, tables: { list: owned }, column: c }\n  - { id: b, kind: not_null, tables: { list: owned }, column: d }\n',
  });
  assert.deepEqual(await mistakes(['a.yml'], folder), [
    "a.yml:2:21: the table 't' stands twice in this list",
  ]);
});

test('more than 200 files are a pattern that matches too much', async () => {
  const names = Array.from({ length: 201 }, (_, i) => `r${i}`);
  const folder = await folderOf(Object.fromEntries(names.map((name) => [`${name}.yml`, ruleFile(name)])));
  assert.deepEqual(await mistakes(['*.yml'], folder), ['the patterns match 201 files; at most 200 are read']);
});

const skip = process.platform === 'win32' && 'Windows asks for a privilege to make symbolic links';

test('a symbolic link that leaves the folder is refused, whatever its name', { skip }, async () => {
  const outside = await folderOf({ 'secret.yml': ruleFile('secret') });
  const folder = await folderOf({ 'a.yml': ruleFile('a') });
  for (const name of ['link.yml', '..link.yml']) {
    await symlink(path.join(outside, 'secret.yml'), path.join(folder, name));
    assert.deepEqual(await mistakes([name], folder), [
      `${name}: is a symbolic link that leaves the working directory`,
    ]);
  }
});

test('a pattern does not follow a linked folder', { skip }, async () => {
  const outside = await folderOf({ 'secret.yml': ruleFile('secret') });
  const folder = await folderOf({ 'a.yml': ruleFile('a') });
  await symlink(outside, path.join(folder, 'sub'));
  const { rules, problems } = await loadRules(['**/*.yml'], folder);
  assert.deepEqual([rules.files, problems], [['a.yml'], []]);
});

test('a symbolic link inside of the folder is read', { skip }, async () => {
  const folder = await folderOf({ 'a.yml': ruleFile('a') });
  await symlink('a.yml', path.join(folder, 'link.yml'));
  assert.deepEqual(await mistakes(['link.yml'], folder), []);
});
