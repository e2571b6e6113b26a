// Every way to hand over a password, and every way to reach a server, by both drivers.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { Client } from 'pg';
import { openDatabase } from '../../src/postgres/connect.ts';
import { parseConnectionTarget } from '../../src/postgres/connection-string.ts';
import { DRIVERS, type DriverName } from '../../src/postgres/database.ts';
import { startEmbeddedPostgres } from '../../src/postgres/embedded.ts';
import { sql } from '../../src/sql/sql.ts';
import { Problem } from '../../src/support/problem.ts';

const ASCII = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('');

/** Each as it was written, for the server's form of it is another one in the second half. */
const PASSWORDS: Readonly<Record<string, string>> = {
  'all of ASCII that prints': `${ASCII}.`,
  'a colon and a backslash at the end': 'a:\\:\\',
  'what looks encoded': '%41%2F%zz+',
  'control characters': 'a\u0001\tb\u007f',
  umlauts: 'pässwörd',
  Cyrillic: 'пароль',
  'an emoji': '😀',
  'a decomposed letter': 'e\u0301x',
  'a ligature': 'ﬁx',
  'a superscript': 'x²',
  'full width': 'ｐａｓｓ',
  'a soft hyphen and a zero-width blank': 'a\u00adb\u200bc',
  'a blank that does not break': 'a\u00a0b',
  'a heart with a variation selector': '❤\ufe0f!',
};

const folder = mkdtempSync(join(tmpdir(), 'rowgate-login-'));
after(() => rmSync(folder, { recursive: true }));
chmodSync(folder, 0o777); // the server, which may run as another user, makes its socket here

const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);
const server = await startEmbeddedPostgres({
  settings: {
    listen_addresses: hasIPv6 ? '127.0.0.1,::1' : '127.0.0.1',
    unix_socket_directories: folder,
    hba_file: writeFile('hba.conf', [
      'host all by_md5 all md5',
      'host all by_clear_text all password',
      'local all all scram-sha-256',
      'host all all all scram-sha-256',
    ]),
  },
});
const admin = new Client({ connectionString: server.url });
await admin.connect();
after(async () => {
  await admin.end();
  await server.stop();
});

for (const [what, password] of Object.entries(PASSWORDS)) {
  const account = { user: `role ${what}`, password, host: '127.0.0.1' };
  await createRole(account);

  test(`a password with ${what} is the same by URL, PGPASSWORD, password file and service file`, () => {
    const { host, user } = account;
    const env = { PGHOST: host, PGPORT: String(server.port), PGUSER: user, PGDATABASE: 'postgres' };
    const line = [host, server.port, 'postgres', user, password.replaceAll(/[\\:]/g, '\\$&')].join(':');
    const PGPASSFILE = writeFile('pgpass', [line], 0o600);
    const PGSERVICEFILE = writeFile('service', ['[s]', `password=${password}`]);
    assert.equal(targetOf(urlOf(account)).password, password);
    assert.equal(targetOf(undefined, { ...env, PGPASSWORD: password }).password, password);
    assert.equal(targetOf(undefined, { ...env, PGPASSFILE }).password, password);
    assert.equal(targetOf(undefined, { ...env, PGSERVICEFILE, PGSERVICE: 's' }).password, password);
  });

  for (const driver of DRIVERS) {
    test(`${driver}: a password with ${what} logs in`, async () => {
      assert.equal(await login(driver, urlOf(account)), account.user);
    });
  }
}

for (const driver of DRIVERS) {
  for (const method of ['md5', 'clear_text']) {
    test(`${driver}: a server that asks for a password by ${method} gets it`, async () => {
      const account = { user: `by_${method}`, password: `${ASCII}pässwörd`, host: '127.0.0.1' };
      await createRole(account, method === 'md5' ? 'md5' : 'scram-sha-256');
      assert.equal(await login(driver, urlOf(account)), account.user);
    });
  }

  test(`${driver}: a secret that ends in a line break logs in`, async () => {
    assert.equal(await login(driver, `${server.url}\n`), 'postgres');
  });

  test(`${driver}: a socket is reached by a folder in the host, or in the parameter`, async () => {
    const { password } = new URL(server.url);
    const login1 = `postgres:${password}`;
    for (const url of [
      `postgres://${login1}@${encodeURIComponent(folder)}:${server.port}/postgres`,
      `postgres://${login1}@/postgres?host=${folder}&port=${server.port}`,
      `postgres://${login1}@:${server.port}/postgres?host=${encodeURIComponent(folder)}`,
    ])
      assert.equal(await login(driver, url), 'postgres', url.replace(password, '…'));
    const environment = {
      PGHOST: folder,
      PGPORT: String(server.port),
      PGUSER: 'postgres',
      PGPASSWORD: password,
    };
    assert.equal(await login(driver, undefined, environment), 'postgres');
  });

  test(
    `${driver}: an IPv6 address stands in brackets`,
    { skip: hasIPv6 ? false : 'there is no ::1 here' },
    async () => {
      const url = new URL(server.url);
      assert.equal(await login(driver, Object.assign(url, { hostname: '[::1]' }).href), 'postgres');
      const environment = { PGHOST: '::1', PGPORT: url.port, PGUSER: 'postgres', PGPASSWORD: url.password };
      assert.equal(await login(driver, undefined, environment), 'postgres');
    },
  );

  test(`${driver}: a password that clients and servers write in two forms is refused with a word on it`, async () => {
    // Emoji newer than Unicode 3.2: the server takes the password as it is, joiners and all; neither driver can know.
    const account = { user: `family_${driver}`, password: '👨\u200d👩\u200d👧', host: '127.0.0.1' };
    await createRole(account);
    const problem = await login(driver, urlOf(account)).catch((error: unknown) => error);
    assert.ok(problem instanceof Problem);
    assert.equal(problem.code, 'authentication-failed');
    assert.match(problem.hint ?? '', /several forms \(SASLprep\).*ASCII/);
    const wrong = await login(driver, urlOf({ ...account, password: 'wrong' })).catch(
      (error: unknown) => error,
    );
    assert.ok(wrong instanceof Problem);
    assert.doesNotMatch(wrong.hint ?? '', /SASLprep/);
  });
}

type Account = { readonly user: string; readonly password: string; readonly host: string };

function urlOf({ user, password, host }: Account): string {
  const [u, p] = [user, password].map(encodeURIComponent);
  return `postgres://${u}:${p}@${host}:${server.port}/postgres`;
}

function targetOf(url: string | undefined, env: Record<string, string> = {}) {
  const nowhere = join(folder, 'nowhere');
  return parseConnectionTarget({ url, env: { PGPASSFILE: nowhere, PGSERVICEFILE: nowhere, ...env } });
}

/** Who the server says it is that logged in. */
async function login(driver: DriverName, url: string | undefined, env: Record<string, string> = {}) {
  const session = await openDatabase(targetOf(url, env), driver).connect();
  const [row] = await session.query(sql`select session_user as name`);
  await session.close();
  return row?.['name'];
}

async function createRole({ user, password }: Account, encryption = 'scram-sha-256'): Promise<void> {
  await admin.query(`set password_encryption = '${encryption}'`);
  const name = admin.escapeIdentifier(user);
  await admin.query(`drop role if exists ${name}`);
  await admin.query(`create role ${name} login password ${admin.escapeLiteral(password)}`);
}

function writeFile(name: string, lines: readonly string[], mode = 0o644): string {
  const file = join(folder, name);
  writeFileSync(file, `${lines.join('\n')}\n`);
  chmodSync(file, mode);
  return file;
}
