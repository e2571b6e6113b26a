import type { CheckResult } from '../check/check-result.ts';
import type { Catalog, Relation } from '../postgres/catalog.ts';
import type { Rule } from '../rules/rule.ts';
import { typeName, type TypeName } from '../sql/identifier.ts';
import { findParent } from './blocking-rows.ts';
import { relationOf } from './subject.ts';

/** A type as people write it, with modifiers and brackets of arrays; nothing that could end the statement. */
const TYPE = /^[\p{L}_][\p{L}\p{N}_$. ]*(\(\d+(\s*,\s*-?\d+)?\))?[\p{L} ]*(\[\d*\])*$/u;

/**
 * The type of a column that is still to be made: what the rule says, else that of the column which some rule says it is
 * to be equal to, else what all other columns of its name have; undefined where they leave it open.
 */
export function typeOfNewColumn(
  column: string,
  relation: Relation,
  results: readonly CheckResult[],
  catalog: Catalog,
): TypeName | undefined {
  const about = results.filter((result) => relationOf(result, catalog) === relation);
  const said = about.flatMap(({ check: { rule } }) =>
    rule.kind === 'schema' && rule.spec.column === column && rule.spec.type !== undefined
      ? [rule.spec.type]
      : [],
  );
  if (said[0] !== undefined) return TYPE.test(said[0]) ? typeName(said[0]) : undefined;
  return (
    equalColumn(column, relation, results, catalog, new Set()) ?? namesake(column, relation, results, catalog)
  );
}

/** Follows the rules from column to column, as the parent's may be new itself. */
function equalColumn(
  column: string,
  relation: Relation,
  results: readonly CheckResult[],
  catalog: Catalog,
  seen: Set<string>,
): TypeName | undefined {
  const known = relation.columns.get(column);
  if (known) return known.type;
  const key = JSON.stringify([relation.oid, column]);
  if (seen.has(key)) return undefined;
  seen.add(key);
  for (const result of results.filter((each) => relationOf(each, catalog) === relation)) {
    for (const [written, name] of parentColumns(result.check.rule, column)) {
      const parent = findParent(result.check.rule, relation, written, catalog);
      const type = parent && equalColumn(name, parent, results, catalog, seen);
      if (type) return type;
    }
  }
  return undefined;
}

function parentColumns({ kind, spec }: Rule, column: string): [parent: string, column: string][] {
  const pairs = (parent: string, on: Readonly<Record<string, string>>): [string, string][] =>
    on[column] === undefined ? [] : [[parent, on[column]]];
  const filled = 'backfill' in spec && spec.backfill ? pairs(spec.backfill.from, spec.backfill.set) : [];
  if (kind === 'matches_parent') return [...pairs(spec.parent, spec.match), ...filled];
  if (kind === 'references') return pairs(spec.parent, spec.on);
  if (kind === 'schema' && spec.foreign_key) return pairs(spec.foreign_key.parent, spec.foreign_key.on);
  return filled;
}

/** The one type of all columns of this name that rules are about. */
function namesake(
  column: string,
  relation: Relation,
  results: readonly CheckResult[],
  catalog: Catalog,
): TypeName | undefined {
  const others = new Set(results.flatMap((result) => relationOf(result, catalog) ?? []));
  others.delete(relation);
  const types = [...others].flatMap(
    (other) => equalColumn(column, other, results, catalog, new Set())?.type ?? [],
  );
  const [only, ...more] = new Set(types);
  return only !== undefined && more.length === 0 ? { type: only } : undefined;
}
