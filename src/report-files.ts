import { readReport } from './report/read-report.ts';
import type { Report } from './report/report.ts';
import { folderFiles } from './rules/folder-files.ts';
import type { RuleFiles } from './rules/rule-files.ts';
import { Problem } from './support/problem.ts';

/** A report of 10,000 results has about 10 MB. */
export const MAX_REPORT_BYTES = 33_554_432;

/** Where reports are read: below a folder, which no path and no symbolic link leaves. */
export function reportFiles(folder: string): Promise<RuleFiles> {
  return folderFiles(folder, 'a report');
}

/** A report that anybody may have written. What cannot be read, or is none, is a `report-unreadable` Problem. */
export async function readReportFile(folder: string, file: string): Promise<Report> {
  try {
    const source = await reportFiles(folder).catch(() => {
      throw new Problem('report-unreadable', `${file}: there is no folder ${folder}`);
    });
    return readReport(decodeReport(await source.read(file, MAX_REPORT_BYTES), file), file);
  } catch (error) {
    throw unreadable(error);
  }
}

export function decodeReport(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Problem('report-unreadable', `${file}: is not UTF-8 text`);
  }
}

/** What files are read by knows them as rules files. */
export function unreadable(thrown: unknown): unknown {
  return thrown instanceof Problem && thrown.code === 'rules-not-found'
    ? new Problem('report-unreadable', thrown.message, thrown)
    : thrown;
}
