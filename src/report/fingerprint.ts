import { createHash } from 'node:crypto';
import type { ReportResult } from './report.ts';

/**
 * What makes a result the same one in the next run: its rule, its table, and its target where several were merged. Lines
 * that moved, counts, samples and words do not change it. 32 hexadecimal digits.
 */
export function fingerprintOf({
  rule,
  table,
  target,
}: Pick<ReportResult, 'rule' | 'table' | 'target'>): string {
  return createHash('sha256')
    .update(JSON.stringify([rule, table, target ?? null]))
    .digest('hex')
    .slice(0, 32);
}
