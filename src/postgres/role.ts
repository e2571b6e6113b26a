import { sql } from '../sql/sql.ts';
import type { Session } from './database.ts';

/** What the role that asks could do beside reading; each in words that follow "it". Empty for one that can only read. */
export type RolePowers = readonly string[];

/** Predefined roles whose members can do more than read rows. Later majors have more of them than older ones. */
const POWERFUL_ROLES: Readonly<Record<string, string>> = {
  pg_write_all_data: 'may write every table (pg_write_all_data)',
  pg_write_server_files: "may write the server's files (pg_write_server_files)",
  pg_read_server_files: "may read the server's files (pg_read_server_files)",
  pg_execute_server_program: 'may run programs on the server (pg_execute_server_program)',
  pg_signal_backend: "may end other roles' sessions (pg_signal_backend)",
  pg_maintain: 'may vacuum, reindex and lock every table (pg_maintain)',
};

/**
 * Reads them from the catalogue. What a superuser may do besides is not listed: it is everything. Below oid 16384 (FirstNormalObjectId
 * in the server's transam.h) is what the server made itself.
 */
export async function readRolePowers(session: Session): Promise<RolePowers> {
  const [row] = await session.query(sql`
    select r.rolsuper as super, r.rolcreaterole as create_role, r.rolcreatedb as create_database, r.rolreplication as replication,
      pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create') as create_schema,
      (
        select pg_catalog.string_agg(g.rolname, ',') from pg_catalog.pg_roles g
        where g.rolname ~ '^pg_' and pg_catalog.pg_has_role(g.oid, 'usage')
      ) as member_of,
      (
        select count(*)::text from pg_catalog.pg_namespace n
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
          and pg_catalog.has_schema_privilege(n.oid, 'create')
      ) as create_in_schemas,
      (
        select count(*)::text from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.oid >= 16384 and c.relkind in ('r', 'p', 'v', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
          and (
            pg_catalog.has_table_privilege(c.oid, 'delete, truncate')
            or pg_catalog.has_any_column_privilege(c.oid, 'insert, update')
          )
      ) as writable_tables
    from pg_catalog.pg_roles r where r.rolname = current_user`);
  const may = (name: string): boolean => row?.[name] === 't';
  if (may('super')) return ['is a superuser'];
  const memberOf = (row?.['member_of'] ?? '').split(',');
  const tables = Number(row?.['writable_tables'] ?? 0);
  const schemas = Number(row?.['create_in_schemas'] ?? 0);
  return [
    ...(tables > 0 ? [`may write to ${tables} ${tables === 1 ? 'table' : 'tables'}`] : []),
    ...(schemas > 0 ? [`may create objects in ${schemas} ${schemas === 1 ? 'schema' : 'schemas'}`] : []),
    ...(may('create_schema') ? ['may create schemas'] : []),
    ...(may('create_role') ? ['may create roles'] : []),
    ...(may('create_database') ? ['may create databases'] : []),
    ...(may('replication') ? ['may start replication'] : []),
    ...memberOf.flatMap((name) => POWERFUL_ROLES[name] ?? []),
  ];
}
