import type { Column, Relation } from '../postgres/catalog.ts';
import { identifier, type Identifier } from '../sql/identifier.ts';
import { checkedSql, compile, join, sql, type Sql } from '../sql/sql.ts';
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
        text(sql`create index concurrently on ${relation.name} (${name}) where ${name} is null`),
      ),
      constraint: columns.flatMap((column) => beNotNull(relation, column)),
    };
  }
  if (rule.kind === 'exactly_one_of') {
    const columns = rule.spec.columns.flatMap((name) => relation.columns.get(name)?.name ?? []);
    const count = sql`num_nonnulls(${listOf(columns)})`;
    const condition = rule.spec.at_least_one ? sql`${count} >= 1` : sql`${count} = 1`;
    return { index: [], constraint: addCheck(relation, 'owner', condition) };
  }
  return rule.kind === 'implies' ? forImplication(check) : { index: [], constraint: [] };
}

/** Where `then` cannot be NULL the server can take such a constraint for proof. */
function forImplication({ rule, relation }: RowCheck): Advice {
  const [when, then] = ['when', 'then'].map((key) => rule.authorSql.get(key));
  if (!then || then.nullFrom?.length !== 0 || !(when?.isPlain ?? true)) return { index: [], constraint: [] };
  const written = (author: typeof then): Sql => sql`(${checkedSql(author.qualified(relation.name.name))})`;
  const condition = when ? sql`not ${written(when)} or ${written(then)}` : written(then);
  return { index: [], constraint: addCheck(relation, rule.id, condition) };
}

function forReference(check: RowCheck, { parent, isUnique, on, match }: Reference): Advice {
  const { relation } = check;
  const pairs = [...on, ...match];
  const children = pairs.map(({ child }) => child.name);
  const parents = pairs.map(({ parent: { name } }) => name);
  const stepping = steppingColumns(check);
  const index = stepping
    ? [text(sql`create index concurrently on ${relation.name} (${listOf(stepping)})`)]
    : [];
  if (!isUnique) return { index, constraint: [] };
  const name = nameFor(relation, [...children, 'fkey']);
  const constraint = [
    ...(match.length > 0 ? beUnique(parent, parents) : []),
    text(
      sql`alter table ${relation.name} add constraint ${name} foreign key (${listOf(children)}) references ${parent.name} (${listOf(parents)}) not valid`,
    ),
    text(sql`alter table ${relation.name} validate constraint ${name}`),
    ...match.flatMap(({ child }) => beNotNull(relation, child)),
  ];
  return { index, constraint };
}

function beNotNull(relation: Relation, { name, notNullValidated }: Column): string[] {
  if (notNullValidated) return [];
  return [
    ...addCheck(relation, name, sql`${name} is not null`),
    text(sql`alter table ${relation.name} alter column ${name} set not null`),
  ];
}

function addCheck(relation: Relation, what: string, condition: Sql): string[] {
  const name = nameFor(relation, [what, 'check']);
  return [
    text(sql`alter table ${relation.name} add constraint ${name} check (${condition}) not valid`),
    text(sql`alter table ${relation.name} validate constraint ${name}`),
  ];
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
  return isThere
    ? []
    : [text(sql`create unique index concurrently on ${relation.name} (${listOf(columns)})`)];
}

const listOf = (names: readonly Identifier[]): Sql =>
  join(
    names.map((name) => sql`${name}`),
    sql`, `,
  );

/** As Postgres names constraints; short enough for it not to cut the name, whatever the characters. */
function nameFor({ name }: Relation, parts: readonly string[]): Identifier {
  const whole = Buffer.from([name.name, ...parts].join('_').replaceAll(/\s+/g, '_'));
  // A character that is cut in half becomes a replacement character of three bytes.
  return identifier(whole.subarray(0, 60).toString('utf8').replaceAll('\ufffd', ''));
}

/** None of these statements has parameters. */
const text = (statement: Sql): string => `${compile(statement).text.replaceAll(/\s*\n\s*/g, ' ')};`;
