import type { BackfillReport } from './backfill-report.ts';
import { plainJson } from '../support/plain.ts';
import type { Rollout } from '../rollout/phase.ts';
import type { PlanReport } from './plan-report.ts';
import type { Report } from './report.ts';

/** A report as JSON text, that of a run as `schema/report.schema.json` describes it; fit for a log, as of `--format json` in a step. */
export function renderJson(report: Report | PlanReport | BackfillReport | Rollout): string {
  return `${plainJson(JSON.stringify(report, null, 2))}\n`;
}
