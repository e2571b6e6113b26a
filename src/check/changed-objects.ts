import type { Row } from '../postgres/database.ts';
import { sql, type Sql } from '../sql/sql.ts';
import { Problem } from '../support/problem.ts';

/**
 * What this transaction has locked and so has read, of which the catalogue says something else now than in the
 * snapshot. Statements find tables by today's catalogue but see rows by the snapshot's: of a table that was rewritten,
 * truncated, swapped for another or newly made since, or that has lost a partition, they see too few.
 *
 * Functions of pg_catalog answer by today's catalogue, its tables by the snapshot.
 */
const changed = sql`
  with locked as (
    select distinct relation as oid
    from pg_catalog.pg_locks
    where locktype = 'relation' and granted and pid = pg_catalog.pg_backend_pid()
      and database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
  )
  select today.identity as name
  from locked
  cross join lateral pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, locked.oid, 0) today
  left join pg_catalog.pg_class c on c.oid = locked.oid
  left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where today.type in ('table', 'view', 'materialized view', 'foreign table') and today.schema <> 'pg_catalog' and (
    case when c.oid is null then not exists (
      -- A partition that is new since then holds no row of the snapshot, and takes none from its table.
      select from pg_catalog.pg_partition_ancestors(locked.oid) above join pg_catalog.pg_class known on known.oid = above.relid
    ) else today.identity <> pg_catalog.format('%I.%I', n.nspname, c.relname)
      or c.relkind in ('r', 'm') and c.relfilenode is distinct from pg_catalog.pg_relation_filenode(c.oid)
      or c.relhassubclass and exists (
        select from pg_catalog.pg_inherits i
        where i.inhparent = c.oid and case c.relkind
          when 'p' then i.inhrelid not in (select tree.relid from pg_catalog.pg_partition_tree(c.oid) tree)
          else i.inhrelid not in (select oid from locked)
        end
      )
    end
  )
  order by 1
  limit 1`;

/** Throws `object-changed` unless what was just read is still what the snapshot knows. Ask while the locks are held. */
export async function expectUnchanged(query: (statement: Sql) => Promise<readonly Row[]>): Promise<void> {
  const [row] = await query(changed);
  if (!row) return;
  throw new Problem(
    'object-changed',
    `${row['name'] ?? 'a table'} was rewritten, truncated or replaced while the run was going on`,
    {
      hint: 'Rows may be missing from what the run could see, so nothing is said about them. Run it again when no migration is going on.',
    },
  );
}
