import type { Catalog, Column, Relation } from '../postgres/catalog.ts';
import type { CatalogCheck, QueryCheck, RowCheck } from '../plan/plan.ts';
import type { RuleOf } from '../rules/rule.ts';
import type { KindName } from '../rules/rule-schema.ts';

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

/**
 * One kind of rule. `ask` turns a rule and one of its tables into a question; it reads nothing. A kind without
 * tables (`query`) is asked once, without a relation.
 */
export type Kind<Name extends KindName> = {
  readonly name: Name;
  ask(rule: RuleOf<Name>, relation: Relation, lookup: Lookup): Question;
};
