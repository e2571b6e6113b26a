import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { reportSchema, type Report } from '../../src/report/report.ts';
import { makeReportOf } from '../support/reports.ts';
import { runAction, type ActionRun } from '../support/runner-emulator.ts';

const startedAt = new Date().toISOString();

function merge(
  reports: Readonly<Record<string, Report>>,
  inputs: Readonly<Record<string, string>> = {},
): Promise<ActionRun> {
  const files = Object.entries(reports).map(([file, report]) => [
    file,
    JSON.stringify({ ...report, startedAt }),
  ]);
  return runAction({
    actionFolder: path.resolve('.'),
    files: Object.fromEntries(files),
    inputs: { mode: 'merge', reports: 'reports/*/report.json', ...inputs },
  });
}

const eu = makeReportOf(0, { targetName: 'eu' });
const us = makeReportOf(3, { targetName: 'us' });

test('mode: merge shows one summary, one set of files and one exit code, and needs no database', async () => {
  const run = await merge({ 'reports/a/report.json': eu, 'reports/b/report.json': us }, { expect: 'eu, us' });
  assert.equal(run.exitCode, 1, run.log);
  assert.equal(run.outputs['verdict'], 'broken');
  assert.match(run.summary ?? '', /❌ Rowgate: Broken: .* on 2 targets/);
  assert.match(run.summary ?? '', /\| ✅ \| eu \| clean \|/);
  const report = reportSchema.parse(JSON.parse(run.read(run.outputs['report-path'] ?? '') ?? ''));
  assert.deepEqual(report.targets?.map(({ name }) => name), ['eu', 'us']); // prettier-ignore
  for (const output of ['sarif-path', 'junit-path', 'html-path'])
    assert.ok(run.read(run.outputs[output] ?? ''), output);
});

test('mode: merge with a target missing fails as incomplete, and says which', async () => {
  const run = await merge({ 'reports/a/report.json': eu }, { expect: 'eu, us' });
  assert.equal(run.exitCode, 2);
  assert.equal(run.outputs['verdict'], 'incomplete');
  assert.match(run.annotations.map(({ message }) => message).join(), /no report of the target 'us'/);
});

test('mode: merge without reports does not start, and an unknown mode is refused', async () => {
  const run = await merge({}, { reports: '' });
  assert.equal(run.exitCode, 3);
  assert.match(run.annotations[0]?.message ?? '', /reports: mode: merge needs the paths/);
  assert.equal((await merge({}, { mode: 'marge' })).exitCode, 3);
});
