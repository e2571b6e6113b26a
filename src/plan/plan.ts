import type { Identifier, TableName } from '../sql/identifier.ts';
import type { Sql } from '../sql/sql.ts';
import type { Column, Relation } from '../postgres/catalog.ts';
import type { Rule } from '../rules/rule.ts';
import type { Position, Problem } from '../support/problem.ts';

/** The alias of the checked table in every statement about its rows. */
export const ROW_ALIAS = 'r' as Identifier;

/** Everything that a run will ask the database, as data: one check per rule and table. */
export type Plan = { readonly checks: readonly Check[] };

/** A parent that rows are compared with. Two joins with the same alias are the same join. */
export type ParentJoin = {
  readonly alias: Identifier;
  /** The parent's name, or a sub-select in its place, with at most one row for a link. */
  readonly from: Sql;
  /** Joins {@link ROW_ALIAS} to the alias. */
  readonly on: Sql;
};

/** A column of the checked table, and the column of a parent that it is compared with. */
export type ColumnPair = { readonly child: Column; readonly parent: Column };

/** What a check compares with its one parent, for strategies that do not join each row with it. */
export type Reference = {
  readonly parent: Relation;
  /** Whether the parent has at most one row for a link. */
  readonly isUnique: boolean;
  readonly on: readonly ColumnPair[];
  readonly match: readonly ColumnPair[];
};

/** Rows of one sort, such as `orphan`. Only those that break the rule count as violations. */
export type RowClass = {
  readonly name: string;
  readonly rows: Sql;
  /** A part of `rows` that is seldom true, and that other rules may have in common with this one. */
  readonly suspect?: Sql;
  readonly breaks: boolean;
  /** Whether its rows are newer than the rule's `since`: a writer's mistake of today, and no debt. */
  readonly isLeak?: boolean;
};

type CheckBase = {
  readonly rule: Rule;
  readonly enforced: boolean;
  /** The place of what decides it, where that is not the whole rule. */
  readonly at?: Position | undefined;
};

/** Schemas, beside pg_catalog, whose operators the author's own SQL may need. */
type Operators = { readonly operatorSchemas: readonly Identifier[] };

/** Those of some checks that are asked together. */
export function schemasOf(checks: readonly Operators[]): Identifier[] {
  return [...new Set(checks.flatMap(({ operatorSchemas }) => operatorSchemas))];
}

/** A question about the rows of one relation. */
export type RowCheck = CheckBase &
  Operators & {
    readonly form: 'rows';
    readonly relation: Relation;
    readonly joins: readonly ParentJoin[];
    /** Only rows for which this is true are looked at. */
    readonly where: Sql | undefined;
    readonly classes: readonly RowClass[];
    /** Where this is true a row is in no class: one cheap question in place of many. */
    readonly sound: Sql | undefined;
    /** If no row can be like any of these, none breaks the rule; undefined: look at the rows of the breaking classes. */
    readonly contradictions: readonly Sql[] | undefined;
    /** What the classes mean where they are those of a comparison with one parent. */
    readonly reference: Reference | undefined;
    readonly key: readonly KeyColumn[];
  };

/** What identifies a row in a sample; never any other value. */
export type KeyColumn = { readonly name: string; readonly value: Sql };

/** The author's own SELECT: every row of it is a violation. */
export type QueryCheck = CheckBase &
  Operators & {
    readonly form: 'query';
    readonly select: Sql;
    readonly key: readonly KeyColumn[];
  };

/** A question that the catalogue answers; no row is read. */
export type CatalogCheck = CheckBase &
  Operators & {
    readonly form: 'catalog';
    readonly relation: Relation;
    readonly requirements: readonly Requirement[];
  };

/** One thing that the schema must have: there, lacking, or to be asked of the server's own prover. */
export type Requirement =
  | { readonly name: string; readonly state: 'met'; readonly proof: string }
  | { readonly name: string; readonly state: 'unmet'; readonly reason: string }
  | { readonly name: string; readonly state: 'ask'; readonly contradiction: Sql; readonly reason: string };

/** A check that cannot be asked; it ends `unknown`, and never fails to appear. */
export type ImpossibleCheck = CheckBase & {
  readonly form: 'impossible';
  readonly table: string | undefined;
  readonly problem: Problem;
};

export type Check = RowCheck | QueryCheck | CatalogCheck | ImpossibleCheck;

/** The relation that a check is about; undefined for a query of its own, and where there is none. */
export function checkedTable(check: Check): TableName | undefined {
  return 'relation' in check ? check.relation.name : undefined;
}

/** The same check as one that cannot be asked. */
export function impossible(check: Check, problem: Problem): ImpossibleCheck {
  const table = 'relation' in check ? `${check.relation.name.schema}.${check.relation.name.name}` : undefined;
  return { form: 'impossible', rule: check.rule, enforced: check.enforced, table, problem };
}
