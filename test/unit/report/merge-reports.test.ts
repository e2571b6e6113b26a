import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { mergeReports, type MergeOptions } from '../../../src/report/merge-reports.ts';
import { readReport } from '../../../src/report/read-report.ts';
import { reportSchema, type Report, type ReportResult } from '../../../src/report/report.ts';
import { Problem } from '../../../src/support/problem.ts';
import { makeReportOf, reportOf } from '../../support/reports.ts';

const NOW = new Date('2026-01-02T04:00:00Z');
const HOUR_MS = 3_600_000;

function merge(reports: Readonly<Record<string, Report>>, options: Partial<MergeOptions> = {}): Report {
  const read = Object.entries(reports).map(([file, report]) => ({ file, report }));
  const merged = mergeReports(read, { expect: [], maxAgeMs: HOUR_MS, now: NOW, problems: [], ...options });
  return reportSchema.parse(merged);
}

const [broken, , , , unknown] = makeReportOf(5).results as ReportResult[];
assert.ok(broken && unknown);
const clean = (targetName: string): Report => makeReportOf(0, { targetName });
const bad = (targetName: string): Report => reportOf([broken], { targetName });
const untold = (targetName: string): Report => reportOf([unknown], { targetName });
const codes = ({ problems }: Report): string[] => problems.map(({ code }) => code);
const ending = ({ verdict, exitCode }: Report): unknown[] => [verdict, exitCode];

test('clean targets are clean together, and each result names its target', () => {
  const merged = merge({ 'b.json': clean('us'), 'a.json': clean('eu') }, { expect: ['us', 'eu'] });
  assert.deepEqual(ending(merged), ['clean', 0]);
  assert.deepEqual(merged.targets?.map(({ name, verdict }) => [name, verdict]), [['eu', 'clean'], ['us', 'clean']]); // prettier-ignore
  assert.deepEqual(merged.results.map(({ target }) => target), ['eu', 'us']); // prettier-ignore
  assert.deepEqual([merged.totals.results, merged.totals.held], [2, 2]);
  assert.deepEqual(merged.problems, []);
});

test('broken anywhere is broken, and not told anywhere is incomplete', () => {
  assert.deepEqual(ending(merge({ a: clean('a'), b: bad('b'), c: untold('c') })), ['broken', 1]);
  assert.deepEqual(ending(merge({ a: clean('a'), c: untold('c') })), ['incomplete', 2]);
  const notStarted = reportOf([], { targetName: 'd', exitCode: 3 });
  assert.deepEqual(ending(merge({ a: clean('a'), d: notStarted })), ['incomplete', 2]);
});

test('broken that fails nothing, as with fail-on: never, fails nothing together either', () => {
  const lenient = reportOf([broken], { targetName: 'b', failOn: 'never', exitCode: 0 });
  assert.deepEqual(ending(merge({ a: clean('a'), b: lenient })), ['broken', 0]);
  assert.deepEqual(ending(merge({ a: untold('a'), b: lenient })), ['broken', 2]);
});

test('no report at all is incomplete', () => assert.deepEqual(ending(merge({})), ['incomplete', 2]));

test('a target that was expected and has no report makes it incomplete', () => {
  const merged = merge({ a: clean('eu-west') }, { expect: ['eu-west', 'eu-east'] });
  assert.deepEqual([...ending(merged), ...codes(merged)], ['incomplete', 2, 'report-missing']);
  assert.match(merged.problems[0]?.message ?? '', /'eu-east'/);
});

test('a target that nobody expected is told, and decides nothing by that', () => {
  const merged = merge({ a: clean('eu'), b: clean('extra') }, { expect: ['eu'] });
  assert.deepEqual(ending(merged), ['clean', 0]);
  assert.deepEqual(merged.warnings.map(({ code }) => code), ['target-unexpected']); // prettier-ignore
});

test('two reports of one name make it incomplete, and neither hides the other', () => {
  const merged = merge({ 'x.json': clean('eu'), 'y.json': clean('eu') });
  assert.deepEqual([...ending(merged), ...codes(merged)], ['incomplete', 2, 'report-duplicate']);
  assert.match(merged.problems[0]?.message ?? '', /x\.json, y\.json/);
  assert.deepEqual(merged.targets?.map(({ name }) => name), ['eu', 'eu (y.json)']); // prettier-ignore
  assert.equal(merge({ x: clean('eu'), y: bad('eu') }).verdict, 'broken');
});

test('a report without a name is known by its database, and one without a database by its file', () => {
  const { targetName: _, ...unnamed } = clean('');
  const merged = merge({ 'a.json': unnamed, 'b/report.json': { ...unnamed, target: null } });
  assert.deepEqual(merged.targets?.map(({ name }) => name), ['app', 'b/report.json']); // prettier-ignore
});

test('a stale report, and one of a time to come, make it incomplete', () => {
  const at = (startedAt: string): Report => merge({ a: makeReportOf(0, { targetName: 'a', startedAt }) });
  assert.deepEqual(codes(at('2026-01-02T03:00:00Z')), []);
  assert.deepEqual(codes(at('2026-01-02T04:04:59Z')), []);
  for (const startedAt of ['2026-01-02T02:59:59Z', '2026-01-02T04:05:01Z', '1970-01-01T00:00:00Z'])
    assert.deepEqual([...ending(at(startedAt)), ...codes(at(startedAt))], ['incomplete', 2, 'report-stale']);
});

test('a report that could not be read makes it incomplete', () => {
  const problems = [new Problem('report-unreadable', 'b.json: is not JSON')];
  assert.deepEqual(ending(merge({ a: clean('a') }, { problems })), ['incomplete', 2]);
});

test('a merged report is refused among those to merge', () => {
  const merged = merge({ a: clean('a'), 'merged/report.json': merge({ b: clean('b') }) });
  assert.deepEqual([...ending(merged), ...codes(merged)], ['incomplete', 2, 'report-unreadable']);
});

test('other rules and other versions are told, with the targets that have them', () => {
  const other = clean('b');
  const merged = merge({
    a: { ...clean('a'), rowgateVersion: '1.0.0' },
    b: { ...other, rowgateVersion: '1.1.0', rules: { ...other.rules, hash: 'b'.repeat(64) } },
  });
  assert.deepEqual(merged.warnings.map(({ message }) => message), [
    'the targets were checked with different rules: aaaaaaaa (a), bbbbbbbb (b)',
    'the reports were made by different versions of Rowgate: 1.0.0 (a), 1.1.0 (b)',
  ]); // prettier-ignore
  assert.equal(merged.verdict, 'clean');
});

test('problems and warnings of targets keep their names, and the same of several is told once', () => {
  const warning = { code: 'reads-standby', message: 'it is a standby', hint: null, at: null };
  const merged = merge({
    a: { ...clean('a'), warnings: [warning] },
    b: { ...clean('b'), warnings: [warning] },
  });
  assert.deepEqual(merged.warnings.map(({ message }) => message), ['a, b: it is a standby']); // prettier-ignore
});

test('merged is clean exactly when every report is, and never loses a result', () => {
  const anyReport = fc.constantFrom(clean, bad, untold);
  fc.assert(
    fc.property(fc.array(anyReport, { minLength: 1, maxLength: 8 }), (makers) => {
      const all = makers.map((make, i) => make(`t${i}`));
      const merged = merge(Object.fromEntries(all.map((report, i) => [`${i}.json`, report])));
      const every = (verdict: string): boolean => all.every((report) => report.verdict === verdict);
      assert.equal(merged.verdict === 'clean', every('clean'));
      assert.equal(merged.exitCode === 0, every('clean'));
      assert.equal(merged.results.length, all.flatMap(({ results }) => results).length);
    }),
  );
});

const refusal = (value: unknown): string => {
  try {
    readReport(typeof value === 'string' ? value : JSON.stringify(value), 'r/report.json');
  } catch (error) {
    assert.ok(error instanceof Problem && error.code === 'report-unreadable');
    return error.message;
  }
  return '';
};

test('a report that was written is read as it was', () => {
  for (const report of [makeReportOf(0), makeReportOf(51), reportOf([]), untold('x')])
    assert.deepEqual(readReport(JSON.stringify(report), 'r'), report);
});

test('a mistake in a report is told with the file and the place in it', () => {
  const report = makeReportOf(3);
  assert.match(refusal('{'), /^r\/report\.json: is not JSON: /);
  assert.match(refusal('[]'), /^r\/report\.json: is no report of this format: the whole: /);
  const [first, ...rest] = report.results;
  const wrong = { ...report, results: [{ ...first, outcome: 'fine' }, ...rest] };
  assert.match(refusal(wrong), /results\[0\]\.outcome: /);
  assert.match(refusal({ ...report, extra: 1 }), /extra/);
  assert.match(refusal({ ...report, version: 2 }), /version: /);
});

test('a report that says better of itself than its results are is refused', () => {
  const report = makeReportOf(3);
  const green = { verdict: 'clean', exitCode: 0 } as const;
  const lies: readonly Report[] = [
    { ...report, ...green },
    { ...untold('x'), ...green },
    { ...reportOf([]), ...green },
    { ...makeReportOf(0), problems: [{ code: 'x', message: 'x', hint: null, at: null }] },
    { ...report, exitCode: 0 },
    { ...untold('x'), exitCode: 0 },
    { ...report, verdict: 'incomplete', exitCode: 2 },
    { ...report, totals: { ...report.totals, broken: 0 } },
    { ...makeReportOf(0), exitCode: 1 },
    reportOf([{ ...broken, violations: null }]),
    reportOf([{ ...unknown, outcome: 'held' }]),
  ];
  for (const lie of lies) assert.match(refusal(lie), /contradicts itself/, JSON.stringify(lie).slice(0, 200));
});

test('keys that mean something to JavaScript are keys, or refused, and change no object', () => {
  const text = JSON.stringify(makeReportOf(1)).replace('"key":{"id":"0"}', '"key":{"__proto__":"7","constructor":null}'); // prettier-ignore
  const key = readReport(text, 'r').results[0]?.samples[0]?.key ?? {};
  assert.deepEqual(Object.entries(key), [['__proto__', '7'], ['constructor', null]]); // prettier-ignore
  const polluting = JSON.stringify(makeReportOf(0)).replace('{', '{"__proto__":{"verdict":"clean"},');
  assert.match(refusal(polluting), /is no report/);
  assert.equal(({} as { verdict?: string }).verdict, undefined);
});

test('whatever text is given, it is a report or a refusal, and nothing else is thrown', () => {
  fc.assert(fc.property(fc.json(), (text) => refusal(text) !== ''));
  fc.assert(fc.property(fc.string(), (text) => refusal(text) !== ''));
});
