import type { Relation } from '../postgres/catalog.ts';
import type { RolloutStatement } from './phase.ts';

/** Rows and pages of a table with all below it, by the server's statistics. */
export type Size = { readonly rows: number; readonly pages: number };

/** Bytes of a page: the server's block size, which nobody changes. */
export const PAGE_BYTES = 8_192;

/** Undefined for a table that was never vacuumed or analyzed: nothing is known of its size. */
export function sizeOf(relation: Relation): Size | undefined {
  const all = [relation, ...relation.descendants];
  const rows = all.reduce((sum, each) => sum + each.rows, 0);
  const pages = all.reduce((sum, each) => sum + each.pages, 0);
  return pages === 0 ? undefined : { rows, pages };
}

/** What one of the planner's units takes where `bench/` was measured; see report/plan-report.ts. */
const MS_PER_COST = 0.01;

/** The planner's own default prices (postgresql.conf): a page is 1, a row 0.01, a comparison 0.0025. */
const ROW_COST = 0.01;
const COMPARISON_COST = 0.0025;

/** How long a statement's lock is held, in milliseconds; undefined sizes give null. A moment reads no row. */
export function estimateMs(size: Size | undefined, held: RolloutStatement['held']): number | null {
  if (held === 'moment') return 1;
  if (!size) return null;
  const scan = size.pages + size.rows * ROW_COST;
  // CREATE INDEX CONCURRENTLY reads the table twice, and sorts it once.
  const sort = size.rows * Math.log2(Math.max(2, size.rows)) * COMPARISON_COST;
  const cost = held === 'scan' ? scan : 2 * scan + sort;
  return Math.ceil(cost * MS_PER_COST);
}
