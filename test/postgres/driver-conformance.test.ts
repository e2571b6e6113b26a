// One suite over both drivers: what a session promises must not depend on who keeps the promise.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '../../src/postgres/connect.ts';
import { parseConnectionTarget } from '../../src/postgres/connection-string.ts';
import { DRIVERS, type ConnectionTarget, type Session } from '../../src/postgres/database.ts';
import { openPgSession } from '../../src/postgres/drivers/pg.ts';
import { openPostgresSession } from '../../src/postgres/drivers/postgres.ts';
import { startEmbeddedPostgres } from '../../src/postgres/embedded.ts';
import { typeName } from '../../src/sql/identifier.ts';
import { param, sql, Sql } from '../../src/sql/sql.ts';
import { Problem, type ProblemCode } from '../../src/support/problem.ts';
import { startFaultProxy } from '../faults/fault-proxy.ts';
import type { Frame } from '../faults/frames.ts';
import { createDatabase, createRole } from '../support/server.ts';

const database = await createDatabase(`
  create table account (id bigint primary key, name text);
  insert into account values (1, 'one'), (2, 'two');
`);

/** Generous: what must end at all does so long before, and what hangs does not. */
const SOON_MS = 10_000;

const OPENERS = { pg: openPgSession, postgres: openPostgresSession };

let sessions = 0;

for (const driver of DRIVERS) {
  /** A session of its own for a test; its application name finds its backend. */
  async function open(t: TestContext, changes: Partial<ConnectionTarget> = {}): Promise<Session> {
    const session = await openDatabase(targetFor(database.url, changes), driver).connect();
    t.after(() => session.close());
    return session;
  }

  function fact(title: string, check: (t: TestContext) => Promise<void>): void {
    test(`${driver}: ${title}`, { timeout: 60_000 }, check);
  }

  fact('a value of any type is the text that the server makes of it', async (t) => {
    const session = await open(t);
    const [row] = await session.query(sql`
      select
        9223372036854775807::bigint as int8,
        12345678901234567890.123456789::numeric as numeric,
        'NaN'::double precision as float8,
        '2024-02-29 12:34:56.789012+00'::timestamptz at time zone 'UTC' as microseconds,
        'infinity'::timestamptz as forever,
        '0044-03-15 BC'::date as ides,
        true as bool,
        '{"a": 9007199254740993}'::jsonb as jsonb,
        '\\x00ff'::bytea as bytea,
        array[1, null, 3] as int4s,
        array['a,b', 'c"d'] as texts,
        null::text as nothing,
        ''::text as empty,
        'ü😀'::text as unicode,
        row(1, 'x') as record,
        1::smallint as int2,
        1::oid as oid
    `);
    assert.deepEqual(row, {
      int8: '9223372036854775807',
      numeric: '12345678901234567890.123456789',
      float8: 'NaN',
      microseconds: '2024-02-29 12:34:56.789012',
      forever: 'infinity',
      ides: '0044-03-15 BC',
      bool: 't',
      jsonb: '{"a": 9007199254740993}',
      bytea: '\\x00ff',
      int4s: '{1,NULL,3}',
      texts: '{"a,b","c\\"d"}',
      nothing: null,
      empty: '',
      unicode: 'ü😀',
      record: '(1,x)',
      int2: '1',
      oid: '1',
    });
  });

  fact('a parameter of any type arrives as the text that it is', async (t) => {
    const session = await open(t);
    const value = (text: string | null, type: string) => param(text, typeName(type));
    const [row] = await session.query(sql`
      select
        ${value('9007199254740993', 'bigint')} as int8,
        ${value('0.1', 'numeric')} as numeric,
        ${value('true', 'boolean')} as yes,
        ${value('f', 'boolean')} as no,
        ${value('{1,2}', 'oid[]')} as oids,
        ${value('{"a b",NULL}', 'text[]')} as texts,
        ${value('2024-02-29 12:34:56.789012', 'timestamp')} as microseconds,
        ${value('infinity', 'date')} as forever,
        ${value('"text"', 'jsonb')} as jsonb,
        ${value('[1]', 'json')} as json,
        ${value('\\x00ff', 'bytea')} as bytea,
        ${value('1.5', 'real')} as real,
        ${value(null, 'text')} as nothing,
        ${value('', 'text')} as empty,
        ${value("$1 '' \\ ü😀", 'text')} as special
    `);
    assert.deepEqual(row, {
      int8: '9007199254740993',
      numeric: '0.1',
      yes: 't',
      no: 'f',
      oids: '{1,2}',
      texts: '{"a b",NULL}',
      microseconds: '2024-02-29 12:34:56.789012',
      forever: 'infinity',
      jsonb: '"text"',
      json: '[1]',
      bytea: '\\x00ff',
      real: '1.5',
      nothing: null,
      empty: '',
      special: "$1 '' \\ ü😀",
    });
  });

  fact('a column may have any name, and of two of one name the last counts', async (t) => {
    const session = await open(t);
    const [row] = await session.query(sql`select 1 as "__proto__", 3 as "a""b", 4 as x, 5 as x`);
    assert.deepEqual(Object.entries(row ?? {}), Object.entries({ ['__proto__']: '1', 'a"b': '3', x: '5' }));
  });

  fact('many rows all arrive, in order', async (t) => {
    const session = await open(t);
    const rows = await session.query(sql`select i from generate_series(1, 50000) as i order by i`);
    assert.equal(rows.length, 50_000);
    assert.deepEqual([rows[0]?.['i'], rows.at(-1)?.['i']], ['1', '50000']);
  });

  fact('a statement without rows gives none', async (t) => {
    const session = await open(t);
    assert.deepEqual(await session.query(sql`begin`), []);
    assert.deepEqual(await session.query(sql`select 1 where false`), []);
    assert.deepEqual(await session.query(sql`rollback`), []);
  });

  fact('a notice goes nowhere', async (t) => {
    const session = await open(t);
    await session.query(sql`do $$ begin raise notice 'look'; end $$`);
    assert.deepEqual(await session.query(sql`select 1 as one`), [{ one: '1' }]);
  });

  fact('two statements in one text are refused, and neither runs', async (t) => {
    const session = await open(t);
    for (const text of [
      'select 1; select 2',
      `insert into account values (9, 'x'); select 1`,
      'commit; begin',
    ]) {
      const problem = await rejection(session.query(raw(text)), 'query-failed');
      assert.equal(problem.sqlstate, '42601', text);
    }
    assert.deepEqual(await session.query(sql`select count(*) as n from account`), [{ n: '2' }]);
  });

  fact('an error has its SQLSTATE, and a position in code points', async (t) => {
    const session = await open(t);
    const unknown = await rejection(session.query(raw(`select 'ü😀', nope`)), 'query-failed');
    assert.deepEqual([unknown.sqlstate, unknown.sqlPosition], ['42703', 14]);
    const division = await rejection(session.query(sql`select 1 / 0`), 'query-failed');
    assert.deepEqual([division.sqlstate, division.sqlPosition], ['22012', undefined]);
    const parameter = await rejection(session.query(sql`select ${param('x', 'bigint')}`), 'query-failed');
    assert.equal(parameter.sqlstate, '22P02');
    assert.ok(session.alive);
  });

  fact('a value from a row is not in the message of its error', async (t) => {
    const session = await open(t);
    for (const failing of ['name::bigint', 'name::regclass', 'name::regtype', 'name::jsonb', 'name::date']) {
      const { message } = await rejection(
        session.query(raw(`select ${failing} from account`)),
        'query-failed',
      );
      assert.doesNotMatch(message, /\bone\b|\btwo\b/, failing);
    }
  });

  fact('transactions and savepoints are ordinary statements', async (t) => {
    const session = await open(t);
    await session.query(sql`begin`);
    await session.query(sql`insert into account values (3, 'three')`);
    await session.query(sql`savepoint here`);
    await rejection(session.query(sql`select 1 / 0`), 'query-failed');
    const aborted = await rejection(session.query(sql`select 1`), 'query-failed');
    assert.equal(aborted.sqlstate, '25P02');
    await session.query(sql`rollback to savepoint here`);
    assert.deepEqual(await session.query(sql`select count(*) as n from account`), [{ n: '3' }]);
    await session.query(sql`rollback`);
    assert.deepEqual(await session.query(sql`select count(*) as n from account`), [{ n: '2' }]);
  });

  fact('a write in a read-only transaction is not allowed', async (t) => {
    const session = await open(t);
    await session.query(sql`begin read only`);
    await rejection(session.query(sql`insert into account values (4, 'x')`), 'sql-not-allowed');
  });

  fact("the server's own statement_timeout is a timeout, and the session lives on", async (t) => {
    const session = await open(t);
    await session.query(sql`begin`);
    await session.query(sql`set local statement_timeout = 50`);
    const problem = await rejection(session.query(sql`select pg_sleep(60)`), 'statement-timeout');
    assert.equal(problem.sqlstate, '57014');
    await session.query(sql`rollback`);
    assert.ok(session.alive);
  });

  fact('a lock that is not free in time is a lock timeout', async (t) => {
    const [holder, session] = [await open(t), await open(t)];
    await holder.query(sql`begin`);
    await holder.query(sql`lock table account in access exclusive mode`);
    await session.query(sql`begin`);
    await session.query(sql`set local lock_timeout = 50`);
    await rejection(session.query(sql`select * from account`), 'lock-timeout');
  });

  fact('a policy in the way, a missing privilege and a missing table are three problems', async (t) => {
    const role = await createRole();
    const own = await createDatabase(`
      create table secret (id int);
      create table guarded (id int);
      alter table guarded enable row level security;
      grant select on guarded to ${role.name};
    `);
    const target = targetFor(own.urlFor(role.name, role.password));
    const session = await openDatabase(target, driver).connect();
    t.after(() => session.close());
    await session.query(sql`set row_security = off`);
    await rejection(session.query(sql`select * from guarded`), 'row-security');
    const denied = await rejection(session.query(sql`select * from secret`), 'privilege-missing');
    assert.match(denied.message, /secret/);
    const missing = await rejection(session.query(sql`select * from missing`), 'query-failed');
    assert.equal(missing.sqlstate, '42P01');
  });

  fact('a cancelled query ends at once, and the session lives on', async (t) => {
    const session = await open(t);
    const query = rejection(session.query(sql`select pg_sleep(60)`), 'cancelled');
    await untilActive(session);
    await session.cancel();
    assert.equal((await query).sqlstate, '57014');
    assert.deepEqual(await session.query(sql`select 1 as one`), [{ one: '1' }]);
  });

  fact('a cancel of nothing does not hit the next query', async (t) => {
    const session = await open(t);
    for (let i = 0; i < 20; i += 1) {
      await session.cancel();
      assert.deepEqual(await session.query(sql`select 1 as one`), [{ one: '1' }]);
    }
  });

  fact('a cancel that comes late does not hit the next query', async (t) => {
    const { host, port } = targetFor(database.url);
    const at = ({ type }: Frame): boolean => type === 'cancel';
    const proxy = await startFaultProxy({ to: { host, port }, fault: 'delay', at });
    t.after(() => proxy.close());
    const session = await open(t, { port: proxy.port });
    const quick = session.query(sql`select 1`);
    await new Promise(setImmediate); // it is sent by now
    const cancelling = session.cancel();
    await quick;
    await session.query(sql`select pg_sleep(0.8)`);
    await cancelling;
    assert.ok(proxy.struck);
  });

  fact('when the signal is given, what runs is cancelled, and nothing is sent after it', async (t) => {
    const cancel = new AbortController();
    const session = await openDatabase(targetFor(database.url), driver, cancel.signal).connect();
    t.after(() => session.close());
    const query = rejection(session.query(sql`select pg_sleep(60)`), 'cancelled');
    await untilActive(session);
    cancel.abort();
    await query;
    await rejection(session.query(sql`insert into account values (5, 'x')`), 'cancelled');
    assert.deepEqual(await database.rows('select from account where id = 5'), []);
    await session.close();
    await untilGone(session);
  });

  fact('when the signal is given, nobody waits for a connection', async (t) => {
    const cancel = new AbortController();
    const port = await listen(t, () => cancel.abort());
    const target = targetFor(database.url, { port, tls: tlsOf('disable'), connectTimeoutMs: 55_000 });
    const connecting = openDatabase(target, driver, cancel.signal);
    await rejection(connecting.connect(), 'cancelled');
    await rejection(connecting.connect(), 'cancelled');
  });

  fact('a connection that comes after the signal is closed', async (t) => {
    const cancel = new AbortController();
    const { host, port } = targetFor(database.url);
    const at = ({ type }: Frame): boolean => {
      if (type === 'p') cancel.abort();
      return type === 'p';
    };
    const proxy = await startFaultProxy({ to: { host, port }, fault: 'delay', at });
    t.after(() => proxy.close());
    const target = targetFor(database.url, { port: proxy.port });
    await rejection(openDatabase(target, driver, cancel.signal).connect(), 'cancelled');
    await until('it is made', async () => proxy.passed.some(({ type }) => type === 'Z'));
    const sessions = 'select from pg_stat_activity where application_name = $1';
    await until('it is closed', async () => {
      return (await database.rows(sessions, [target.applicationName])).length === 0;
    });
  });

  fact('a cancel that gets nowhere gives the session up', async (t) => {
    const { host, port } = targetFor(database.url);
    const proxy = await startFaultProxy({
      to: { host, port },
      fault: 'black-hole',
      at: ({ type }) => type === 'cancel',
    });
    t.after(() => proxy.close());
    const session = await open(t, { port: proxy.port });
    const query = rejection(session.query(sql`select pg_sleep(8)`), 'cancelled');
    await untilActive(session);
    await session.cancel();
    await query;
    assert.equal(session.alive, false);
    assert.equal(await backends(session, 'active'), 1, 'the server was not told');
  });

  fact(
    'a query past its deadline is a timeout, the session is lost, and the server stops working',
    async (t) => {
      const session = await open(t);
      const late = session.query(sql`select pg_sleep(60)`, { deadlineMs: 200 });
      const problem = await rejection(late, 'statement-timeout');
      assert.equal(problem.sqlstate, undefined);
      assert.equal(session.alive, false);
      await rejection(session.query(sql`select 1`), 'connection-lost');
      await untilGone(session);
    },
  );

  fact('a second query at the same time is a mistake of ours, and does not hurt the first', async (t) => {
    const session = await open(t);
    const first = session.query(sql`select pg_sleep(0.1), 1 as one`);
    await rejection(session.query(sql`select 2`), 'internal');
    assert.equal((await first)[0]?.['one'], '1');
  });

  const ENDED = 'An administrator ended the session (SQLSTATE 57P01)';

  fact('a backend that ends while idle loses the session for good, and says why', async (t) => {
    const session = await open(t);
    await terminate(session);
    await untilGone(session);
    for (let i = 0; i < 2; i += 1) {
      const problem = await rejection(session.query(sql`select 1`), 'connection-lost');
      assert.deepEqual([problem.message, problem.sqlstate], [ENDED, '57P01']);
    }
    assert.equal(session.alive, false);
    assert.equal(await backends(session), 0);
  });

  fact('a backend that ends while running loses the session for good, and says why', async (t) => {
    const session = await open(t);
    const query = rejection(session.query(sql`select pg_sleep(60)`), 'connection-lost');
    await untilActive(session);
    await terminate(session);
    assert.deepEqual([(await query).message, (await query).sqlstate], [ENDED, '57P01']);
    assert.equal(session.alive, false);
    await rejection(session.query(sql`select 1`), 'connection-lost');
    assert.equal(await backends(session), 0);
  });

  fact('a transaction that idles, or lasts, for too long loses the session, and says so', async (t) => {
    const session = await open(t);
    await session.query(sql`begin`);
    await session.query(sql`set local idle_in_transaction_session_timeout = 50`);
    await untilGone(session);
    assert.equal((await rejection(session.query(sql`select 1`), 'connection-lost')).sqlstate, '25P03');
    const other = await open(t);
    await other.query(sql`begin`);
    await other.query(sql`set local transaction_timeout = 50`);
    assert.equal(
      (await rejection(other.query(sql`select pg_sleep(60)`), 'connection-lost')).sqlstate,
      '25P04',
    );
    assert.equal(other.alive, false);
  });

  for (const fault of ['reset', 'cut'] as const) {
    fact(`a ${fault} of the link while a query runs loses the session`, async (t) => {
      const proxy = await startProxy(t);
      const session = await open(t, { port: proxy.port });
      const query = rejection(session.query(sql`select pg_sleep(60)`), 'connection-lost');
      await untilActive(session);
      proxy.strike(fault);
      await query;
      assert.equal(session.alive, false);
      await rejection(session.query(sql`select 1`), 'connection-lost');
      assert.equal(proxy.counts.sessions, 1, 'it did not reconnect');
    });

    fact(`a ${fault} of the link while idle loses the session`, async (t) => {
      const proxy = await startProxy(t);
      const session = await open(t, { port: proxy.port });
      proxy.strike(fault);
      await rejection(session.query(sql`select 1`), 'connection-lost');
      assert.equal(proxy.counts.sessions, 1, 'it did not reconnect');
    });
  }

  fact('a session whose link is silent is closed all the same', async (t) => {
    const proxy = await startProxy(t);
    const session = await open(t, { port: proxy.port });
    proxy.strike('black-hole');
    await session.close();
    await rejection(session.query(sql`select 1`), 'connection-lost');
  });

  fact('a statement whose link is cut is ended on the server', async (t) => {
    const proxy = await startProxy(t);
    const session = await open(t, { port: proxy.port });
    const query = rejection(session.query(sql`select pg_sleep(60)`), 'connection-lost');
    await untilActive(session);
    proxy.strike('cut');
    await query;
    await untilGone(session);
  });

  fact('a message that cannot be read loses the session, and nothing else', async (t) => {
    const { host, port } = targetFor(database.url);
    const at = ({ type, bytes }: Frame): boolean => type === 'T' && bytes.includes('marker');
    const proxy = await startFaultProxy({ to: { host, port }, fault: 'garbage', at });
    t.after(() => proxy.close());
    const session = await open(t, { port: proxy.port });
    const problem = await rejection(session.query(sql`select 1 as marker`, { deadlineMs: 2_000 }));
    // One throws in the socket's event, the other never comes to an end.
    const expected = driver === 'pg' ? /not Postgres's protocol/ : /did not answer within 2000 ms/;
    assert.match(problem.message, expected);
    assert.equal(session.alive, false);
  });

  fact(
    'a statement with parameters is sent whole, so that a silent link leaves an idle session',
    async (t) => {
      const { host, port } = targetFor(database.url);
      const proxy = await startFaultProxy({
        to: { host, port },
        fault: 'black-hole',
        at: ({ from }) => from === 'server' && proxy.passed.some(({ text }) => text.includes('lonely')),
      });
      t.after(() => proxy.close());
      const session = await open(t, { port: proxy.port });
      const query = session.query(sql`select ${param('1', 'bigint')} as lonely`, { deadlineMs: 500 });
      await rejection(query, 'statement-timeout');
      assert.equal(await backends(session, 'idle'), 1);
    },
  );

  fact('a link that goes silent ends at the deadline, and closing it does not wait', async (t) => {
    const proxy = await startProxy(t);
    const session = await open(t, { port: proxy.port });
    proxy.strike('black-hole');
    await rejection(session.query(sql`select 1`, { deadlineMs: 200 }), 'statement-timeout');
    const started = performance.now();
    await session.close();
    assert.ok(performance.now() - started < SOON_MS);
  });

  fact('a link cut after any message of the server ends in a problem, and soon', async (t) => {
    // A thread takes as long to start as twenty connections, so that the messages are sampled.
    const step = driver === 'pg' ? 1 : 3;
    const outcomes: string[] = [];
    while (outcomes.at(-1) !== 'done') {
      const next = Array.from({ length: 8 }, (_, i) => (outcomes.length + i) * step);
      outcomes.push(...(await Promise.all(next.map((messages) => workCutAfter(t, messages)))));
    }
    const codes = new Set(outcomes.slice(0, outcomes.indexOf('done')));
    assert.deepEqual([...codes], ['connection-failed', 'connection-lost']);
    assert.ok(outcomes.length * step >= 40, `${outcomes.length} outcomes`);
  });

  /** Connects and works over a link that ends after so many messages; `done` if they were enough. */
  async function workCutAfter(t: TestContext, messages: number): Promise<string> {
    const proxy = await startProxy(t, { messages });
    const target = targetFor(database.url, { port: proxy.port, tls: tlsOf('disable') });
    let session: Session | undefined;
    try {
      session = await OPENERS[driver](target, 'plain', 20_000);
      await session.query(sql`begin`);
      await session.query(sql`select ${param('1', 'bigint')} as one`);
      await session.query(sql`select i from generate_series(1, 5) as i`);
      await session.query(sql`rollback`);
      return 'done';
    } catch (error) {
      assert.ok(error instanceof Problem, String(error));
      assert.doesNotMatch(error.message, /in time/);
      return error.code;
    } finally {
      await session?.close();
      assert.equal(proxy.counts.sessions, 1, 'it did not reconnect');
    }
  }

  fact('a wrong password, a missing one and a missing user are failed logins', async () => {
    for (const changes of [{ password: 'wrong' }, { password: undefined }, { user: 'nobody_of_that_name' }]) {
      const problem = await connectionRefusal(changes);
      assert.equal(problem.code, 'authentication-failed');
      assert.ok(!problem.message.includes('wrong'));
    }
  });

  fact('a role that may not connect to the database is a failed login', async () => {
    const role = await createRole();
    const own = await createDatabase();
    await own.run(`revoke connect on database ${own.name} from public`);
    const { user, password, database: name } = targetFor(own.urlFor(role.name, role.password));
    const problem = await connectionRefusal({ user, password, database: name });
    assert.deepEqual([problem.code, problem.sqlstate], ['authentication-failed', '42501']);
  });

  fact('a database that does not exist is named', async () => {
    const problem = await connectionRefusal({ database: 'no_such_database' });
    assert.equal(problem.code, 'database-missing');
    assert.match(problem.message, /no_such_database/);
  });

  fact('a port where nothing listens, and a name that is none, fail with a hint', async () => {
    for (const changes of [{ port: 1 }, { host: 'no-such-host.invalid' }]) {
      const problem = await connectionRefusal({ ...changes, connectTimeoutMs: 2_000 });
      assert.equal(problem.code, 'connection-failed');
      assert.ok(problem.hint);
    }
  });

  fact('a server that never answers fails when the time to connect is over', async (t) => {
    const open = new Set<Socket>();
    const port = await listen(t, (socket) => {
      open.add(socket.resume().on('close', () => open.delete(socket)));
    });
    for (const mode of ['disable', 'require'] as const) {
      const started = performance.now();
      const problem = await connectionRefusal({ port, connectTimeoutMs: 700, tls: tlsOf(mode) });
      assert.equal(problem.code, 'connection-failed');
      assert.match(problem.message, /no answer in time/);
      assert.ok(performance.now() - started < SOON_MS);
      await until('the connection is closed', async () => open.size === 0);
    }
  });

  fact('a server that hangs up or speaks another protocol fails to connect', async (t) => {
    for (const greet of [
      (socket: Socket) => socket.destroy(),
      (socket: Socket) => socket.end('HTTP/1.1 400 Bad\r\n'),
    ]) {
      const port = await listen(t, greet);
      for (const mode of ['disable', 'require'] as const) {
        const problem = await connectionRefusal({ port, connectTimeoutMs: 1_000, tls: tlsOf(mode) });
        assert.equal(problem.code, 'connection-failed');
      }
    }
  });

  fact('a server that breaks the protocol in the login ends in a problem', async (t) => {
    const nonsense = Buffer.from([0x52, 0, 0, 0, 10, 0, 0, 0, 11, 0x78, 0x78]); // SCRAM goes on, before it began
    const port = await listen(t, (socket) => socket.once('data', () => socket.write(nonsense)));
    await connectionRefusal({ port, connectTimeoutMs: 2_000, tls: tlsOf('disable') });
  });

  fact('a server that refuses at first is tried again', async (t) => {
    const proxy = await startProxy(t, { refuse: 2 });
    const session = await open(t, { port: proxy.port });
    assert.deepEqual(await session.query(sql`select 1 as one`), [{ one: '1' }]);
    assert.deepEqual([proxy.counts.refused, proxy.counts.sessions], [2, 1]);
  });

  fact('a login that is refused is not tried again', async (t) => {
    const proxy = await startProxy(t);
    const changes = { port: proxy.port, password: 'wrong', tls: tlsOf('disable') };
    assert.equal((await connectionRefusal(changes)).code, 'authentication-failed');
    assert.equal(proxy.counts.sessions, 1);
  });

  fact('a server with no connection free is busy', async () => {
    const role = await createRole('connection limit 0');
    const problem = await connectionRefusal({
      user: role.name,
      password: role.password,
      connectTimeoutMs: 20_000,
    });
    assert.deepEqual([problem.code, problem.sqlstate], ['server-busy', '53300']);
  });

  fact('closing leaves no backend behind, however often', async (t) => {
    const session = await open(t);
    await session.close();
    assert.equal(session.alive, false);
    await untilGone(session);
    await session.close();
    await rejection(session.query(sql`select 1`), 'connection-lost');
    await session.cancel();
  });

  fact('closing while a query runs stops the query on the server, too', async (t) => {
    const session = await open(t);
    const query = session.query(sql`select pg_sleep(60)`).catch((error: unknown) => error);
    await untilActive(session);
    await session.close();
    assert.ok((await query) instanceof Problem);
    await untilGone(session);
  });

  fact("the session is the server's, by its process id and its application name", async (t) => {
    const session = await open(t, { applicationName: 'rowgate conformance' });
    const [row] = await session.query(sql`
      select pg_backend_pid() as pid, current_setting('application_name') as name,
        current_setting('client_encoding') as encoding
    `);
    assert.deepEqual(row, { pid: String(session.backendPid), name: 'rowgate conformance', encoding: 'UTF8' });
  });

  fact('the PG* environment has no say in a session', async (t) => {
    const env = {
      PGOPTIONS: '-c search_path=evil',
      PGTARGETSESSIONATTRS: 'standby',
      PGSSLNEGOTIATION: 'direct',
      PGPASSWORD: 'x',
      PGAPPNAME: 'evil',
    };
    const before = { ...process.env };
    t.after(() => void (process.env = before));
    Object.assign(process.env, env);
    const session = await open(t);
    const [row] = await session.query(sql`select current_setting('search_path') as path`);
    assert.deepEqual(row, { path: '"$user", public' });
  });

  async function connectionRefusal(changes: Partial<ConnectionTarget>): Promise<Problem> {
    return rejection(openDatabase(targetFor(database.url, changes), driver).connect());
  }
}

test(
  'a Unix socket reaches the server with both drivers',
  { skip: process.platform === 'win32' && 'no Unix sockets on Windows' },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'rowgate-socket-'));
    chmodSync(folder, 0o777); // the server may run as another user
    const server = await startEmbeddedPostgres({ settings: { unix_socket_directories: folder } });
    t.after(async () => {
      await server.stop();
      rmSync(folder, { recursive: true });
    });
    const { password } = targetFor(server.url);
    for (const driver of DRIVERS) {
      const target = targetFor(
        `postgres://postgres:${password}@/postgres?host=${folder}&port=${server.port}`,
      );
      const session = await openDatabase(target, driver).connect();
      assert.deepEqual(await session.query(sql`select inet_server_addr() as address`), [{ address: null }]);
      const query = rejection(session.query(sql`select pg_sleep(60)`), 'cancelled');
      await sleep(100);
      await session.cancel();
      await query;
      await session.close();
      const elsewhere = rejection(
        openDatabase({ ...target, port: 1, connectTimeoutMs: 10_000 }, driver).connect(),
        'connection-failed',
      );
      assert.match((await elsewhere).message, /no such socket/);
    }
  },
);

function targetFor(url: string, changes: Partial<ConnectionTarget> = {}): ConnectionTarget {
  sessions += 1;
  const target = parseConnectionTarget({ url, env: { PGPASSFILE: '/nowhere' } });
  return { ...target, applicationName: `conformance ${process.pid} ${sessions}`, ...changes };
}

function tlsOf(mode: ConnectionTarget['tls']['mode']): ConnectionTarget['tls'] {
  return { mode, rootCertificates: undefined, clientCertificate: undefined, clientKey: undefined };
}

function raw(text: string): Sql {
  return new Sql([text], []);
}

async function rejection(promise: Promise<unknown>, code?: ProblemCode): Promise<Problem> {
  const error = await promise.then(
    () => assert.fail('it was not refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Problem, String(error));
  if (code !== undefined) assert.equal(error.code, code, error.message);
  return error;
}

async function backends({ backendPid }: Session, state = '%'): Promise<number> {
  const [row] = await database.rows(
    'select count(*)::int as n from pg_stat_activity where pid = $1 and state like $2',
    [backendPid, state],
  );
  return Number(row?.['n']);
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + SOON_MS;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `not in time: ${what}`);
    await sleep(10);
  }
}

function untilActive(session: Session): Promise<void> {
  return until('the query runs', async () => (await backends(session, 'active')) === 1);
}

/** The server has ended the backend, and the client has had time to hear of it. */
async function untilGone(session: Session): Promise<void> {
  await until('the backend is gone', async () => (await backends(session)) === 0);
  await until('the session knows', async () => !session.alive);
}

async function terminate({ backendPid }: Session): Promise<void> {
  await database.rows('select pg_terminate_backend($1)', [backendPid]);
}

async function listen(t: TestContext, greet: (socket: Socket) => void): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket.on('error', () => {}));
    greet(socket);
  }).listen(0, '127.0.0.1');
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A way to the test's server that can be refused at first, cut later, or cut after some of the server's messages. */
async function startProxy(t: TestContext, { refuse = 0, messages = Number.POSITIVE_INFINITY } = {}) {
  const { host, port } = targetFor(database.url);
  const at = ({ from, index }: Frame): boolean => from === 'server' && index > messages;
  const proxy = await startFaultProxy({ to: { host, port }, refuse, fault: 'cut', at });
  t.after(() => proxy.close());
  return proxy;
}
