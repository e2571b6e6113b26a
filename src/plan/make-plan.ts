import { displayTable, identifier, type Identifier } from '../sql/identifier.ts';
import { checkedSql, column, sql } from '../sql/sql.ts';
import { askKind, askWideKind } from '../kinds/index.ts';
import type { Lookup } from '../kinds/kind.ts';
import type { Catalog, Column, Relation } from '../postgres/catalog.ts';
import type { Rule, RuleSet } from '../rules/rule.ts';
import { didYouMean } from '../support/nearest.ts';
import { asProblem, Problem, type Position } from '../support/problem.ts';
import { ROW_ALIAS, type Check, type ImpossibleCheck, type KeyColumn, type Plan } from './plan.ts';
import { splitClasses } from './split-classes.ts';
import { findTable, isPattern, selectAll, selectRelations, unknownTable } from './select-relations.ts';
import { wideLookup, type Known } from './wide-lookup.ts';

export type PlanOptions = {
  /** The phase that the target is in; undefined enforces every rule. */
  readonly phase?: string | undefined;
  /** Only these rules; empty means all. */
  readonly only: readonly string[];
  /** Names that are not there make a check that ends `unknown`, also in a rule that is enforced. */
  readonly tolerant?: boolean | undefined;
};

/**
 * Turns each rule into one check per table, or reports every name that does not fit. A rule that is not enforced yet
 * may name what is still to be created: it becomes a check that ends `unknown`. Reads nothing.
 */
export function makePlan(
  ruleSet: RuleSet,
  catalog: Catalog,
  options: PlanOptions & { readonly now: Date },
): { plan: Plan; problems: Problem[] } {
  const problems: Problem[] = [];
  const known = {
    catalog,
    today: options.now.toISOString().slice(0, 10),
    selections: once(() => selectAll(ruleSet.rules, catalog)),
  };
  const checks = ruleSet.rules
    .filter((rule) => options.only.length === 0 || options.only.includes(rule.id))
    .flatMap((rule) => {
      const enforced = isEnforced(rule, options.phase);
      const planned = planRule(rule, enforced, known);
      if (!enforced || options.tolerant)
        return planned.checks.concat(
          planned.problems.map(({ problem, table }) => impossible(rule, enforced, problem, table)),
        );
      problems.push(...planned.problems.map(({ problem }) => problem));
      return planned.checks;
    });
  return { plan: { checks }, problems };
}

/** Checks that can all not be asked, for the same reason, so that each rule and table still appears in the report. */
export function planWithoutDatabase(ruleSet: RuleSet, options: PlanOptions, problem: Problem): Plan {
  const checks = ruleSet.rules
    .filter((rule) => options.only.length === 0 || options.only.includes(rule.id))
    .flatMap((rule) => {
      const enforced = isEnforced(rule, options.phase);
      if (rule.tables.by !== 'name') return [impossible(rule, enforced, problem)];
      return rule.tables.tables.map(({ written }) => {
        const table = written.includes('.') ? written : `${rule.schema}.${written}`;
        return impossible(rule, enforced, problem, table);
      });
    });
  return { checks };
}

/** Mistakes in the run's own options: a phase or a rule id that no rules file declares. */
export function checkPlanOptions(ruleSet: RuleSet, options: PlanOptions): Problem[] {
  const phases = new Set(ruleSet.rules.flatMap((rule) => rule.phases));
  const ids = ruleSet.rules.map((rule) => rule.id);
  const problems = options.only
    .filter((id) => !ids.includes(id))
    .map((id) => new Problem('options-invalid', `no rule has the id '${id}'${didYouMean(id, ids)}`));
  if (options.phase !== undefined && !phases.has(options.phase)) {
    const hint =
      phases.size > 0 ? `The phases are: ${[...phases].join(', ')}.` : 'The rules files declare no `phases`.';
    problems.push(
      new Problem('options-invalid', `unknown phase '${options.phase}'${didYouMean(options.phase, phases)}`, {
        hint,
      }),
    );
  }
  return problems;
}

function isEnforced(rule: Rule, phase: string | undefined): boolean {
  if (rule.enforceFrom === undefined || phase === undefined || !rule.phases.includes(phase)) return true;
  return rule.phases.indexOf(phase) >= rule.phases.indexOf(rule.enforceFrom);
}

function impossible(rule: Rule, enforced: boolean, problem: Problem, table?: string): ImpossibleCheck {
  return { form: 'impossible', rule, enforced, table, problem };
}

/** A mistake, and the table that it was found with. */
type Mistake = { readonly problem: Problem; readonly table?: string };

type PlannedRule = { checks: Check[]; problems: Mistake[] };

function planRule(rule: Rule, enforced: boolean, known: Known): PlannedRule {
  const { catalog } = known;
  if (rule.tables.by === 'none') return attempt(() => planWithoutTables(rule, enforced, known));
  const { relations, problems } = selectRelations(rule, catalog);
  const planned = relations.map((relation) =>
    attempt(() => [planTable(rule, enforced, relation, catalog)], displayTable(relation.name)),
  );
  return {
    checks: planned.flatMap((each) => each.checks),
    problems: [...problems.map((problem) => ({ problem })), ...planned.flatMap((each) => each.problems)],
  };
}

function attempt(plan: () => Check[], table?: string): PlannedRule {
  try {
    return { checks: plan(), problems: [] };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return {
      checks: [],
      problems: [{ problem: asProblem(error), ...(table === undefined ? {} : { table }) }],
    };
  }
}

function planWithoutTables(rule: Rule, enforced: boolean, known: Known): Check[] {
  const questions = askWideKind(rule, wideLookup(rule, known));
  if (!questions) return [planQuery(rule, enforced, known.catalog)];
  return questions.map((question) => {
    if (question.form !== 'catalog') throw new TypeError(`the kind ${rule.kind} reads rows`);
    return { ...question, rule, enforced, operatorSchemas: [] };
  });
}

function planQuery(rule: Rule, enforced: boolean, catalog: Catalog): Check {
  const nowhere = {} as Relation;
  const question = askKind(rule, nowhere, lookupFor(rule, nowhere, catalog));
  if (question.form !== 'query') throw new TypeError(`the kind ${rule.kind} needs tables`);
  const columns = catalog.relations.flatMap((relation) => Array.from(relation.columns.values()));
  return { ...question, rule, enforced, operatorSchemas: operatorSchemas(columns) };
}

function planTable(rule: Rule, enforced: boolean, relation: Relation, catalog: Catalog): Check {
  if (rule.kind !== 'schema') checkAuthorColumns(rule, relation);
  const lookup = lookupFor(rule, relation, catalog);
  const question = askKind(rule, relation, lookup);
  const written = [...rule.authorSql.values()].flatMap((author) => author.columns.map(({ name }) => name));
  const named = [...written, ...(rule.since ? [identifier(rule.since.column)] : [])];
  const schemas = operatorSchemas(named.flatMap((name) => relation.columns.get(name) ?? []));
  if (question.form === 'catalog') return { ...question, rule, enforced, relation, operatorSchemas: schemas };
  if (question.form === 'query') throw new TypeError(`the kind ${rule.kind} takes no tables`);
  return {
    form: 'rows',
    rule,
    enforced,
    relation,
    joins: question.joins ?? [],
    classes: splitClasses(rule, question.classes, relation, lookup),
    sound: question.sound,
    contradictions: question.contradictions,
    reference: question.reference,
    where: rule.where && checkedSql(rule.where.qualified(ROW_ALIAS)),
    key: keyOf(relation, rule),
    operatorSchemas: schemas,
  };
}

/** Throws where author SQL of a rule names a column that the relation has not. */
export function checkAuthorColumns(rule: Rule, relation: Relation): void {
  for (const author of rule.authorSql.values()) {
    const unknown = author.columns.find(({ name }) => !relation.columns.has(name));
    if (unknown) throw unknownColumn(unknown.name, relation, author.locate(unknown.offset));
  }
}

function unknownColumn(name: string, relation: Relation, at: Position): Problem {
  const message = `unknown column '${name}' in ${relation.name.schema}.${relation.name.name}`;
  return new Problem('column-unknown', `${message}${didYouMean(name, relation.columns.keys())}`, { at });
}

/** Looks up the names of a rule, for one of its tables. */
export function lookupFor(rule: Rule, checked: Relation, catalog: Catalog): Lookup {
  return {
    catalog,
    column: (name, path, relation = checked) => {
      const found = relation.columns.get(name);
      if (!found) throw unknownColumn(name, relation, rule.locate(path));
      return found;
    },
    relation: (name, path) => {
      const schemas = [checked.name.schema, ...(isPattern(rule.schema) ? [] : [rule.schema])];
      const found = schemas
        .map((schema) => findTable(catalog, schema, name))
        .find((each) => each !== undefined);
      if (!found) throw unknownTable(name, rule.schema, catalog, rule.locate(path));
      return found;
    },
  };
}

/** What tells a row from the others, for samples. A key of a table with children says of which table the row is: they may share it. */
export function keyOf(relation: Relation, rule: Rule): KeyColumn[] {
  const key = ownKeyOf(relation, rule);
  const isPlace = key.some(({ name }) => name === CTID);
  if (!relation.hasInheritors && !(isPlace && relation.descendants.length > 0)) return key;
  const table = identifier('tableoid');
  return [...key, { name: table, value: sql`${column(ROW_ALIAS, table)}::regclass` }];
}

const CTID = identifier('ctid');

/** The primary key, else a unique key without NULLs, else the columns that link the row, else its place in the table. */
function ownKeyOf(relation: Relation, rule: Rule): KeyColumn[] {
  const notNull = (name: Identifier | undefined): boolean =>
    name !== undefined && relation.columns.get(name)?.notNullValidated === true;
  const usable = relation.indexes.filter(
    (index) => index.unique && index.valid && !index.partial && index.columns.every(notNull),
  );
  const index = usable.find((each) => each.primary) ?? usable[0];
  const links = 'on' in rule.spec ? Object.keys(rule.spec.on).map(identifier) : [];
  const named = (names: readonly (Identifier | undefined)[]): KeyColumn[] =>
    names.flatMap((name) => (name === undefined ? [] : [{ name, value: column(ROW_ALIAS, name) }]));
  if (index) return named(index.columns);
  if (links.length > 0) return named(links);
  if (relation.kind === 'view') return [];
  return [{ name: CTID, value: column(ROW_ALIAS, CTID) }];
}

/** The kinds name the schema of every operator that they use; what an author wrote is looked up on the search path. */
function operatorSchemas(columns: readonly Column[]): Identifier[] {
  return [...new Set(columns.flatMap(({ typeSchema }) => typeSchema ?? []))];
}

/** The same answer each time; worked out when it is first wanted. */
function once<Answer>(work: () => Answer): () => Answer {
  let answer: { readonly value: Answer } | undefined;
  return () => (answer ??= { value: work() }).value;
}
