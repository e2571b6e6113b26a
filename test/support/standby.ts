import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { IS_ROOT, NOBODY } from '../../src/postgres/embedded-binaries.ts';
import { reap, startReaper } from '../../src/postgres/embedded-reaper.ts';
import { startEmbeddedPostgres } from '../../src/postgres/embedded.ts';
import { findFreePort } from './free-port.ts';
import { openLink, type HeldLink } from './held-link.ts';
import { pgCtl } from './pg-ctl.ts';

/** A primary, and a standby that streams from it. */
export type ReplicatedServers = {
  /** Superuser's URLs of the database `postgres` on either. */
  readonly primaryUrl: string;
  readonly standbyUrl: string;
  /** Waits until the standby has replayed what the primary has written by now. */
  catchUp(): Promise<void>;
  /** What the primary sends goes through it. */
  readonly link: HeldLink;
  /** Stops the standby and starts it again. */
  restartStandby(): Promise<void>;
  /** Makes the standby a primary; resolves when it has become one. */
  promote(): Promise<void>;
  stopPrimary(): Promise<void>;
  /** Stops both and removes their folders. */
  stop(): Promise<void>;
};

const run = promisify(execFile);

/** Starts both; `standbySettings` are the standby's alone. The package has no pg_basebackup, so files are copied. */
export async function startReplicatedServers(
  standbySettings: Readonly<Record<string, string>> = {},
): Promise<ReplicatedServers> {
  const primary = await startEmbeddedPostgres({ settings: { max_connections: 50 } });
  const folder = join(dirname(primary.folder), `rowgate-pg-${randomBytes(9).toString('hex')}`);
  const reaper = startReaper(folder);
  const data = join(folder, 'data');
  const link = await openLink(primary.port);
  const stop = async (): Promise<void> => {
    link.close();
    await Promise.all([reap(reaper, folder), primary.stop()]);
  };
  try {
    await mkdir(folder, { mode: 0o711 });
    await chmod(folder, 0o711);
    await backUp(primary.url, join(primary.folder, 'data'), data);
    const port = await findFreePort();
    const settings = {
      port: String(port),
      primary_conninfo: connectionInfo(primary.url, link.port),
      ...standbySettings,
    };
    await configure(data, settings);
    await pgCtl(folder, 'start');
    const standbyUrl = Object.assign(new URL(primary.url), { port }).href;
    return {
      primaryUrl: primary.url,
      standbyUrl,
      catchUp: () => catchUp(primary.url, standbyUrl),
      link,
      restartStandby: () => pgCtl(folder, 'restart'),
      promote: () => pgCtl(folder, 'promote'),
      stopPrimary: () => primary.stop(),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Copies a running server's files between the two calls that make such a copy usable. */
async function backUp(url: string, from: string, to: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`select pg_backup_start('standby', true)`);
    await run('cp', ['-a', from, to]);
    await rm(join(to, 'postmaster.pid'));
    const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)');
    await writeFile(join(to, 'backup_label'), rows[0]?.labelfile ?? '');
  } finally {
    await client.end();
  }
}

async function configure(data: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`,
  );
  const constant = `listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 50\n`;
  await writeFile(join(data, 'postgresql.auto.conf'), `${constant}${lines.join('')}`);
  await writeFile(join(data, 'standby.signal'), '');
  if (IS_ROOT) await run('chown', ['-R', `${NOBODY}:${NOBODY}`, data]);
}

function connectionInfo(url: string, port: number): string {
  const { username, password } = new URL(url);
  return `host=127.0.0.1 port=${port} user=${username} password=${password}`;
}

async function catchUp(primaryUrl: string, standbyUrl: string): Promise<void> {
  const written = await one(primaryUrl, 'select pg_current_wal_insert_lsn()::text');
  while ((await one(standbyUrl, `select pg_last_wal_replay_lsn() >= '${written}'::pg_lsn`)) !== true) {
    await sleep(20);
  }
}

async function one(url: string, sqlText: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<unknown[]>({ text: sqlText, rowMode: 'array' });
    return rows[0]?.[0];
  } finally {
    await client.end();
  }
}
