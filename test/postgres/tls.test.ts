// Each sslmode against real servers with TLS and without, by both drivers, with certificates made for the purpose.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { openDatabase } from '../../src/postgres/connect.ts';
import { parseConnectionTarget } from '../../src/postgres/connection-string.ts';
import { DRIVERS, type Session } from '../../src/postgres/database.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/postgres/embedded.ts';
import { sql, Sql } from '../../src/sql/sql.ts';
import { Problem } from '../../src/support/problem.ts';

const NOBODY = 65_534;
const SSL_REQUEST_CODE = 80_877_103;
const folder = mkdtempSync(join(tmpdir(), 'rowgate-tls-'));
after(() => rmSync(folder, { recursive: true }));
chmodSync(folder, 0o755); // the server may run as another user
const file = (name: string) => join(folder, name);

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const skip = hasOpenssl ? false : 'there is no openssl here to make certificates';

type Outcome = 'tls' | 'plain' | 'tls-failed';
type Case = readonly [query: string, host: 'localhost' | '127.0.0.1', outcome: Outcome];

/** The certificate is for localhost, by the authority `ca`; 127.0.0.1 is the same server by a wrong name. */
const AGAINST_TLS: readonly Case[] = [
  ['sslmode=disable', 'localhost', 'plain'],
  ['sslmode=allow', 'localhost', 'plain'],
  ['', 'localhost', 'tls'],
  ['sslmode=prefer', 'localhost', 'tls'],
  ['sslmode=prefer', '127.0.0.1', 'tls'],
  ['sslmode=prefer&sslrootcert=ca', 'localhost', 'tls'],
  // As libpq: what is only preferred is given up when it fails.
  ['sslmode=prefer&sslrootcert=other', 'localhost', 'plain'],
  ['sslmode=require', 'localhost', 'tls'],
  ['sslmode=require', '127.0.0.1', 'tls'],
  ['sslmode=require&sslrootcert=ca', '127.0.0.1', 'tls'],
  ['sslmode=require&sslrootcert=other', 'localhost', 'tls-failed'],
  ['sslmode=verify-ca', 'localhost', 'tls-failed'],
  ['sslmode=verify-ca&sslrootcert=ca', 'localhost', 'tls'],
  ['sslmode=verify-ca&sslrootcert=ca', '127.0.0.1', 'tls'],
  ['sslmode=verify-ca&sslrootcert=other', 'localhost', 'tls-failed'],
  ['sslmode=verify-full', 'localhost', 'tls-failed'],
  ['sslmode=verify-full&sslrootcert=ca', 'localhost', 'tls'],
  ['sslmode=verify-full&sslrootcert=ca', '127.0.0.1', 'tls-failed'],
  ['sslmode=verify-full&sslrootcert=other', 'localhost', 'tls-failed'],
  ['sslrootcert=system', 'localhost', 'tls-failed'],
  ['sslrootcert=ca', 'localhost', 'tls'],
  ['sslrootcert=ca', '127.0.0.1', 'tls-failed'],
  ['sslmode=require&channel_binding=require', 'localhost', 'tls-failed'],
];

const AGAINST_PLAIN: readonly Case[] = [
  ['sslmode=disable', 'localhost', 'plain'],
  ['sslmode=allow', 'localhost', 'plain'],
  ['', 'localhost', 'plain'],
  ['sslmode=prefer', 'localhost', 'plain'],
  ['sslmode=require', 'localhost', 'tls-failed'],
  ['sslmode=verify-ca&sslrootcert=ca', 'localhost', 'tls-failed'],
  ['sslmode=verify-full&sslrootcert=ca', 'localhost', 'tls-failed'],
];

const servers = skip ? undefined : await startServers();

for (const driver of DRIVERS) {
  const open = (server: EmbeddedPostgres, query: string, changes: Partial<Address> = {}) =>
    openDatabase(targetFor(server, query, changes), driver).connect();

  for (const [name, cases] of [
    ['withTls', AGAINST_TLS],
    ['withoutTls', AGAINST_PLAIN],
  ] as const) {
    for (const [query, host, outcome] of cases) {
      const title = `${driver}: '${query}' to ${host} of a server ${name === 'withTls' ? 'with' : 'without'} TLS: ${outcome}`;
      test(title, { skip }, async () => {
        assert.ok(servers);
        assert.equal(await outcomeOf(open(servers[name], query, { host })), outcome);
      });
    }
  }

  test(`${driver}: 'allow' goes on to TLS where the server takes nothing else`, { skip }, async () => {
    assert.ok(servers);
    const login = { user: 'only_by_tls' };
    assert.equal(await outcomeOf(open(servers.withTls, 'sslmode=allow', login)), 'tls');
    assert.equal(await outcomeOf(open(servers.withTls, 'sslmode=disable', login)), 'authentication-failed');
  });

  test(`${driver}: 'prefer' goes on without TLS where the server takes nothing else`, { skip }, async () => {
    assert.ok(servers);
    const login = { user: 'only_without_tls' };
    assert.equal(await outcomeOf(open(servers.withTls, 'sslmode=prefer', login)), 'plain');
    assert.equal(await outcomeOf(open(servers.withTls, 'sslmode=require', login)), 'authentication-failed');
  });

  test(`${driver}: a client certificate is a login`, { skip }, async () => {
    assert.ok(servers);
    const login = { user: 'by_certificate', password: '' };
    const query = 'sslmode=verify-full&sslrootcert=ca';
    const withCertificate = `${query}&sslcert=${file('client.pem')}&sslkey=${file('client.key')}`;
    assert.equal(await outcomeOf(open(servers.withTls, withCertificate, login)), 'tls');
    assert.equal(await outcomeOf(open(servers.withTls, query, login)), 'authentication-failed');
    const someoneElse = { user: 'only_by_tls', password: '' };
    assert.equal(
      await outcomeOf(open(servers.withTls, withCertificate, someoneElse)),
      'authentication-failed',
    );
  });

  test(
    `${driver}: a client certificate of an authority that the server does not trust is no login`,
    { skip },
    async () => {
      assert.ok(servers);
      const query = `sslmode=verify-full&sslrootcert=ca&sslcert=${file('stranger.pem')}&sslkey=${file('stranger.key')}`;
      const opening = open(servers.withTls, query, { user: 'by_certificate', password: '' });
      assert.match(await outcomeOf(opening), /^(tls-failed|connection-failed)$/);
    },
  );

  for (const [certificate, words] of [
    ['expired', /has expired/],
    ['own', /signed by itself/],
  ] as const) {
    test(
      `${driver}: a server whose certificate is ${certificate === 'own' ? 'its own' : certificate} is not believed`,
      { skip },
      async (t) => {
        const port = await startHandshakes(t, certificate);
        const refused = async (query: string) => {
          const url = `postgres://ann@localhost:${port}/shop?connect_timeout=5&${query}`;
          const target = parseConnectionTarget({ url, env: { PGPASSWORD: 'never-sent' } });
          return openDatabase(target, driver)
            .connect()
            .catch((error: unknown) => error);
        };
        for (const mode of ['verify-full', 'verify-ca', 'require', 'prefer']) {
          const root =
            certificate === 'own' && mode.startsWith('verify') ? '' : `&sslrootcert=${file('ca.pem')}`;
          const problem = await refused(`sslmode=${mode}${root}`);
          assert.ok(problem instanceof Problem);
          // What is only preferred is given up for plain text, which this server does not speak.
          if (mode === 'prefer') assert.equal(problem.code, 'connection-failed');
          else assert.equal(problem.code, 'tls-failed', mode);
          if (mode === 'verify-full') assert.match(problem.message, words);
        }
      },
    );
  }

  test(`${driver}: a cancel goes by TLS where the session does`, { skip }, async () => {
    assert.ok(servers);
    const session = await open(servers.withTls, 'sslmode=verify-full&sslrootcert=ca');
    const query = session.query(sql`select pg_sleep(60)`).catch((error: unknown) => error);
    await sleep(200);
    await session.cancel();
    const error = await query;
    assert.ok(error instanceof Problem);
    assert.equal(error.code, 'cancelled');
    await session.close();
  });

  test(`${driver}: NODE_TLS_REJECT_UNAUTHORIZED=0 makes nothing weaker`, { skip }, async (t) => {
    assert.ok(servers);
    t.after(() => delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']);
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    assert.equal(await outcomeOf(open(servers.withTls, 'sslmode=verify-full')), 'tls-failed');
  });

  test(`${driver}: a refusal of the certificate, or of its name, says how to go on`, { skip }, async () => {
    assert.ok(servers);
    const authority = await open(servers.withTls, 'sslmode=verify-full').catch((error: unknown) => error);
    assert.ok(authority instanceof Problem);
    assert.match(authority.message, /sslmode=verify-full.*not trusted/);
    assert.match(authority.hint ?? '', /sslrootcert=<file\.pem>.*sslmode=require/);
    const wrongName = { host: '127.0.0.1' } as const;
    const name = await open(servers.withTls, 'sslrootcert=ca', wrongName).catch((error: unknown) => error);
    assert.ok(name instanceof Problem);
    assert.match(name.message, /another host name/);
    const plain = await open(servers.withoutTls, 'sslmode=require').catch((error: unknown) => error);
    assert.ok(plain instanceof Problem);
    assert.match(plain.hint ?? '', /sslmode=disable/);
  });

  test(`${driver}: bytes that somebody sends ahead of the handshake end it`, async (t) => {
    const server = createServer((socket) => {
      socket.on('error', () => {}).once('data', () => socket.write('SINSERT'));
      t.after(() => socket.destroy());
    }).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const url = `postgres://ann@127.0.0.1:${port}/shop?sslmode=require&connect_timeout=2`;
    const target = parseConnectionTarget({ url, env: { PGPASSWORD: 'never-sent' } });
    const problem = await openDatabase(target, driver)
      .connect()
      .catch((error: unknown) => error);
    assert.ok(problem instanceof Problem);
    assert.match(problem.message, /does not speak Postgres's protocol/);
  });
}

test("without roots of its own 'verify-full' trusts those that Node was given", { skip }, () => {
  assert.ok(servers);
  const url = (query: string) => {
    const { username, password, port } = new URL(servers.withTls.url);
    return `postgres://${username}:${password}@localhost:${port}/postgres?${query}`;
  };
  const source = (name: string) => JSON.stringify(import.meta.resolve(`../../src/postgres/${name}.ts`));
  const script = `
    const { openDatabase } = await import(${source('connect')});
    const { parseConnectionTarget } = await import(${source('connection-string')});
    for (const driver of ['pg', 'postgres']) for (const url of process.argv.slice(1)) {
      const session = await openDatabase(parseConnectionTarget({ url, env: {} }), driver).connect();
      await session.close();
      console.log('connected');
    }`;
  const urls = ['sslmode=verify-full', 'sslrootcert=system', 'sslmode=verify-ca'].map(url);
  const parameters = ['--import', 'tsx', '--input-type=module', '--eval', script, ...urls];
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: file('ca.pem') };
  const { stdout, stderr } = spawnSync(process.execPath, parameters, { env, encoding: 'utf8' });
  assert.equal(stdout, 'connected\n'.repeat(6), stderr);
});

test('a key that belongs to another certificate is refused before anything is dialled', { skip }, () => {
  const query = `sslmode=require&sslcert=${file('client.pem')}&sslkey=${file('server.key')}`;
  assert.throws(
    () => parseConnectionTarget({ url: `postgres://ann@localhost/shop?${query}`, env: {} }),
    (error) => error instanceof Problem && /is not the key of sslcert/.test(error.message),
  );
});

type Address = { readonly host: string; readonly user: string; readonly password: string };

function targetFor(server: EmbeddedPostgres, query: string, changes: Partial<Address>) {
  const { username, password } = new URL(server.url);
  const address = { host: 'localhost', user: username, password, ...changes };
  const files = query.replace(
    /sslrootcert=(ca|other)\b/,
    (_all, name: string) => `sslrootcert=${file(`${name}.pem`)}`,
  );
  const url = `postgres://${address.user}:${address.password}@${address.host}:${server.port}/postgres?${files}`;
  return parseConnectionTarget({ url, env: { PGPASSFILE: '/nowhere' } });
}

/** A server that makes handshakes with a certificate, and nothing else. */
async function startHandshakes(t: TestContext, certificate: string): Promise<number> {
  const [cert, key] = ['pem', 'key'].map((kind) => readFileSync(file(`${certificate}.${kind}`)));
  const server = createServer((socket) => {
    t.after(() => socket.destroy());
    socket
      .on('error', () => {})
      .once('data', (request) => {
        // A startup message: whoever gave TLS up.
        if (request.readInt32BE(4) !== SSL_REQUEST_CODE) return void socket.destroy();
        socket.write('S');
        new TLSSocket(socket, { isServer: true, ...(cert && key ? { cert, key } : {}) }).on(
          'error',
          () => {},
        );
      });
  }).listen(0, 'localhost');
  t.after(() => server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function outcomeOf(opening: Promise<Session>): Promise<string> {
  try {
    const session = await opening;
    const [row] = await session.query(sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`);
    await session.close();
    return row?.['ssl'] === 't' ? 'tls' : 'plain';
  } catch (error) {
    assert.ok(error instanceof Problem, String(error));
    return error.code;
  }
}

async function startServers() {
  makeCertificates();
  writeFileSync(
    file('hba.conf'),
    [
      'hostnossl all only_by_tls all reject',
      'hostssl all only_without_tls all reject',
      'hostssl all by_certificate all cert',
      'host all all all scram-sha-256',
    ].join('\n'),
  );
  const settings = {
    ssl: 'on',
    ssl_cert_file: file('server.pem'),
    ssl_key_file: file('server.key'),
    ssl_ca_file: file('ca.pem'),
    hba_file: file('hba.conf'),
  };
  const [withTls, withoutTls] = await Promise.all([
    startEmbeddedPostgres({ settings }),
    startEmbeddedPostgres(),
  ]);
  after(() => Promise.all([withTls.stop(), withoutTls.stop()]));
  const admin = await openDatabase(targetFor(withTls, 'sslmode=disable', {}), 'pg').connect();
  const { password } = new URL(withTls.url);
  for (const user of ['only_by_tls', 'only_without_tls', 'by_certificate']) {
    await admin.query(new Sql([`create role ${user} login password '${password}'`], []));
  }
  await admin.close();
  return { withTls, withoutTls };
}

function makeCertificates(): void {
  for (const authority of ['ca', 'other', 'own']) {
    openssl(
      'req',
      '-x509',
      ...newKey(authority),
      '-out',
      file(`${authority}.pem`),
      '-days',
      '2',
      '-subj',
      `/CN=${authority === 'own' ? 'localhost' : authority}`,
    );
  }
  issue('server', 'localhost', 'subjectAltName=DNS:localhost');
  // Valid for no day: expired by the time that it is shown.
  issue('expired', 'localhost', 'subjectAltName=DNS:localhost', { days: 0 });
  issue('client', 'by_certificate', 'extendedKeyUsage=clientAuth');
  issue('stranger', 'by_certificate', 'extendedKeyUsage=clientAuth', { authority: 'other' });
  chmodSync(file('server.key'), 0o600);
  if (process.getuid?.() === 0) chownSync(file('server.key'), NOBODY, NOBODY);
}

function issue(
  name: string,
  commonName: string,
  extension: string,
  { days = 2, authority = 'ca' } = {},
): void {
  writeFileSync(file(`${name}.ext`), extension);
  openssl('req', ...newKey(name), '-out', file(`${name}.csr`), '-subj', `/CN=${commonName}`);
  openssl(
    'x509', '-req', '-in', file(`${name}.csr`), '-CA', file(`${authority}.pem`), '-CAkey', file(`${authority}.key`),
    '-CAcreateserial', '-days', String(days), '-extfile', file(`${name}.ext`), '-out', file(`${name}.pem`),
  ); // prettier-ignore
}

function newKey(name: string): string[] {
  return [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    file(`${name}.key`),
  ];
}

function openssl(...parameters: string[]): void {
  execFileSync('openssl', parameters, { stdio: 'pipe' });
}
