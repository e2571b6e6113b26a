import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Client, type QueryResultRow } from 'pg';

/** What can differ between two moments of a server that nobody was to change, a line for each thing. */
export type ServerDump = {
  readonly lines: readonly string[];
  /** The next transaction id: the same when not one transaction in between has begun to write. */
  readonly nextXid: string;
};

/** What is not in a table that `pg_class` lists: sessions' doings, the server's settings, and its files. */
const STATES = {
  'prepared transactions': 'select gid, owner from pg_prepared_xacts',
  'advisory locks': `select locktype, classid, objid, objsubid, mode from pg_locks where locktype = 'advisory'`,
  'exclusive locks': `select relation::regclass, mode from pg_locks where mode like '%Exclusive%' and pid <> pg_backend_pid() and locktype = 'relation'`,
  'replication slots': 'select slot_name, plugin, slot_type, restart_lsn from pg_replication_slots',
  settings: `select name, setting, source from pg_settings where source <> 'client' and name <> 'application_name'`,
  'settings in files': 'select sourcefile, name, setting from pg_file_settings',
  'backup in progress': 'select pg_is_in_recovery()',
  'sessions of the gate': `select count(*) from pg_stat_activity where application_name like 'rowgate%' and pid <> pg_backend_pid()`,
};

/**
 * Everything that a database and its server hold, by a superuser's URL: each row of each table, the system's own too
 * (large objects, roles, settings, functions, statistics), each sequence's state, locks, slots, and the files below
 * `folder`. Only for a server of the test's own with autovacuum off.
 */
export async function dumpServer(url: string, folder: string): Promise<ServerDump> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const query = async <Row extends QueryResultRow>(sql: string): Promise<Row[]> =>
    (await client.query<Row>(sql)).rows;
  try {
    const tables = await query<{ name: string }>(`
      select c.oid::regclass::text as name from pg_class c
      where c.relkind in ('r', 'm', 'S') and c.relpersistence <> 't'`);
    const parts = [
      ...tables.map(({ name }) => [name, `select * from ${name}`] as const),
      ...Object.entries(STATES),
    ].map(([title, sql]) => `select '${title.replaceAll("'", "''")}: ' || t::text as line from (${sql}) t`);
    const lines = await query<{ line: string }>(`${parts.join('\nunion all\n')}\norder by 1`);
    const [next] = await query<{ xid: string }>(
      'select pg_snapshot_xmax(pg_current_snapshot())::text as xid',
    );
    return { lines: [...lines.map(({ line }) => line), ...filesBelow(folder)], nextXid: next?.xid ?? '' };
  } finally {
    await client.end();
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder)
    .toSorted()
    .map((name) => `file ${name}: ${readFileSync(path.join(folder, name), 'utf8')}`);
}

/** The lines that only one of two dumps has. */
export function differences(before: ServerDump, after: ServerDump): string[] {
  const only = (a: ServerDump, b: ServerDump, sign: string): string[] => {
    const known = new Set(b.lines);
    return a.lines.filter((line) => !known.has(line)).map((line) => `${sign} ${line}`);
  };
  return [...only(before, after, '-'), ...only(after, before, '+')];
}
