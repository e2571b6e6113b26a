import type { Column, Relation } from '../postgres/catalog.ts';
import type { Rule } from '../rules/rule.ts';
import type { Identifier } from '../sql/identifier.ts';
import type { Sql } from '../sql/sql.ts';
import type { ColumnPair, RowCheck } from './plan.ts';

/** A table on the way from a row to the parent that holds its value. */
export type FillHop = {
  readonly relation: Relation;
  readonly alias: Identifier;
  /** Columns of the step before, the row first of all, and the columns of this table that they are equal to. */
  readonly on: readonly ColumnPair[];
  /** Joins the step before to {@link alias}. */
  readonly condition: Sql;
};

/** A column to fill, and where its value stands in the last hop. */
export type FillPair = ColumnPair & {
  /** Whether the row's value is missing, as a condition on the row. True or false, never NULL. */
  readonly missing: Sql;
  /** The value, as an expression on the last hop. */
  readonly value: Sql;
  /** Whether the row has another value than what this one becomes in its column; never NULL, and false where either is. */
  readonly isOtherThan: (value: Sql) => Sql;
};

/** What one rule wants filled in one of its tables. */
export type Fill = {
  readonly rule: Rule;
  readonly relation: Relation;
  /** From the row outward; the last one holds the values. */
  readonly hops: readonly [FillHop, ...FillHop[]];
  readonly set: readonly [FillPair, ...FillPair[]];
  /** Rows with a value missing that the rule wants there; a condition on the row, never NULL. */
  readonly candidate: Sql;
  /** Candidates for which the way to the parent is there and a missing value is set in it; with the hops joined. */
  readonly resolvable: Sql;
  /** Why a candidate cannot be filled: the first class that is true. With the hops left-joined; never NULL. */
  readonly residue: readonly { readonly name: ResidueClass; readonly rows: Sql }[];
  /** Counts candidates by what can become of them; with `conflicting`, values that are there and not the parent's. */
  readonly census: RowCheck;
  /** Fills of a lower stage come first: they fill what this one reads. */
  readonly stage: number;
};

/** Why a row that lacks its value could not be given one, as far as the rows themselves say. */
type ResidueClass = 'no_link' | 'orphan' | 'parent_null';

/** The columns that a fill writes. */
export function filledColumns({ set }: Fill): Column[] {
  return set.map(({ child }) => child);
}
