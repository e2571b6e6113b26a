import { stripVTControlCharacters, styleText } from 'node:util';
import { plain } from '../support/plain.ts';
import type { Report, ReportProblem, ReportResult } from './report.ts';
import { targetLines } from './targets-text.ts';
import {
  counted,
  debtText,
  findingsOf,
  footer,
  groupByRule,
  headline,
  isRunProblem,
  placeText,
  remedyText,
  ruleText,
  sampleText,
  setting,
  type RuleGroup,
} from './words.ts';

export type TerminalOptions = { readonly color: boolean };

type Paint = (style: 'red' | 'green' | 'yellow' | 'dim' | 'bold', text: string) => string;

/** The report for people at a terminal or reading a log: the verdict first, then what needs them, then what held. */
export function renderTerminal(report: Report, { color }: TerminalOptions): string {
  const paint: Paint = (style, text) =>
    color ? styleText(style, text, { validateStream: false } as never) : text;
  const groups = groupByRule(report);
  const needing = groups.filter(({ results }) => results.some(({ outcome }) => outcome !== 'held'));
  const held = groups.filter((group) => !needing.includes(group));
  const tone = report.verdict === 'clean' ? 'green' : report.verdict === 'broken' ? 'red' : 'yellow';
  const lines = [
    paint('bold', paint(tone, headline(report))),
    paint('dim', plain(setting(report))),
    ...report.warnings.flatMap((warning) => warningLines(warning, paint)),
    ...report.problems.flatMap((problem) => ['', ...problemLines(problem, paint)]),
    ...targetLines(report),
    ...needing
      .filter((group) => !isRunProblem(group, report))
      .flatMap((group) => ['', ...ruleLines(group, paint)]),
    ...(held.length > 0 ? ['', ...heldLines(held, paint)] : []),
    '',
    paint('dim', `${footer(report)}; exit code ${report.exitCode}`),
  ];
  return `${lines.join('\n')}\n`;
}

function problemLines({ at, message, hint }: ReportProblem, paint: Paint): string[] {
  const place = at ? `${at.file}:${at.line}:${at.column}: ` : '';
  return [plain(place + message), ...(hint ? [paint('dim', `  ${plain(hint)}`)] : [])];
}

function warningLines({ message, hint }: ReportProblem, paint: Paint): string[] {
  return [`${paint('yellow', '!')} ${plain(message)}`, ...(hint ? [paint('dim', `  ${plain(hint)}`)] : [])];
}

function ruleLines(group: RuleGroup, paint: Paint): string[] {
  const [first] = group.results;
  const mark = markOf(group.results, paint);
  const severity = first.enforced ? first.severity : 'not enforced yet';
  const place = `${first.source.file}:${first.source.line}`;
  const shown = group.results.filter(({ outcome }) => outcome !== 'held');
  const remedies = [...new Set(shown.flatMap((result) => remedyText(result) ?? []))];
  return [
    `${mark} ${paint('bold', plain(group.rule))} (${severity}): ${ruleText(group)}  ${paint('dim', plain(place))}`,
    ...(first.why ? [`  ${plain(first.why.trim())}`] : []),
    ...table(
      findingsOf(group).map(({ tables, count, detail }) =>
        [tables, count, detail].map((cell) => plain(cell)),
      ),
    ).map((line) => `    ${line}`),
    ...shown.flatMap((result) => sampleLines(result, paint)),
    ...remedies.map((remedy) => `  ${paint('bold', 'What to do:')} ${plain(remedy)}`),
  ];
}

function markOf(results: readonly ReportResult[], paint: Paint): string {
  if (!results.some(({ enforced }) => enforced)) return paint('dim', 'o');
  return results.some(({ outcome }) => outcome === 'broken') ? paint('red', 'x') : paint('yellow', '?');
}

function sampleLines(result: ReportResult, paint: Paint): string[] {
  const { samples, violations } = result;
  if (samples.length === 0) return [];
  const keys = samples.map((sample) => plain(sampleText(sample), 120)).join('; ');
  const more = (violations?.count ?? 0) > samples.length ? '; ...' : '';
  return [paint('dim', `    ${plain(result.table === null ? '' : placeText(result))} e.g. ${keys}${more}`)];
}

/** A line for each of so many at most: more would push what needs a person out of sight. Debt is always told of. */
const MOST_HELD_LINES = 40;

function heldLines(groups: readonly RuleGroup[], paint: Paint): string[] {
  const isTold = ({ results }: RuleGroup, index: number): boolean =>
    index < MOST_HELD_LINES || debtText(results) !== '';
  const rest = groups.filter((group, i) => !isTold(group, i));
  const checks = rest.reduce((sum, { results }) => sum + results.length, 0);
  const more = `${paint('green', '+')} ${counted(rest.length, 'more rule')}: held, ${counted(checks, 'check')}`;
  return [
    ...groups.filter(isTold).map((group) => heldLine(group, paint)),
    ...(rest.length > 0 ? [more] : []),
  ];
}

function heldLine({ rule, results }: RuleGroup, paint: Paint): string {
  const debt = debtText(results);
  return `${paint('green', '+')} ${plain(rule)}: held, ${counted(results.length, 'check')}${debt ? `; ${debt}` : ''}${results[0].enforced ? '' : ' (not enforced yet)'}`;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = [0, 1].map((i) =>
    Math.max(0, ...rows.map((row) => stripVTControlCharacters(row[i] ?? '').length)),
  );
  return rows.map(([name = '', count = '', detail = '']) =>
    `${name.padEnd(widths[0] ?? 0)}  ${count.padStart(widths[1] ?? 0)}  ${detail}`.trimEnd(),
  );
}
