import type { CheckResult } from '../check/check-result.ts';
import type { TableState } from '../postgres/table-state.ts';
import type { Stage, TableRollout } from './phase.ts';
import type { Subject } from './subject.ts';
import { violationsOf } from './outcome.ts';

export type Facts = {
  /** Whether any row has a value; undefined where that was not asked, or could not be told. */
  readonly filled: boolean | undefined;
  readonly states: ReadonlyMap<string, TableState>;
};

/** How far the column is, by what was seen: rows that were not counted are never taken for clean. */
export function stageOf(subject: Subject, { filled, states }: Facts): Stage {
  const { relation, columns, results } = subject;
  const found = columns.flatMap((name) => relation.columns.get(name) ?? []);
  if (found.length < columns.length) return 'absent';
  const guards = results.filter(isGuard);
  const wide = results.filter(isWideKey);
  const isGuarded =
    guards.length > 0 ? guards.every(isHeld) : found.every(({ notNullValidated }) => notNullValidated);
  if (isGuarded && wide.length > 0 && wide.every(isHeld)) return 'composite';
  if (isGuarded) return 'validated';
  const left = rowsLeft(subject);
  if (left?.count === 0 && left.exact) return 'clean';
  if (filled) return 'backfilling';
  const state = states.get(relation.oid);
  if (state && bindsNewRows(state, columns)) return 'write-enforced';
  const indexes = results.filter(
    ({ check: { rule } }) => rule.kind === 'schema' && rule.spec.index !== undefined,
  );
  const isIndexed =
    indexes.length > 0
      ? indexes.every(isHeld)
      : relation.indexes.some((index) => index.valid && columns.some((name) => index.columns[0] === name));
  return isIndexed ? 'indexed' : 'nullable';
}

/** Rows that break the rules about the column's values; null where one of them was not counted, or there are none. */
export function rowsLeft({ results }: Subject): TableRollout['rowsLeft'] {
  const counts = results.filter(({ check: { rule } }) => rule.kind !== 'schema').map(violationsOf);
  if (counts.length === 0) return null;
  let sum = { count: 0, exact: true };
  for (const each of counts) {
    if (each === null) return null;
    sum = { count: sum.count + each.count, exact: sum.exact && each.exact };
  }
  return sum;
}

/** A requirement that the database itself enforces from then on. */
export function isGuard({ check: { rule } }: CheckResult): boolean {
  if (rule.kind !== 'schema') return false;
  const { not_null, check, unique, foreign_key } = rule.spec;
  const isNarrowKey = foreign_key !== undefined && Object.keys(foreign_key.on).length === 1;
  return not_null === true || check !== undefined || unique !== undefined || isNarrowKey;
}

/** A foreign key over the link and the value together. */
export function isWideKey({ check: { rule } }: CheckResult): boolean {
  return rule.kind === 'schema' && Object.keys(rule.spec.foreign_key?.on ?? {}).length > 1;
}

const isHeld = ({ outcome }: CheckResult): boolean => outcome === 'held';

/** A constraint that is NOT VALID refuses new rows and says nothing of the old ones. */
function bindsNewRows({ constraints }: TableState, columns: readonly string[]): boolean {
  return constraints.some(
    ({ validated, enforced, columns: named }) =>
      !validated && enforced && columns.some((name) => named.some((each) => each === name)),
  );
}
