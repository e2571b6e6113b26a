import type * as z from 'zod';
import { isDecisive } from './decisive.ts';
import { totalsOf } from './make-report.ts';
import { reportSchema, type Report } from './report.ts';
import { Problem } from '../support/problem.ts';

/** So many mistakes of one file are told; the rest are of the same sort. */
const MAX_MISTAKES = 5;

/** A report of 10,000 results has some 400,000 values. Each wrong one of more would be told, and that fills the memory. */
const MAX_VALUES = 2_000_000;

/**
 * A report from text that anybody may have written: of the format, and not at odds with itself, so that no report says
 * clean of results that are not. Throws `report-unreadable`, which names the file and the place in it.
 */
export function readReport(text: string, file: string): Report {
  const refuse = (message: string, hint?: string): never => {
    throw new Problem('report-unreadable', `${file}: ${message}`, { hint });
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refuse(
      `is not JSON: ${error instanceof Error ? error.message.slice(0, 200) : 'it cannot be parsed'}`,
    );
  }
  if (hasMoreThan(MAX_VALUES, value)) return refuse(`holds more than ${MAX_VALUES} values`);
  const { success, error } = reportSchema.safeParse(value);
  if (!success)
    return refuse(
      `is no report of this format: ${describe(error.issues)}`,
      'Was it written by another version of Rowgate, or changed since?',
    );
  // As it was parsed, not as zod copies it: a column may be called `__proto__`.
  const report = value as Report;
  const contradiction = findContradiction(report);
  return contradiction === undefined ? report : refuse(`contradicts itself: ${contradiction}`);
}

/** Whether JSON holds more values than that, those in others included. */
function hasMoreThan(most: number, root: unknown): boolean {
  let count = 0;
  const open = [root];
  while (open.length > 0 && count <= most) {
    const value = open.pop();
    count += 1;
    if (value !== null && typeof value === 'object') for (const each of Object.values(value)) open.push(each);
  }
  return count > most;
}

function describe(issues: readonly z.core.$ZodIssue[]): string {
  const told = issues.slice(0, MAX_MISTAKES).map(({ path, message }) => {
    const place = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
    return `${place.replace(/^\./, '') || 'the whole'}: ${message}`;
  });
  const more = issues.length - told.length;
  return `${told.join('; ')}${more > 0 ? `; and ${more} more` : ''}`.slice(0, 2_000);
}

/** What a report of Rowgate's own can never say; whatever `fail-on` was, enforced errors decide. */
function findContradiction(report: Report): string | undefined {
  const { verdict, exitCode, results, problems, totals, failOn = 'never' } = report;
  const decisive = results.filter((result) => isDecisive(result, failOn));
  const broken = decisive.filter(({ outcome }) => outcome === 'broken').length;
  const unknown = decisive.filter(({ outcome }) => outcome === 'unknown').length;
  const unmeasured = results.find(
    ({ outcome, violations }) => (outcome === 'unknown') !== (violations === null),
  );
  const counted = totalsOf(results);
  const names = Object.keys(counted) as (keyof typeof counted)[];
  const wrong = names.find((name) => counted[name] !== totals[name]);
  if (unmeasured)
    return `a result of '${unmeasured.rule}' is ${unmeasured.outcome}, and its violations say otherwise`;
  if (wrong) return `totals.${wrong} is ${totals[wrong]}, and its results come to ${counted[wrong]}`;
  if (verdict === 'clean' && broken + unknown + problems.length > 0)
    return `its verdict is clean with ${broken} broken and ${unknown} unknown results and ${problems.length} problems`;
  if (verdict === 'clean' && results.length === 0) return 'its verdict is clean without any result';
  if (verdict === 'incomplete' && broken > 0)
    return `its verdict is incomplete with ${broken} broken results`;
  if ((exitCode === 0) !== endsWell(report, unknown))
    return `its verdict is ${verdict}, and its exit code ${exitCode}`;
  return undefined;
}

/** Exit code 0 is for clean, and for broken where `fail-on: never` was asked and all was measured. */
function endsWell({ verdict, problems, failOn }: Report, unknown: number): boolean {
  if (verdict === 'broken') return failOn === 'never' && unknown + problems.length === 0;
  return verdict === 'clean';
}
