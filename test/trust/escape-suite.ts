import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { Client } from 'pg';
import type { DriverName } from '../../src/postgres/database.ts';
import { startEmbeddedPostgres } from '../../src/postgres/embedded.ts';
import type { Report } from '../../src/report/report.ts';
import { startFaultProxy } from '../faults/fault-proxy.ts';
import { runGate } from '../support/run-gate.ts';
import { escapeAttempts, extensions, setup, type Attempt, type Stage } from './escape-corpus.ts';
import { differences, dumpServer, type ServerDump } from './server-dump.ts';

/** Who attacks: the owner of the tables, or a superuser. */
export const USERS = ['owner', 'postgres'] as const;
type User = (typeof USERS)[number];
type Gate = { readonly user: User; readonly driver: DriverName };

/** Where the server could write: nothing is to change here. */
const folder = mkdtempSync(path.join(tmpdir(), 'rowgate-canaries-'));
chmodSync(folder, 0o777);
writeFileSync(path.join(folder, 'alive'), 'alive');

// A server of its own: what is dumped must not change by what other tests do.
const settings = { autovacuum: 'off', max_prepared_transactions: 5, wal_level: 'logical' };
const nativeFolder = process.env['ROWGATE_TEST_NATIVE_FOLDER'];
const server = await startEmbeddedPostgres({ settings, nativeFolder });
const proxy = await startFaultProxy({ to: { host: '127.0.0.1', port: server.port } });
const superuser = new Client({ connectionString: server.url });
await superuser.connect();
after(async () => {
  await superuser.end();
  proxy.close();
  await server.stop();
  rmSync(folder, { recursive: true });
});
await superuser.query(`
  create role owner login createrole password 'owner'; create role bystander; grant bystander to owner;
  grant create on database postgres to owner; ${extensions}`);
await runAs('owner', setup);
/** What was sent to the channel of the corpus, and committed. */
const heard: string[] = [];
superuser.on('notification', ({ payload }) => heard.push(payload ?? ''));
await superuser.query('listen canary');

async function runAs(user: User, sql: string): Promise<void> {
  const client = new Client({ connectionString: urlFor(user, server.port) });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

function urlFor(user: User, port: number): string {
  const login = user === 'postgres' ? {} : { username: user, password: user };
  return Object.assign(new URL(server.url), { ...login, port: String(port) }).href;
}

async function dump(): Promise<ServerDump> {
  await superuser.query('select'); // brings what was sent by now
  const { lines, nextXid } = await dumpServer(server.url, folder);
  return { lines: [...lines, ...heard.map((payload) => `heard: ${payload}`)], nextXid };
}

/** Rules whose answers are known, to stand beside attempts. */
const HONEST: readonly { readonly rule: Attempt['rule']; readonly violations: number }[] = [
  { rule: { kind: 'not_null', tables: ['victim'], column: 'n' }, violations: 0 },
  { rule: { kind: 'implies', tables: ['victim'], when: "name = 'name 3'", then: 'n = 99' }, violations: 1 },
  { rule: { kind: 'query', query: 'select id from app.victim where n > 3' }, violations: 2 },
];

const FIRST_LINE = 4;

/** A rules file with one rule on each line. */
function rulesFile(rules: readonly Attempt['rule'][]): string {
  const lines = rules.map((rule, i) => `  - ${inAscii({ id: `rule-${i}`, ...rule })}`);
  return `version: 1\ndefaults: { schema: app }\nrules:\n${lines.join('\n')}\n`;
}

/** JSON is YAML, too; with escapes for what could not stand there as it is. */
function inAscii(rule: object): string {
  const escape = (each: string): string => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(rule).replace(/[^\0-~]/g, escape);
}

/** What is no text for a rules file is found before any SQL in it is looked at. */
const isUnfit = ({ rule }: Attempt): boolean => /\\u(00|20)/.test(inAscii(rule));

function tryAll(attempts: readonly Pick<Attempt, 'rule'>[], { user, driver }: Gate): Promise<Report> {
  const rules = rulesFile(attempts.map(({ rule }) => rule));
  // With the postgres package each session takes a thread; with one connection all attempts share a session instead.
  const maxConnections = driver === 'postgres' ? 1 : 2;
  return runGate({ url: urlFor(user, proxy.port), rules, driver, maxConnections, statementTimeout: '5s' });
}

/** Each attempt is named at its own line, and no check was made. */
function assertRefused({ exitCode, results, problems }: Report, attempts: readonly Attempt[]): void {
  assert.deepEqual([exitCode, results], [3, []]);
  const missed = attempts.filter(({ says = /./ }, i) => {
    const found = problems.filter(({ at }) => at?.line === FIRST_LINE + i);
    return !found.some(({ message }) => says.test(message));
  });
  assert.deepEqual(missed.map(({ rule }) => JSON.stringify(rule)), []); // prettier-ignore
}

const CHECKS: Record<Stage, (attempts: readonly Attempt[], gate: Gate) => Promise<void>> = {
  'refused unconnected': async (attempts, gate) => {
    const sessions = proxy.counts.sessions;
    for (const some of [attempts.filter(isUnfit), attempts.filter((each) => !isUnfit(each))])
      if (some.length > 0) assertRefused(await tryAll(some, gate), some);
    assert.equal(proxy.counts.sessions, sessions);
  },
  'refused by the catalogue': async (attempts, gate) => assertRefused(await tryAll(attempts, gate), attempts),
  contained: async (attempts, gate) => {
    const honestAfter = (i: number) => HONEST[i % HONEST.length] as (typeof HONEST)[number];
    const all = attempts.flatMap((attempt, i) => [attempt, honestAfter(i)]);
    const { problems, results } = await tryAll(all, gate);
    assert.deepEqual([problems, results.length], [[], all.length]);
    for (const [i, { rule }] of attempts.entries()) {
      const [attempt, honest] = [results[2 * i], results[2 * i + 1]];
      if (rule['kind'] === 'query') assert.notEqual(attempt?.outcome, 'held', JSON.stringify(rule));
      const expected = { count: honestAfter(i).violations, exact: true };
      assert.deepEqual(honest?.violations, expected, `after ${JSON.stringify(rule)}`);
    }
  },
};

/** Fails with the attempt that changed something, found by trying them one by one. */
async function blame(attempts: readonly Attempt[], gate: Gate, changes: readonly string[]): Promise<never> {
  for (const attempt of attempts) {
    const before = await dump();
    await tryAll([attempt], gate);
    const changed = differences(before, await dump());
    assert.deepEqual(changed, [], `escaped: ${JSON.stringify(attempt.rule)}`);
  }
  assert.fail(`all attempts together changed:\n${changes.join('\n')}`);
}

/** How many attempts were made by tests of {@link testStage} so far, and with how many of them all was as before. */
const counts = { tried: 0, contained: 0 };

/** The last test of a file: prints the counts, which have to be equal, and no fewer than were meant. */
export function testCounts(least: number): void {
  test('every attempt was contained', (t) => {
    t.diagnostic(`escape attempts: ${counts.tried} tried, ${counts.contained} contained`);
    assert.ok(counts.tried >= least);
    assert.equal(counts.contained, counts.tried);
  });
}

/** A test that makes every attempt of a stage, and compares the whole server with before. */
export function testStage(stage: Stage, gate: Gate): void {
  const attempts = escapeAttempts.filter((each) => each.stage === stage);
  test(`attempts are ${stage}, and nothing has changed (${gate.user}, ${gate.driver})`, async () => {
    counts.tried += attempts.length;
    const before = await dump();
    await CHECKS[stage](attempts, gate);
    const after = await dump();
    const changes = differences(before, after);
    if (changes.length > 0) await blame(attempts, gate, changes);
    if (stage !== 'contained') assert.equal(after.nextXid, before.nextXid, 'a transaction began to write');
    counts.contained += attempts.length;
  });
}

/** Things that an attempt could do, and how they are undone. */
const HARMS: readonly (readonly [harm: string, undone: string])[] = [
  ["insert into app.canary values (2, '')", 'delete from app.canary where id = 2'],
  ["select nextval('app.seq')", "select setval('app.seq', 1)"],
  ["select lo_put(4711, 0, 'L')", "select lo_put(4711, 0, 'l')"],
  ['create role made', 'drop role made'],
  ['alter role bystander set search_path = decoy', 'alter role bystander reset search_path'],
  ["comment on table app.victim is 'x'", 'comment on table app.victim is null'],
  ["select pg_advisory_lock(1)", 'select pg_advisory_unlock(1)'],
  ["select pg_create_physical_replication_slot('made')", "select pg_drop_replication_slot('made')"],
  ["alter system set work_mem = '1GB'", 'alter system reset work_mem'],
  [`copy (select 1) to '${folder}/copied'`, `copy (select 1) to program 'cat >/dev/null; rm ${folder}/copied'`],
  ["notify canary, 'x'", ''],
]; // prettier-ignore

/** A test of the tests: the comparison sees whatever an attempt could do. */
export function testComparison(): void {
  test('the comparison sees each thing that an attempt could do', async () => {
    for (const [harm, undone] of HARMS) {
      const before = await dump();
      await superuser.query(harm);
      assert.notDeepEqual(differences(before, await dump()), [], harm);
      await superuser.query(undone);
    }
    heard.length = 0;
  });
}
