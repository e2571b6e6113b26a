import type { Row } from '../postgres/database.ts';
import { sql, type Sql } from '../sql/sql.ts';
import type { Check } from './plan.ts';

/** One place where a statement reads a relation, as the server plans it. */
type PlannedScan = {
  /** As `schema.name`; undefined for what is no relation. */
  readonly relation: string | undefined;
  /** The server's name of the node, such as `Seq Scan`. */
  readonly node: string;
  readonly index: string | undefined;
  /** Whether the index is searched for some values, and not read whole. */
  readonly isSearch: boolean;
};

/** What the server's planner says of a statement, before anything is read. */
export type Explained = {
  /** In the planner's own units; 1 is one page read in sequence. */
  readonly cost: number;
  readonly scans: readonly PlannedScan[];
  /** The planner has shown from validated constraints that no row can come out. */
  readonly isRefuted: boolean;
};

/** A statement's plan, with the checks that it counts for. */
export type ExplainedChecks = { readonly checks: readonly Check[]; readonly explained: Explained };

/** What the planner has said of the statement that counts for exactly these checks, in this order. */
export function findExplained(
  known: readonly ExplainedChecks[],
  checks: readonly Check[],
): Explained | undefined {
  const isSame = (one: readonly Check[]): boolean =>
    one.length === checks.length && one.every((check, i) => check === checks[i]);
  return known.find((each) => isSame(each.checks))?.explained;
}

type PlanNode = {
  readonly 'Node Type': string;
  readonly 'Total Cost'?: number;
  readonly 'Parent Relationship'?: string;
  readonly 'Relation Name'?: string;
  readonly Schema?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'One-Time Filter'?: string;
  readonly Plans?: readonly PlanNode[];
};

/** Asks for the plan of a statement; the statement does not run. */
export function explain(statement: Sql): Sql {
  return sql`explain (format json, verbose) ${statement}`;
}

/** The answer to {@link explain}. */
export function readExplained(row: Row | undefined): Explained {
  const [explained] = JSON.parse(row?.['QUERY PLAN'] ?? '[]') as { readonly Plan?: PlanNode }[];
  const plan = explained?.Plan;
  if (!plan) throw new TypeError('the server explained nothing');
  return {
    cost: plan['Total Cost'] ?? 0,
    scans: scansOf(plan),
    isRefuted: plan['Node Type'] === 'Result' && plan['One-Time Filter'] === 'false',
  };
}

function scansOf(node: PlanNode): PlannedScan[] {
  const { 'Relation Name': name, Schema: schema, 'Index Name': index } = node;
  const relation = name === undefined ? undefined : `${schema}.${name}`;
  const isSearch = node['Index Cond'] !== undefined || node['Node Type'] === 'Bitmap Heap Scan';
  const own =
    relation === undefined && index === undefined
      ? []
      : [{ relation, node: node['Node Type'], index, isSearch }];
  // Whatever is below is read only where the filter is true: of a loose index scan, where there is no parent at all.
  if (node['One-Time Filter'] !== undefined) return own;
  // An InitPlan is asked once, for one row: whether the table has any.
  const below = (node.Plans ?? []).filter((each) => each['Parent Relationship'] !== 'InitPlan');
  return [...own, ...below.flatMap(scansOf)];
}
