import type { Selection, WideLookup } from '../kinds/kind.ts';
import type { Catalog } from '../postgres/catalog.ts';
import type { Rule } from '../rules/rule.ts';
import { didYouMean } from '../support/nearest.ts';
import { Problem } from '../support/problem.ts';
import { findTable, schemasOf, unknownTable } from './select-relations.ts';

/** What a plan is made from, beside the rule that is planned. */
export type Known = {
  readonly catalog: Catalog;
  readonly today: string;
  selections(): readonly Selection[];
};

/** The names of a rule whose kind finds its tables itself; each is looked up or reported at its line. */
export function wideLookup(rule: Rule, { catalog, today, selections }: Known): WideLookup {
  const schemas = schemasOf(rule, catalog);
  return {
    catalog,
    today,
    selections,
    isInSchemas: ({ name }) => schemas.includes(name.schema),
    relations: (name, path) => {
      const found = schemas.flatMap((schema) => findTable(catalog, schema, name) ?? []);
      if (found.length === 0) throw unknownTable(name, rule.schema, catalog, rule.locate(path));
      return [...new Set(found)];
    },
    expectColumn: (name, path, relations) => {
      if (relations.some(({ columns }) => columns.has(name))) return;
      const known = relations.flatMap(({ columns }) => [...columns.keys()]);
      const message = `no table in schema ${rule.schema} has a column '${name}'${didYouMean(name, known)}`;
      throw new Problem('column-unknown', message, { at: rule.locate(path) });
    },
  };
}
