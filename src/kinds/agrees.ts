import { anyOf, sql } from '../sql/sql.ts';
import type { RowClass } from '../plan/plan.ts';
import type { Kind } from './kind.ts';
import { joinParent } from './parent.ts';

/** Breaks on rows whose two parents disagree with each other; the row itself need not carry the column. */
export const agrees: Kind<'agrees'> = {
  name: 'agrees',
  ask({ spec }, relation, lookup) {
    const [left, right] = spec.parents.map((each, index) => {
      const path = ['parents', index];
      return joinParent(
        relation,
        { ...each, compared: [{ name: each.column, path: [...path, 'column'] }], path },
        lookup,
      );
    });
    if (!left || !right) return { form: 'rows', classes: [] };
    const one = left.value(spec.parents[0].column);
    const other = right.value(spec.parents[1].column);
    const present = sql`${left.present} and ${right.present}`;
    const noLink = sql`(${left.noLink}) or (${right.noLink})`;
    const classes: RowClass[] = [
      { name: 'different', rows: sql`${present} and ${one} <> ${other}`, breaks: true },
      {
        name: 'one_null',
        rows: sql`${present} and (${one} is null) <> (${other} is null)`,
        breaks: spec.nulls === 'differ',
      },
      { name: 'orphan', rows: sql`(${left.orphan}) or (${right.orphan})`, breaks: spec.orphans === 'report' },
      { name: 'no_link', rows: noLink, breaks: false },
    ];
    const ambiguous = [left.ambiguous, right.ambiguous].filter((each) => each !== undefined);
    if (ambiguous.length > 0) classes.push({ name: 'ambiguous', rows: anyOf(ambiguous), breaks: true });
    return { form: 'rows', joins: [left.join, right.join], classes };
  },
};
