import { holdsRawSql } from '../rules/rule.ts';
import { areMany, countsFor } from './count-statement.ts';
import type { Check, RowCheck } from './plan.ts';

/** Some checks of one relation. */
export type RowChecks = readonly [RowCheck, ...RowCheck[]];

/** A statement has at most 1664 output columns (MaxTupleAttributeNumber in the server's htup_details.h). */
export const MAX_OUTPUTS = 1_500;

/** Checks that one statement can answer: of one relation, with one time limit, and few enough. Raw SQL is alone. */
export function groupsOf(checks: readonly Check[]): RowChecks[] {
  const groups: RowChecks[] = [];
  const open = new Map<string, { readonly checks: RowCheck[]; outputs: number }>();
  for (const check of checks) {
    if (check.form !== 'rows') continue;
    const key = `${check.relation.oid} ${check.rule.timeoutMs ?? ''}`;
    const outputs = countsFor(check);
    const group = isAlone(check) ? undefined : open.get(key);
    if (group && group.outputs + outputs <= MAX_OUTPUTS) {
      group.checks.push(check);
      group.outputs += outputs;
      continue;
    }
    const begun: [RowCheck] = [check];
    groups.push(begun);
    if (!isAlone(check)) open.set(key, { checks: begun, outputs });
  }
  return groups.flatMap(apartFromJoins);
}

/** Where there are so many checks that they are sorted, those that join parents, and so cannot be, are apart. */
function apartFromJoins(group: RowChecks): RowChecks[] {
  const [firstJoined, ...joined] = group.filter(({ joins }) => joins.length > 0);
  const [firstPlain, ...plain] = group.filter(({ joins }) => joins.length === 0);
  if (!firstJoined || !firstPlain || !areMany([firstPlain, ...plain])) return [group];
  return [
    [firstJoined, ...joined],
    [firstPlain, ...plain],
  ];
}

/** Raw SQL is kept from the others; and a count that stops early would stop theirs. */
const isAlone = ({ rule }: RowCheck): boolean => holdsRawSql(rule) || rule.countLimit !== undefined;
