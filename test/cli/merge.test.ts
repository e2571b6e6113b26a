import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { reportSchema, type Report } from '../../src/report/report.ts';
import { runCli } from '../support/cli.ts';
import { makeReportOf } from '../support/reports.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'rowgate-merge-'));
after(() => rmSync(folder, { recursive: true }));

const startedAt = new Date().toISOString();

function put(file: string, report: Report | string): string {
  mkdirSync(path.join(folder, path.dirname(file)), { recursive: true });
  const text = typeof report === 'string' ? report : JSON.stringify({ ...report, startedAt });
  writeFileSync(path.join(folder, file), text);
  return file;
}

async function merge(...args: readonly string[]): Promise<{ exitCode: number | null; report: Report }> {
  const { exitCode, stdout, stderr } = await runCli(['merge', '--format', 'json', ...args], { cwd: folder });
  assert.doesNotMatch(stderr, /\n\s+at .*[:(]\d+/);
  return { exitCode, report: reportSchema.parse(JSON.parse(stdout)) };
}

const said = ({ problems }: Report): string => problems.map(({ message }) => message).join('\n');

put('reports/eu/report.json', makeReportOf(0, { targetName: 'eu' }));
put('reports/us/report.json', makeReportOf(0, { targetName: 'us' }));

test('rowgate merge folds the reports that a glob finds, writes every file, and exits with 0 when all are clean', async () => {
  const { exitCode, stdout } = await runCli(
    ['merge', 'reports/*/report.json', '--expect', 'eu', 'us', '--report-dir', 'all'],
    { cwd: folder },
  );
  assert.equal(exitCode, 0, stdout);
  assert.match(stdout, /^Clean: 2 checks held on 2 targets$/m);
  assert.match(
    stdout,
    /^ {2}eu {2}clean {2}0 violations {2}1 of 1 check {2}app on PostgreSQL 18\.4, phase 2$/m,
  );
  const report = reportSchema.parse(JSON.parse(readFileSync(path.join(folder, 'all/report.json'), 'utf8')));
  assert.deepEqual(report.channels.map(({ name }) => name), ['report.sarif', 'report.junit.xml', 'report.html', 'report.json']); // prettier-ignore
  const again = await merge('all/report.json', 'reports/eu/report.json');
  assert.equal(again.exitCode, 2);
  assert.match(said(again.report), /all\/report\.json: is a merged report/);
});

test('one broken target breaks them all, and the columns say which', async () => {
  put('broken/ap/report.json', makeReportOf(4, { targetName: 'ap' }));
  const { exitCode, stdout } = await runCli(['merge', 'reports/*/report.json', 'broken/ap/report.json'], {
    cwd: folder,
  });
  assert.equal(exitCode, 1);
  assert.match(stdout, /^ +ap +eu +us$/m);
  assert.match(stdout, /ap: public\.table_0 /);
});

test('a missing file, a pattern without files, and an expected target without a report exit with 2', async () => {
  for (const [args, says] of [
    [
      ['reports/eu/report.json', 'reports/xx/report.json'],
      /reports\/xx\/report\.json: there is no such file/,
    ],
    [['reports/eu/report.json', 'nothing/*.json'], /no report matches 'nothing\/\*\.json'/],
    [['reports/*/report.json', '--expect', 'eu', 'us', 'sa'], /no report of the target 'sa'/],
  ] as const) {
    const { exitCode, report } = await merge(...args);
    assert.deepEqual([exitCode, report.verdict], [2, 'incomplete']);
    assert.match(said(report), says);
  }
});

test('files that are no reports are told by their paths, and no one of them stops the others', async () => {
  put('bad/text.json', 'hello');
  put('bad/empty.json', '');
  put('bad/other.json', '{"version":1}');
  put('bad/large.json', ' '.repeat(33_554_433));
  put('bad/bytes.json', '');
  writeFileSync(path.join(folder, 'bad/bytes.json'), Buffer.from([0x22, 0xff, 0x22]));
  put('bad/deep.json', '['.repeat(200_000));
  const { exitCode, report } = await merge('reports/eu/report.json', 'bad/*.json');
  assert.equal(exitCode, 2);
  assert.equal(report.targets?.length, 1);
  const messages = said(report).split('\n');
  assert.equal(messages.length, 6);
  for (const file of ['bytes', 'deep', 'empty', 'large', 'other', 'text'])
    assert.ok(
      messages.some((message) => message.startsWith(`bad/${file}.json: `)),
      messages.join('\n'),
    );
  assert.ok(report.problems.every(({ code }) => code === 'report-unreadable'));
});

test('a link is not followed by a pattern', async (t) => {
  if (process.platform === 'win32') return t.skip('links need a privilege on Windows');
  mkdirSync(path.join(folder, 'links/a'), { recursive: true });
  symlinkSync(path.join(folder, 'reports/eu/report.json'), path.join(folder, 'links/a/report.json'));
  const { exitCode, report } = await merge('links/*/report.json');
  assert.equal(exitCode, 2);
  assert.match(said(report), /links\/a\/report\.json: is a symbolic link/);
});

test('without --expect a glob cannot tell what never came, and that is said', async () => {
  const { exitCode, report } = await merge('reports/*/report.json');
  assert.equal(exitCode, 0);
  assert.match(report.warnings[0]?.message ?? '', /a report that never came is not missed/);
  assert.deepEqual((await merge('reports/eu/report.json')).report.warnings, []);
});

test('a stale report, by --max-age, exits with 2', async () => {
  const old = { ...makeReportOf(0, { targetName: 'old' }), startedAt: new Date(Date.now() - 7_200_000) };
  put('old.json', JSON.stringify(old));
  assert.equal((await merge('old.json')).exitCode, 0);
  const { exitCode, report } = await merge('old.json', '--max-age', '1h');
  assert.equal(exitCode, 2);
  assert.match(said(report), /is stale/);
});

test('a wrong option of rowgate merge exits with 3', async () => {
  for (const args of [['merge'], ['merge', 'x.json', '--max-age', 'soon'], ['merge', 'x.json', '--nope']])
    assert.equal((await runCli(args, { cwd: folder })).exitCode, 3);
});

test('a report that claims to be clean over broken results does not make the merged one clean', async () => {
  const broken = makeReportOf(1, { targetName: 'liar', verdict: 'clean', exitCode: 0 });
  put('liar.json', broken);
  const { exitCode, report } = await merge('liar.json', 'reports/eu/report.json');
  assert.deepEqual([exitCode, report.verdict], [2, 'incomplete']);
  assert.match(said(report), /^liar\.json: contradicts itself/);
});

test('a target is named by --target-name, and a name that cannot be read is refused', async () => {
  const named = await runCli(['check', '--rules', 'none.yml', '--target-name', 'eu', '--format', 'json'], {
    cwd: folder,
  });
  assert.equal((JSON.parse(named.stdout) as Report).targetName, 'eu');
  for (const name of ['a\u202eb', 'a\nb', 'x'.repeat(101)]) {
    const { exitCode, stderr } = await runCli(['check', '--target-name', name], { cwd: folder });
    assert.equal(exitCode, 3);
    assert.match(stderr, /^--target-name: /);
  }
});
