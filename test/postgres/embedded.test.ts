import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { startEmbeddedPostgres } from '../../src/postgres/embedded.ts';
import { Problem } from '../../src/support/problem.ts';

const skip = process.platform === 'win32' && 'Windows has no reaper';

test('answers on loopback only, with a password, and is gone after stop', async () => {
  const server = await startEmbeddedPostgres({ settings: { work_mem: '5MB' } });
  const client = new Client({ connectionString: server.url });
  await client.connect();
  const { rows } = await client.query(`
    select current_setting('server_version') as version, current_setting('listen_addresses') as addresses,
      current_setting('unix_socket_directories') as sockets, current_setting('work_mem') as work_mem`);
  await client.end();
  const url = Object.assign(new URL(server.url), { password: 'wrong' }).href;
  await assert.rejects(new Client({ connectionString: url }).connect(), { code: '28P01' });
  await Promise.all([server.stop(), server.stop()]);
  assert.deepEqual(rows, [{ version: server.version, addresses: '127.0.0.1', sockets: '', work_mem: '5MB' }]);
  assert.equal(await answers(server.port), false);
  await assert.rejects(readdir(server.folder), { code: 'ENOENT' });
});

test('says why it cannot start', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await once(taken, 'listening');
  await assert.rejects(startEmbeddedPostgres({ port: (taken.address() as AddressInfo).port }), (thrown) => {
    assert.ok(thrown instanceof Problem);
    assert.equal(thrown.code, 'demo-failed');
    assert.match(thrown.message, /could not bind IPv4 address "127\.0\.0\.1"/);
    return true;
  });
});

for (const signal of ['SIGKILL', 'SIGINT', 'SIGTERM'] as const) {
  test(`server and folder are gone after ${signal}`, { skip }, async (t) => {
    const starter = await startInAnotherProcess(t);
    const { port } = await starter.server();
    process.kill(-starter.pid, signal); // to the group, as Ctrl-C does
    await eventually(async () => !(await answers(port)) && (await starter.folders()).length === 0);
  });
}

test('the folder is gone after SIGKILL while initdb runs', { skip }, async (t) => {
  const starter = await startInAnotherProcess(t);
  await eventually(async () => (await starter.folders()).length === 1);
  process.kill(-starter.pid, 'SIGKILL');
  await eventually(async () => (await starter.folders()).length === 0);
  await sleep(500);
  assert.deepEqual(await starter.folders(), []);
});

test('with keep, the server outlives the process that started it', { skip }, async (t) => {
  const starter = await startInAnotherProcess(t, { keep: true });
  const { pid, port } = await starter.server();
  process.kill(-starter.pid, 'SIGKILL');
  await sleep(300);
  assert.ok(await answers(port));
  process.kill(pid, 'SIGINT');
  await eventually(async () => !(await answers(port)));
});

/** Starts a server from a process of its own, in a session of its own, and tells of the folders it makes. */
async function startInAnotherProcess(t: TestContext, options = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-'));
  await chmod(folder, 0o755);
  t.after(() => rm(folder, { recursive: true }));
  const module = new URL('../../src/postgres/embedded.ts', import.meta.url).href;
  const script = `
    import { startEmbeddedPostgres } from '${module}';
    const { pid, port } = await startEmbeddedPostgres(${JSON.stringify(options)});
    process.stdout.write(JSON.stringify({ pid, port }));
    setInterval(() => {}, 1000);`;
  const starter = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    detached: true,
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return {
    pid: starter.pid ?? 0,
    folders: async () => (await readdir(folder)).filter((name) => name.startsWith('rowgate-pg-')),
    server: async (): Promise<{ pid: number; port: number }> =>
      JSON.parse(String((await once(starter.stdout, 'data'))[0])),
  };
}

/** Unlike its process id, a server's port tells even where no init collects dead processes. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return once(socket, 'connect')
    .then(
      () => true,
      () => false,
    )
    .finally(() => socket.destroy());
}

async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `not within 20 s: ${condition}`);
    await sleep(20);
  }
}
