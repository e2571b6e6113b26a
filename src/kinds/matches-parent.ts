import { anyOf, column, sql } from '../sql/sql.ts';
import { ROW_ALIAS, type RowClass } from '../plan/plan.ts';
import type { Kind } from './kind.ts';
import { joinParent } from './parent.ts';

/** Breaks on rows whose columns disagree with those of the parent that the row links to. */
export const matchesParent: Kind<'matches_parent'> = {
  name: 'matches_parent',
  ask({ spec }, relation, lookup) {
    const compared = Object.entries(spec.match).map(([child, name]) => ({ name, path: ['match', child] }));
    const parent = joinParent(relation, { ...spec, compared, path: [] }, lookup);
    const pairs = Object.entries(spec.match).map(([child, name]) => ({
      mine: column(ROW_ALIAS, lookup.column(child, ['match', child], relation).name),
      theirs: parent.value(name),
    }));
    const different = anyOf(pairs.map(({ mine, theirs }) => sql`${mine} <> ${theirs}`));
    const childNull = anyOf(pairs.map(({ mine, theirs }) => sql`${mine} is null and ${theirs} is not null`));
    const parentNull = anyOf(pairs.map(({ mine, theirs }) => sql`${mine} is not null and ${theirs} is null`));
    const same = sql`${parent.present} and (${different}) is not true`;
    // Each row is in one class at most, the gravest first, so that the counts add up.
    const classes: RowClass[] = [
      { name: 'different', rows: sql`${parent.present} and (${different}) is true`, breaks: true },
      { name: 'child_null', rows: sql`${same} and (${childNull})`, breaks: spec.nulls !== 'ignore' },
      {
        name: 'parent_null',
        rows: sql`${same} and not (${childNull}) and (${parentNull})`,
        breaks: spec.nulls === 'differ',
      },
      { name: 'orphan', rows: parent.orphan, breaks: spec.orphans === 'report' },
      { name: 'no_link', rows: parent.noLink, breaks: false },
    ];
    if (parent.ambiguous) classes.push({ name: 'ambiguous', rows: parent.ambiguous, breaks: true });
    return { form: 'rows', joins: [parent.join], classes };
  },
};
