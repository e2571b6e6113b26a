import type { Catalog, Column, Relation } from '../postgres/catalog.ts';
import type { CatalogCheck, QueryCheck, RowCheck } from '../plan/plan.ts';
import type { Rule, RuleOf } from '../rules/rule.ts';
import type { KindName } from '../rules/rule-schema.ts';
import type { Position } from '../support/problem.ts';

/** What a kind says about one table; the planner adds the rule, the filter and the key. */
type RowQuestion = Pick<RowCheck, 'form' | 'classes'> &
  Partial<Pick<RowCheck, 'joins' | 'sound' | 'contradictions' | 'reference'>>;
type CatalogQuestion = Pick<CatalogCheck, 'form' | 'requirements'>;
type QueryQuestion = Pick<QueryCheck, 'form' | 'select' | 'key'>;
export type Question = RowQuestion | CatalogQuestion | QueryQuestion;

/** The names of a rule, looked up in the catalogue. Each gives what it found or reports the mistake at its line. */
export type Lookup = {
  readonly catalog: Catalog;
  /** A column of the checked table, or of `relation`. `path` is where the rule names it. */
  column(name: string, path: readonly (string | number)[], relation?: Relation): Column;
  /** Another table that the rule names, such as a parent. */
  relation(name: string, path: readonly (string | number)[]): Relation;
};

/** A rule, and a relation that it is asked of. */
export type Selection = { readonly rule: Rule; readonly relation: Relation };

/** What a kind that finds its tables itself may look at. */
export type WideLookup = {
  readonly catalog: Catalog;
  /** Every relation that a name means in the rule's schemas: one, or with a pattern several. */
  relations(name: string, path: readonly (string | number)[]): readonly Relation[];
  /** Reports a column that none of the relations has. */
  expectColumn(name: string, path: readonly (string | number)[], relations: readonly Relation[]): void;
  /** Whether a relation is in one of the rule's schemas. */
  isInSchemas(relation: Relation): boolean;
  /** What all rules of the run are asked of, whichever of them the run was told to check. */
  selections(): readonly Selection[];
  /** The day of the run's clock, in UTC, such as `2027-01-31`. */
  readonly today: string;
};

/**
 * One kind of rule. `ask` turns a rule and one of its tables into a question; it reads nothing. A kind without
 * tables (`query`) is asked once, without a relation.
 */
export type Kind<Name extends KindName> = {
  readonly name: Name;
  ask(rule: RuleOf<Name>, relation: Relation, lookup: Lookup): Question;
};

/** A question about one table that a kind found; `at` is the place of what decides it, where that is not the rule's. */
export type TableQuestion = Question & { readonly relation: Relation; readonly at?: Position };

/** A kind that judges the whole catalogue, and says of which tables. It reads nothing else. */
export type WideKind<Name extends KindName> = {
  readonly name: Name;
  askAll(rule: RuleOf<Name>, lookup: WideLookup): readonly TableQuestion[];
};
