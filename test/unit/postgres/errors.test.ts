import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { ConnectionTarget } from '../../../src/postgres/database.ts';
import { databaseProblem, lostProblem, passwordMissing } from '../../../src/postgres/errors.ts';
import { describeProblem, Problem } from '../../../src/support/problem.ts';

const target: ConnectionTarget = {
  host: 'db.example.com',
  port: 5_432,
  database: 'shop',
  user: 'ann',
  password: 'the-password',
  tls: {
    mode: 'verify-full',
    rootCertificates: undefined,
    clientCertificate: undefined,
    clientKey: undefined,
  },
  connectTimeoutMs: 1_000,
  applicationName: 'rowgate',
};
const connecting = { target, connected: false };
const running = { target, connected: true };

/** An error as a driver throws it, with a row's value wherever a server may put one. */
function serverError(code: string, fields: Record<string, string> = {}): Error {
  const leaks = { detail: 'Key (id)=(row-value)', hint: 'row-value', where: 'row-value' };
  return Object.assign(new Error('some words with row-value'), { code, ...leaks, ...fields });
}

test('each SQLSTATE of a running statement has its problem', () => {
  const codes = {
    '22012': 'query-failed',
    '22P02': 'query-failed',
    '23505': 'query-failed',
    '25006': 'sql-not-allowed',
    '25P03': 'connection-lost',
    '25P04': 'connection-lost',
    '40001': 'query-failed',
    '40P01': 'lock-timeout',
    '42501': 'privilege-missing',
    '42601': 'query-failed',
    '42P01': 'query-failed',
    '53100': 'server-busy',
    '53300': 'server-busy',
    '54001': 'query-failed',
    '55P03': 'lock-timeout',
    '57014': 'statement-timeout',
    '57P01': 'connection-lost',
    '57P02': 'connection-lost',
    '57P03': 'server-busy',
    '57P05': 'connection-lost',
    '08006': 'connection-lost',
    '08P01': 'connection-lost',
    P0001: 'query-failed',
    XX000: 'query-failed',
    XX001: 'query-failed',
    '99999': 'query-failed',
  };
  for (const [sqlstate, code] of Object.entries(codes)) {
    const problem = databaseProblem(serverError(sqlstate), running);
    assert.deepEqual([problem.code, problem.sqlstate], [code, sqlstate]);
    assert.match(problem.message, new RegExp(`\\(SQLSTATE ${sqlstate}\\)$`));
  }
});

test('each SQLSTATE of a login has its problem, and names the server', () => {
  const codes = {
    '28000': 'authentication-failed',
    '28P01': 'authentication-failed',
    '3D000': 'database-missing',
    '42501': 'authentication-failed',
    '53300': 'server-busy',
    '57P03': 'server-busy',
    '08P01': 'connection-failed',
    XX000: 'connection-failed',
  };
  for (const [sqlstate, code] of Object.entries(codes)) {
    const problem = databaseProblem(serverError(sqlstate), connecting);
    assert.equal(problem.code, code, sqlstate);
    assert.match(problem.message, /^Cannot connect to ann@db\.example\.com:5432\/shop: /);
  }
});

test('no message of a running statement holds what the server says about a row', () => {
  const sqlstate = fc.stringMatching(/^[0-9A-Z]{4}[0-9]$/);
  fc.assert(
    fc.property(sqlstate, fc.boolean(), (code, cancelRequested) => {
      const problem = databaseProblem(serverError(code), { ...running, cancelRequested });
      assert.ok(!describeProblem(problem).includes('row-value'));
      assert.equal(problem.cause, undefined);
    }),
  );
});

test('what the parser says of the text is shown, with its position', () => {
  const error = Object.assign(new Error('column "nope" does not exist'), { code: '42703', position: '8' });
  const problem = databaseProblem(error, running);
  assert.equal(problem.message, 'Column "nope" does not exist (SQLSTATE 42703)');
  assert.equal(problem.sqlPosition, 8);
});

test('a name that a row held, in an error of run time, is not shown', () => {
  const error = Object.assign(new Error('relation "row-value" does not exist'), { code: '42P01' });
  assert.equal(databaseProblem(error, running).message, 'A table or view does not exist (SQLSTATE 42P01)');
});

test('what the server says is one line without control characters, and not long', () => {
  const error = Object.assign(new Error(`a\n::error::b${'x'.repeat(9_000)}`), {
    code: '42601',
    position: '1',
  });
  const { message } = databaseProblem(error, running);
  assert.match(message, /^[^\n]{1,400}$/);
});

test('a missing privilege names its object; a policy in the way is another problem', () => {
  const denied = Object.assign(new Error('permission denied for table orders'), {
    code: '42501',
    routine: 'aclcheck_error',
  });
  const raised = Object.assign(new Error('row-value'), { code: '42501', routine: 'exec_stmt_raise' });
  // What a function raises is its own, whatever SQLSTATE it takes, and its words are not shown.
  assert.equal(databaseProblem(raised, running).message, 'A function raised an error (SQLSTATE 42501)');
  assert.equal(
    databaseProblem(denied, running).message,
    'Permission denied for table orders (SQLSTATE 42501)',
  );
  // The message is in the server's language; the function's name is not.
  const policy = Object.assign(new Error('Abfrage wäre betroffen'), {
    code: '42501',
    routine: 'check_enable_rls',
  });
  const problem = databaseProblem(policy, running);
  assert.equal(problem.code, 'row-security');
  assert.match(problem.hint ?? '', /bypassrls/);
});

test('a cancelled statement is cancelled if we asked for it, in whatever language', () => {
  const french = () => Object.assign(new Error('annulation de la requête'), { code: '57014' });
  assert.equal(databaseProblem(french(), { ...running, cancelRequested: true }).code, 'cancelled');
  assert.equal(databaseProblem(french(), running).code, 'statement-timeout');
});

test('a statement that somebody else cancelled is cancelled, where the server says so', () => {
  const error = Object.assign(new Error('canceling statement due to user request'), { code: '57014' });
  assert.equal(databaseProblem(error, running).code, 'cancelled');
});

test('what a function raises is its own error, whatever SQLSTATE it takes', () => {
  for (const code of ['57P01', '08006', '57014', '42501', '25006', '53300', 'P0001']) {
    const raised = databaseProblem(serverError(code, { routine: 'exec_stmt_raise' }), running);
    assert.equal(raised.code, 'query-failed', code);
    assert.equal(raised.message, `A function raised an error (SQLSTATE ${code})`);
  }
});

test('a standby that had to go on is a recovery conflict', () => {
  const error = Object.assign(new Error('conflit'), { code: '40001', routine: 'ProcessInterrupts' });
  assert.equal(databaseProblem(error, running).code, 'recovery-conflict');
});

test('a socket that fails is a failure to connect before, and a lost connection after', () => {
  for (const code of ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'CONNECTION_CLOSED']) {
    const error = Object.assign(new Error('write postgres://ann:the-password@h'), { code });
    assert.equal(databaseProblem(error, connecting).code, 'connection-failed', code);
    assert.equal(databaseProblem(error, running).code, 'connection-lost', code);
    assert.ok(!describeProblem(databaseProblem(error, running)).includes('the-password'));
  }
});

test('an end of the connection without a code is a lost connection', () => {
  assert.equal(
    databaseProblem(new Error('Connection terminated unexpectedly'), running).code,
    'connection-lost',
  );
});

test('an unknown code of a socket is shown', () => {
  const error = Object.assign(new Error('too many'), { code: 'EMFILE' });
  assert.match(databaseProblem(error, connecting).message, /it failed \(EMFILE\)/);
});

test('each way not to trust a certificate says how to go on', () => {
  for (const code of [
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  ]) {
    const problem = databaseProblem(Object.assign(new Error('x'), { code }), connecting);
    assert.equal(problem.code, 'tls-failed');
    assert.match(problem.hint ?? '', /sslrootcert=<file\.pem>.*sslmode=require/);
  }
  const name = Object.assign(new Error('x'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  assert.match(databaseProblem(name, connecting).hint ?? '', /verify-ca/);
});

test('a handshake that fails is tls-failed, after the connect as well', () => {
  const error = Object.assign(new Error('alert'), { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' });
  assert.equal(databaseProblem(error, connecting).code, 'tls-failed');
});

test("a server that fails SCRAM's check of itself is a failed login", () => {
  const error = new Error('SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature does not match');
  assert.equal(databaseProblem(error, connecting).code, 'authentication-failed');
});

test('a mistake in our own code is internal, and keeps its cause', () => {
  const mistake = new TypeError('undefined is not a function');
  const problem = databaseProblem(mistake, running);
  assert.equal(problem.code, 'internal');
  assert.equal(problem.cause, mistake);
});

test('a problem stays what it is', () => {
  const problem = new Problem('cancelled', 'stop');
  assert.equal(databaseProblem(problem, running), problem);
});

test('whatever is thrown becomes a problem without the password', () => {
  fc.assert(
    fc.property(fc.anything(), fc.boolean(), (thrown, connected) => {
      const problem = databaseProblem(thrown, { target, connected });
      assert.ok(problem instanceof Problem);
      assert.ok(!describeProblem(problem).includes('the-password'));
    }),
  );
});

test('a lost session and a missing password have hints', () => {
  assert.equal(lostProblem(target).code, 'connection-lost');
  assert.equal(passwordMissing(target).code, 'authentication-failed');
  assert.ok(lostProblem(target).hint && passwordMissing(target).hint);
});
