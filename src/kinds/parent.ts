import { createHash } from 'node:crypto';
import { identifier, type Identifier } from '../sql/identifier.ts';
import { allOf, anyOf, column, join, sql, type Sql } from '../sql/sql.ts';
import type { Relation } from '../postgres/catalog.ts';
import { ROW_ALIAS, type ParentJoin } from '../plan/plan.ts';
import type { Lookup } from './kind.ts';

type Path = readonly (string | number)[];

/** A parent as a rule names it. `path` is where the rule does so. */
export type ParentReference = {
  readonly parent: string;
  readonly on: Readonly<Record<string, string>>;
  /** Columns of the parent that the rule compares. */
  readonly compared: readonly { readonly name: string; readonly path: Path }[];
  readonly path: Path;
};

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
  value(name: string): Sql;
};

/** The name under which a grouped parent says that its rows contradict each other. */
const AMBIGUOUS = identifier('rows disagree');

/**
 * Joins a row to its parent, at most one for each row: where no unique key of the parent covers the link, its rows
 * are grouped first, so that no row is counted twice and contradicting parents become a class of their own.
 */
export function joinParent(relation: Relation, reference: ParentReference, lookup: Lookup): Parent {
  const parent = lookup.relation(reference.parent, [...reference.path, 'parent']);
  const pairs = Object.entries(reference.on).map(([child, key]) => ({
    child: lookup.column(child, [...reference.path, 'on', child], relation).name,
    key: lookup.column(key, [...reference.path, 'on', child], parent).name,
  }));
  const keys = pairs.map(({ key }) => key);
  const compared = reference.compared.map(({ name, path }) => lookup.column(name, path, parent).name);
  const unique = hasUniqueKey(parent, keys);
  const alias = aliasOf(parent, pairs, unique ? [] : compared);
  const links = pairs.map(({ child }) => column(ROW_ALIAS, child));
  const [firstKey] = keys;
  const found = firstKey === undefined ? sql`true` : sql`${column(alias, firstKey)} is not null`;
  const ambiguous =
    unique || compared.length === 0 ? undefined : sql`${found} and ${column(alias, AMBIGUOUS)}`;
  return {
    join: {
      alias,
      from: unique ? sql`${parent.name}` : groupedParent(parent, keys, compared),
      on: allOf(pairs.map(({ child, key }) => sql`${column(ROW_ALIAS, child)} = ${column(alias, key)}`)),
    },
    noLink: anyOf(links.map((link) => sql`${link} is null`)),
    orphan: sql`${allOf(links.map((link) => sql`${link} is not null`))} and not (${found})`,
    ambiguous,
    present: ambiguous ? sql`${found} and not ${column(alias, AMBIGUOUS)}` : found,
    value: (name) => column(alias, identifier(name)),
  };
}

/** Whether some key of the relation lets at most one row have these values. */
function hasUniqueKey(relation: Relation, columns: readonly Identifier[]): boolean {
  // A unique key of an inheritance parent says nothing of the children's rows.
  if (relation.hasInheritors) return false;
  return relation.indexes.some(
    (index) =>
      index.unique &&
      index.valid &&
      index.immediate &&
      !index.partial &&
      index.columns.every((each) => each !== undefined && columns.includes(each)),
  );
}

function groupedParent(parent: Relation, keys: readonly Identifier[], compared: readonly Identifier[]): Sql {
  const others = compared.filter((name, i) => !keys.includes(name) && compared.indexOf(name) === i);
  const disagree = others.map(
    (name) => sql`count(distinct ${name}) > 1 or count(${name}) not in (0, count(*))`,
  );
  const outputs = [
    ...new Set(keys),
    // Any row's value will do: where rows differ, the row is ambiguous and the value is not looked at.
  ].map((name) => sql`${name}`);
  const values = others.map((name) => sql`(array_agg(${name}))[1] as ${name}`);
  const list = join([...outputs, ...values, sql`${anyOf(disagree)} as ${AMBIGUOUS}`], sql`, `);
  return sql`(select ${list} from ${parent.name} group by ${join(outputs, sql`, `)})`;
}

function aliasOf(
  parent: Relation,
  pairs: readonly { child: string; key: string }[],
  compared: readonly string[],
): Identifier {
  const link = pairs.map(({ child, key }) => `${child}=${key}`).join(',');
  const readable = `${parent.name.name} by ${link}`;
  const whole = `${parent.name.schema}.${readable} ${compared.join(',')}`;
  const digest = createHash('sha256').update(whole).digest('hex').slice(0, 8);
  return identifier(`${[...readable].slice(0, 12).join('')} ${digest}`);
}
