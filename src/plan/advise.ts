import type { Column, Relation } from '../postgres/catalog.ts';
import {
  addCheck,
  addForeignKey,
  createIndex,
  listOf,
  nameFor,
  setNotNull,
  statementText,
  validateConstraint,
  written,
} from '../sql/ddl.ts';
import type { Identifier } from '../sql/identifier.ts';
import { sql, type Sql } from '../sql/sql.ts';
import { steppingColumns } from './loose-index-scan.ts';
import type { Reference, RowCheck } from './plan.ts';
import type { Advice } from './step.ts';

/** Pure: from the rule and the catalogue alone. Empty lists for what no index or no constraint can say. */
export function adviseFor(check: RowCheck): Advice {
  const { rule, relation, reference } = check;
  if (rule.where) return { index: [], constraint: [] };
  if (reference) return forReference(check, reference);
  if (rule.kind === 'not_null' && !rule.spec.missing_values) {
    const names = rule.spec.columns ?? [rule.spec.column ?? ''];
    const columns = names.flatMap((name) => relation.columns.get(name) ?? []);
    return {
      index: columns.map(({ name }) =>
        statementText(
          createIndex({
            table: relation.name,
            columns: [name],
            how: 'concurrently',
            where: sql`${name} is null`,
          }),
        ),
      ),
      constraint: columns.flatMap((column) => beNotNull(relation, column)),
    };
  }
  if (rule.kind === 'exactly_one_of') {
    const columns = rule.spec.columns.flatMap((name) => relation.columns.get(name)?.name ?? []);
    const count = sql`num_nonnulls(${listOf(columns)})`;
    const condition = rule.spec.at_least_one ? sql`${count} >= 1` : sql`${count} = 1`;
    return { index: [], constraint: beChecked(relation, 'owner', condition) };
  }
  return rule.kind === 'implies' ? forImplication(check) : { index: [], constraint: [] };
}

/** Where `then` cannot be NULL the server can take such a constraint for proof. */
function forImplication({ rule, relation }: RowCheck): Advice {
  const [when, then] = ['when', 'then'].map((key) => rule.authorSql.get(key));
  if (!then || then.nullFrom?.length !== 0 || !(when?.isPlain ?? true)) return { index: [], constraint: [] };
  const consequence = sql`(${written(then.text)})`;
  const condition = when ? sql`not (${written(when.text)}) or ${consequence}` : consequence;
  return { index: [], constraint: beChecked(relation, rule.id, condition) };
}

function forReference(check: RowCheck, { parent, isUnique, on, match }: Reference): Advice {
  const { relation } = check;
  const pairs = [...on, ...match];
  const children = pairs.map(({ child }) => child.name);
  const parents = pairs.map(({ parent: { name } }) => name);
  const stepping = steppingColumns(check);
  const index = stepping
    ? [statementText(createIndex({ table: relation.name, columns: stepping, how: 'concurrently' }))]
    : [];
  if (!isUnique) return { index, constraint: [] };
  const name = nameFor(relation.name, [...children, 'fkey']);
  const key = { table: relation.name, name, columns: children, parent: parent.name, parentColumns: parents };
  const constraint = [
    ...(match.length > 0 ? beUnique(parent, parents) : []),
    statementText(addForeignKey({ ...key, notValid: true })),
    statementText(validateConstraint(relation.name, name)),
    ...match.flatMap(({ child }) => beNotNull(relation, child)),
  ];
  return { index, constraint };
}

function beNotNull(relation: Relation, { name, notNullValidated }: Column): string[] {
  if (notNullValidated) return [];
  return [
    ...beChecked(relation, name, sql`${name} is not null`),
    statementText(setNotNull(relation.name, name)),
  ];
}

function beChecked({ name: table }: Relation, what: string, condition: Sql): string[] {
  const name = nameFor(table, [what, 'check']);
  return [addCheck(table, name, condition), validateConstraint(table, name)].map(statementText);
}

function beUnique(relation: Relation, columns: readonly Identifier[]): string[] {
  const isThere = relation.indexes.some(
    (index) =>
      index.unique &&
      index.valid &&
      !index.partial &&
      index.columns.length === columns.length &&
      columns.every((name) => index.columns.includes(name)),
  );
  if (isThere) return [];
  return [statementText(createIndex({ table: relation.name, columns, unique: true, how: 'concurrently' }))];
}
