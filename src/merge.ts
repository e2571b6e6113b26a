import { isDynamicPattern } from 'tinyglobby';
import { mergeReports, type ReadReport } from './report/merge-reports.ts';
import { readReport } from './report/read-report.ts';
import type { Report } from './report/report.ts';
import { decodeReport, MAX_REPORT_BYTES, reportFiles, unreadable } from './report-files.ts';
import type { RuleFiles } from './rules/rule-files.ts';
import { asProblem, Problem } from './support/problem.ts';

export type MergeRun = {
  /** Paths or globs of report.json files. */
  readonly reports: readonly string[];
  /** The names of the targets that there has to be a report of. */
  readonly expect: readonly string[];
  /** In milliseconds. */
  readonly maxAge: number;
  /** Where paths and globs begin. */
  readonly folder: string;
  readonly now: Date;
};

const MAX_TOTAL_BYTES = 268_435_456;
const MAX_REPORTS = 1_000;

/**
 * Reads reports of runs on many targets, which anybody may have written, and folds them into one. Never rejects: what
 * could not be read is a problem of the merged report, whose verdict is then not clean.
 */
export async function runMerge({ reports, expect, maxAge, folder, now }: MergeRun): Promise<Report> {
  const source = await reportFiles(folder);
  const { files, problems } = await findReports(reports, source);
  const read: ReadReport[] = [];
  let bytesLeft = MAX_TOTAL_BYTES;
  for (const file of files) {
    try {
      const bytes = await source.read(file, Math.min(MAX_REPORT_BYTES, bytesLeft));
      bytesLeft -= bytes.length;
      read.push({ file, report: readReport(decodeReport(bytes, file), file) });
    } catch (error) {
      problems.push(asProblem(unreadable(error)));
    }
  }
  const isOpenEnded = expect.length === 0 && reports.some((pattern) => isDynamicPattern(pattern));
  const merged = mergeReports(read, { expect, maxAgeMs: maxAge, now, problems });
  return isOpenEnded ? { ...merged, warnings: [NOBODY_EXPECTED, ...merged.warnings] } : merged;
}

const NOBODY_EXPECTED = {
  code: 'target-unexpected',
  message: 'no target is expected by name, so a report that never came is not missed',
  hint: 'Name the targets with expect.',
  at: null,
};

async function findReports(
  patterns: readonly string[],
  source: RuleFiles,
): Promise<{ files: readonly string[]; problems: Problem[] }> {
  const files = new Set<string>();
  const problems: Problem[] = [];
  for (const pattern of patterns) {
    try {
      const found = await source.find(pattern);
      found.forEach((file) => files.add(file));
      if (found.length === 0) problems.push(nothingFound(pattern, source));
    } catch (error) {
      problems.push(asProblem(unreadable(error)));
    }
  }
  const sorted = [...files].toSorted();
  if (sorted.length > MAX_REPORTS) {
    const message = `the patterns match ${sorted.length} files; at most ${MAX_REPORTS} reports are merged`;
    problems.push(new Problem('report-unreadable', message, { hint: 'Does a pattern match too much?' }));
  }
  return { files: sorted.slice(0, MAX_REPORTS), problems };
}

function nothingFound(pattern: string, { place }: RuleFiles): Problem {
  return new Problem('report-missing', `no report matches '${pattern}'`, {
    hint: `Looked ${place}. Write the pattern relative to it.`,
  });
}
