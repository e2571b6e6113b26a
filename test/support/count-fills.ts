import type { TestDatabase } from './server.ts';

/** What a backfill of `orders` did by the audit trigger's word, and what it left. */
export type FillCounts = {
  readonly filled: number;
  /** Rows that were filled more than once. */
  readonly twice: number;
  /** Rows filled by the word of our own ledger. */
  readonly ledger: number;
  readonly wrong: number;
  readonly lost: number;
};

/** Counts them, where {@link auditTrigger} is on `orders`, whose tenants have their workspace in `tenants`. */
export async function countFills({ rows }: Pick<TestDatabase, 'rows'>): Promise<FillCounts> {
  const [row] = await rows(`
    with fills as (select id, count(*) as times from audit where before is null and who like 'rowgate%' group by id)
    select (select coalesce(sum(times), 0) from fills)::int as filled,
      (select count(*) from fills where times > 1)::int as twice,
      (select coalesce(sum(rows_updated), 0) from rowgate.chunk)::int as ledger,
      (select count(*) from orders o join tenants t on t.id = o.tenant_id where o.workspace_id <> t.workspace_id)::int as wrong,
      (select count(*) from orders where workspace_id is null)::int as lost`);
  return row as FillCounts;
}
