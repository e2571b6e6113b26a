import type { Column, Relation } from '../postgres/catalog.ts';
import type { Fill, FillHop, FillPair } from '../plan/fill.ts';
import { ROW_ALIAS, type ColumnPair, type RowClass } from '../plan/plan.ts';
import type { Rule } from '../rules/rule.ts';
import { identifier, type Identifier } from '../sql/identifier.ts';
import { allOf, anyOf, checkedSql, column, sql, type Sql } from '../sql/sql.ts';
import { Problem } from '../support/problem.ts';
import { differ, equal, isNull, isSet, type Value } from './compare.ts';
import type { Lookup } from './kind.ts';
import { missingValue } from './not-null.ts';

/** A fill, but for what the planner adds. */
type FillQuestion = Omit<Fill, 'census' | 'stage' | 'relation' | 'rule'> & {
  /** The classes of the census; a row is in one of them at most. */
  readonly classes: readonly RowClass[];
};

type Backfill = NonNullable<Extract<Rule, { kind: 'not_null' }>['spec']['backfill']>;

/** The backfill that a rule declares; undefined where it declares none. */
export function backfillOf(rule: Rule): Backfill | undefined {
  return 'backfill' in rule.spec ? rule.spec.backfill : undefined;
}

/** What a rule's backfill means for one of its tables; throws a `Problem` at the rule's line where its names do not fit. */
export function askFill(rule: Rule, backfill: Backfill, relation: Relation, lookup: Lookup): FillQuestion {
  const hops = findHops(backfill, relation, lookup);
  const source = hops.at(-1) ?? hops[0];
  const set = Object.entries(backfill.set).map(([name, parentName]): FillPair => {
    const child = lookup.column(name, ['backfill', 'set', name], relation);
    const parent = lookup.column(parentName, ['backfill', 'set', name], source.relation);
    if (child.filledBy === 'expression')
      throw new Problem('rules-invalid', `'${name}' is a generated column, which nobody can set`, {
        at: rule.locate(['backfill', 'set', name]),
      });
    const mine = valueIn(child);
    return {
      child,
      parent,
      missing: missingValue(rule, child),
      value: column(source.alias, parent.name),
      // A domain that takes no NULL would refuse the cast of one.
      isOtherThan: (value) =>
        sql`(case when ${isSet({ sql: value, column: parent })} then ${differ(mine, { sql: sql`${value}::${child.type}`, column: child })} end) is true`,
    };
  });
  const [first, ...rest] = set;
  if (first === undefined) throw new TypeError('a backfill that sets nothing');
  const candidate = allOf([...conditionsOf(rule), anyOf(set.map(({ missing }) => missing))]);
  const valueOf = (pair: FillPair) => ({ sql: pair.value, column: pair.parent });
  const resolvable = anyOf(set.map((pair) => sql`(${pair.missing}) and ${isSet(valueOf(pair))}`));
  const noLink = anyOf(hops.map((hop, i) => noLinkOf(hop, hops[i - 1])));
  const found = allOf(hops.map(isFound));
  const conflicting = anyOf(
    set.map((pair) => sql`not (${pair.missing}) and (${differ(valueIn(pair.child), valueOf(pair))}) is true`),
  );
  const residue = [
    { name: 'no_link' as const, rows: sql`not (${found}) and (${noLink})` },
    { name: 'orphan' as const, rows: sql`not (${found}) and not (${noLink})` },
    { name: 'parent_null' as const, rows: sql`${found} and not (${resolvable})` },
  ];
  return {
    hops,
    set: [first, ...rest],
    candidate,
    resolvable,
    residue,
    classes: [
      { name: 'resolvable', rows: allOf([candidate, found, resolvable]), breaks: true },
      ...residue.map(({ name, rows }) => ({ name, rows: allOf([candidate, rows]), breaks: true })),
      { name: 'conflicting', rows: allOf([sql`not (${candidate})`, found, conflicting]), breaks: false },
    ],
  };
}

const valueIn = (child: Column): Value => ({ sql: column(ROW_ALIAS, child.name), column: child });

/** What beside the missing value makes a row one of the rule's: its filter, and what an implication starts from. */
function conditionsOf(rule: Rule): Sql[] {
  const written = [rule.where, rule.authorSql.get('when')].filter((author) => author !== undefined);
  return written.map((author) => sql`(${checkedSql(author.qualified(ROW_ALIAS))}) is true`);
}

function findHops(backfill: Backfill, relation: Relation, lookup: Lookup): readonly [FillHop, ...FillHop[]] {
  const steps = [
    ...(backfill.via ?? []).map((step, i) => ({ ...step, path: ['backfill', 'via', i], key: 'table' })),
    { table: backfill.from, on: backfill.on, path: ['backfill'], key: 'from' },
  ];
  let before: { relation: Relation; alias: Identifier } = { relation, alias: ROW_ALIAS };
  const hops = steps.map(({ table, on, path, key }, i): FillHop => {
    const found = lookup.relation(table, [...path, key]);
    const alias = identifier(`hop ${i + 1}`);
    const pairs = Object.entries(on).map(([child, parent]): ColumnPair => ({
      child: lookup.column(child, [...path, 'on', child], before.relation),
      parent: lookup.column(parent, [...path, 'on', child], found),
    }));
    const condition = allOf(
      pairs.map((pair) =>
        equal(
          { sql: column(before.alias, pair.child.name), column: pair.child },
          { sql: column(alias, pair.parent.name), column: pair.parent },
        ),
      ),
    );
    before = { relation: found, alias };
    return { relation: found, alias, on: pairs, condition };
  });
  const [first, ...rest] = hops;
  if (first === undefined) throw new TypeError('a backfill without a parent');
  return [first, ...rest];
}

/** The columns that lead to a hop are not all there; asked only of a step before that is there itself. */
function noLinkOf(hop: FillHop, before: FillHop | undefined): Sql {
  const alias = before?.alias ?? ROW_ALIAS;
  const lacking = anyOf(hop.on.map(({ child }) => isNull({ sql: column(alias, child.name), column: child })));
  return before ? sql`${isFound(before)} and (${lacking})` : lacking;
}

function isFound({ alias, on }: FillHop): Sql {
  return allOf(
    on.slice(0, 1).map(({ parent }) => isSet({ sql: column(alias, parent.name), column: parent })),
  );
}
