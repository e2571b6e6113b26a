import { formatDurationMs } from '../support/duration.ts';
import { listed } from '../support/listed.ts';
import { markdownCode, markdownText } from '../support/markdown-text.ts';
import { fewer } from './fewer.ts';
import type { Report } from './report.ts';
import { renderTargetsMarkdown } from './targets-markdown.ts';
import {
  changeText,
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

/** Markdown, how many of the rules it shows, and whether with all that there is to say of them. */
export type RenderedMarkdown = {
  readonly markdown: string;
  readonly shown: number;
  readonly total: number;
  readonly isWhole: boolean;
};

const bytesOf = (text: string): number => Buffer.byteLength(text);

/**
 * The report as markdown of at most this length, in bytes unless measured otherwise. Where all of it does not fit, it
 * says less in steps: the details of only the gravest rules, of none, then only as many rules as fit, then the verdict
 * alone; and it says what it left out.
 */
export function renderMarkdown(report: Report, maxLength: number, lengthOf = bytesOf): RenderedMarkdown {
  const groups = groupByRule(report).filter((group) => !isRunProblem(group, report));
  const needing = groups.filter(needsPerson);
  const total = groups.length;
  const whole = page(report, groups, needing, total);
  if (lengthOf(whole) <= maxLength) return { markdown: whole, shown: total, total, isWhole: true };
  const all = { groups: total, details: needing.length };
  for (let { groups: shown, details: detailed } = all; shown > 0;) {
    const markdown = page(report, groups.slice(0, shown), needing.slice(0, detailed), total);
    const length = lengthOf(markdown);
    if (length <= maxLength) return { markdown, shown, total, isWhole: false };
    if (detailed > 0) detailed = fewer(detailed, length, maxLength);
    else shown = fewer(shown, length, maxLength);
  }
  const bare = page(report, [], [], total);
  const markdown = lengthOf(bare) <= maxLength ? bare : verdictAlone(report);
  return { markdown, shown: 0, total, isWhole: false };
}

function verdictAlone(report: Report): string {
  return `${title(report)}\n\n*Nothing else fitted here; the JSON report has it all.*\n`;
}

function title(report: Report): string {
  const icon = { clean: '✅', broken: '❌', incomplete: '⚠️' }[report.verdict];
  return `## ${icon} Rowgate: ${headline(report)}`;
}

function page(
  report: Report,
  rows: readonly RuleGroup[],
  detailed: readonly RuleGroup[],
  total: number,
): string {
  const left = total - rows.length;
  const undetailed = rows.filter(needsPerson).length - detailed.length;
  const sections = [
    title(report),
    markdownText(setting(report)),
    listOf(report.problems),
    renderTargetsMarkdown(report),
    rows.length > 0 ? ruleTable(rows, report) : '',
    removedRules(report),
    left > 0 ? `*${number(left)} more rules did not fit here; the JSON report has them all.*` : '',
    ...detailed.map(details),
    undetailed > 0
      ? `*The tables of ${number(undetailed)} ${detailed.length > 0 ? 'more rules' : 'rules'} did not fit here; the JSON report has them.*`
      : '',
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

/** Rules that the last run had and this one has not: what is not asked any more is not fixed. */
function removedRules({ changes }: Report): string {
  const gone = changes?.rules.filter(({ change }) => change === 'removed') ?? [];
  if (gone.length === 0) return '';
  return `*Not run any more since the last time: ${listed(gone.map(({ rule }) => markdownCode(rule)))}.*`;
}

function ruleTable(groups: readonly RuleGroup[], { changes }: Report): string {
  const changed = new Map(changes?.rules.map((each) => [each.rule, each]));
  const rows = groups.map((group) => {
    const [first] = group.results;
    const cells = [
      markOf(group),
      markdownCode(group.rule),
      first.enforced ? first.severity : 'not enforced yet',
      ruleText(group),
      ...(changes ? [changeText(changed.get(group.rule))] : []),
      provenBy(group),
      formatDurationMs(group.results.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0)),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const head = ['', 'Rule', 'Severity', 'Result', ...(changes ? ['Since the last run'] : []), 'How', 'Time'];
  const rule = head.map((name) => (name === 'Time' ? '---:' : '---'));
  return [`| ${head.join(' | ')} |`, `|${rule.join('|')}|`, ...rows].join('\n');
}

function markOf({ results }: RuleGroup): string {
  if (results.every(({ outcome }) => outcome === 'held')) return '✅';
  if (!results.some(({ enforced }) => enforced)) return '⚪';
  return results.some(({ outcome }) => outcome === 'broken') ? '❌' : '⚠️';
}

function provenBy({ results }: RuleGroup): string {
  return [...new Set(results.map(({ strategy }) => markdownText(strategy)))].join(', ');
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
