import { plainJson } from '../support/plain.ts';
import type { Report } from './report.ts';

/** The report as JSON text, as `schema/report.schema.json` describes it; fit for a log, as of `--format json` in a step. */
export function renderJson(report: Report): string {
  return `${plainJson(JSON.stringify(report, null, 2))}\n`;
}
