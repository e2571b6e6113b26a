import type { CheckResult } from '../check/check-result.ts';
import type { Rule } from '../rules/rule.ts';
import { displayTable } from '../sql/identifier.ts';
import { reasonOf, verdictOf } from './outcome.ts';
import type { RolloutFinding, TableRollout } from './phase.ts';
import { isGuard, isWideKey } from './stage.ts';
import { phaseIndex, type Subject } from './subject.ts';

type Rows = readonly { readonly subject: Subject; readonly row: TableRollout }[];

/** Where what was declared is not what is there, either way, one finding for all tables of which the same is to be said. */
export function makeFindings(
  rows: Rows,
  results: readonly CheckResult[],
  phase: string | undefined,
): RolloutFinding[] {
  const tables = new Map(
    rows.flatMap(({ subject }) =>
      subject.results.map((result) => [result, displayTable(subject.relation.name)]),
    ),
  );
  const missed = results.filter(({ check }) => check.enforced).flatMap((result) => behind(result, phase));
  const early = rows.flatMap(({ subject, row }) => ahead(subject, row, phase));
  const folded = new Map<string, RolloutFinding & { tables: string[] }>();
  for (const { result, finding } of [...missed, ...early]) {
    const table = tables.get(result) ?? tableOf(result);
    const key = JSON.stringify([finding.rule, finding.direction, finding.message]);
    const known = folded.get(key) ?? { ...finding, tables: [] };
    if (table !== undefined && !known.tables.includes(table)) known.tables.push(table);
    folded.set(key, known);
  }
  return [...folded.values()];
}

type Found = { readonly result: CheckResult; readonly finding: RolloutFinding };

function behind(result: CheckResult, phase: string | undefined): Found[] {
  const verdict = verdictOf(result);
  if (verdict === 'held') return [];
  const { rule } = result.check;
  const isUnknown = verdict === 'unknown';
  const said =
    phase !== undefined && rule.phases.includes(phase)
      ? `phase ${phase} is declared`
      : 'every rule is enforced';
  const message = isUnknown
    ? `${said}, and this could not be measured: ${reasonOf(result)}`
    : `${said}, but ${reasonOf(result)}`;
  const direction = isUnknown ? 'unknown' : 'behind';
  return [{ result, finding: { direction, severity: rule.severity, message, ...placeOf(rule) } }];
}

/** What a later phase asks for and is there already, so that the gate could enforce it. */
function ahead({ results, phases }: Subject, { drift }: TableRollout, phase: string | undefined): Found[] {
  if (phase === undefined || !phases.includes(phase)) return [];
  const declared = phases.indexOf(phase);
  return results
    .filter((result) => phaseIndex(result.check.rule) > declared && (isGuard(result) || isWideKey(result)))
    .filter(({ outcome }) => outcome === 'held')
    .map((result) => {
      const { rule } = result.check;
      const message = `phase ${phase} is declared, but what phase ${rule.enforceFrom} asks for is there already: declare it, so that the gate enforces it`;
      const severity = drift === 'ahead' ? 'warning' : 'notice';
      return { result, finding: { direction: 'ahead', severity, message, ...placeOf(rule) } };
    });
}

function placeOf(rule: Rule): Pick<RolloutFinding, 'rule' | 'tables' | 'source'> {
  const { file, line, endLine } = rule.source;
  return { rule: rule.id, tables: [], source: { file, line, endLine } };
}

function tableOf({ check }: CheckResult): string | undefined {
  if (check.form === 'rows' || check.form === 'catalog') return displayTable(check.relation.name);
  return check.form === 'impossible' ? check.table : undefined;
}
