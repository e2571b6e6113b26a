import { plain } from '../support/plain.ts';
import type { Report } from './report.ts';
import { makeTargetTable, measuredText, whereText } from './target-table.ts';
import { counted } from './words.ts';

/** As many columns as a terminal has room for. */
const MOST = { maxTargets: 6, maxRules: 40 };

/** Lines about the targets of a merged report, and what became of each rule on each; none for a report of one run. */
export function targetLines(report: Report): string[] {
  const table = makeTargetTable(report, MOST);
  if (!table) return [];
  const { targets, rules, left } = table;
  const targetRows = targets.map((target) => [
    target.name,
    target.verdict,
    counted(target.totals.violations, 'violation'),
    measuredText(target),
    whereText(target),
  ]);
  const ruleRows = [
    ['', ...targets.map(({ name }) => name)],
    ...rules.map(({ rule, cells }) => [rule, ...cells]),
  ];
  return [
    '',
    ...aligned(targetRows),
    ...(rules.length > 0 ? ['', ...aligned(ruleRows)] : []),
    ...(left.length > 0 ? [`and ${left.join(', and ')}`] : []),
  ];
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => row.map((cell) => plain(cell, 60)));
  const widths = (cells[0] ?? []).map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)));
  return cells.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd());
}
