import assert from 'node:assert/strict';
import type { Report, ReportResult } from '../../src/report/report.ts';
import { STRUCK, type Passed } from './fault-proxy.ts';
import { MEASURES } from './gate-under-fault.ts';

/** What a check found, without what differs from run to run. */
function finding({ rule, table, outcome, violations, classes, samples, reason }: ReportResult) {
  return { rule, table, outcome, violations, classes, samples, reason };
}

/** Every check found what it finds on a good day. */
export function expectUndisturbed(report: Report, good: Report): void {
  assert.deepEqual(report.results.map(finding), good.results.map(finding));
  assert.deepEqual([report.exitCode, report.verdict], [good.exitCode, good.verdict]);
}

/**
 * Every check found what it finds on a good day, or is unknown for a reason; the exit code says so; and what was
 * measured is what the server had answered.
 */
export function expectHonest(report: Report, good: Report, passed: readonly Passed[]): void {
  const places = ({ results }: Report) => results.map(({ rule, table }) => [rule, table]);
  assert.deepEqual(places(report), places(good), 'every rule and table is in the report');
  for (const [i, result] of report.results.entries()) {
    const best = good.results[i];
    if (result.outcome === 'unknown') expectReason(result);
    else assert.deepEqual(finding(result), best && { ...finding(best), samples: someOf(result, best) });
  }
  const measured = new Set(report.results.flatMap((each) => (each.outcome === 'unknown' ? [] : [each.rule])));
  const { answered, finished } = answersIn(passed);
  for (const rule of measured) assert.ok(answered.has(rule), `${rule} was measured and not answered`);
  for (const rule of finished) assert.ok(measured.has(rule), `${rule} was finished and not kept`);
  const isBroken = report.results.some(({ outcome }) => outcome === 'broken');
  const isComplete = measured.size === good.results.length;
  assert.equal(report.exitCode, isBroken ? 1 : isComplete ? 0 : 2);
  assert.equal(report.verdict, isBroken ? 'broken' : isComplete ? 'clean' : 'incomplete');
}

/** A count is an answer without its samples, too. */
function someOf({ samples }: ReportResult, best: ReportResult): ReportResult['samples'] {
  return samples.length === 0 ? samples : best.samples;
}

function expectReason({ rule, problem, reason, violations, classes }: ReportResult): void {
  assert.ok(problem && reason.length > 0, `${rule} says why it is unknown`);
  assert.deepEqual([violations, classes], [null, {}]);
  assert.doesNotMatch(problem.code, /internal|rules-invalid/, problem.message);
}

/**
 * The rules whose statement the server has answered; and of them those that were finished: another one's statement
 * came after, on the same session, and no fault had struck the answer.
 */
function answersIn(passed: readonly Passed[]) {
  const asked = new Map<number, string>();
  const answered = new Set<string>();
  const finished = new Set<string>();
  const doubtful = new Set<string | undefined>();
  for (const { from, type, session, text } of passed) {
    const before = asked.get(session);
    const rule = Object.keys(MEASURES).find((each) => MEASURES[each]?.test(text));
    const isOver = before !== undefined && answered.has(before);
    if (from === 'client' && type === 'P' && !isOver) asked.delete(session);
    if (rule !== undefined) asked.set(session, rule);
    if (rule !== undefined && isOver && !doubtful.has(before)) finished.add(before);
    if (from === 'server' && type === 'C' && before !== undefined) answered.add(before);
    if (type === STRUCK) doubtful.add(before);
  }
  return { answered, finished };
}
