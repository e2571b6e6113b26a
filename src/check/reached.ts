import type { Query } from '../postgres/snapshot.ts';
import { sql } from '../sql/sql.ts';
import { listed } from '../support/listed.ts';
import { Problem } from '../support/problem.ts';

/** What a statement that was just explained would reach, as a parent, behind views, in a query. */
export type Reached = {
  /** A foreign table among it, if there is any. */
  readonly foreignTable: string | undefined;
  /** Functions of the database that views call and that may do more than read: volatile ones, and their owners' own. */
  readonly functions: readonly string[];
};

/**
 * Reads it from the locks, since the planner takes a foreign table's constraints for true and may leave it out; and
 * the planner puts views' own tables in their place. Ask while the locks are held.
 */
export async function readReached(query: Query): Promise<Reached> {
  const rows = await query(sql`
    with locked as (
      select c.oid, c.relkind
      from pg_catalog.pg_locks l join pg_catalog.pg_class c on c.oid = l.relation
      where l.locktype = 'relation' and l.pid = pg_catalog.pg_backend_pid() and c.relkind in ('f', 'v')
    )
    select 'foreign table' as what, oid::pg_catalog.regclass::text as name
    from locked
    where relkind = 'f'
    union
    select 'function', p.oid::pg_catalog.regprocedure::text
    from locked
    join pg_catalog.pg_rewrite w on w.ev_class = locked.oid
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = w.oid
      and d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    join pg_catalog.pg_proc p on p.oid = d.refobjid
    where locked.relkind = 'v' and (p.provolatile = 'v' or p.prosecdef)
    order by 2`);
  const named = (what: string): string[] =>
    rows.filter((row) => row['what'] === what).map((row) => row['name'] ?? '');
  return { foreignTable: named('foreign table')[0], functions: named('function') };
}

/** Says which code of the database the checks run, behind views or because a rule asks for it. */
export function databaseCode(functions: Iterable<string>): Problem[] {
  const names = [...new Set(functions)].toSorted();
  if (names.length === 0) return [];
  return [
    new Problem('runs-database-code', `checks run functions of this database: ${listed(names)}`, {
      hint: 'Rowgate cannot see into them; the read-only transaction and the role are what holds them. Look at what they do, and let none of them write.',
    }),
  ];
}
