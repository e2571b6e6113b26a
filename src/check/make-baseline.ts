import { checkedTable } from '../plan/plan.ts';
import { displayTable, type TableName } from '../sql/identifier.ts';
import { definitionOf, type Baseline, type BaselineEntry } from './baseline.ts';
import type { CheckResult } from './check-result.ts';
import { debtIn, grownIn, leaksIn, type RatchetOptions } from './ratchet.ts';

/** A baseline to write, and what keeps it from holding every check. */
export type MadeBaseline = {
  readonly baseline: Baseline;
  /** Counts that were recorded now. */
  readonly recorded: number;
  readonly unknown: readonly string[];
  readonly leaking: readonly string[];
  /** Counts above those of the baseline before. */
  readonly risen: readonly string[];
};

const displayed = (table: TableName | undefined): string => (table ? displayTable(table) : '');

/**
 * Records what rules with a `ratchet` counted. A check that leaks, or could not be measured, keeps its earlier record; a
 * count that did not fall keeps the time when it last did.
 */
export function makeBaseline(
  results: readonly CheckResult[],
  { baseline: before, database, targetName, now }: RatchetOptions,
  isAsked: (rule: string) => boolean,
): MadeBaseline {
  const entries: BaselineEntry[] = (before?.entries ?? []).filter(({ rule }) => !isAsked(rule));
  const unknown: string[] = [];
  const leaking: string[] = [];
  const risen: string[] = [];
  let recorded = 0;
  for (const result of results) {
    const { check } = result;
    const { rule } = check;
    if (!rule.ratchet) continue;
    const table = check.form === 'impossible' ? (check.table ?? '') : displayed(checkedTable(check));
    const name = `${rule.id} on ${table}`;
    const earlier = before?.entries.find((each) => each.rule === rule.id && each.table === table);
    const keep = (list: string[]): void => {
      list.push(name);
      if (earlier) entries.push(earlier);
    };
    if (result.outcome === 'unknown' || check.form !== 'rows') keep(unknown);
    else if (leaksIn(check, result.classes) > 0) keep(leaking);
    else {
      const definition = definitionOf(rule);
      const same = earlier?.definition === definition ? earlier : undefined;
      const classes = debtIn(check, result.classes);
      const { count: violations } = result.violations;
      if (same && (violations > same.violations || grownIn(classes, same).length > 0))
        risen.push(`${name}: ${violations}, was ${same.violations}`);
      const since = same && violations >= same.violations ? same.since : now.toISOString();
      entries.push({ rule: rule.id, definition, table, classes, violations, since });
      recorded += 1;
    }
  }
  const baseline: Baseline = { version: 1, database, targetName: targetName ?? null, entries };
  return { baseline, recorded, unknown, leaking, risen };
}
