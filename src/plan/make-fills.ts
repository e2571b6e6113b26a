import { askFill, backfillOf } from '../kinds/fill.ts';
import type { Catalog, Relation } from '../postgres/catalog.ts';
import type { Rule, RuleSet } from '../rules/rule.ts';
import { displayTable } from '../sql/identifier.ts';
import { sql } from '../sql/sql.ts';
import { Problem } from '../support/problem.ts';
import { filledColumns, type Fill } from './fill.ts';
import { checkAuthorColumns, keyOf, lookupFor } from './make-plan.ts';
import { selectRelations } from './select-relations.ts';

/**
 * What the backfills of some rules are to fill, in the order in which they have to run; or what is wrong with them, at
 * its place. Rules without `backfill` are passed over. Reads nothing.
 */
export function makeFills(
  { rules }: RuleSet,
  catalog: Catalog,
  only: readonly string[],
): { readonly fills: readonly Fill[]; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const asked = rules.filter(({ id }) => only.length === 0 || only.includes(id));
  const fills = asked.flatMap((rule): Fill[] => {
    const backfill = backfillOf(rule);
    if (!backfill) return [];
    const selected = selectRelations(rule, catalog);
    problems.push(...selected.problems);
    return selected.relations.flatMap((relation) => {
      try {
        checkAuthorColumns(rule, relation);
        return makeFill(rule, backfill, relation, catalog);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        problems.push(error);
        return [];
      }
    });
  });
  const staged = withStages(fills, problems);
  return { fills: problems.length > 0 ? [] : staged, problems };
}

function makeFill(
  rule: Rule,
  backfill: NonNullable<ReturnType<typeof backfillOf>>,
  relation: Relation,
  catalog: Catalog,
): Fill {
  const { classes, ...asked } = askFill(rule, backfill, relation, lookupFor(rule, relation, catalog));
  const census = {
    form: 'rows' as const,
    rule,
    enforced: true,
    relation,
    joins: asked.hops.map(({ alias, relation: { name }, condition }) => ({
      alias,
      from: sql`${name}`,
      on: condition,
    })),
    where: undefined,
    classes,
    sound: undefined,
    contradictions: undefined,
    reference: undefined,
    key: keyOf(relation, rule),
    operatorSchemas: [],
  };
  return { ...asked, rule, relation, census, stage: 0 };
}

/** Fills what others read before them; two that wait for each other are a mistake in the rules. */
function withStages(fills: readonly Fill[], problems: Problem[]): Fill[] {
  const stages = new Map<Fill, number>();
  const stageOf = (fill: Fill, above: readonly Fill[]): number => {
    const known = stages.get(fill);
    if (known !== undefined) return known;
    if (above.includes(fill)) {
      const tables = [...new Set(above.map(({ relation }) => displayTable(relation.name)))].join(', ');
      problems.push(
        new Problem('rules-invalid', `the backfills of ${tables} wait for each other`, {
          at: fill.rule.locate(['backfill']),
        }),
      );
      return 0;
    }
    const earlier = fills.filter((other) => other !== fill && feeds(other, fill));
    const stage = Math.max(0, ...earlier.map((other) => stageOf(other, [...above, fill]) + 1));
    stages.set(fill, stage);
    return stage;
  };
  const staged = fills.map((fill) => ({ ...fill, stage: stageOf(fill, []) }));
  return staged.toSorted((a, b) => a.stage - b.stage);
}

/** Whether one fill writes what another reads, on its way to a value or as the value. */
function feeds(one: Fill, other: Fill): boolean {
  const written = filledColumns(one).map(({ name }) => name);
  return other.hops.some(({ relation }, i) => {
    if (relation !== one.relation) return false;
    const next = other.hops[i + 1];
    const read = next ? next.on.map(({ child }) => child.name) : other.set.map(({ parent }) => parent.name);
    return read.some((name) => written.includes(name));
  });
}
