import { formatDurationMs } from '../support/duration.ts';
import { markdownCode, markdownText } from '../support/markdown-text.ts';
import type { Report } from './report.ts';
import { renderTargetsMarkdown } from './targets-markdown.ts';
import {
  findingsOf,
  footer,
  groupByRule,
  headline,
  isRunProblem,
  number,
  remedyText,
  ruleText,
  sampleText,
  setting,
  type Finding,
  type RuleGroup,
} from './words.ts';

/** Markdown, and how many of the rules it shows. */
export type RenderedMarkdown = { readonly markdown: string; readonly shown: number; readonly total: number };

/**
 * The report as a step summary, at most `maxBytes` long. Where all of it does not fit, it says less in steps: without
 * the details of each table, then only as many rules as fit; and it says what it left out.
 */
export function renderMarkdown(report: Report, maxBytes: number): RenderedMarkdown {
  const groups = groupByRule(report).filter((group) => !isRunProblem(group, report));
  const total = groups.length;
  const whole = page(report, groups, groups.filter(needsPerson), total);
  if (Buffer.byteLength(whole) <= maxBytes) return { markdown: whole, shown: total, total };
  for (let shown = total; shown > 0; shown = Math.floor(shown / 2)) {
    const markdown = page(report, groups.slice(0, shown), [], total);
    if (Buffer.byteLength(markdown) <= maxBytes) return { markdown, shown, total };
  }
  return { markdown: page(report, [], [], total), shown: 0, total };
}

function page(
  report: Report,
  rows: readonly RuleGroup[],
  detailed: readonly RuleGroup[],
  total: number,
): string {
  const icon = { clean: '✅', broken: '❌', incomplete: '⚠️' }[report.verdict];
  const left = total - rows.length;
  const sections = [
    `## ${icon} Rowgate: ${headline(report)}`,
    markdownText(setting(report)),
    listOf(report.problems),
    renderTargetsMarkdown(report),
    rows.length > 0 ? ruleTable(rows) : '',
    left > 0 ? `*${number(left)} more rules did not fit here; the JSON report has them all.*` : '',
    detailed.length === 0 && rows.some(needsPerson)
      ? '*The details of each table did not fit here; the JSON report has them.*'
      : '',
    ...detailed.map(details),
    warnings(report),
    `<sub>${footer(report)}</sub>`,
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}

const needsPerson = ({ results }: RuleGroup): boolean => results.some(({ outcome }) => outcome !== 'held');

function warnings({ warnings: list }: Report): string {
  return list.length > 0 ? `**Worth knowing**\n\n${listOf(list)}` : '';
}

function listOf(list: Report['problems']): string {
  const most = 50;
  const lines = list.slice(0, most).map(({ at, message, hint }) => {
    const place = at ? `${markdownCode(`${at.file}:${at.line}:${at.column}`)} ` : '';
    return `- ${place}${markdownText(message)}${hint ? `<br>${markdownText(hint)}` : ''}`;
  });
  const more = list.length > most ? [`- and ${number(list.length - most)} more, in the log`] : [];
  return [...lines, ...more].join('\n');
}

function ruleTable(groups: readonly RuleGroup[]): string {
  const rows = groups.map((group) => {
    const [first] = group.results;
    const cells = [
      markOf(group),
      markdownCode(group.rule),
      first.enforced ? first.severity : 'not enforced yet',
      ruleText(group),
      provenBy(group),
      formatDurationMs(group.results.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0)),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return ['| | Rule | Severity | Result | How | Time |', '|---|---|---|---|---|---:|', ...rows].join('\n');
}

function markOf({ results }: RuleGroup): string {
  if (results.every(({ outcome }) => outcome === 'held')) return '✅';
  if (!results.some(({ enforced }) => enforced)) return '⚪';
  return results.some(({ outcome }) => outcome === 'broken') ? '❌' : '⚠️';
}

function provenBy({ results }: RuleGroup): string {
  return [...new Set(results.map(({ strategy }) => strategy))].join(', ');
}

function details(group: RuleGroup): string {
  const [first] = group.results;
  const shown = group.results.filter(({ outcome }) => outcome !== 'held');
  const remedies = [...new Set(shown.flatMap((result) => remedyText(result) ?? []))];
  return [
    `<details${first.enforced ? ' open' : ''}><summary>${markOf(group)} <b>${markdownText(group.rule)}</b>: ${ruleText(group)}</summary>`,
    first.why ? markdownText(first.why.trim()) : '',
    ['| Table | Violations | |', '|---|---:|---|', ...findingsOf(group).map(findingRow)].join('\n'),
    ...remedies.map((remedy) => `**What to do:** ${markdownText(remedy)}`),
    `${markdownCode(`${first.source.file}:${first.source.line}`)}`,
    '</details>',
  ]
    .filter(Boolean)
    .join('\n\n');
}

function findingRow({ tables, count, detail, results }: Finding): string {
  const samples = results
    .flatMap((result) => result.samples.map((sample) => markdownCode(sampleText(sample))))
    .join(', ');
  return `| ${markdownText(tables)} | ${count} | ${markdownText(detail)}${samples ? `<br>${samples}` : ''} |`;
}
