import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { parseOptions } from '../../src/options.ts';
import { openDatabase } from '../../src/postgres/connect.ts';
import { parseConnectionTarget } from '../../src/postgres/connection-string.ts';
import type { Rollout, RolloutStatement, RolloutStep } from '../../src/rollout/phase.ts';
import { runRollout } from '../../src/run.ts';
import type { TestDatabase } from './server.ts';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');

/** What `rowgate rollout` finds; `rules` is a file of the repository, or a text with line breaks. */
export async function rollout(url: string, rules: string, phase?: string, failOn?: string): Promise<Rollout> {
  const isText = rules.includes('\n');
  const folder = isText ? await mkdtemp(path.join(tmpdir(), 'rowgate-rules-')) : REPOSITORY;
  try {
    if (isText) await writeFile(path.join(folder, 'rules.yml'), rules);
    const options = parseOptions({ rules: [isText ? 'rules.yml' : rules], phase, failOn }, String);
    return await runRollout(options, {
      rules: folder,
      database: () => openDatabase(parseConnectionTarget({ url, env: {} }), 'pg'),
      now: () => new Date(),
      emit: () => {},
      signal: new AbortController().signal,
    });
  } finally {
    if (isText) await rm(folder, { recursive: true });
  }
}

export const readySteps = ({ steps }: Rollout): RolloutStep[] =>
  steps.filter(({ state }) => state === 'ready');

/** Weakest first, as in the documentation's table of conflicts. */
const MODES = [
  'access share',
  'row share',
  'row exclusive',
  'share update exclusive',
  'share',
  'share row exclusive',
  'exclusive',
  'access exclusive',
];

/** Locks on tables of users, as `schema.table: mode`; of the session itself, or of another. */
async function heldLocks(client: Client, pid: number): Promise<{ table: string; mode: string }[]> {
  const { rows } = await client.query<{ table: string; mode: string }>(
    `select n.nspname || '.' || c.relname as table, l.mode from pg_locks l join pg_class c on c.oid = l.relation
     join pg_namespace n on n.oid = c.relnamespace
     where l.locktype = 'relation' and l.pid = $1 and c.relkind in ('r', 'p') and n.nspname !~ '^pg_'`,
    [pid],
  );
  return rows.map(({ table, mode }) => ({
    table,
    mode: mode
      .replace(/Lock$/, '')
      .replaceAll(/(?!^)[A-Z]/g, (letter) => ` ${letter}`)
      .toLowerCase(),
  }));
}

function expectPromised(
  { sql, lock }: RolloutStatement,
  held: readonly { table: string; mode: string }[],
): void {
  for (const { table, mode } of held) {
    // What is read of a table beside it, and the share of a row that a foreign key takes, keeps nobody out.
    const promised = lock.on.includes(table) ? lock.mode : 'row share';
    assert.ok(
      MODES.indexOf(mode) <= MODES.indexOf(promised),
      `${sql}\nholds ${mode} on ${table}, promised was ${promised}`,
    );
  }
}

const isConcurrent = (sql: string): boolean => / concurrently /.test(sql);

/** Runs one statement as the script has it, and sees that it takes no stronger lock than the script says. */
export async function runStatement(url: string, statement: RolloutStatement): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`set lock_timeout = '${statement.lockTimeout ? '2s' : '0'}'`);
    if (isConcurrent(statement.sql)) return await runConcurrently(url, client, statement);
    // Locks are kept to the end of the transaction: all that it took are still there.
    await client.query('begin');
    await client.query(statement.sql);
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    expectPromised(statement, await heldLocks(client, rows[0]?.pid ?? 0));
    await client.query('commit');
  } finally {
    await client.end();
  }
}

/** Such a statement waits for older transactions: one is kept open until the locks have been seen. */
async function runConcurrently(url: string, client: Client, statement: RolloutStatement): Promise<void> {
  const older = new Client({ connectionString: url });
  await older.connect();
  try {
    await older.query('begin isolation level repeatable read');
    for (const table of statement.lock.on) {
      const [schema = '', name = ''] = table.split('.');
      await older.query(`lock table "${schema}"."${name}" in row exclusive mode`);
    }
    await older.query('select 1 from pg_class limit 1');
    const { rows } = await older.query<{ pid: number }>(
      `select pid from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database() and backend_type = 'client backend'`,
    );
    const done = client.query(statement.sql);
    const pids = rows.map(({ pid }) => pid);
    for (const pid of pids) expectPromised(statement, await waitingLocks(older, pid));
    await older.query('rollback');
    await done;
  } finally {
    await older.end();
  }
}

/** Its locks once it waits; sees at least one lock on a table of users. */
async function waitingLocks(client: Client, pid: number): Promise<{ table: string; mode: string }[]> {
  for (;;) {
    const held = await heldLocks(client, pid);
    const { rows } = await client.query('select from pg_locks where pid = $1 and not granted', [pid]);
    if (held.length > 0 && rows.length > 0) return held;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Everything that the steps may change, as text: what is the same is the same catalogue. */
export async function catalogueOf(database: TestDatabase): Promise<string> {
  const parts = [
    `select c.relname as of, a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull, pg_get_expr(d.adbin, d.adrelid) as filled
     from pg_attribute a join pg_class c on c.oid = a.attrelid left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped order by 1, 2`,
    `select conrelid::regclass::text as of, conname, pg_get_constraintdef(oid), convalidated from pg_constraint
     where connamespace = 'public'::regnamespace order by 1, 2`,
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid), indisvalid from pg_index
     join pg_class c on c.oid = indexrelid where c.relnamespace = 'public'::regnamespace order by 1`,
  ];
  const found = [];
  for (const part of parts) found.push(await database.rows(part));
  return JSON.stringify(found, null, 1);
}

/** Takes steps back, the last one first. */
export async function undo(database: TestDatabase, steps: readonly RolloutStep[]): Promise<void> {
  for (const step of steps.toReversed()) for (const statement of step.undo) await database.run(statement);
}
