import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { backfill } from '../../src/actions/backfill.ts';
import { runnerContext, type Runner } from '../../src/github/runner.ts';
import { kebabCase, parseOptions } from '../../src/options.ts';
import { openDatabase } from '../../src/postgres/connect.ts';
import { parseConnectionTarget } from '../../src/postgres/connection-string.ts';
import { GUARD, orderTables, rules } from '../support/backfill-step.ts';
import { createDatabase } from '../support/server.ts';

test('cancelled while the server says nothing, a step gives up on it, and writes summary, report and outputs all the same', async (t) => {
  const database = await createDatabase(orderTables(60));
  const folder = mkdtempSync(path.join(tmpdir(), 'rowgate-silent-'));
  writeFileSync(path.join(folder, 'rules.yml'), rules);
  const cancel = new AbortController();
  const sockets: Socket[] = [];
  // Takes connections and never answers; the first one is the moment at which somebody cancels.
  const silent = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    cancel.abort();
  }).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
    rmSync(folder, { recursive: true });
  });
  const { port } = silent.address() as AddressInfo;
  const open = (url: string, signal?: AbortSignal) =>
    openDatabase(parseConnectionTarget({ url, env: {} }), 'pg', signal);
  const given = { outputs: new Map<string, string>(), summary: '' };
  const runner: Runner = {
    input: () => undefined,
    rawInput: () => undefined,
    mask: () => {},
    output: (name, value) => void given.outputs.set(name, value),
    saveState: () => {},
    state: () => undefined,
    summary: (markdown) => void (given.summary += markdown),
    annotate: () => {},
    group: () => {},
    log: () => {},
  };
  const options = parseOptions(
    { rules: 'rules.yml', execute: true, expectDatabase: database.name, acknowledge: [GUARD], runId: '7' },
    kebabCase,
  );
  const exitCode = await backfill({
    options,
    runner,
    folder,
    summary: 'always',
    context: runnerContext({ GITHUB_EVENT_NAME: 'workflow_dispatch', GITHUB_REF_PROTECTED: 'true' }),
    world: {
      rules: folder,
      database: () => open(database.url),
      writableDatabase: () => open(`postgres://u:secret@127.0.0.1:${port}/db?sslmode=disable`),
      now: () => new Date(),
      emit: () => {},
      signal: cancel.signal,
    },
  });
  assert.equal(exitCode, 2);
  assert.equal(given.outputs.get('run-id'), '7');
  assert.match(given.summary, /the server did not answer in time/);
  assert.match(readFileSync(path.join(folder, 'backfill-report.json'), 'utf8'), /"cancelled"/);
});
