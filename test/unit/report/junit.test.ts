import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { renderJunit } from '../../../src/report/junit.ts';
import { mergeReports } from '../../../src/report/merge-reports.ts';
import type { Report, ReportResult } from '../../../src/report/report.ts';
import { makeReportOf, reportOf } from '../../support/reports.ts';
import { readXml, type XmlElement } from '../../support/xml.ts';

const [broken, , , , unknown] = makeReportOf(5).results as ReportResult[];
assert.ok(broken && unknown);

const casesOf = (report: Report): XmlElement[] =>
  readXml(renderJunit(report)).filter(({ name }) => name === 'testcase');
const ending = (report: Report): XmlElement | undefined => casesOf(report)[0]?.children[0];

for (const count of [0, 1, 51, 131, 10_000]) {
  test(`a report of ${count} findings has a case for each check, and counts them`, () => {
    const report = makeReportOf(count);
    const all = readXml(renderJunit(report));
    const cases = all.filter(({ name }) => name === 'testcase');
    assert.equal(cases.length, report.results.length);
    const [suites] = all;
    const having = (tag: string): string =>
      String(cases.filter(({ children }) => children[0]?.name === tag).length);
    const { tests, failures, errors, skipped } = suites?.attributes ?? {};
    assert.deepEqual([tests, failures, errors, skipped], [String(count + 1), having('failure'), having('error'), having('skipped')]); // prettier-ignore
  });
}

test('held passes, broken fails, not measured is an error, not enforced is skipped with the reason', () => {
  assert.equal(ending(makeReportOf(0)), undefined);
  assert.equal(ending(reportOf([broken]))?.name, 'failure');
  const notMeasured = ending(reportOf([unknown]));
  assert.equal(notMeasured?.name, 'error');
  assert.equal(notMeasured?.attributes['message'], 'Not measured: it took longer than 60 s on the server');
  for (const result of [broken, unknown]) {
    const early = ending(reportOf([{ ...result, enforced: false }]));
    assert.equal(early?.name, 'skipped');
    assert.match(early?.attributes['message'] ?? '', /^Not enforced yet\. /);
  }
});

test('debt that holds passes, and is told with it', () => {
  const debt = { leaks: 0, count: 1_204, was: 1_300, since: null };
  const told = ending(reportOf([{ ...broken, outcome: 'held', debt }]));
  assert.deepEqual([told?.name, told?.text], ['system-out', 'debt 1,204 (was 1,300)']);
});

test('a warning that does not fail the run is skipped, and fails where fail-on says so', () => {
  const warning = { ...broken, severity: 'warning' } as const;
  assert.equal(ending(reportOf([warning]))?.name, 'skipped');
  assert.match(ending(reportOf([warning]))?.attributes['message'] ?? '', /^A warning does not fail this run/);
  assert.equal(ending(reportOf([warning], { failOn: 'warning' }))?.name, 'failure');
});

test('a run that could not start, and one without results, are errors', () => {
  const at = { file: 'rules/x.yml', line: 7, column: 3 };
  const problem = { code: 'rules-invalid', message: 'unknown key', hint: null, at };
  const [mistake] = casesOf(reportOf([], { problems: [problem] }));
  assert.deepEqual([mistake?.attributes['name'], mistake?.children[0]?.name], ['rules/x.yml:7:3', 'error']);
  assert.equal(ending(reportOf([]))?.name, 'error');
});

test('there is a failure or an error exactly when the verdict is not clean, merged or not', () => {
  const anyResult = fc
    .record({
      outcome: fc.constantFrom('held', 'broken', 'unknown' as const),
      severity: fc.constantFrom('error', 'warning', 'notice' as const),
      enforced: fc.boolean(),
    })
    .map(({ outcome, ...more }): ReportResult => {
      const base = outcome === 'unknown' ? unknown : broken;
      return { ...base, ...more, outcome: outcome as ReportResult['outcome'] };
    });
  fc.assert(
    fc.property(fc.array(anyResult, { minLength: 1, maxLength: 6 }), fc.boolean(), (results, isMerged) => {
      const one = reportOf(results, { targetName: 'one' });
      const report = isMerged
        ? mergeReports([{ file: 'a', report: one }], {
            expect: [],
            maxAgeMs: 1e13,
            now: new Date(),
            problems: [],
          })
        : one;
      const isRed = casesOf(report).some(({ children }) =>
        ['failure', 'error'].includes(children[0]?.name ?? ''),
      );
      assert.equal(isRed, report.verdict !== 'clean');
    }),
  );
});

test('any text of a report is text in XML, and nothing of it is lost', () => {
  const anyText = fc.string({ unit: 'binary', maxLength: 60 });
  fc.assert(
    fc.property(anyText, anyText, (why, table) => {
      const [one] = casesOf(reportOf([{ ...broken, why, table }]));
      assert.equal(one?.children.length, 1);
      if (/^[\w <>&"'\]]+$/.test(table)) assert.equal(one?.attributes['name'], table);
    }),
  );
});
