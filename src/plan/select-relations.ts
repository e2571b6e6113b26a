import type { Selection } from '../kinds/kind.ts';
import type { Catalog, Relation } from '../postgres/catalog.ts';
import type { NamedTable, Rule } from '../rules/rule.ts';
import { didYouMean } from '../support/nearest.ts';
import { Problem, type Position } from '../support/problem.ts';
import { matchesWildcard } from '../support/wildcard.ts';

/** A bare name in a schema; else a name with its own schema before a dot. A dot may also be part of the name. */
export function findTable(catalog: Catalog, schema: string, written: string): Relation | undefined {
  const bare = catalog.find(schema, written);
  if (bare) return bare;
  for (let dot = written.indexOf('.'); dot !== -1; dot = written.indexOf('.', dot + 1)) {
    const found = catalog.find(written.slice(0, dot), written.slice(dot + 1));
    if (found) return found;
  }
  return undefined;
}

/** The mistake that a name is, with the nearest right one. */
export function unknownTable(written: string, schema: string, catalog: Catalog, at: Position): Problem {
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

/** Whether it stands for several schemas. */
export const isPattern = (schema: string): boolean => /[*?]/.test(schema);

function matches(pattern: string, schema: string): boolean {
  return isPattern(pattern) ? matchesWildcard(pattern, schema) : pattern === schema;
}

type Selected = { relations: Relation[]; problems: Problem[] };

/** What every rule is asked of, by its own `tables`. What is wrong with a name is told where the rule is planned. */
export function selectAll(rules: readonly Rule[], catalog: Catalog): Selection[] {
  return rules.flatMap((rule) =>
    selectRelations(rule, catalog).relations.map((relation) => ({ rule, relation })),
  );
}

/** The schemas that a rule's own names. */
export function schemasOf(rule: Rule, catalog: Catalog): string[] {
  return [...new Set(catalog.relations.map(({ name }) => name.schema))].filter((schema) =>
    matches(rule.schema, schema),
  );
}

/** The relations that a rule is about, and its mistakes in naming them. */
export function selectRelations(rule: Rule, catalog: Catalog): Selected {
  const schemas = schemasOf(rule, catalog);
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
