import type { Session } from '../postgres/database.ts';
import { inTransaction } from '../postgres/transaction.ts';
import type { Query } from '../postgres/snapshot.ts';
import { identifier, quoteIdentifier } from '../sql/identifier.ts';
import { sql } from '../sql/sql.ts';
import { Problem } from '../support/problem.ts';
import { LEDGER_VERSION, ledgerStatements } from './ledger-schema.ts';

/** Ledger tables are small, and nobody but Rowgate locks them. */
export const LEDGER_LIMITS = { statementTimeoutMs: 10_000, lockTimeoutMs: 5_000 } as const;

/** Whether the ledger is there, as far as the session's role can see. */
export type LedgerStatus =
  | { readonly state: 'absent'; readonly canInstall: boolean }
  | { readonly state: 'outdated' | 'newer'; readonly version: number }
  | { readonly state: 'forbidden'; readonly lacking: readonly string[] }
  | { readonly state: 'ready'; readonly version: number; readonly liveRuns: number; readonly runs: number };

const TABLES = ['ledger', 'run', 'lane', 'chunk', 'event'];

/** Reads it; writes nothing. */
export async function readLedgerStatus(query: Query): Promise<LedgerStatus> {
  const [there] = await query(sql`
    select pg_catalog.to_regclass('rowgate.ledger') is not null as is_there,
      pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create') as can_create,
      pg_catalog.to_regnamespace('rowgate') is not null as has_schema`);
  if (there?.['is_there'] !== 't') {
    const hasSchema = there?.['has_schema'] === 't';
    // A schema that the role may not look into hides its tables from to_regclass.
    if (hasSchema) return { state: 'forbidden', lacking: ['usage on schema rowgate'] };
    return { state: 'absent', canInstall: there?.['can_create'] === 't' };
  }
  const lacking = await missingPrivileges(query);
  if (lacking.length > 0) return { state: 'forbidden', lacking };
  const [row] = await query(sql`
    select (select pg_catalog.max(version) from rowgate.ledger)::text as version,
      (select pg_catalog.count(*) from rowgate.run)::text as runs,
      (select pg_catalog.count(distinct run_id) from rowgate.lane where is_live)::text as live`);
  const version = Number(row?.['version'] ?? 0);
  if (version !== LEDGER_VERSION) return { state: version < LEDGER_VERSION ? 'outdated' : 'newer', version };
  return { state: 'ready', version, runs: Number(row?.['runs']), liveRuns: Number(row?.['live']) };
}

async function missingPrivileges(query: Query): Promise<string[]> {
  const [usage] = await query(sql`select pg_catalog.has_schema_privilege('rowgate', 'usage') as granted`);
  if (usage?.['granted'] !== 't') return ['usage on schema rowgate'];
  const rows = await query(sql`
    select c.relname as name, p.privilege
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'rowgate'
    cross join pg_catalog.unnest(array['select', 'insert', 'update']) as p(privilege)
    where c.relkind = 'r' and (c.relname <> 'ledger' or p.privilege = 'select')
      and not pg_catalog.has_table_privilege(c.oid, p.privilege)
    order by 1, 2`);
  return rows.map((row) => `${row['privilege']} on rowgate.${row['name']}`);
}

/** Makes the ledger where there is none; leaves one that is there alone. True where it made it. */
export async function installLedger(session: Session): Promise<boolean> {
  return inTransaction(session, LEDGER_LIMITS, async (query) => {
    // Two workers that begin at once: the second waits, and then finds it.
    await query(sql`select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('rowgate.ledger'))`);
    const status = await readLedgerStatus(query);
    if (status.state === 'ready') return false;
    if (status.state !== 'absent') throw ledgerProblem(status);
    for (const statement of ledgerStatements) await query(statement);
    return true;
  });
}

/** Drops the ledger with all that it recorded; throws while a run is live, unless `force`. */
export async function removeLedger(session: Session, force: boolean): Promise<void> {
  await inTransaction(session, LEDGER_LIMITS, async (query) => {
    const status = await readLedgerStatus(query);
    if (status.state === 'ready' && status.liveRuns > 0 && !force)
      throw new Problem('run-busy', `the ledger holds ${status.liveRuns} runs that are not over`, {
        hint: 'Cancel them (rowgate runs cancel ID), or remove it with --force: what they did stays done, its record goes.',
      });
    await query(sql`drop schema if exists rowgate cascade`);
  });
}

/** What a role needs to run backfills with a ledger that somebody else installed, as SQL. */
export function ledgerGrants(role: string): string[] {
  const grantee = quoteIdentifier(identifier(role));
  const tables = TABLES.filter((name) => name !== 'ledger').map((name) => `rowgate.${name}`);
  return [
    `grant usage on schema rowgate to ${grantee};`,
    `grant select on rowgate.ledger to ${grantee};`,
    `grant select, insert, update on ${tables.join(', ')} to ${grantee};`,
  ];
}

/** Why a ledger in this state cannot be used, and what to do. */
export function ledgerProblem(status: Exclude<LedgerStatus, { state: 'ready' }>): Problem {
  if (status.state === 'absent')
    return new Problem('ledger-missing', 'there is no ledger in this database', {
      hint: 'A role that may create schemas makes it: rowgate ledger install --grant-to ROLE',
    });
  if (status.state === 'forbidden')
    return new Problem('privilege-missing', `the role lacks ${status.lacking.join(', ')}`, {
      hint: 'Whoever installed the ledger grants it: rowgate ledger install --grant-to ROLE prints the statements.',
    });
  const message = `the ledger has version ${status.version}, and this Rowgate knows ${LEDGER_VERSION}`;
  return new Problem('ledger-missing', message, {
    hint:
      status.state === 'newer'
        ? 'Use the newer Rowgate that made it.'
        : 'Remove it with rowgate ledger remove, once its runs are over.',
  });
}
