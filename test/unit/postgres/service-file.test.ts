// libpq's pg_service.conf: which file, which section, what wins, and what is refused at its line.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { parseConnectionTarget, secretsOf } from '../../../src/postgres/connection-string.ts';
import { Problem } from '../../../src/support/problem.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-service-'));
after(() => rmSync(folder, { recursive: true }));

type Environment = Record<string, string>;

function parse(url: string | undefined, env: Environment) {
  return parseConnectionTarget({ url, env: { PGPASSFILE: join(folder, 'missing'), HOME: folder, ...env } });
}

function refusal(url: string | undefined, env: Environment): Problem {
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

let files = 0;

function writeFile(lines: readonly string[], path = `service-${(files += 1)}`): string {
  const file = join(folder, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, lines.join('\n'));
  return file;
}

const SHOP = ['[shop]', 'host=db.example.com', 'port=6000', 'dbname=shop', 'user=ann', 'password=s3cret'];

test('a service says it all, by the environment and by a URL', () => {
  const PGSERVICEFILE = writeFile(SHOP);
  for (const target of [
    parse(undefined, { PGSERVICEFILE, PGSERVICE: 'shop' }),
    parse('postgres://?service=shop', { PGSERVICEFILE }),
    parse('postgres:///?service=shop', { PGSERVICEFILE }),
  ]) {
    const { host, port, database, user, password } = target;
    assert.deepEqual(
      { host, port, database, user, password },
      { host: 'db.example.com', port: 6000, database: 'shop', user: 'ann', password: 's3cret' },
    );
  }
});

test('the URL wins over the service, and the service over the environment', () => {
  const PGSERVICEFILE = writeFile(SHOP);
  const env = {
    PGSERVICEFILE,
    PGHOST: 'other',
    PGUSER: 'bob',
    PGPASSWORD: 'pw',
    PGSSLMODE: 'disable',
    PGAPPNAME: 'x',
  };
  const bySelf = parse(undefined, { ...env, PGSERVICE: 'shop' });
  assert.deepEqual([bySelf.host, bySelf.user, bySelf.password], ['db.example.com', 'ann', 's3cret']);
  assert.deepEqual([bySelf.tls.mode, bySelf.applicationName], ['disable', 'x']);
  const byUrl = parse('postgres://cat@own/mine?service=shop', { ...env, PGSERVICE: 'none' });
  assert.deepEqual(
    [byUrl.host, byUrl.database, byUrl.user, byUrl.port, byUrl.password],
    ['own', 'mine', 'cat', 6000, 's3cret'],
  );
});

test('beside a URL that names no service PGSERVICE does nothing: it would say where to connect', () => {
  const PGSERVICEFILE = writeFile(SHOP);
  const target = parse('postgres://own/mine', { PGSERVICEFILE, PGSERVICE: 'shop', PGUSER: 'bob' });
  assert.deepEqual([target.user, target.port, target.password], ['bob', 5_432, undefined]);
});

test('the file is PGSERVICEFILE, else the home, and then PGSYSCONFDIR', () => {
  const home = join(folder, 'home');
  const PGSYSCONFDIR = join(folder, 'etc');
  writeFile(['[home]', 'host=from-home', '[both]', 'host=from-home'], 'home/.pg_service.conf');
  writeFile(['[system]', 'host=from-system', '[both]', 'host=from-system'], 'etc/pg_service.conf');
  const PGSERVICEFILE = writeFile(['[named]', 'host=from-named']);
  const hostOf = (PGSERVICE: string, env: Environment) => parse(undefined, { PGSERVICE, ...env }).host;
  assert.equal(hostOf('home', { HOME: home }), 'from-home');
  assert.equal(hostOf('both', { HOME: home, PGSYSCONFDIR }), 'from-home');
  assert.equal(hostOf('system', { HOME: home, PGSYSCONFDIR }), 'from-system');
  assert.equal(hostOf('named', { HOME: home, PGSERVICEFILE }), 'from-named');
  assert.equal(hostOf('both', { HOME: home, PGSERVICEFILE, PGSYSCONFDIR }), 'from-system');
  const { message, hint } = refusal(undefined, { PGSERVICE: 'home', HOME: home, PGSERVICEFILE });
  assert.match(message, /No service file has a section \[home\]/);
  assert.ok(hint?.includes(PGSERVICEFILE));
});

test('lines are read as libpq does: comments, blanks, the first section of a name, the first value of a key', () => {
  const PGSERVICEFILE = writeFile([
    '# services',
    'user=of-no-section',
    '[shopping]',
    'host=wrong',
    '  [shop]  # ours',
    ' # a comment',
    '\t host=right \r',
    'host=second',
    'password= a=b # c',
    '',
    '[shop]',
    'user=late',
    'nonsense',
  ]);
  const target = parse(undefined, { PGSERVICEFILE, PGSERVICE: 'shop', PGUSER: 'ann' });
  assert.deepEqual([target.host, target.password, target.port], ['right', ' a=b # c', 5_432]);
  assert.equal(target.user, 'ann');
});

test('a blank that only Unicode knows stays at the end of a password', () => {
  const PGSERVICEFILE = writeFile(['[shop]', 'host=h', 'password=p\u00a0']);
  assert.equal(parse(undefined, { PGSERVICEFILE, PGSERVICE: 'shop' }).password, 'p\u00a0');
});

test('what Rowgate does not take is refused at its line, in the section that is asked for alone', () => {
  const bad: Record<string, RegExp> = {
    'options=-c geqo=off': /service file has a parameter that Rowgate does not take: options/,
    'hostaddr=10.0.0.1': /does not take: hostaddr/,
    'target_session_attrs=primary': /does not take: target_session_attrs/,
    'sslmod=require': /does not take: sslmod \(did you mean 'sslmode'/,
    'sslcrl=/crl.pem': /does not take: sslcrl/,
    'service=other': /cannot name another service/,
    'ldap://directory/x': /no name=value/,
    'host = h': /no name=value/,
    s3cretword: /no name=value/,
    'port=': /no name=value/,
    '__proto__=x': /does not take: __proto__/,
  };
  for (const [line, message] of Object.entries(bad)) {
    const PGSERVICEFILE = writeFile(['', '[other]', line, '[shop]', 'host=h', line]);
    const problem = refusal(undefined, { PGSERVICEFILE, PGSERVICE: 'shop' });
    assert.match(problem.message, message, line);
    assert.deepEqual(problem.at, { file: PGSERVICEFILE, line: 6, column: 1 }, line);
    assert.ok(!`${problem.message}${problem.hint}`.includes('s3cretword'));
  }
});

test('a service that leaves the address half empty is refused', () => {
  const PGSERVICEFILE = writeFile(['[nohost]', 'dbname=d', 'user=a', '[nodb]', 'host=h', 'user=a']);
  const env = { PGSERVICEFILE, PGDATABASE: 'other', PGHOST: 'other' };
  assert.match(
    refusal('postgres://?service=nohost', env).message,
    /service of the database URL names no host/,
  );
  assert.match(
    refusal('postgres://?service=nodb', env).message,
    /service of the database URL names no database/,
  );
  assert.match(
    refusal(undefined, { PGSERVICEFILE, PGSERVICE: 'nohost' }).message,
    /Nothing says which database/,
  );
});

test('a service file that is named and cannot be read is refused', () => {
  const env = { PGSERVICEFILE: join(folder, 'nowhere'), PGSERVICE: 'shop' };
  assert.match(refusal(undefined, env).message, /PGSERVICEFILE: cannot read '.*nowhere'/);
});

test('the password file is asked for what a service names, and the password of a service is a secret', () => {
  const PGSERVICEFILE = writeFile([
    '[shop]',
    'host=h',
    'port=7',
    'dbname=d',
    'user=ann',
    '[full]',
    ...SHOP.slice(1),
  ]);
  const PGPASSFILE = writeFile(['h:7:d:ann:filed']);
  chmodSync(PGPASSFILE, 0o600);
  assert.equal(parse(undefined, { PGSERVICEFILE, PGPASSFILE, PGSERVICE: 'shop' }).password, 'filed');
  const url = 'postgres://?service=full';
  assert.ok(secretsOf(url, parse(url, { PGSERVICEFILE })).includes('s3cret'));
});
