import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { writeReportFile } from '../../src/report/report-file.ts';
import { Problem } from '../../src/support/problem.ts';
import { runCli } from '../support/cli.ts';
import { createDatabase } from '../support/server.ts';

const skip = process.platform === 'win32' && 'Windows has no /dev/full';
const folder = mkdtempSync(path.join(tmpdir(), 'rowgate-outputs-'));
after(() => rmSync(folder, { recursive: true }));
const rule = (column: string): string =>
  `version: 1\nrules:\n  - { id: a-rule, kind: not_null, tables: [t], column: ${column} }\n`;
writeFileSync(path.join(folder, 'clean.yml'), rule('id'));
writeFileSync(path.join(folder, 'broken.yml'), rule('a'));
const database = await createDatabase(
  'create table t (id int primary key, a int); insert into t values (1, null)',
);

/** The CLI in a shell, with its streams as `redirection` says; gives its exit code and what is left of its streams. */
function inShell(args: string, redirection: string): Promise<{ exitCode: number | null; text: string }> {
  const node = process.env['ROWGATE_NODE24'] ?? process.execPath;
  const command = `'${node}' '${path.resolve('dist/cli.js')}' ${args} ${redirection}`;
  const env = { PATH: process.env['PATH'] ?? '', DATABASE_URL: database.url };
  const child = spawn('bash', ['-c', `set -o pipefail; ${command}`], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (more: string) => (text += more));
  return new Promise((resolve) => child.once('close', (exitCode) => resolve({ exitCode, text })));
}

for (const format of ['text', 'json']) {
  test(`what could not be written to stdout is no clean run (${format})`, { skip }, async () => {
    const check = (rules: string): string => `check --rules ${rules} --format ${format}`;
    const clean = await inShell(check('clean.yml'), '> /dev/full');
    assert.equal(clean.exitCode, 2);
    assert.match(clean.text, /stdout: the output could not be written \(ENOSPC\)/);
    assert.equal((await inShell(check('broken.yml'), '> /dev/full')).exitCode, 1, 'broken is broken');
    assert.equal((await inShell(check('none.yml'), '> /dev/full')).exitCode, 3);
    assert.equal((await inShell(check('clean.yml'), '> /dev/full 2> /dev/full')).exitCode, 2);
    assert.equal((await inShell(check('clean.yml'), '2> /dev/full')).exitCode, 0, 'the answer was given');
  });

  test(`a reader that goes away has seen what it wanted (${format})`, { skip }, async () => {
    const { exitCode } = await inShell(`check --rules clean.yml --format ${format}`, '| true');
    assert.equal(exitCode, 0);
    assert.equal((await inShell(`check --rules broken.yml --format ${format}`, '| true')).exitCode, 1);
  });
}

test(
  'rules that are checked without a database, and could not be told of, are not clean either',
  { skip },
  async () => {
    assert.equal((await inShell('rules --rules clean.yml', '> /dev/full')).exitCode, 2);
  },
);

/** Places where no report can be, how they are made, and what is said. */
const places: readonly (readonly [place: string, make: (place: string) => void, says: RegExp])[] = [
  ['file', (place) => writeFileSync(place, ''), /its folder is a file/],
  ['file/below', () => {}, /a part of its path is no folder/],
  [
    'taken',
    (place) => mkdirSync(path.join(place, 'report.json/x'), { recursive: true }),
    /it is a folder|it failed \(ENOTEMPTY\)/,
  ],
  ['x'.repeat(300), () => {}, /its path is too long/],
  ['/proc/rowgate', () => {}, /no folder can be made there/],
  ['/proc/self/rowgate/deep', () => {}, /no folder can be made there/],
  ['/dev/full', () => {}, /its folder is a file/],
  ['/dev/null/x', () => {}, /a part of its path is no folder/],
];

for (const [place, make, says] of places) {
  const shown = place.slice(0, 30);
  test(
    `a report that cannot be written is told as that, and leaves nothing: ${shown}`,
    { skip, timeout: 20_000 },
    async () => {
      const target = path.resolve(folder, place);
      make(target);
      const refused = (error: unknown): boolean => {
        assert.ok(error instanceof Problem);
        assert.equal(error.code, 'report-failed');
        assert.match(error.message, says);
        return true;
      };
      await assert.rejects(writeReportFile('{}\n', target), refused);
      if (place === 'taken') assert.deepEqual(readdirSync(target), ['report.json']);
    },
  );
}

test('a report that cannot be written changes no verdict, and is told on stderr', { skip }, async () => {
  for (const [rules, exitCode] of [
    ['clean.yml', 0],
    ['broken.yml', 1],
  ] as const) {
    const args = ['check', '--rules', rules, '--database-url', database.url, '--report-dir', '/proc/rowgate'];
    const run = await runCli(args, { cwd: folder });
    assert.equal(run.exitCode, exitCode);
    assert.match(
      run.stderr,
      /^report\.json: failed: .*cannot be written: no folder can be made there\n {2}Name a folder/m,
    );
    assert.doesNotMatch(run.stderr + run.stdout, /bug|\n\s+at /);
  }
});

test('an earlier report does not stay where a new one could not be written', { skip }, async () => {
  const place = path.join(folder, 'stale');
  await writeReportFile('old', place);
  const file = path.join(place, 'report.json');
  assert.equal(readFileSync(file, 'utf8'), 'old');
  const unwritable = 0 as unknown as string; // which Node refuses, as it would a full disk
  await assert.rejects(writeReportFile(unwritable, place), Problem);
  assert.equal(existsSync(file), false);
  assert.deepEqual(readdirSync(place), []);
});

test('a report replaces a symbolic link, and is not written through it', { skip }, async () => {
  const place = path.join(folder, 'linked');
  mkdirSync(place);
  writeFileSync(path.join(folder, 'precious'), 'precious');
  symlinkSync('../precious', path.join(place, 'report.json'));
  await writeReportFile('{}\n', place);
  assert.equal(readFileSync(path.join(folder, 'precious'), 'utf8'), 'precious');
  assert.equal(readFileSync(path.join(place, 'report.json'), 'utf8'), '{}\n');
  assert.deepEqual(readdirSync(place), ['report.json']);
});
