import type { Annotation } from '../github/annotation.ts';
import type { ChangedFile } from '../github/pull-request.ts';
import { matchingPaths } from '../support/matches-globs.ts';
import type { Report, ReportResult } from './report.ts';
import {
  findingsOf,
  groupByRule,
  isRunProblem,
  number,
  remedyText,
  ruleText,
  type Finding,
  type RuleGroup,
} from './words.ts';

export type RenderedAnnotations = {
  readonly annotations: readonly Annotation[];
  readonly shown: number;
  readonly total: number;
};

/** Where annotations go beside the rules' own lines: the files that a pull request changes, and each rule's `paths`. */
export type ChangedPlaces = {
  readonly files: readonly ChangedFile[];
  readonly pathsOf: (rule: string) => readonly string[];
};

/** How many annotations of each level there may be, each at least 1. */
export type AnnotationLimits = Readonly<Record<Annotation['severity'], number>>;

/**
 * One annotation for each rule and place that needs a person, and each problem, gravest first, within the limits: the
 * last place of a full level says how many more there are.
 */
export function renderAnnotations(
  report: Report,
  limits: AnnotationLimits,
  changed?: ChangedPlaces,
): RenderedAnnotations {
  const groups = groupByRule(report)
    .flatMap(byPlace)
    .filter(
      (group) => group.results.some(({ outcome }) => outcome !== 'held') && !isRunProblem(group, report),
    );
  const all = [...problemAnnotations(report), ...groups.map((group) => ruleAnnotation(group, changed))];
  const kept = (['error', 'warning', 'notice'] as const).flatMap((severity) => {
    const level = all.filter((annotation) => annotation.severity === severity);
    const limit = limits[severity];
    if (level.length <= limit) return level.map((annotation) => ({ annotation, isMore: false }));
    const shown = level.slice(0, limit - 1).map((annotation) => ({ annotation, isMore: false }));
    return [...shown, { annotation: moreAnnotation(level.slice(limit - 1), severity), isMore: true }];
  });
  return {
    annotations: kept.map(({ annotation }) => annotation),
    shown: kept.filter(({ isMore }) => !isMore).length,
    total: all.length,
  };
}

/** A rule whose results stand at several places, such as exemptions, has an annotation at each of them. */
function byPlace({ rule, results }: RuleGroup): RuleGroup[] {
  const places = new Map<number, [ReportResult, ...ReportResult[]]>();
  for (const result of results) {
    const here = places.get(result.source.line);
    if (here) here.push(result);
    else places.set(result.source.line, [result]);
  }
  return [...places.values()].map((here) => ({ rule, results: here }));
}

function moreAnnotation(rest: readonly Annotation[], severity: Annotation['severity']): Annotation {
  const [first] = rest;
  const { file, line, endLine } = first ?? { file: '', line: 1, endLine: 1 };
  return {
    severity,
    title: `and ${number(rest.length)} more`,
    message: `${number(rest.length)} more ${severity}s are in the step summary and in the log.`,
    file,
    line,
    endLine,
  };
}

function problemAnnotations(report: Report): Annotation[] {
  return report.problems.map(({ at, message, hint }) => ({
    severity: 'error',
    title: 'Rowgate could not start or end its run',
    message: [message, hint].filter(Boolean).join('\n'),
    file: at?.file ?? report.rules.files[0] ?? '',
    line: at?.line ?? 1,
    endLine: at?.line ?? 1,
    column: at?.column,
  }));
}

function ruleAnnotation(group: RuleGroup, changed: ChangedPlaces | undefined): Annotation {
  const [first] = group.results;
  const shown = group.results.filter(({ outcome }) => outcome !== 'held');
  const remedies = new Set(shown.flatMap((result) => remedyText(result) ?? []));
  const lines = [
    ...(first.why ? [first.why.trim()] : []),
    ...findingsOf(group).map(findingLine),
    ...[...remedies].map((remedy) => `What to do: ${remedy}`),
  ];
  const early = first.enforced ? '' : ' (not enforced yet)';
  return {
    severity: first.enforced ? first.severity : 'notice',
    title: `${group.rule}: ${ruleText(group)}${early}`,
    message: lines.join('\n'),
    ...(placeInChange(group.rule, changed) ?? first.source),
  };
}

function findingLine({ tables, count, detail }: Finding): string {
  return `${tables}: ${count}${detail ? `; ${detail}` : ''}`;
}

function placeInChange(
  rule: string,
  changed: ChangedPlaces | undefined,
): { file: string; line: number; endLine: number } | undefined {
  const paths = changed?.pathsOf(rule) ?? [];
  if (!changed || paths.length === 0) return undefined;
  const added = changed.files.filter(({ firstAddedLine }) => firstAddedLine !== undefined);
  const [named] = matchingPaths(paths, added.map(({ path }) => path)) ?? []; // prettier-ignore
  const file = added.find(({ path }) => path === named);
  return file && { file: file.path, line: file.firstAddedLine ?? 1, endLine: file.firstAddedLine ?? 1 };
}
