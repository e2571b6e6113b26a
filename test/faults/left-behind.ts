import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestDatabase } from '../support/server.ts';

/** Whatever can ask the server that the run was on. */
export type Asked = Pick<TestDatabase, 'rows'>;

/** The server needs a moment to notice that a client has gone, and gives up a silent one after 10 s. */
const PATIENCE_MS = 30_000;

/** No statement of the run goes on, and none of its sessions holds a lock on a table. */
export async function expectNothingHeld(server: Asked, applicationName: string): Promise<void> {
  const busy = `select state, query from pg_stat_activity where application_name = $1 and (state = 'active' or pid in (
    select pid from pg_locks l join pg_class c on c.oid = l.relation where c.relnamespace = 'public'::regnamespace))`;
  await until('nothing of the run goes on', async () => {
    return (await server.rows(busy, [applicationName])).length === 0;
  });
}

/** No session of the run is on the server. */
export async function expectNobody(server: Asked, applicationName: string): Promise<void> {
  const sessions = 'select pid from pg_stat_activity where application_name = $1';
  await until('no session of the run is left', async () => {
    return (await server.rows(sessions, [applicationName])).length === 0;
  });
}

/** Waits until a check of the run sleeps on the server; gives the process id of its session. */
export async function untilAsleep(asked: Asked, name: string): Promise<number> {
  const asleep = `select pid from pg_stat_activity where application_name = $1 and wait_event = 'PgSleep'`;
  let pid: unknown;
  await until('the slow check has begun', async () => {
    pid = (await asked.rows(asleep, [name]))[0]?.['pid'];
    return pid !== undefined;
  });
  return Number(pid);
}

/** Waits until the condition holds; fails when it never does. */
export async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `not in time: ${what}`);
    await sleep(20);
  }
}
