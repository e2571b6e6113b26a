import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import fc from 'fast-check';
import { parseConnectionTarget, redactTarget, secretsOf } from '../../../src/postgres/connection-string.ts';
import { Problem } from '../../../src/support/problem.ts';

type Environment = Record<string, string>;

const folder = mkdtempSync(join(tmpdir(), 'rowgate-target-'));
after(() => rmSync(folder, { recursive: true }));
/** No password file of this machine's user may decide a test. */
const NO_FILE: Environment = { PGPASSFILE: join(folder, 'missing') };

function parse(url: string | undefined, env: Environment = {}) {
  return parseConnectionTarget({ url, env: { ...NO_FILE, ...env } });
}

function refusal(url: string | undefined, env: Environment = {}): Problem {
  try {
    parse(url, env);
  } catch (error) {
    assert.ok(error instanceof Problem);
    assert.equal(error.code, 'connection-invalid');
    assert.ok(error.hint, 'a refusal says what to do');
    return error;
  }
  assert.fail('it was not refused');
}

function writeFile(name: string, text: string, mode = 0o600): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

test('a full URL is taken apart', () => {
  const url =
    'postgres://ann:s3cret@db.example.com:6543/shop?sslmode=require&connect_timeout=3&application_name=gate';
  assert.deepEqual(parse(url), {
    host: 'db.example.com',
    port: 6543,
    database: 'shop',
    user: 'ann',
    password: 's3cret',
    tls: {
      mode: 'require',
      rootCertificates: undefined,
      clientCertificate: undefined,
      clientKey: undefined,
    },
    connectTimeoutMs: 3_000,
    applicationName: 'gate',
  });
});

test('a URL that says little gets the defaults', () => {
  const target = parse('postgresql://ann@db.example.com/shop');
  assert.deepEqual(
    [target.port, target.connectTimeoutMs, target.applicationName, target.password],
    [5_432, 10_000, 'rowgate', undefined],
  );
});

test('blanks and line breaks around a URL do not matter', () => {
  assert.equal(parse('  postgres://ann@localhost/shop\n').database, 'shop');
});

test('hosts come in every form', () => {
  const hosts: Record<string, string> = {
    'postgres://a@localhost/d': 'localhost',
    'postgres://localhost/d': 'localhost',
    'postgres://a@127.0.0.1:5432/d': '127.0.0.1',
    'postgres://a@[::1]/d': '::1',
    'postgres://a@[2001:db8::7]:6000/d': '2001:db8::7',
    'postgres://a@%2Fvar%2Frun%2Fpostgresql/d': '/var/run/postgresql',
    'postgres:///d?host=/var/run/postgresql': '/var/run/postgresql',
    'postgres:///d?host=%2Ftmp&port=5433': '/tmp',
    'postgres://a@one/d?host=two': 'two',
    'postgres://a@host:/d': 'host',
  };
  for (const [url, host] of Object.entries(hosts)) {
    assert.equal(parse(url, { PGUSER: 'a' }).host, host, url);
  }
});

test('percent signs are decoded in user, password and database', () => {
  const { user, password, database } = parse('postgres://a%40b:p%2F%3F%23%25%3A@localhost/a%20b%2Fc');
  assert.deepEqual([user, password, database], ['a@b', 'p/?#%:', 'a b/c']);
});

test('parameters may stand for what the URL leaves out', () => {
  const { user, password, database, port } = parse(
    'postgres://localhost?user=ann&password=x%26y&dbname=shop&port=1',
  );
  assert.deepEqual([user, password, database, port], ['ann', 'x&y', 'shop', 1]);
});

test('a plus sign is a plus sign', () => {
  assert.equal(parse('postgres://a@localhost/d?application_name=a+b').applicationName, 'a+b');
  assert.equal(parse('postgres://a:b+c@localhost/d').password, 'b+c');
});

test('any password survives its encoding', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((password) => !password.includes('\0'));
  fc.assert(
    fc.property(text, text, text, (user, password, database) => {
      const [u, p, d] = [user, password, database].map(encodeURIComponent);
      const target = parse(`postgres://${u}:${p}@localhost/${d}`);
      assert.deepEqual([target.user, target.password, target.database], [user, password, database]);
    }),
  );
});

test('a raw special character in a password is refused, or is part of the password; it never moves the host', () => {
  const special = fc.string({ unit: fc.constantFrom(...'@:/?#%&=[] \'"\\ab12,'), minLength: 1 });
  fc.assert(
    fc.property(special, (password) => {
      try {
        const target = parse(`postgres://ann:${password}@db.example.com:7000/shop`);
        assert.deepEqual([target.host, target.port, target.database], ['db.example.com', 7000, 'shop']);
        assert.equal(target.password, decodeURIComponent(password));
      } catch (error) {
        assert.ok(error instanceof Problem && error.code === 'connection-invalid', String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});

test('what is not a usable URL is refused', () => {
  const bad: Record<string, RegExp> = {
    '': /is empty/,
    ' \n': /is empty/,
    '"postgres://a@h/d"': /quote/,
    "'postgres://a@h/d": /quote/,
    'host=h dbname=d': /list of keywords/,
    'h:5432/d': /does not begin with/,
    'jdbc:postgresql://h/d': /does not begin with/,
    'mysql://a@h/d': /does not begin with/,
    'postgres:/a@h/d': /does not begin with/,
    'postgres://a@h/d x': /blank/,
    'postgres://a@h/d#x': /raw #/,
    'postgres://': /names no host/,
    'postgres:///d': /names no host/,
    'postgres://a:b@/d': /names no host/,
    'postgres://a:b@:5432/d': /names no host/,
    'postgres://a@h': /names no database/,
    'postgres://a@h/': /names no database/,
    'postgres://a@h?sslmode=require': /names no database/,
    'postgres://@h/d': /names no user/,
    'postgres://:secret@h/d': /names no user/,
    'postgres://a:b@c@h/d': /more than one @/,
    'postgres://a:b/c@h/d': /raw @ or \//,
    'postgres://a:b?c@h/d': /raw @ or \//,
    'postgres://a@h/d/e': /raw @ or \//,
    'postgres://a:5%@h/d': /password .* raw %/,
    'postgres://a%zz@h/d': /user .* raw %/,
    'postgres://a:%ff@h/d': /password .* raw %/,
    'postgres://a:b%00c@h/d': /password/,
    'postgres://a@h1,h2/d': /several hosts/,
    'postgres://a@h1:1,h2:2/d': /several hosts|port/,
    'postgres://a@h%2Ch2/d': /several hosts/,
    'postgres://a@::1/d': /names no host/,
    'postgres://a@[::1/d': /no host that can be read/,
    'postgres://a@h:0/d': /port/,
    'postgres://a@h:65536/d': /port/,
    'postgres://a@h:5432x/d': /port/,
    'postgres://a@h:-1/d': /port/,
    'postgres://a@h/d?sslmode=REQUIRE': /sslmode is none of/,
    'postgres://a@h/d?sslmode=no-verify': /sslmode is none of/,
    'postgres://a@h/d?sslmode=require&sslmode=disable': /sslmode twice/,
    'postgres://a@h/d?sslmode=require&sslrootcert=system': /sslrootcert=system/,
    'postgres://a@h/d?sslrootcert=/nowhere.pem': /sslrootcert: cannot read '\/nowhere.pem' \(ENOENT\)/,
    'postgres://a@h/d?sslcert=/c.pem': /only work together/,
    'postgres://a@h/d?connect_timeout=0': /connect_timeout/,
    'postgres://a@h/d?connect_timeout=soon': /connect_timeout/,
    'postgres://a@h/d?channel_binding=yes': /channel_binding/,
    'postgres://a@h/d?target_session_attrs=read-write': /does not take: target_session_attrs/,
    'postgres://a@h/d?options=-csearch_path%3Dx': /does not take: options/,
    'postgres://a@h/d?pgbouncer=true': /does not take: pgbouncer/,
    'postgres://a@h/d?constructor=1': /does not take: constructor/,
  };
  for (const [url, message] of Object.entries(bad)) assert.match(refusal(url).message, message, url);
});

test('a mistyped parameter or mode is met with the right one', () => {
  assert.match(refusal('postgres://a@h/d?sslmod=require').message, /did you mean 'sslmode'/);
  assert.match(refusal('postgres://a@h/d?sslmode=verify_full').message, /did you mean 'verify-full'/);
});

test('a refusal never holds the password, nor a part of it', () => {
  const secret = 'Zq7Xw9';
  for (const special of '@:/?#% \'"&=[],') {
    const url = `postgres://ann:${secret}${special}${secret}@h:x/d/e?nope=1`;
    const { message, hint } = refusal(url);
    assert.ok(!`${message}${hint}`.includes(secret), special);
  }
});

test('an empty URL is refused even where the environment names a database', () => {
  assert.match(refusal('', { PGHOST: 'localhost', PGDATABASE: 'shop' }).message, /is empty/);
});

test('without a URL the PG* variables say it all', () => {
  const target = parse(undefined, {
    PGHOST: 'db.example.com',
    PGPORT: '6000',
    PGDATABASE: 'shop',
    PGUSER: 'ann',
    PGPASSWORD: 'p@ss/word',
    PGSSLMODE: 'require',
    PGCONNECT_TIMEOUT: '4',
    PGAPPNAME: 'gate',
  });
  assert.deepEqual(
    [target.host, target.port, target.database, target.user, target.password, target.tls.mode],
    ['db.example.com', 6000, 'shop', 'ann', 'p@ss/word', 'require'],
  );
  assert.deepEqual([target.connectTimeoutMs, target.applicationName], [4_000, 'gate']);
});

test('without a URL the database is named as the user, as in libpq', () => {
  assert.equal(parse(undefined, { PGHOST: '/tmp', PGUSER: 'ann' }).database, 'ann');
});

test('without a URL and PGHOST nothing says which database', () => {
  assert.match(refusal(undefined).message, /Nothing says which database/);
  assert.match(refusal(undefined, { PGHOST: '', PGDATABASE: 'd' }).message, /Nothing says which database/);
});

test('a variable that leads elsewhere is refused by name where there is no URL, and does nothing beside one', () => {
  for (const name of ['PGHOSTADDR', 'PGTARGETSESSIONATTRS', 'PGOPTIONS']) {
    assert.match(refusal(undefined, { [name]: 'x', PGHOST: 'h' }).message, new RegExp(`${name} asks for`));
    assert.equal(parse('postgres://a@h/d', { [name]: 'x' }).host, 'h');
  }
});

test('a variable that asks for a proof which Rowgate cannot get is refused by name, beside a URL, too', () => {
  for (const name of [
    'PGREQUIREAUTH',
    'PGREQUIREPEER',
    'PGSSLCRL',
    'PGSSLCRLDIR',
    'PGSSLMINPROTOCOLVERSION',
  ]) {
    assert.match(refusal(undefined, { [name]: 'x', PGHOST: 'h' }).message, new RegExp(`${name} asks for`));
    assert.match(refusal('postgres://a@h/d', { [name]: 'x' }).message, new RegExp(`${name} asks for`));
  }
});

test('the environment fills in what a URL leaves out, but never where to connect', () => {
  const env = {
    PGHOST: 'other',
    PGPORT: '1',
    PGDATABASE: 'other',
    PGUSER: 'ann',
    PGPASSWORD: 'pw',
    PGSSLMODE: 'disable',
  };
  const target = parse('postgres://db.example.com/shop', env);
  assert.deepEqual([target.host, target.port, target.database], ['db.example.com', 5_432, 'shop']);
  assert.deepEqual([target.user, target.password, target.tls.mode], ['ann', 'pw', 'disable']);
});

test('the URL has the last word over the environment', () => {
  const target = parse('postgres://bob:own@h/d?sslmode=require', {
    PGUSER: 'ann',
    PGPASSWORD: 'pw',
    PGSSLMODE: 'disable',
  });
  assert.deepEqual([target.user, target.password, target.tls.mode], ['bob', 'own', 'require']);
});

test('an empty password in the URL counts as none', () => {
  assert.equal(parse('postgres://ann:@h/d', { PGPASSWORD: 'pw' }).password, 'pw');
});

test('without sslmode a server on this machine is preferred by TLS, any other must prove who it is', () => {
  const modes: Record<string, string> = {
    'postgres://a@localhost/d': 'prefer',
    'postgres://a@127.0.0.1/d': 'prefer',
    'postgres://a@127.8.8.8/d': 'prefer',
    'postgres://a@[::1]/d': 'prefer',
    'postgres://a@%2Ftmp/d': 'prefer',
    'postgres://a@postgres/d': 'verify-full',
    'postgres://a@10.0.0.1/d': 'verify-full',
    'postgres://a@127.0.0.1.example.com/d': 'verify-full',
    'postgres://a@localhost.example.com/d': 'verify-full',
    'postgres://a@h/d?sslmode=': 'verify-full',
    'postgres://a@h/d?sslmode=prefer': 'prefer',
  };
  for (const [url, mode] of Object.entries(modes)) assert.equal(parse(url).tls.mode, mode, url);
});

test('channel binding that must be is replaced by a certificate that must be right', () => {
  const mode = (query: string) => parse(`postgres://a@h/d?${query}`).tls.mode;
  assert.equal(mode('sslmode=require&channel_binding=require'), 'verify-full');
  assert.equal(mode('sslmode=verify-ca&channel_binding=require'), 'verify-ca');
  assert.equal(mode('sslmode=require&channel_binding=prefer'), 'require');
});

test('sslrootcert=system is the roots that Node trusts', () => {
  const { mode, rootCertificates } = parse('postgres://a@localhost/d?sslrootcert=system').tls;
  assert.deepEqual([mode, rootCertificates], ['verify-full', 'system']);
});

test('a certificate file that holds none is refused by its parameter', () => {
  const file = writeFile('not.pem', 'nothing');
  assert.match(
    refusal(`postgres://a@h/d?sslrootcert=${file}`).message,
    /sslrootcert: .* holds no PEM certificate/,
  );
  assert.match(
    refusal(`postgres://a@h/d?sslcert=${file}&sslkey=${file}`).message,
    /sslcert: .* holds no PEM/,
  );
});

test('a password file gives the password of the first line that matches', () => {
  const PGPASSFILE = writeFile(
    'pgpass',
    [
      '# hosts:port:database:user:password',
      'db.example.com:5432:shop:bob:bobs',
      'db.example.com:*:*:ann:an\\:ns\\\\',
      'localhost:5432:shop:*:sockets',
      '*:*:*:ann:late',
    ].join('\n'),
  );
  const password = (url: string) => parse(url, { PGPASSFILE }).password;
  assert.equal(password('postgres://ann@db.example.com/shop'), 'an:ns\\');
  assert.equal(password('postgres://bob@db.example.com/shop'), 'bobs');
  assert.equal(password('postgres://bob@db.example.com:1/shop'), undefined);
  assert.equal(password('postgres://cat@%2Ftmp/shop'), 'sockets');
  assert.equal(password('postgres://ann@other/x'), 'late');
  assert.equal(password('postgres://ann:own@other/x'), 'own');
});

test('escapes in a password file are undone as libpq does, to the end of the line', () => {
  const passwords: Record<string, string | undefined> = {
    'a\\:': 'a:',
    'a\\\\': 'a\\',
    'a\\': 'a\\',
    'a:b': 'a',
    '\\a': 'a',
    'a\\\u2028b\r': 'a\u2028b',
    ' a ': ' a ',
    '': undefined,
  };
  for (const [field, password] of Object.entries(passwords)) {
    const PGPASSFILE = writeFile('escapes', `*:*:a\\:b:*:${field}\n*:*:*:*:later`);
    assert.equal(parse('postgres://ann@h/a%3Ab', { PGPASSFILE }).password, password, field);
  }
});

test('a password file that others may read is refused where its password is needed', () => {
  const PGPASSFILE = writeFile('open-pgpass', '*:*:*:ann:pw', 0o644);
  assert.match(refusal('postgres://ann@h/d', { PGPASSFILE }).message, /Other users may read/);
  assert.equal(parse('postgres://bob@h/d', { PGPASSFILE }).password, undefined);
});

test('a target for people shows no password', () => {
  assert.equal(redactTarget(parse('postgres://ann:s3cret@[::1]:7/shop')), 'ann@[::1]:7/shop');
  assert.equal(redactTarget(parse('postgres://ann:s3cret@%2Ftmp/shop')), 'ann@/tmp:5432/shop');
});

test('every form of URL and password is a secret', () => {
  const url = 'postgres://ann:p%40ss%2fw%C3%B6rd!@db.example.com/shop\n';
  const secrets = secretsOf(url, parse(url));
  for (const form of ['p%40ss%2fw%C3%B6rd!', 'p@ss/wörd!', 'p%40ss%2Fw%C3%B6rd!', url.trim()]) {
    assert.ok(secrets.includes(form), form);
  }
});

test('a password from elsewhere is a secret, as it is and as a URL would hold it', () => {
  const env = { PGHOST: 'h', PGPASSWORD: 'a b%41c' };
  const secrets = secretsOf(undefined, parse(undefined, env));
  assert.ok(secrets.includes('a b%41c') && secrets.includes('a%20b%2541c'));
  assert.ok(secretsOf('postgres://h/d?password=other%2Fway', undefined).includes('other/way'));
});

test('the password of a URL that cannot be parsed is a secret, too', () => {
  const secrets = secretsOf('postgres://ann:5%of@all@h/d e', undefined);
  assert.ok(secrets.includes('5%of@all'));
});

test('a password of three characters is not masked: half of a log would be', () => {
  assert.ok(!secretsOf('postgres://ann:abc@h/d', undefined).includes('abc'));
  assert.deepEqual(secretsOf(undefined, undefined), []);
});

test('no text at all makes the secrets fail', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => void secretsOf(`postgres://a:${text}@h`, undefined)),
  );
});
