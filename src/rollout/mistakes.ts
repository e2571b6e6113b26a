import type { CheckResult } from '../check/check-result.ts';
import type { Catalog, Relation } from '../postgres/catalog.ts';
import type { Rule } from '../rules/rule.ts';
import type { Problem } from '../support/problem.ts';
import { findParent } from './blocking-rows.ts';
import { namedColumns, relationOf } from './subject.ts';

/**
 * Names that are not there and that no rule asks to be made. A column that a `schema` rule asks for is no mistake: it is
 * what the rollout has still to bring.
 */
export function findMistakes(results: readonly CheckResult[], catalog: Catalog): Problem[] {
  const expected = new Set(
    results.flatMap(({ check }) => {
      const isColumn = check.form === 'catalog' && check.rule.kind === 'schema' && check.rule.spec.column;
      return isColumn ? [keyOf(check.relation, isColumn)] : [];
    }),
  );
  return results.flatMap((result) => {
    if (result.check.form !== 'impossible' || result.outcome !== 'unknown') return [];
    const { problem } = result;
    if (problem.code === 'table-unknown') return [problem];
    if (problem.code !== 'column-unknown') return [];
    const missing = missingColumns(result, catalog);
    return missing.length > 0 && missing.every((key) => expected.has(key)) ? [] : [problem];
  });
}

const keyOf = ({ oid }: Relation, column: string): string => `${oid} ${column}`;

function missingColumns(result: CheckResult, catalog: Catalog): string[] {
  const relation = relationOf(result, catalog);
  if (!relation) return [];
  const { rule } = result.check;
  const lacks = (of: Relation, names: readonly string[]): string[] =>
    names.filter((name) => !of.columns.has(name)).map((name) => keyOf(of, name));
  const parents = parentsOf(rule).flatMap(({ parent, columns }) => {
    const found = findParent(rule, relation, parent, catalog);
    return found ? lacks(found, columns) : [];
  });
  return [...lacks(relation, namedColumns(rule)), ...parents];
}

function parentsOf({ kind, spec }: Rule): { parent: string; columns: string[] }[] {
  if (kind === 'matches_parent')
    return [{ parent: spec.parent, columns: [...Object.values(spec.on), ...Object.values(spec.match)] }];
  if (kind === 'references') return [{ parent: spec.parent, columns: Object.values(spec.on) }];
  if (kind === 'agrees')
    return spec.parents.map(({ parent, on, column }) => ({
      parent,
      columns: [...Object.values(on), column],
    }));
  return [];
}
