import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { IS_ROOT } from '../../src/postgres/embedded-binaries.ts';
import { findFreePort } from './free-port.ts';

/** What starts PgBouncer: ROWGATE_PGBOUNCER, as `npm run test:extra` sets it, else the one in PATH. */
const COMMAND = process.env['ROWGATE_PGBOUNCER'] ?? 'pgbouncer';

/** Why there is no PgBouncer here; false where there is one. */
export const NO_POOLER =
  spawnSync(COMMAND, ['--version']).status === 0
    ? false
    : 'there is no PgBouncer; npm run test:extra gets one';

export type PoolMode = 'session' | 'transaction' | 'statement';

/** A running PgBouncer in front of one server, with that server's superuser as its only user. */
export type Pooler = {
  /** URL of a database of the server, through the pooler. */
  urlOf(database: string): string;
  /** Rows of a statement of its admin console, such as `show servers`. */
  console(command: string): Promise<Record<string, unknown>[]>;
  log(): string;
  stop(): Promise<void>;
};

/** Starts one on a free port; `settings` are of its [pgbouncer] section, `databases` lines of that section. */
export async function startPooler(
  serverUrl: string,
  mode: PoolMode,
  settings: Readonly<Record<string, string | number>> = {},
  databases: readonly string[] = [],
): Promise<Pooler> {
  const folder = mkdtempSync(join(tmpdir(), 'rowgate-pooler-'));
  chmodSync(folder, 0o777); // PgBouncer refuses to be root, and becomes nobody
  const server = new URL(serverUrl);
  const port = await findFreePort();
  const write = (name: string, lines: readonly string[]): string => {
    writeFileSync(join(folder, name), `${lines.join('\n')}\n`, { mode: 0o644 });
    return join(folder, name);
  };
  const users = write('users', [`"${server.username}" "${server.password}"`]);
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: users,
    admin_users: server.username,
    logfile: join(folder, 'log'),
    pool_mode: mode,
    ...settings,
  };
  const configuration = write('pgbouncer.ini', [
    '[databases]',
    ...databases,
    `* = host=${server.hostname} port=${server.port}`,
    '[pgbouncer]',
    ...Object.entries(all).map(([name, value]) => `${name} = ${value}`),
  ]);
  // Ends with its input, which ends with this process in whatever way.
  const script = '"$@" </dev/null & cat >/dev/null; kill -KILL $!';
  const user = IS_ROOT ? ['-u', 'nobody'] : [];
  const shell = spawn('sh', ['-c', script, 'sh', COMMAND, '-q', ...user, configuration], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const urlOf = (database: string): string =>
    Object.assign(new URL(serverUrl), { port, pathname: database }).href;
  const console = (command: string) => rowsOf(urlOf('pgbouncer'), command);
  const log = (): string => readFileSync(join(folder, 'log'), 'utf8');
  const stop = async (): Promise<void> => {
    shell.stdin.end();
    if (shell.exitCode === null) await once(shell, 'exit');
    rmSync(folder, { recursive: true });
  };
  for (let tries = 0; ; tries += 1) {
    const version = await console('show version').catch((error: unknown) => error);
    if (Array.isArray(version)) break;
    if (tries === 100) throw new Error(`PgBouncer did not start: ${log()}`, { cause: version });
    await sleep(50);
  }
  return { urlOf, console, log, stop };
}

async function rowsOf(url: string, command: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    // Its console speaks the simple protocol alone.
    return (await client.query<Record<string, unknown>>(command)).rows;
  } finally {
    await client.end();
  }
}
