import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
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
import { IS_ROOT, NOBODY } from '../../src/postgres/embedded-binaries.ts';
import { reportSchema } from '../../src/report/report.ts';
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
    for (const file of ['report.sarif', 'report.junit.xml', 'report.html'])
      assert.match(run.stderr, new RegExp(`^${file.replaceAll('.', '\\.')}: failed: `, 'm'));
    assert.match(
      run.stderr,
      /^report\.json: failed: .*cannot be written: no folder can be made there\n {2}Name a folder/m,
    );
    assert.doesNotMatch(run.stderr + run.stdout, /bug|\n\s+at /);
  }
});

/** Runs as somebody whom permissions bind, which root is not. */
function asNobody<Value>(work: () => Promise<Value>): Promise<Value> {
  const { geteuid, seteuid } = process;
  if (!IS_ROOT || !geteuid || !seteuid) return work();
  seteuid(NOBODY);
  return work().finally(() => seteuid(0));
}

test('a report whose folder may not be written to says that a permission is missing', { skip }, async () => {
  const place = path.join(folder, 'locked');
  mkdirSync(place, { mode: 0o555 });
  chmodSync(folder, 0o755);
  for (const target of [place, path.join(place, 'below')]) {
    const said = { code: 'report-failed', message: /cannot be written: a permission is missing$/ };
    await asNobody(() => assert.rejects(writeReportFile('{}\n', target), said));
  }
  assert.deepEqual(readdirSync(place), []);
});

/** Why no file system of a few pages can be mounted for a process and its children alone; false where it can. */
const NO_SMALL_DISK =
  spawnSync('unshare', ['--mount', 'sh', '-c', 'mount -t tmpfs small /mnt']).status === 0
    ? false
    : 'only root can mount a small file system';

test(
  'a report that finds no room is told as that, and leaves no half of one',
  { skip: NO_SMALL_DISK },
  () => {
    const disk = path.join(folder, 'disk');
    mkdirSync(disk);
    const module = import.meta.resolve('../../src/report/report-file.ts');
    const write = `
    import { readdirSync } from 'node:fs';
    import { writeReportFile } from ${JSON.stringify(module)};
    await writeReportFile('x'.repeat(1_000_000), ${JSON.stringify(disk)}).catch(({ message }) => console.log(message));
    console.log(readdirSync(${JSON.stringify(disk)}).length);`;
    const script =
      'mount -t tmpfs -o size=64k small "$0" && exec "$1" --import tsx --input-type=module -e "$2"';
    const run = spawnSync('unshare', ['--mount', 'sh', '-c', script, disk, process.execPath, write], {
      encoding: 'utf8',
    });
    assert.equal(run.stdout, `${disk}/report.json cannot be written: the disk is full\n0\n`, run.stderr);
  },
);

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

test('a file that cannot be written is failed, degrades nothing else, and leaves no earlier run behind', async () => {
  const place = path.join(folder, 'one-taken');
  mkdirSync(path.join(place, 'report.sarif/x'), { recursive: true });
  writeFileSync(path.join(place, 'report.html'), 'old');
  const args = ['check', '--rules', 'broken.yml', '--database-url', database.url, '--report-dir', place];
  const run = await runCli(args, { cwd: folder });
  assert.equal(run.exitCode, 1);
  assert.match(run.stderr, /^report\.sarif: failed: /m);
  const report = reportSchema.parse(JSON.parse(readFileSync(path.join(place, 'report.json'), 'utf8')));
  assert.deepEqual(report.channels.map(({ name, state }) => [name, state]), [
    ['report.sarif', 'failed'],
    ['report.junit.xml', 'ok'],
    ['report.html', 'ok'],
    ['report.json', 'ok'],
  ]); // prettier-ignore
  assert.match(readFileSync(path.join(place, 'report.html'), 'utf8'), /Broken/);
  assert.deepEqual(readdirSync(place).sort(), ['report.html', 'report.json', 'report.junit.xml', 'report.sarif']); // prettier-ignore
});
