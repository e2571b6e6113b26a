import type { Location, Log, Notification, ReportingDescriptor, Result } from 'sarif';
import { markdownText } from '../support/markdown-text.ts';
import { plainJson, visible } from '../support/plain.ts';
import { fewer } from './fewer.ts';
import { fingerprintOf } from './fingerprint.ts';
import { gravestFirst } from './gravity.ts';
import type { Report, ReportProblem, ReportResult } from './report.ts';
import {
  groupByRule,
  headline,
  number,
  placeText,
  remedyText,
  resultText,
  sampleText,
  type RuleGroup,
} from './words.ts';

/** What a reader of the file takes at most. */
export type SarifLimits = { readonly maxResults: number; readonly maxBytes: number };

/** SARIF text, how many of the findings it shows, and what it leaves out to stay within the limits. */
export type RenderedSarif = {
  readonly sarif: string;
  readonly shown: number;
  readonly total: number;
  readonly step: 'full' | 'without samples' | 'gravest only';
};

/** The rule of what is wrong with the run as a whole: it could not start, or not end. No rule's own id has a slash. */
const RUN_RULE = 'rowgate/run';

/**
 * The report as SARIF 2.1.0: a result for each table on which a rule did not hold, and for each problem of the run. What
 * was not measured is a result like what broke, and says so: readers such as GitHub close the alerts that they do not find
 * again, and would take it for solved. Where not all fits it says less in steps, and what it left out: first the keys of
 * rows, then the results that matter least.
 */
export function renderSarif(report: Report, { maxResults, maxBytes }: SarifLimits): RenderedSarif {
  const groups = groupByRule(report);
  const rules = [...groups.map(describeRule), ...(report.problems.length > 0 ? [RUN_PROBLEM] : [])];
  const indexes = new Map(rules.map(({ id }, index) => [id, index]));
  const findings = [
    ...report.problems.map((problem) => () => problemResult(problem, report)),
    ...gravestFirst(report.results).map(
      (result) =>
        (withSamples: boolean): Result =>
          describeResult(result, withSamples),
    ),
  ];
  const total = findings.length;
  const render = (shown: number, withSamples: boolean): string => {
    const results = findings.slice(0, shown).map((make) => {
      const result = make(withSamples);
      return { ...result, ruleIndex: indexes.get(result.ruleId ?? '') ?? -1 };
    });
    const left = leftOut({ shown, total, withSamples });
    return `${plainJson(JSON.stringify(makeLog(report, rules, results, left), null, 1))}\n`;
  };
  const most = Math.min(total, maxResults);
  for (const withSamples of [true, false]) {
    const sarif = render(most, withSamples);
    if (Buffer.byteLength(sarif) > maxBytes) continue;
    const step = most < total ? 'gravest only' : withSamples ? 'full' : 'without samples';
    return { sarif, shown: most, total, step };
  }
  for (let shown = most; ;) {
    const sarif = render(shown, false);
    const bytes = Buffer.byteLength(sarif);
    if (shown === 0 || bytes <= maxBytes) return { sarif, shown, total, step: 'gravest only' };
    shown = fewer(shown, bytes, maxBytes);
  }
}

/** A year: a report that was read may say anything, and a date has an end. */
const MAX_ELAPSED_MS = 31_536_000_000;

function leftOut({
  shown,
  total,
  withSamples,
}: Record<'shown' | 'total', number> & { withSamples: boolean }) {
  return [
    ...(shown < total
      ? [
          `${number(total - shown)} of ${number(total)} results are not in this file; report.json has them all.`,
        ]
      : []),
    ...(withSamples ? [] : ['The keys of rows are not in this file; report.json has them.']),
  ];
}

function makeLog(
  report: Report,
  rules: readonly ReportingDescriptor[],
  results: readonly Result[],
  left: readonly string[],
): Log {
  const { targetName, rowgateVersion = 'unknown', startedAt, elapsedMs, exitCode } = report;
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'Rowgate', version: rowgateVersion, rules: [...rules] } },
        // Uploads of one commit that have the same id replace each other.
        ...(targetName === undefined
          ? {}
          : { automationDetails: { id: `rowgate/${encodeURIComponent(wellFormed(targetName))}/` } }),
        invocations: [
          {
            executionSuccessful: report.verdict !== 'incomplete',
            exitCode,
            exitCodeDescription: sarifText(headline(report)),
            startTimeUtc: startedAt,
            endTimeUtc: new Date(
              Date.parse(startedAt) + Math.min(Math.max(elapsedMs, 0), MAX_ELAPSED_MS),
            ).toISOString(),
            toolExecutionNotifications: [
              ...report.problems.map((problem) => notification(problem, 'error')),
              ...report.warnings.map((warning) => notification(warning, 'warning')),
              ...left.map((text): Notification => ({ level: 'warning', message: { text } })),
            ],
          },
        ],
        columnKind: 'unicodeCodePoints',
        results: [...results],
      },
    ],
  };
}

function notification(
  { code, message, hint }: ReportProblem,
  level: Notification['level'] & string,
): Notification {
  return { level, descriptor: { id: code }, message: { text: linesOf([message, hint]) } };
}

/** GitHub shows so many characters of a description. */
const MAX_DESCRIPTION_LENGTH = 1_024;

function describeRule({ rule, results: [first, ...others] }: RuleGroup): ReportingDescriptor {
  const remedies = [...new Set([first, ...others].flatMap(({ remedy }) => remedy ?? []))];
  const why = first.why?.trim() ?? '';
  const about = `The ${first.kind} rule ${rule}, of ${first.source.file}.`;
  const help = [why, about, ...remedies.map((remedy) => `What to do: ${remedy}`)].filter(Boolean);
  return {
    id: rule,
    shortDescription: { text: clip(sarifText(rule)) },
    fullDescription: { text: clip(sarifText(why || about)) },
    help: { text: linesOf(help), markdown: help.map(markdownText).join('\n\n') },
    defaultConfiguration: { level: LEVELS[first.severity] },
    properties: {
      tags: ['data', 'postgres', first.kind],
      precision: 'very-high',
      'problem.severity': { error: 'error', warning: 'warning', notice: 'recommendation' }[first.severity],
    },
  };
}

const LEVELS = { error: 'error', warning: 'warning', notice: 'note' } as const;

const RUN_PROBLEM: ReportingDescriptor = {
  id: RUN_RULE,
  shortDescription: { text: 'The run could not start, or could not end' },
  fullDescription: { text: 'What was not measured is unknown; it is not to be read as held.' },
  help: { text: 'Solve the problem, and run Rowgate again.' },
  defaultConfiguration: { level: 'error' },
};

function describeResult(result: ReportResult, withSamples: boolean): Result {
  const { rule, severity, enforced, outcome, source, violations, table, target } = result;
  const samples = withSamples ? result.samples.map(sampleText).join('; ') : '';
  const text = linesOf([
    `${enforced ? '' : 'Not enforced yet. '}${placeText(result)}: ${resultText(result)}`,
    samples && `For example ${samples}`,
    result.why?.trim(),
    remedyText(result) && `What to do: ${remedyText(result)}`,
  ]);
  return {
    ruleId: rule,
    level: enforced ? LEVELS[severity] : 'note',
    message: { text },
    locations: [
      {
        ...placeOf(source.file, source.line, source.endLine),
        logicalLocations: [{ fullyQualifiedName: visible(placeText(result)), kind: 'table' }],
      },
    ],
    partialFingerprints: fingerprints(result),
    properties: {
      outcome,
      enforced,
      table,
      ...(target === undefined ? {} : { target }),
      ...(violations ? { violations: violations.count, exact: violations.exact } : {}),
      strategy: result.strategy,
    },
  };
}

function problemResult({ code, message, hint, at }: ReportProblem, { rules }: Report): Result {
  const file = at?.file ?? rules.files[0];
  return {
    ruleId: RUN_RULE,
    level: 'error',
    message: { text: linesOf([message, hint]) },
    ...(file === undefined ? {} : { locations: [placeOf(file, at?.line ?? 1, at?.line ?? 1)] }),
    partialFingerprints: fingerprints({ rule: RUN_RULE, table: `${code} ${file} ${message}` }),
    properties: { outcome: 'unknown' },
  };
}

/** The first is GitHub's; its `:1` says which of several results with the same fingerprint it is, and these have none. */
function fingerprints(of: Parameters<typeof fingerprintOf>[0]): Record<string, string> {
  const fingerprint = fingerprintOf(of);
  return { primaryLocationLineHash: `${fingerprint}:1`, 'rowgateRuleAndTable/v1': fingerprint };
}

function placeOf(file: string, line: number, endLine: number): Location {
  const startLine = Math.max(1, line);
  const uri = wellFormed(file).split('/').filter(Boolean).map(encodeURIComponent).join('/');
  return {
    physicalLocation: {
      artifactLocation: { uri, uriBaseId: '%SRCROOT%' },
      region: { startLine, endLine: Math.max(startLine, endLine) },
    },
  };
}

const wellFormed = (text: string): string => Buffer.from(text).toString();

/** Text that a reader takes for text: nothing in it is unseen, and no part of it is a link. */
const sarifText = (text: string): string => visible(text).replaceAll('](', '] (');

function linesOf(lines: readonly (string | null | undefined)[]): string {
  return lines.flatMap((line) => (line ? [sarifText(line)] : [])).join('\n');
}

function clip(text: string): string {
  const characters = Array.from(text);
  return characters.length <= MAX_DESCRIPTION_LENGTH
    ? text
    : `${characters.slice(0, MAX_DESCRIPTION_LENGTH - 1).join('')}…`;
}
