import type { Relation } from '../postgres/catalog.ts';
import type { Rule } from '../rules/rule.ts';
import type { Selection } from './kind.ts';

/** The ids of the rules that ask a table about a column that binds its rows. Any other rule says nothing of their tenant. */
export function coveringRules(
  relation: Relation,
  binding: ReadonlySet<string>,
  selections: readonly Selection[],
): string[] {
  const asked = selections.filter((each) => [each.relation, ...each.relation.descendants].includes(relation));
  const found = asked.filter(({ rule }) => columnsAsked(rule).some((name) => binding.has(name)));
  return [...new Set(found.map(({ rule }) => rule.id))];
}

/** The columns of its tables that a rule makes a promise about. An index, or that a column exists, promises nothing of rows. */
function columnsAsked(rule: Rule): readonly string[] {
  const written = [...rule.authorSql].flatMap(([key, { columns }]) => (key === 'where' ? [] : columns));
  const inSql = written.map(({ name }) => name);
  switch (rule.kind) {
    case 'not_null':
      return rule.spec.columns ?? (rule.spec.column === undefined ? [] : [rule.spec.column]);
    case 'matches_parent':
      return [...Object.keys(rule.spec.on), ...Object.keys(rule.spec.match)];
    case 'references':
      return Object.keys(rule.spec.on);
    case 'agrees':
      return rule.spec.parents.flatMap(({ on }) => Object.keys(on));
    case 'exactly_one_of':
      return rule.spec.columns;
    case 'schema': {
      const { column, not_null, foreign_key } = rule.spec;
      const promised = not_null && column !== undefined ? [column] : [];
      return [...inSql, ...promised, ...Object.keys(foreign_key?.on ?? {})];
    }
    case 'implies':
      return inSql;
    case 'query':
    case 'coverage':
      return [];
  }
}
