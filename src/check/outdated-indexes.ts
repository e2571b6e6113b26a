import type { Catalog } from '../postgres/catalog.ts';
import type { Limits } from '../postgres/snapshot.ts';
import { displayTable } from '../sql/identifier.ts';
import { listed } from '../support/listed.ts';
import { Problem } from '../support/problem.ts';

/** The tables whose indexes, constraints or bounds rest on a version of a collation that the system no longer has. */
export function outdatedIndexes({ relations }: Catalog): string[] {
  return relations.filter(({ outdated }) => outdated).map(({ name }) => displayTable(name));
}

/** By what rows may be found, and whether constraints stand for reading them. */
type Ways = { readonly strategy: 'auto' | 'scan'; readonly proofs: boolean };

/**
 * How to count where some indexes are outdated: by none, as one that cannot find a row would say that there is none, and
 * by no constraint, as those that refer to such an index or compare text may have let in what they would refuse today.
 */
export function waysToCount<L extends Limits>(
  limits: L,
  { strategy, proofs }: Ways,
  outdated: readonly string[],
): { readonly limits: L; readonly ways: Ways } {
  if (outdated.length === 0) return { limits, ways: { strategy, proofs } };
  return { limits: { ...limits, useIndexes: false }, ways: { strategy: 'scan', proofs: false } };
}

export function outdatedWarning(tables: readonly string[]): Problem[] {
  if (tables.length === 0) return [];
  const message = `text of ${listed(tables)} was sorted by another version of a collation than the system has now`;
  const hint =
    'Rows may not be found by them, so every table was read whole. Rebuild them (reindex), then alter database or collation … refresh collation version.';
  return [new Problem('indexes-outdated', message, { hint })];
}
