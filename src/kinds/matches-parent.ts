import { allOf, anyOf, column, sql } from '../sql/sql.ts';
import { ROW_ALIAS, type RowClass } from '../plan/plan.ts';
import { differ, equal, isNull, isSet } from './compare.ts';
import type { Kind } from './kind.ts';
import { findParent, joinParent } from './parent.ts';

/** Breaks on rows whose columns disagree with those of the parent that the row links to. */
export const matchesParent: Kind<'matches_parent'> = {
  name: 'matches_parent',
  ask({ spec }, relation, lookup) {
    const found = findParent({ ...spec, path: [] }, relation, lookup);
    const compared = Object.entries(spec.match).map(([child, name]) => ({
      column: lookup.column(name, ['match', child], found.relation),
      with: lookup.column(child, ['match', child], relation),
    }));
    const parent = joinParent(found, compared);
    const pairs = parent.values.map((theirs) => ({
      mine: { sql: column(ROW_ALIAS, theirs.with.name), column: theirs.with },
      theirs,
    }));
    const different = anyOf(pairs.map(({ mine, theirs }) => differ(mine, theirs)));
    const childNull = anyOf(pairs.map(({ mine, theirs }) => sql`${isNull(mine)} and ${isSet(theirs)}`));
    const parentNull = anyOf(pairs.map(({ mine, theirs }) => sql`${isSet(mine)} and ${isNull(theirs)}`));
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
    const { join, ambiguous, reference } = parent;
    // Rows of a parent that contradicts itself are a class, whatever its first row says.
    const sound = ambiguous ? undefined : allOf(pairs.map(({ mine, theirs }) => equal(mine, theirs)));
    return { form: 'rows', joins: [join], classes, sound, reference };
  },
};
