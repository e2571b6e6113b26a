import { identifier, type Identifier } from '../sql/identifier.ts';
import { checkedSql, column, sql } from '../sql/sql.ts';
import { askKind } from '../kinds/index.ts';
import type { Lookup } from '../kinds/kind.ts';
import type { Catalog, Column, Relation } from '../postgres/catalog.ts';
import type { NamedTable, Rule, RuleSet } from '../rules/rule.ts';
import { didYouMean } from '../support/nearest.ts';
import { asProblem, Problem, type Position } from '../support/problem.ts';
import { matchesWildcard } from '../support/wildcard.ts';
import { ROW_ALIAS, type Check, type ImpossibleCheck, type KeyColumn, type Plan } from './plan.ts';

export type PlanOptions = {
  /** The phase that the target is in; undefined enforces every rule. */
  readonly phase?: string | undefined;
  /** Only these rules; empty means all. */
  readonly only: readonly string[];
};

/**
 * Turns each rule into one check per table, or reports every name that does not fit. A rule that is not enforced yet
 * may name what is still to be created: it becomes a check that ends `unknown`. Reads nothing.
 */
export function makePlan(
  ruleSet: RuleSet,
  catalog: Catalog,
  options: PlanOptions,
): { plan: Plan; problems: Problem[] } {
  const problems: Problem[] = [];
  const checks = ruleSet.rules
    .filter((rule) => options.only.length === 0 || options.only.includes(rule.id))
    .flatMap((rule) => {
      const enforced = isEnforced(rule, options.phase);
      const planned = planRule(rule, enforced, catalog);
      if (!enforced)
        return planned.checks.concat(planned.problems.map((problem) => impossible(rule, enforced, problem)));
      problems.push(...planned.problems);
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

type PlannedRule = { checks: Check[]; problems: Problem[] };

function planRule(rule: Rule, enforced: boolean, catalog: Catalog): PlannedRule {
  if (rule.tables.by === 'none') return attempt(() => planQuery(rule, enforced, catalog));
  const { relations, problems } = selectRelations(rule, catalog);
  const planned = relations.map((relation) => attempt(() => planTable(rule, enforced, relation, catalog)));
  return {
    checks: planned.flatMap((each) => each.checks),
    problems: [...problems, ...planned.flatMap((each) => each.problems)],
  };
}

function attempt(plan: () => Check): PlannedRule {
  try {
    return { checks: [plan()], problems: [] };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { checks: [], problems: [asProblem(error)] };
  }
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
  const question = askKind(rule, relation, lookupFor(rule, relation, catalog));
  const named = [...rule.authorSql.values()].flatMap((author) => author.columns.map(({ name }) => name));
  const schemas = operatorSchemas(named.flatMap((name) => relation.columns.get(name) ?? []));
  if (question.form === 'catalog') return { ...question, rule, enforced, relation, operatorSchemas: schemas };
  if (question.form === 'query') throw new TypeError(`the kind ${rule.kind} takes no tables`);
  return {
    form: 'rows',
    rule,
    enforced,
    relation,
    joins: question.joins ?? [],
    classes: question.classes,
    sound: question.sound,
    contradictions: question.contradictions,
    reference: question.reference,
    where: rule.where && checkedSql(rule.where.qualified(ROW_ALIAS)),
    key: keyOf(relation, rule),
    operatorSchemas: schemas,
  };
}

function checkAuthorColumns(rule: Rule, relation: Relation): void {
  for (const author of rule.authorSql.values()) {
    const unknown = author.columns.find(({ name }) => !relation.columns.has(name));
    if (unknown) throw unknownColumn(unknown.name, relation, author.locate(unknown.offset));
  }
}

function unknownColumn(name: string, relation: Relation, at: Position): Problem {
  const message = `unknown column '${name}' in ${relation.name.schema}.${relation.name.name}`;
  return new Problem('column-unknown', `${message}${didYouMean(name, relation.columns.keys())}`, { at });
}

function lookupFor(rule: Rule, checked: Relation, catalog: Catalog): Lookup {
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

/** A bare name in a schema; else a name with its own schema before a dot. A dot may also be part of the name. */
function findTable(catalog: Catalog, schema: string, written: string): Relation | undefined {
  const bare = catalog.find(schema, written);
  if (bare) return bare;
  for (let dot = written.indexOf('.'); dot !== -1; dot = written.indexOf('.', dot + 1)) {
    const found = catalog.find(written.slice(0, dot), written.slice(dot + 1));
    if (found) return found;
  }
  return undefined;
}

function unknownTable(written: string, schema: string, catalog: Catalog, at: Position): Problem {
  const near = catalog.relations
    .filter(({ name }) => matches(schema, name.schema))
    .map(({ name }) => name.name);
  const qualified = catalog.relations.map(({ name }) => `${name.schema}.${name.name}`);
  const where = written.includes('.') ? '' : ` in schema ${schema}`;
  return new Problem(
    'table-unknown',
    `unknown table '${written}'${where}${didYouMean(written, [...near, ...qualified])}`,
    {
      at,
      hint: 'Write its exact name as in the catalogue, or schema.table. The role must be allowed to connect to this database.',
    },
  );
}

const isPattern = (schema: string): boolean => /[*?]/.test(schema);

function matches(pattern: string, schema: string): boolean {
  return isPattern(pattern) ? matchesWildcard(pattern, schema) : pattern === schema;
}

type Selected = { relations: Relation[]; problems: Problem[] };

function selectRelations(rule: Rule, catalog: Catalog): Selected {
  const schemas = [...new Set(catalog.relations.map(({ name }) => name.schema))].filter((schema) =>
    matches(rule.schema, schema),
  );
  if (rule.tables.by === 'column') return selectByColumn(rule, rule.tables, schemas, catalog);
  if (rule.tables.by === 'none') return { relations: [], problems: [] };
  return selectByName(rule, rule.tables.tables, schemas, catalog);
}

function selectByName(
  rule: Rule,
  tables: readonly NamedTable[],
  schemas: readonly string[],
  catalog: Catalog,
): Selected {
  const problems: Problem[] = [];
  const relations = tables.flatMap(({ written, at }) => {
    const looked = isPattern(rule.schema) ? schemas : [rule.schema];
    const found = looked.map((schema) => findTable(catalog, schema, written));
    const known = found.filter((each) => each !== undefined);
    if (known.length === 0) problems.push(unknownTable(written, rule.schema, catalog, at));
    else if (known.length < found.length) {
      const lacking = looked.filter((_, i) => found[i] === undefined);
      problems.push(
        new Problem(
          'table-unknown',
          `schema ${lacking.join(', ')} matches '${rule.schema}' but has no table '${written}'`,
          { at },
        ),
      );
    }
    return known;
  });
  return { relations: [...new Set(relations)], problems };
}

function selectByColumn(
  rule: Rule,
  selector: Extract<Rule['tables'], { by: 'column' }>,
  schemas: readonly string[],
  catalog: Catalog,
): Selected {
  const carriers = catalog.relations.filter(
    ({ name, kind, isPartition, columns }) =>
      schemas.includes(name.schema) &&
      (kind === 'table' || kind === 'partitioned table') &&
      !isPartition &&
      columns.has(selector.column),
  );
  const excepted = selector.except.map((table) => ({
    ...table,
    relations: schemas.map((schema) => findTable(catalog, schema, table.written)),
  }));
  const problems = excepted
    .filter(({ relations }) => relations.every((each) => each === undefined))
    .map(({ written, at }) => unknownTable(written, rule.schema, catalog, at));
  const left = carriers.filter((relation) => !excepted.some(({ relations }) => relations.includes(relation)));
  if (left.length === 0) {
    const columns = catalog.relations
      .filter(({ name }) => schemas.includes(name.schema))
      .flatMap((each) => [...each.columns.keys()]);
    const message = `no table in schema ${rule.schema} has a column '${selector.column}'${didYouMean(selector.column, columns)}`;
    problems.push(
      new Problem('table-unknown', message, {
        at: selector.at,
        hint: 'A pattern that matches nothing would check nothing.',
      }),
    );
  }
  return { relations: left, problems };
}

/** What tells a row from the others. A key of a table with children says of which table the row is: they may share it. */
function keyOf(relation: Relation, rule: Rule): KeyColumn[] {
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
