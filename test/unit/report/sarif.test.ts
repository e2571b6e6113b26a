import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Log, Result } from 'sarif';
import { MAX_SARIF_BYTES, MAX_SARIF_RESULTS } from '../../../src/github/limits.ts';
import type { Report, ReportResult } from '../../../src/report/report.ts';
import { renderSarif } from '../../../src/report/sarif.ts';
import { makeReportOf, reportOf } from '../../support/reports.ts';
import { assertSarif } from '../../support/sarif-schema.ts';

const limits = { maxResults: MAX_SARIF_RESULTS, maxBytes: MAX_SARIF_BYTES };

function runOf(report: Report, most = limits) {
  const rendered = renderSarif(report, most);
  const log = JSON.parse(rendered.sarif) as Log;
  assertSarif(log);
  const [run] = log.runs;
  assert.ok(run);
  return { ...rendered, run, results: run.results ?? [] };
}

const [broken, , , , unknown] = makeReportOf(5).results as ReportResult[];
assert.ok(broken && unknown);

for (const count of [0, 1, 51, 131, 10_000]) {
  test(`a report of ${count} findings is valid SARIF, and says of each that it is there or left out`, () => {
    const { results, shown, total, step, run } = runOf(makeReportOf(count));
    assert.equal(total, count);
    assert.equal(results.length, shown);
    assert.equal(shown, Math.min(count, MAX_SARIF_RESULTS));
    assert.equal(step, count > MAX_SARIF_RESULTS ? 'gravest only' : 'full');
    assert.equal(
      run.tool.driver.rules?.some(({ id }) => id === 'rule-that-held'),
      true,
    );
    for (const { ruleId, ruleIndex } of results)
      assert.equal(run.tool.driver.rules?.[ruleIndex ?? -1]?.id, ruleId);
    const notes = run.invocations?.[0]?.toolExecutionNotifications?.map(({ message }) => message.text);
    assert.deepEqual(notes, count > shown ? ['5,000 of 10,000 results are not in this file; report.json has them all.'] : []); // prettier-ignore
  });
}

test('whatever the limits are, SARIF stays within them, and what it shows and leaves out is all there is', () => {
  const report = makeReportOf(131);
  fc.assert(
    fc.property(fc.nat(140), fc.integer({ min: 60_000, max: 200_000 }), (maxResults, maxBytes) => {
      const { sarif, shown, total } = renderSarif(report, { maxResults, maxBytes });
      const log = JSON.parse(sarif) as Log;
      const [{ results = [], invocations = [] } = assert.fail()] = log.runs;
      assert.ok(results.length <= maxResults && (Buffer.byteLength(sarif) <= maxBytes || shown === 0));
      assert.deepEqual([results.length, total], [shown, 131]);
      const told = invocations[0]?.toolExecutionNotifications?.flatMap(({ message }) => /^(\d+) of 131/.exec(message.text ?? '')?.[1] ?? []); // prettier-ignore
      assert.equal(Number(told?.[0] ?? 0), 131 - shown);
    }),
    { numRuns: 40 },
  );
});

test('the gravest results are the ones that are kept', () => {
  const { results } = runOf(makeReportOf(131), { ...limits, maxResults: 20 });
  assert.ok(results.every(({ level }) => level === 'error'));
});

test('keys of rows are left out first, and that is said', () => {
  const report = makeReportOf(51);
  const full = renderSarif(report, limits).sarif;
  const { step, shown, run } = runOf(report, { ...limits, maxBytes: Buffer.byteLength(full) - 1 });
  assert.deepEqual([step, shown], ['without samples', 51]);
  assert.match(JSON.stringify(run.invocations), /The keys of rows are not in this file/);
  assert.doesNotMatch(JSON.stringify(run.results), /For example/);
});

test('what was not measured is a result of the rule, at its level, and says so', () => {
  const { results, run } = runOf(reportOf([unknown]));
  assert.equal(results[0]?.level, 'error');
  assert.match(results[0]?.message.text ?? '', /^public\.table_\d: Not measured: it took longer than 60 s/);
  assert.equal(results[0]?.properties?.['outcome'], 'unknown');
  assert.notEqual(results[0]?.kind, 'pass');
  assert.equal(run.invocations?.[0]?.executionSuccessful, false);
});

test('levels are those of severities, and a rule that is not enforced yet is a note', () => {
  const levels = (['error', 'warning', 'notice'] as const).map(
    (severity) => runOf(reportOf([{ ...broken, severity }])).results[0]?.level,
  );
  assert.deepEqual(levels, ['error', 'warning', 'note']);
  const { results } = runOf(reportOf([{ ...broken, enforced: false }]));
  assert.equal(results[0]?.level, 'note');
  assert.match(results[0]?.message.text ?? '', /^Not enforced yet\. /);
});

const fingerprint = (result: ReportResult): Result['partialFingerprints'] =>
  runOf(reportOf([result])).results[0]?.partialFingerprints;

test('a fingerprint survives moved lines, other counts, samples, words and outcomes', () => {
  const moved = { source: { file: 'rules/other.yml', line: 99, endLine: 120 }, why: 'Other words.' };
  const changed = { violations: { count: 9_999, exact: false }, samples: [], classes: { null: 9_999 } };
  const { rule, table } = broken;
  for (const other of [
    { ...broken, ...moved },
    { ...broken, ...changed },
    { ...unknown, rule, table },
  ])
    assert.deepEqual(fingerprint(other), fingerprint(broken));
});

test('another rule, table or target has another fingerprint', () => {
  const others = [{ rule: 'other' }, { table: 'public.other' }, { target: 'eu' }, { target: 'us' }, { table: null }]; // prettier-ignore
  const all = [broken, ...others.map((other) => ({ ...broken, ...other }))].map(fingerprint);
  assert.equal(new Set(all.map((each) => each?.['primaryLocationLineHash'])).size, all.length);
});

test('a place is a relative URI, whatever the file is called, and a region of at least one line', () => {
  const place = (file: string, line = 3, endLine = 7) =>
    runOf(reportOf([{ ...broken, source: { file, line, endLine } }])).results[0]?.locations?.[0]?.physicalLocation; // prettier-ignore
  const uris = ['rules/a.yml', 'rules/a b#?.yml', '/etc/x', 'c:x', 'javascript:alert(1)', 'ü\ud800'].map(
    (file) => place(file)?.artifactLocation?.uri,
  );
  assert.deepEqual(uris, ['rules/a.yml', 'rules/a%20b%23%3F.yml', 'etc/x', 'c%3Ax', 'javascript%3Aalert(1)', '%C3%BC%EF%BF%BD']); // prettier-ignore
  assert.deepEqual(place('a', 3, 7)?.region, { startLine: 3, endLine: 7 });
  assert.deepEqual(place('a', 0, -4)?.region, { startLine: 1, endLine: 1 });
});

test('a run that could not start is a result at the mistake, so that nobody takes its silence for clean', () => {
  const at = { file: 'rules/x.yml', line: 7, column: 3 };
  const problem = { code: 'rules-invalid', message: 'unknown key', hint: 'Remove it.', at };
  const { results, run, total } = runOf(reportOf([], { problems: [problem], exitCode: 3 }));
  assert.equal(total, 1);
  assert.equal(results[0]?.level, 'error');
  assert.equal(results[0]?.locations?.[0]?.physicalLocation?.region?.startLine, 7);
  assert.equal(run.invocations?.[0]?.exitCode, 3);
});

test('uploads for several targets of one commit do not replace each other', () => {
  assert.equal(runOf(makeReportOf(1)).run.automationDetails, undefined);
  const { run } = runOf(makeReportOf(1, { targetName: 'eu/1' }));
  assert.equal(run.automationDetails?.id, 'rowgate/eu%2F1/');
});

test('no text of a rule or a row is a link in a message', () => {
  const { results } = runOf(reportOf([{ ...broken, why: '[click](https://evil.example)' }]));
  assert.doesNotMatch(results[0]?.message.text ?? '', /\]\(/);
});
