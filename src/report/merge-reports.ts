import { createHash } from 'node:crypto';
import { formatDurationMs } from '../support/duration.ts';
import { groupBy } from '../support/group-by.ts';
import { listed } from '../support/listed.ts';
import { didYouMean } from '../support/nearest.ts';
import { Problem } from '../support/problem.ts';
import { VERSION } from '../support/version.ts';
import { EXIT_BROKEN, EXIT_CLEAN, EXIT_UNKNOWN } from './exit-code.ts';
import { makeProblem, totalsOf } from './make-report.ts';
import type { MergedTarget, Report, ReportProblem } from './report.ts';

/** A report, and the file that it was read from. */
export type ReadReport = { readonly file: string; readonly report: Report };

export type MergeOptions = {
  /** The targets that a report has to be there of; of others a missing one would not be noticed. */
  readonly expect: readonly string[];
  /** A report that began longer ago is stale: it tells of what was. */
  readonly maxAgeMs: number;
  readonly now: Date;
  /** What kept reports from being read. */
  readonly problems: readonly Problem[];
};

/** Clocks of machines differ by so much; a report from further ahead is of no known time. */
const MAX_AHEAD_MS = 300_000;

/**
 * Folds the reports of many targets into one. Broken is what one of them found broken; clean only what all of them found
 * clean, with every report there, readable, recent, and of a name of its own; all else is incomplete.
 */
export function mergeReports(reports: readonly ReadReport[], options: MergeOptions): Report {
  const named = nameReports(reports.filter(({ report }) => report.targets === undefined));
  const nested = reports
    .filter(({ report }) => report.targets !== undefined)
    .map(({ file }) => nestedProblem(file));
  const problems = [
    ...options.problems,
    ...nested,
    ...duplicates(named),
    ...missing(named, options.expect),
    ...named.flatMap((each) => staleness(each, options)),
  ].map(makeProblem);
  const all = named.map(({ report }) => report);
  const verdict = verdictOf(all, problems);
  const results = named.flatMap(({ name, report }) =>
    report.results.map((result) => ({ ...result, target: name })),
  );
  return {
    version: 1,
    rowgateVersion: VERSION,
    verdict,
    exitCode: exitCodeOf(all, problems),
    phase: same(all.map(({ phase }) => phase)) ?? null,
    ...timesOf(all, options.now),
    target: null,
    rules: rulesOf(all),
    totals: totalsOf(results),
    targets: named.map(describeTarget),
    results,
    problems: [...problems, ...ofTargets(named, ({ problems }) => problems)],
    warnings: [
      ...[...differences(named), ...unexpected(named, options.expect)].map(makeProblem),
      ...ofTargets(named, ({ warnings }) => warnings),
    ],
    channels: [],
  };
}

type Named = ReadReport & { readonly name: string; readonly own: string };

/** By its own name, else the database's, else the file's; of two of one name the second has its file beside it. */
function nameReports(reports: readonly ReadReport[]): Named[] {
  const taken = new Set<string>();
  return reports
    .map(({ file, report }) => {
      const own = report.targetName ?? report.target?.database ?? file;
      const name = taken.has(own) ? `${own} (${file})` : own;
      taken.add(name);
      return { file, report, own, name };
    })
    .toSorted((a, b) => a.name.localeCompare(b.name, 'en'));
}

function nestedProblem(file: string): Problem {
  return new Problem('report-unreadable', `${file}: is a merged report`, {
    hint: 'Name the reports that it was made from.',
  });
}

function duplicates(named: readonly Named[]): Problem[] {
  return [...groupBy(named, ({ own }) => own)]
    .filter(([, same]) => same.length > 1)
    .map(([own, same]) => {
      const files = listed(same.map(({ file }) => file));
      return new Problem('report-duplicate', `${same.length} reports are of the target '${own}': ${files}`, {
        hint: 'Give each run a target-name of its own, or keep only its last report.',
      });
    });
}

function missing(named: readonly Named[], expect: readonly string[]): Problem[] {
  const there = named.map(({ own }) => own);
  return [...new Set(expect)]
    .filter((name) => !there.includes(name))
    .map(
      (name) =>
        new Problem(
          'report-missing',
          `there is no report of the target '${name}'${didYouMean(name, there)}`,
          {
            hint: 'Did its run start, and was its report.json uploaded whatever the verdict (if: always())?',
          },
        ),
    );
}

function unexpected(named: readonly Named[], expect: readonly string[]): Problem[] {
  if (expect.length === 0) return [];
  return named
    .filter(({ own }) => !expect.includes(own))
    .map(({ own, file }) => new Problem('target-unexpected', `${file}: nobody expected a target '${own}'`));
}

function staleness({ name, file, report }: Named, { maxAgeMs, now }: MergeOptions): Problem[] {
  const ageMs = now.getTime() - Date.parse(report.startedAt);
  if (ageMs > maxAgeMs) {
    const message = `${file}: the report of '${name}' is stale: it began ${report.startedAt}, more than ${formatDurationMs(maxAgeMs)} ago`;
    return [new Problem('report-stale', message, { hint: 'Run it again, or raise max-age.' })];
  }
  if (ageMs >= -MAX_AHEAD_MS) return [];
  return [
    new Problem(
      'report-stale',
      `${file}: the report of '${name}' says that it began ${report.startedAt}, which is yet to come`,
    ),
  ];
}

function differences(named: readonly Named[]): Problem[] {
  const by = (what: string, valueOf: (report: Report) => string): Problem[] => {
    const groups = [...groupBy(named, ({ report }) => valueOf(report))];
    if (groups.length < 2) return [];
    const parts = groups.map(([value, same]) => `${value} (${listed(same.map(({ name }) => name))})`);
    return [new Problem('reports-differ', `${what}: ${parts.join(', ')}`)];
  };
  return [
    ...by('the targets were checked with different rules', ({ rules }) => rules.hash.slice(0, 8)),
    ...by(
      'the reports were made by different versions of Rowgate',
      ({ rowgateVersion }) => rowgateVersion ?? 'unknown',
    ),
  ];
}

function verdictOf(reports: readonly Report[], problems: readonly ReportProblem[]): Report['verdict'] {
  if (reports.some(({ verdict }) => verdict === 'broken')) return 'broken';
  const isClean =
    reports.length > 0 && problems.length === 0 && reports.every(({ verdict }) => verdict === 'clean');
  return isClean ? 'clean' : 'incomplete';
}

/** A target that could not start is, for all of them together, one that could not be told. */
function exitCodeOf(reports: readonly Report[], problems: readonly ReportProblem[]): number {
  if (reports.some(({ exitCode }) => exitCode === EXIT_BROKEN)) return EXIT_BROKEN;
  const isClean =
    reports.length > 0 && problems.length === 0 && reports.every(({ exitCode }) => exitCode === EXIT_CLEAN);
  return isClean ? EXIT_CLEAN : EXIT_UNKNOWN;
}

/** From the first start to the last end. */
function timesOf(reports: readonly Report[], now: Date): Pick<Report, 'startedAt' | 'elapsedMs'> {
  const starts = reports.map(({ startedAt }) => Date.parse(startedAt));
  const ends = reports.map(({ startedAt, elapsedMs }) => Date.parse(startedAt) + elapsedMs);
  if (reports.length === 0) return { startedAt: now.toISOString(), elapsedMs: 0 };
  const start = Math.min(...starts);
  return { startedAt: new Date(start).toISOString(), elapsedMs: Math.max(...ends) - start };
}

/** The value that all of them are; undefined where two differ. */
function same<Value>(values: readonly Value[]): Value | undefined {
  return new Set(values).size === 1 ? values[0] : undefined;
}

function rulesOf(reports: readonly Report[]): Report['rules'] {
  const rules = reports.map((report) => report.rules);
  const hashes = rules.map(({ hash }) => hash);
  return {
    files: [...new Set(rules.flatMap(({ files }) => files))].toSorted(),
    hash: same(hashes) ?? createHash('sha256').update(hashes.toSorted().join('\n')).digest('hex'),
    from: same(rules.map(({ from }) => from)) ?? 'workspace',
    commit: same(rules.map(({ commit }) => commit)) ?? null,
  };
}

function describeTarget({ name, file, report }: Named): MergedTarget {
  const { verdict, exitCode, failOn, phase, startedAt, elapsedMs, target, totals } = report;
  const { database = null, serverVersion = null } = target ?? {};
  const common = {
    name,
    file,
    verdict,
    exitCode,
    phase,
    startedAt,
    elapsedMs,
    database,
    serverVersion,
    totals,
  };
  return failOn === undefined ? common : { ...common, failOn };
}

/** The targets' own problems, each with the names of those that have it. */
function ofTargets(
  named: readonly Named[],
  listOf: (report: Report) => readonly ReportProblem[],
): ReportProblem[] {
  const all = named.flatMap(({ name, report }) => listOf(report).map((problem) => ({ name, problem })));
  return [...groupBy(all, ({ problem }) => JSON.stringify(problem)).values()].map((group) => {
    const [{ problem }] = group;
    return { ...problem, message: `${listed(group.map(({ name }) => name))}: ${problem.message}` };
  });
}
