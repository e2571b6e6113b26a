import { visible } from '../support/plain.ts';
import { decisiveIn } from './decisive.ts';
import type { Report, ReportProblem, ReportResult } from './report.ts';
import {
  debtText,
  groupByRule,
  headline,
  placeText,
  remedyText,
  resultText,
  sampleText,
  type RuleGroup,
} from './words.ts';

/**
 * The report as JUnit XML: a suite for each rule, a case for each table. A case fails where the run does: broken is a
 * failure, not measured an error; what cannot fail this run and did not hold is skipped, with the reason. So there is a
 * failure or an error exactly when the verdict is not clean.
 */
export function renderJunit(report: Report): string {
  const isDecisive = decisiveIn(report);
  const suites = [
    ...(report.problems.length > 0 ? [problemSuite(report)] : []),
    ...groupByRule(report).map((group) => ruleSuite(group, isDecisive)),
    ...(report.results.length + report.problems.length === 0 ? [emptySuite()] : []),
  ];
  const all = suites.flatMap(({ cases }) => cases);
  const name = report.targetName === undefined ? 'Rowgate' : `Rowgate: ${report.targetName}`;
  const body = suites.map(
    (suite) =>
      `  <testsuite${attributes({ name: suite.name, ...totalsOf(suite.cases), timestamp: report.startedAt.replace(/\.\d+Z$/, 'Z') })}>
    <properties>
${propertiesOf(report)}
    </properties>
${suite.cases.map(renderCase).join('\n')}
  </testsuite>\n`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites${attributes({ name, ...totalsOf(all) })}>
${body.join('')}</testsuites>
`;
}

type Case = {
  readonly className: string;
  readonly name: string;
  readonly elapsedMs: number;
  readonly file?: string;
  /** What is worth knowing of a case that passed. */
  readonly output?: string;
  /** Missing for a case that passed. */
  readonly ending?: {
    readonly tag: 'failure' | 'error' | 'skipped';
    readonly type: string;
    readonly message: string;
    readonly text: string;
  };
};

type Suite = { readonly name: string; readonly cases: readonly Case[] };

function ruleSuite({ rule, results }: RuleGroup, isDecisive: (result: ReportResult) => boolean): Suite {
  return {
    name: rule,
    cases: results.map((result): Case => {
      const common = {
        className: rule,
        name: placeText(result),
        elapsedMs: result.elapsedMs,
        file: result.source.file,
      };
      const output = debtText([result]);
      if (result.outcome === 'held') return output === '' ? common : { ...common, output };
      return { ...common, ending: endingOf(result, isDecisive(result)) };
    }),
  };
}

function endingOf(result: ReportResult, isDecisive: boolean): NonNullable<Case['ending']> {
  const { outcome, severity, enforced, source, samples, why } = result;
  const remedy = remedyText(result);
  const text = [
    `${source.file}:${source.line}`,
    why?.trim(),
    samples.length > 0 && `For example ${samples.map(sampleText).join('; ')}`,
    remedy && `What to do: ${remedy}`,
  ];
  const ending = { type: `${severity}-${outcome}`, text: text.filter(Boolean).join('\n') };
  if (isDecisive)
    return { ...ending, tag: outcome === 'broken' ? 'failure' : 'error', message: resultText(result) };
  const reason = enforced ? `A ${severity} does not fail this run` : 'Not enforced yet';
  return { ...ending, tag: 'skipped', message: `${reason}. ${resultText(result)}` };
}

function problemSuite({ problems }: Report): Suite {
  const name = ({ at, message }: ReportProblem): string =>
    at ? `${at.file}:${at.line}:${at.column}` : message;
  const cases = problems.map((problem): Case => ({
    className: 'rowgate',
    name: name(problem),
    elapsedMs: 0,
    ending: { tag: 'error', type: problem.code, message: problem.message, text: problem.hint ?? '' },
  }));
  return { name: 'The run', cases };
}

function emptySuite(): Suite {
  const message = 'Nothing was measured, which is not the same as held.';
  const ending = { tag: 'error', type: 'nothing-measured', message, text: '' } as const;
  return { name: 'The run', cases: [{ className: 'rowgate', name: 'results', elapsedMs: 0, ending }] };
}

function renderCase({ className, name, elapsedMs, file, ending, output }: Case): string {
  const head = `    <testcase${attributes({ name, classname: className, time: seconds(elapsedMs), file })}`;
  if (!ending && output === undefined) return `${head}/>`;
  if (!ending) return `${head}><system-out>${xmlText(output ?? '')}</system-out></testcase>`;
  const { tag, type, message, text } = ending;
  return `${head}>
      <${tag}${attributes({ type, message })}>${text.split('\n').map(xmlText).join('\n')}</${tag}>
    </testcase>`;
}

function propertiesOf(report: Report): string {
  const { target, phase, verdict, exitCode, rules, rowgateVersion } = report;
  const values = {
    verdict,
    'exit-code': String(exitCode),
    headline: headline(report),
    phase: phase ?? undefined,
    database: target?.database,
    'server-version': target?.serverVersion,
    'rules-hash': rules.hash,
    'rowgate-version': rowgateVersion,
  };
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `      <property${attributes({ name, value })}/>`)
    .join('\n');
}

function totalsOf(cases: readonly Case[]): Record<string, string> {
  const ending = (tag: string): string => String(cases.filter((each) => each.ending?.tag === tag).length);
  return {
    tests: String(cases.length),
    failures: ending('failure'),
    errors: ending('error'),
    skipped: ending('skipped'),
    time: seconds(cases.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0)),
  };
}

const seconds = (elapsedMs: number): string => (elapsedMs / 1_000).toFixed(3);

function attributes(values: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(values)
    .map(([name, value]) => (value === undefined ? '' : ` ${name}="${xmlText(value)}"`))
    .join('');
}

/** What XML 1.0 has no way to write is among what {@link visible} writes otherwise. */
function xmlText(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
