import { createHash } from 'node:crypto';
import { groupBy } from '../support/group-by.ts';
import type { Changes, Report, Tally } from './report.ts';

/** The counts of a run, by rule: all that the next one is told of it, and never a key or a name from the database. */
export type Tallies = {
  /** Of what they are: runs that looked elsewhere are not compared. 16 hexadecimal digits. */
  readonly of: string;
  readonly startedAt: string;
  readonly rules: ReadonlyMap<string, Tally>;
};

/** Counts the violations of each rule over its tables. */
export function talliesOf(report: Report): Tallies {
  const names = report.targets?.map(({ name }) => name) ?? [
    report.targetName ?? null,
    report.target?.database ?? null,
  ];
  const rules = [...groupBy(report.results, ({ rule }) => rule)].map(([rule, results]) => {
    const counted = results.flatMap(({ violations }) => violations ?? []);
    const count = counted.reduce((sum, each) => sum + each.count, 0);
    // What was not measured may hold any number more.
    const exact = counted.length === results.length && counted.every((each) => each.exact);
    return [rule, { count: counted.length === 0 ? null : count, exact }] as const;
  });
  return {
    of: createHash('sha256').update(JSON.stringify(names)).digest('hex').slice(0, 16),
    startedAt: report.startedAt,
    rules: new Map(rules),
  };
}

/** What became of each rule since an earlier run; undefined where that looked at something else. */
export function makeChanges(report: Report, before: Tallies): Changes | undefined {
  const now = talliesOf(report);
  // Where no server answered it is not known what was looked at, and nothing was counted.
  if (before.of !== now.of) return undefined;
  const names = [...new Set([...now.rules.keys(), ...before.rules.keys()])];
  return {
    since: before.startedAt,
    rules: names.map((rule) => {
      const [was, is] = [before.rules.get(rule) ?? null, now.rules.get(rule) ?? null];
      return { rule, was, now: is, change: changeOf(was, is) };
    }),
  };
}

function changeOf(was: Tally | null, now: Tally | null): Changes['rules'][number]['change'] {
  if (now === null) return 'removed';
  if (now.count === null || !now.exact) return now.count !== null && was === null ? 'new' : 'unknown';
  if (was === null) return now.count > 0 ? 'new' : 'same';
  if (was.count === null || !was.exact) return 'unknown';
  if (now.count === was.count) return 'same';
  if (now.count === 0) return 'fixed';
  if (was.count === 0) return 'new';
  return now.count > was.count ? 'more' : 'fewer';
}
