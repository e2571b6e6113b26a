import type { Relation } from '../postgres/catalog.ts';
import type { Requirement } from '../plan/plan.ts';
import type { RuleOf } from '../rules/rule.ts';
import { displayTable } from '../sql/identifier.ts';
import { listed } from '../support/listed.ts';
import { Problem } from '../support/problem.ts';
import { coveringRules } from './covering.ts';
import type { TableQuestion, WideKind, WideLookup } from './kind.ts';
import { findBonds, isTable, type Bond } from './tenancy.ts';

type CoverageRule = RuleOf<'coverage'>;
type Exemption = CoverageRule['spec']['exempt'][number] & { readonly index: number };

/**
 * Breaks on tables whose rows belong to a tenant and that neither a rule nor an exemption names, and on exemptions
 * that are over or for nothing. Reads the catalogue and the other rules of the run; reads no row.
 */
export const coverage: WideKind<'coverage'> = {
  name: 'coverage',
  askAll(rule, lookup) {
    const bonds = bondsOf(rule, lookup);
    const wanted = lookup.catalog.relations.filter(
      (each) => isTable(each) && !each.isPartition && bonds.has(each) && lookup.isInSchemas(each),
    );
    if (wanted.length === 0) throw nothingBound(rule);
    const exempt = findExemptions(rule, lookup);
    const open = wanted.filter((each) => !exempt.has(each));
    return [
      ...open.map((each) => question(each, coveredRequirement(each, bonds, lookup))),
      ...[...exempt].map(([relation, exemption]) => ({
        ...question(relation, exemptionRequirement(relation, exemption, { bonds, wanted, lookup })),
        at: rule.locate(['exempt', exemption.index]),
      })),
    ];
  },
};

const question = (relation: Relation, requirement: Requirement): TableQuestion => ({
  relation,
  form: 'catalog',
  requirements: [requirement],
});

function bondsOf(rule: CoverageRule, lookup: WideLookup): ReadonlyMap<Relation, Bond> {
  const { roots, columns, globals } = rule.spec;
  const named = (names: readonly string[], key: string): Set<Relation> =>
    new Set(names.flatMap((name, index) => lookup.relations(name, [key, index])));
  const inSchemas = lookup.catalog.relations.filter((each) => isTable(each) && lookup.isInSchemas(each));
  columns.forEach((name, index) => lookup.expectColumn(name, ['columns', index], inSchemas));
  return findBonds(lookup.catalog, {
    roots: named(roots, 'roots'),
    globals: named(globals, 'globals'),
    carried: (relation) => columns.flatMap((name) => relation.columns.get(name)?.name ?? []),
  });
}

function nothingBound(rule: CoverageRule): Problem {
  const message = 'no table of these schemas carries one of `columns` or reaches one of `roots`';
  return new Problem('table-unknown', message, {
    at: rule.locate([]),
    hint: 'A rule that finds no table would check nothing. `schema: "*"` looks in every schema.',
  });
}

function findExemptions({ spec }: CoverageRule, lookup: WideLookup): ReadonlyMap<Relation, Exemption> {
  return new Map(
    spec.exempt.flatMap((each, index) =>
      lookup
        .relations(each.table, ['exempt', index, 'table'])
        .map((relation) => [relation, { ...each, index }] as const),
    ),
  );
}

function coveredRequirement(
  relation: Relation,
  bonds: ReadonlyMap<Relation, Bond>,
  lookup: WideLookup,
): Requirement {
  const bond = bonds.get(relation);
  const covering = bond ? coveringRules(relation, bond.columns, lookup.selections()) : [];
  if (covering.length > 0) return { name: 'covered', state: 'met', proof: `asked by ${listed(covering)}` };
  return { name: 'covered', state: 'unmet', reason: bond ? uncovered(bond) : 'no rule names it' };
}

function exemptionRequirement(
  relation: Relation,
  { reason, owner, expires }: Exemption,
  {
    bonds,
    wanted,
    lookup,
  }: { bonds: ReadonlyMap<Relation, Bond>; wanted: readonly Relation[]; lookup: WideLookup },
): Requirement {
  const name = 'exemption';
  const bond = bonds.get(relation);
  if (!bond || !wanted.includes(relation))
    return { name, state: 'unmet', reason: 'the exemption is for nothing: no rule is wanted for this table' };
  const covering = coveringRules(relation, bond.columns, lookup.selections());
  if (covering.length > 0)
    return { name, state: 'unmet', reason: `the exemption is for nothing: asked by ${listed(covering)}` };
  if (expires < lookup.today)
    return {
      name,
      state: 'unmet',
      reason: `the exemption is over since ${expires} (${owner}); ${uncovered(bond)}`,
    };
  return { name, state: 'met', proof: `exempt until ${expires}: ${reason} (${owner})` };
}

function uncovered({ carries, path }: Bond): string {
  if (carries.length > 0) return `no rule asks about ${carries.join(', ')}, which it carries`;
  return `no rule asks about the way to its tenant: ${path.map(hopText).join(', ')}`;
}

function hopText({ key, to }: Bond['path'][number]): string {
  return `${key.on.map(({ child }) => child).join(' + ')} to ${displayTable(to.name)}`;
}
