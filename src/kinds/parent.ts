import { createHash } from 'node:crypto';
import { identifier, type Identifier } from '../sql/identifier.ts';
import { allOf, anyOf, column, compile, join, sql, type Sql } from '../sql/sql.ts';
import { isKey, type Column, type Relation } from '../postgres/catalog.ts';
import { ROW_ALIAS, type ColumnPair, type ParentJoin, type Reference } from '../plan/plan.ts';
import { comparable, equal, isNull, isSet, keepsEquality, type Value } from './compare.ts';
import type { Lookup } from './kind.ts';

type Path = readonly (string | number)[];

/** A parent as a rule names it. `path` is where the rule does so. */
export type ParentReference = {
  readonly parent: string;
  readonly on: Readonly<Record<string, string>>;
  readonly path: Path;
};

/** A column of the parent, and the column that it is compared with. */
export type Compared = { readonly column: Column; readonly with: Column };

/** A joined parent, and what can be said of a row with it. Every condition is true or false, never NULL. */
export type Parent = {
  readonly join: ParentJoin;
  /** Some link column of the row is NULL. */
  readonly noLink: Sql;
  /** The row has a link, and no parent row has that key. */
  readonly orphan: Sql;
  /** The parent rows of this link contradict each other; undefined where the parent's key is unique. */
  readonly ambiguous: Sql | undefined;
  /** There is one parent to compare with. */
  readonly present: Sql;
  /** What the parent holds in each of the compared columns, in their order. */
  readonly values: readonly (Value & Compared)[];
  readonly reference: Reference;
};

/** A parent's table, and its columns that the row's link is compared with. */
export type LinkedParent = { readonly relation: Relation; readonly link: readonly Compared[] };

/** Finds what a rule names, or throws the mistake at its line. */
export function findParent(
  { parent, on, path }: ParentReference,
  relation: Relation,
  lookup: Lookup,
): LinkedParent {
  const found = lookup.relation(parent, [...path, 'parent']);
  const link = Object.entries(on).map(([child, key]) => ({
    with: lookup.column(child, [...path, 'on', child], relation),
    column: lookup.column(key, [...path, 'on', child], found),
  }));
  return { relation: found, link };
}

/**
 * Joins a row to its parent, at most one for each row: where no unique key of the parent covers the link, its rows
 * are grouped first, so that no row is counted twice and contradicting parents become a class of their own.
 */
export function joinParent(parent: LinkedParent, compared: readonly Compared[]): Parent {
  const { relation, link } = parent;
  const isUnique = hasUniqueKey(parent);
  const source = isUnique ? wholeParent(parent, compared) : grouped(parent, compared);
  const alias = aliasOf(relation, source);
  const mine = (each: Compared): Value => ({ sql: column(ROW_ALIAS, each.with.name), column: each.with });
  const theirs = (each: Named): Value & Compared => ({ ...each, sql: column(alias, each.name) });
  const isFound = allOf(source.link.slice(0, 1).map((each) => isSet(theirs(each))));
  const disagree = source.disagree && column(alias, source.disagree);
  return {
    join: {
      alias,
      from: source.from,
      on: allOf(source.link.map((each) => equal(mine(each), theirs(each)))),
    },
    noLink: anyOf(link.map((each) => isNull(mine(each)))),
    orphan: sql`${allOf(link.map((each) => isSet(mine(each))))} and not (${isFound})`,
    ambiguous: disagree && sql`${isFound} and ${disagree}`,
    present: disagree ? sql`${isFound} and not ${disagree}` : isFound,
    values: source.compared.map(theirs),
    reference: { parent: relation, isUnique, on: link.map(pairOf), match: compared.map(pairOf) },
  };
}

const pairOf = (each: Compared): ColumnPair => ({ child: each.with, parent: each.column });

/** Whether some key of the relation lets at most one row be equal to what the link's columns are compared with. */
function hasUniqueKey({ relation, link }: LinkedParent): boolean {
  // A unique key of an inheritance parent says nothing of the children's rows.
  if (relation.hasInheritors) return false;
  const exact = link.filter((each) => keepsEquality(each.column, each.with)).map((each) => each.column.name);
  return relation.indexes.some(
    (index) => isKey(index) && index.columns.every((each) => each !== undefined && exact.includes(each)),
  );
}

/** A column of the parent under the name that the statement knows it by. */
type Named = Compared & { readonly name: Identifier };

/** What stands for the parent in the statement, with at most one row for a link. */
type Source = {
  readonly from: Sql;
  readonly link: readonly Named[];
  readonly compared: readonly Named[];
  /** The name of what says that its rows contradict each other; undefined where they cannot. */
  readonly disagree: Identifier | undefined;
};

function wholeParent({ relation, link }: LinkedParent, compared: readonly Compared[]): Source {
  const named = (each: Compared): Named => ({ ...each, name: each.column.name });
  const from = sql`${relation.name}`;
  return { from, link: link.map(named), compared: compared.map(named), disagree: undefined };
}

/**
 * The parent's different rows, and of those with one key the first: where there were several they contradict each
 * other, and it does not matter which was taken.
 */
function grouped({ relation, link }: LinkedParent, compared: readonly Compared[]): Source {
  const named =
    (what: string) =>
    (each: Compared, index: number): Named => ({ ...each, name: identifier(`${what} ${index + 1}`) });
  const source = { link: link.map(named('key')), compared: compared.map(named('value')) };
  const output = (each: Named): Sql =>
    sql`${comparable({ sql: sql`${each.column.name}`, column: each.column }, each.with)} as ${each.name}`;
  const names = (list: readonly Named[]): Sql =>
    join(
      list.map(({ name }) => sql`${name}`),
      sql`, `,
    );
  const all = [...source.link, ...source.compared];
  const different = sql`select distinct ${join(all.map(output), sql`, `)} from ${relation.name}`;
  if (compared.length === 0) return { ...source, from: sql`(${different})`, disagree: undefined };
  const disagree = identifier('rows disagree');
  const key = names(source.link);
  const from = sql`(
  select distinct on (${key}) ${names(all)}, pg_catalog.count(*) over (partition by ${key}) > 1 as ${disagree}
  from (${different}) as different
)`;
  return { ...source, from, disagree };
}

/** The same for two joins only where they are the same. */
function aliasOf({ name }: Relation, { from, link }: Source): Identifier {
  const pairs = link.map((each) => [each.with.name, each.name]);
  const whole = JSON.stringify([compile(from).text, pairs]);
  const digest = createHash('sha256').update(whole).digest('hex').slice(0, 8);
  return identifier(`${[...name.name].slice(0, 12).join('')} ${digest}`);
}
