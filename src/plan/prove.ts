import { excludeByConstraints, type Query } from '../postgres/snapshot.ts';
import type { Column, ForeignKey, Relation } from '../postgres/catalog.ts';
import { sql, type Sql } from '../sql/sql.ts';
import { explain, readExplained } from './explained.ts';
import { namedColumns } from './named-columns.ts';
import { ROW_ALIAS, type ColumnPair, type Reference, type RowCheck } from './plan.ts';

/** By check, the proofs that there are. The planner looks at constraints for these questions alone. */
export async function proveAll(
  checks: readonly RowCheck[],
  query: Query,
): Promise<ReadonlyMap<RowCheck, string>> {
  const proofs = new Map<RowCheck, string>();
  await query(excludeByConstraints('on'));
  for (const check of checks) {
    const by = await prove(check, query);
    if (by !== undefined) proofs.set(check, by);
  }
  await query(excludeByConstraints('off'));
  return proofs;
}

/**
 * The constraints that make it impossible for a row to break a check, in words; undefined where there is no proof. No
 * row is read: the server's own planner refutes conditions on the row, and foreign keys are read from the catalogue.
 */
async function prove(check: RowCheck, query: Query): Promise<string | undefined> {
  if (check.reference) return proveByForeignKeys(check, check.reference);
  if (!mayBeRefuted(check)) return undefined;
  const contradictions = check.contradictions ?? breakingRows(check);
  for (const contradiction of contradictions) {
    const condition = check.where ? sql`(${check.where}) and (${contradiction})` : contradiction;
    if (!(await isRefuted(check.relation, condition, query))) return undefined;
  }
  return contradictions.length > 0 ? constraintsOf(check) : undefined;
}

/**
 * Whether to ask: where no constraint is about the rule's columns there is nothing to refute it with, and one that
 * relies on replaceable code may have let in what it would refuse today. The constraints behind a view are not known.
 */
function mayBeRefuted(check: RowCheck): boolean {
  const { relation } = check;
  const named = namedColumns(check);
  const relations = [relation, ...relation.descendants];
  if (relation.kind === 'view' || relations.some((each) => isMisleading(each, named))) return false;
  return (
    named.length === 0 ||
    relations.some(
      ({ isPartition, checks, columns }) =>
        isPartition || checks.length > 0 || named.some(({ name }) => columns.get(name)?.notNullValidated),
    )
  );
}

/** Whether the server might refute by what depends on replaceable code: it would not say that it has. */
function isMisleading({ boundsByCode, checks }: Relation, named: readonly Column[]): boolean {
  const isAbout = ({ columns }: Relation['checks'][number]): boolean =>
    columns.length === 0 || columns.some((column) => named.some(({ name }) => name === column));
  return boundsByCode || checks.some((each) => each.byCode && isAbout(each));
}

function breakingRows({ classes, joins }: RowCheck): Sql[] {
  return joins.length > 0 ? [] : classes.filter(({ breaks }) => breaks).map(({ rows }) => rows);
}

/** Whether the server's planner knows from validated constraints that no row can be like this. Reads no row. */
async function isRefuted(relation: Relation, condition: Sql, query: Query): Promise<boolean> {
  const refuted = async (where: Sql): Promise<boolean> => {
    const [row] = await query(explain(sql`select from ${relation.name} as ${ROW_ALIAS} where ${where}`));
    return readExplained(row).isRefuted;
  };
  // A partitioned table without partitions has no row of any kind, which proves nothing of those to come.
  return (await refuted(condition)) && !(relation.kind === 'partitioned table' && (await refuted(sql`true`)));
}

/** The rows of a partition are guarded by its own part of a foreign key, which can be disabled there alone. */
function proveByForeignKeys(check: RowCheck, reference: Reference): string | undefined {
  const { relation } = check;
  // What is inherited is rows, and neither their foreign keys nor, always, their NOT NULLs.
  if (!reference.isUnique || relation.hasInheritors) return undefined;
  const proofs = [relation, ...relation.descendants].map((each) =>
    proveByForeignKey(each, check.classes, reference),
  );
  return proofs.every((proof) => proof !== undefined) ? proofs[0] : undefined;
}

/**
 * A foreign key over link and compared columns says that the parent agrees, for rows in which none of its columns is
 * NULL. So the compared columns have to be NOT NULL, unless a NULL there breaks nothing and the link has a key of its own.
 */
function proveByForeignKey(
  relation: Relation,
  classes: RowCheck['classes'],
  reference: Reference,
): string | undefined {
  const { on, match } = reference;
  const breaks = (name: string): boolean => classes.some((each) => each.name === name && each.breaks);
  const linkKey = vouchingKey(relation, reference, on);
  if (match.length === 0) return linkKey?.name;
  const wholeKey = vouchingKey(relation, reference, [...on, ...match]);
  if (!wholeKey) return undefined;
  const mayBeNull = match.some(({ child }) => !isNotNull(relation, child.name));
  if (mayBeNull && (breaks('child_null') || (breaks('orphan') && !linkKey))) return undefined;
  const notNulls = match.flatMap(({ child }) => {
    const column = relation.columns.get(child.name);
    return column?.notNullValidated ? column : [];
  });
  const names = [
    wholeKey.name,
    ...(mayBeNull && linkKey ? [linkKey.name] : []),
    ...notNulls.map(notNullName),
  ];
  return [...new Set(names)].join(', ');
}

/** A foreign key to the parent that holds for every row in which none of the pairs' columns is NULL. */
function vouchingKey(
  relation: Relation,
  { parent }: Reference,
  pairs: readonly ColumnPair[],
): ForeignKey | undefined {
  return relation.foreignKeys.find((key) => {
    const isParent = key.parent.schema === parent.name.schema && key.parent.name === parent.name.name;
    if (!isParent || !key.validated || !key.enforced || key.bypassed || key.temporal) return false;
    const others = key.on.filter(({ child }) => pairs.every((pair) => pair.child.name !== child));
    return (
      pairs.every((pair) => isAmong(pair, key)) && others.every(({ child }) => isNotNull(relation, child))
    );
  });
}

/** The key has to compare as the rule does: by the `=` that both columns have in common. */
function isAmong({ child, parent }: ColumnPair, { on }: ForeignKey): boolean {
  const isCompared = on.some((each) => each.child === child.name && each.parent === parent.name);
  return isCompared && child.equality === parent.equality;
}

const isNotNull = (relation: Relation, name: string): boolean =>
  relation.columns.get(name)?.notNullValidated === true;

const notNullName = ({ name, notNullName: constraint }: Column): string =>
  constraint ?? `NOT NULL of ${name}`;

/** The constraints on the rule's columns, one or more of which the server has used: it does not say which. */
function constraintsOf(check: RowCheck): string {
  const columns = namedColumns(check);
  const notNulls = columns.filter(({ notNullValidated }) => notNullValidated).map(notNullName);
  const checks = check.relation.checks.filter((each) =>
    each.columns.some((name) => columns.some((column) => column.name === name)),
  );
  return [...new Set([...notNulls, ...checks.map(({ name }) => name)])].join(', ') || 'a constraint';
}
