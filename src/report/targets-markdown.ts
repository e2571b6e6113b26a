import { markdownCode, markdownText } from '../support/markdown-text.ts';
import type { MergedTarget, Report } from './report.ts';
import { makeTargetTable, measuredText, whereText } from './target-table.ts';
import { number } from './words.ts';

/** As many as a person reads in a summary. */
const MOST = { maxTargets: 12, maxRules: 25 };

/** The targets of a merged report, and the rules that did not hold with a column for each of them; else nothing. */
export function renderTargetsMarkdown(report: Report): string {
  const table = makeTargetTable(report, MOST);
  if (!table) return '';
  const { targets, rules, left } = table;
  const parts = [
    [
      '| | Target | Verdict | Violations | Measured | Where |',
      '|---|---|---|---:|---:|---|',
      ...targets.map(targetRow),
    ].join('\n'),
    rules.length > 0
      ? [
          row(['Rule', ...targets.map(({ name }) => markdownText(name))]),
          row(['---', ...targets.map(() => '---:')]),
          ...rules.map(({ rule, cells }) => row([markdownCode(rule), ...cells])),
        ].join('\n')
      : '',
    left.length > 0 ? `*${left.join(' and ')} did not fit here; the JSON report has them.*` : '',
  ];
  return parts.filter(Boolean).join('\n\n');
}

function targetRow(target: MergedTarget): string {
  const mark = { clean: '✅', broken: '❌', incomplete: '⚠️' }[target.verdict];
  const where = markdownText(whereText(target));
  const { violations } = target.totals;
  return row([
    mark,
    markdownText(target.name),
    target.verdict,
    number(violations),
    measuredText(target),
    where,
  ]);
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
