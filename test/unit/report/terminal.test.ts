import assert from 'node:assert/strict';
import test from 'node:test';
import type { ReportResult } from '../../../src/report/report.ts';
import { renderTerminal } from '../../../src/report/terminal.ts';
import { makeReportOf, reportOf } from '../../support/reports.ts';

const [held] = makeReportOf(0).results;
assert.ok(held);
const heldRules = (count: number): ReportResult[] =>
  Array.from({ length: count }, (_, i) => [
    { ...held, rule: `rule-${i}`, table: 'public.a' },
    { ...held, rule: `rule-${i}`, table: 'public.b' },
  ]).flat();
const heldLines = (results: readonly ReportResult[]): string[] =>
  renderTerminal(reportOf(results), { color: false })
    .split('\n')
    .filter((line) => line.startsWith('+ '));

test('each of a few rules that held has its line', () => {
  const lines = heldLines(heldRules(40));
  assert.deepEqual([lines.length, lines[39]], [40, '+ rule-39: held, 2 checks']);
});

test('of many rules that held the last line counts those without one, and debt keeps its own', () => {
  const owing: ReportResult = { ...held, rule: 'owes', debt: { leaks: 0, count: 3, was: 4, since: null } };
  const lines = heldLines([...heldRules(1_000), owing]);
  assert.equal(lines.length, 42);
  assert.match(lines[40] ?? '', /^\+ owes: held, 1 check; .*debt 3 \(was 4\)/);
  assert.equal(lines[41], '+ 960 more rules: held, 1,920 checks');
});
