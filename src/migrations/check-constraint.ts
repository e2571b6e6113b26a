import type { Relation } from '../postgres/catalog.ts';
import type { Session } from '../postgres/database.ts';
import { param, sql } from '../sql/sql.ts';

/** The condition of a table's CHECK constraint as the server writes it; undefined where there is none of that name. */
export async function readCheckConstraint(
  { oid }: Relation,
  name: string,
  session: Session,
): Promise<string | undefined> {
  const [row] = await session.query(sql`
    select pg_catalog.pg_get_expr(c.conbin, c.conrelid) as condition
    from pg_catalog.pg_constraint c
    where c.contype = 'c' and c.conrelid = ${param(oid, 'oid')} and c.conname = ${param(name, 'name')}`);
  return row?.['condition'] ?? undefined;
}
