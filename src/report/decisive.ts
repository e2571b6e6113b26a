import { SEVERITIES, type Severity } from '../rules/rule.ts';
import type { Report, ReportResult } from './report.ts';

/** From which severity on a broken rule fails the run; `never`: it is reported and does not. */
export type FailOn = 'error' | 'warning' | 'never';

/** Whether a result can decide the verdict. */
export function isDecisive({ enforced, severity }: ReportResult, failOn: FailOn): boolean {
  const least: Severity = failOn === 'never' ? 'error' : failOn;
  return enforced && SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(least);
}

/** Whether a result of this report could decide its verdict; where the report does not say, all but notices could. */
export function decisiveIn({ failOn = 'warning', targets = [] }: Report): (result: ReportResult) => boolean {
  const ofTarget = new Map(targets.map((target) => [target.name, target.failOn]));
  return (result) => isDecisive(result, ofTarget.get(result.target ?? '') ?? failOn);
}
