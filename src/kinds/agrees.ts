import { anyOf, sql } from '../sql/sql.ts';
import type { RowClass } from '../plan/plan.ts';
import { differ, isNull } from './compare.ts';
import type { Kind } from './kind.ts';
import { findParent, joinParent } from './parent.ts';

/** Breaks on rows whose two parents disagree with each other; the row itself need not carry the column. */
export const agrees: Kind<'agrees'> = {
  name: 'agrees',
  ask({ spec }, relation, lookup) {
    const find = (index: 0 | 1) => {
      const path = ['parents', index];
      const found = findParent({ ...spec.parents[index], path }, relation, lookup);
      const name = spec.parents[index].column;
      return { found, column: lookup.column(name, [...path, 'column'], found.relation) };
    };
    const [first, second] = [find(0), find(1)];
    const left = joinParent(first.found, [{ column: first.column, with: second.column }]);
    const right = joinParent(second.found, [{ column: second.column, with: first.column }]);
    const pairs = left.values.flatMap((one) => right.values.map((other) => ({ one, other })));
    const different = anyOf(pairs.map(({ one, other }) => differ(one, other)));
    const oneNull = anyOf(pairs.map(({ one, other }) => sql`(${isNull(one)}) <> (${isNull(other)})`));
    const present = sql`${left.present} and ${right.present}`;
    const contradictions = [left.ambiguous, right.ambiguous].filter((each) => each !== undefined);
    const ambiguous = sql`(${anyOf(contradictions)})`;
    const orphan = sql`((${left.orphan}) or (${right.orphan}))`;
    const noLink = sql`((${left.noLink}) or (${right.noLink}))`;
    // Each row is in one class at most, the gravest first, so that the counts add up.
    const classes: RowClass[] = [
      { name: 'different', rows: sql`${present} and ${different}`, breaks: true },
      { name: 'one_null', rows: sql`${present} and ${oneNull}`, breaks: spec.nulls === 'differ' },
      { name: 'orphan', rows: sql`${orphan} and not ${ambiguous}`, breaks: spec.orphans === 'report' },
      { name: 'no_link', rows: sql`${noLink} and not ${orphan} and not ${ambiguous}`, breaks: false },
    ];
    if (contradictions.length > 0) classes.push({ name: 'ambiguous', rows: ambiguous, breaks: true });
    return { form: 'rows', joins: [left.join, right.join], classes };
  },
};
