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

/** After which nothing that was read before is looked at again. */
const BEGINS_ANEW = /^P[^]{5}(?:savepoint|rollback to)/;

/** By which a session makes sure that what it has counted was the whole. */
const LOOKS_AGAIN = /^P[^]*pg_catalog\.pg_locks/;

/**
 * The rules whose statement the server has answered; and of them those that were finished: it was looked once more
 * whether that was the whole, for several at a time, something else was asked after, and no fault had struck an answer.
 */
function answersIn(passed: readonly Passed[]) {
  const answered = new Set<string>();
  const finished = new Set<string>();
  const sessions = new Map<
    number,
    { asked?: string | undefined; counted: string[]; looks: boolean; done: string[] }
  >();
  for (const { from, type, session, text } of passed) {
    const state = sessions.get(session) ?? { counted: [], looks: false, done: [] };
    sessions.set(session, state);
    if (type === STRUCK) Object.assign(state, { counted: [], looks: false, done: [] });
    if (from === 'client' && type === 'P') {
      state.asked = Object.keys(MEASURES).find((each) => MEASURES[each]?.test(text));
      state.looks = LOOKS_AGAIN.test(text);
      if (BEGINS_ANEW.test(text)) state.counted = [];
      else state.done.splice(0).forEach((rule) => finished.add(rule));
    }
    if (from !== 'server' || type !== 'C') continue;
    if (state.looks) state.done.push(...state.counted.splice(0));
    if (state.asked === undefined) continue;
    answered.add(state.asked);
    state.counted.push(state.asked);
  }
  return { answered, finished };
}
