// The table is the file: one place for what each way of failing means. It reads better whole.
import { plain } from '../support/plain.ts';
import { asProblem, Problem, type ProblemCode } from '../support/problem.ts';
import { redactTarget } from './connection-string.ts';
import type { ConnectionTarget } from './database.ts';
import { preparePassword } from './prepared-password.ts';
import { capitalised } from '../support/capitalised.ts';

/** What the session knows about a failure that the error itself does not say. */
type FailureContext = {
  readonly target: ConnectionTarget;
  /** Whether the session had been opened: before that no statement ran and no row was read. */
  readonly connected: boolean;
  /** Whether we asked the server to cancel the statement. */
  readonly cancelRequested?: boolean;
};

/** The fields of an error that decide; `pg`, `postgres` and Node all use these names. */
type Failure = {
  readonly message: string;
  readonly code: string | undefined;
  readonly routine: string | undefined;
  readonly position: string | undefined;
};

type Meaning = {
  readonly code: ProblemCode;
  /** Our own words, which cannot hold a row's values as the server's can. */
  readonly says: string;
  readonly hint?: string;
};

const BUSY_HINT = 'Run again when the server has room, or ask for fewer connections.';
const LOST_HINT =
  'Run again. If it happens each time, look for a proxy or a server setting that ends long connections.';
const CREDENTIALS_HINT =
  'Check user and password in the database URL (special characters written as %XX); a password may also come from PGPASSWORD or .pgpass.';

const PREPARED_HINT = `${CREDENTIALS_HINT} This one holds characters that clients and servers write in several forms (SASLprep): if it is right, give the role one in ASCII.`;

/** By SQLSTATE, or by its class (the first two characters) where the whole code is not listed. */
const SERVER_ERRORS: Record<string, Meaning> = {
  // The connection. 08P01 is how PgBouncer refuses a startup parameter or an unknown database.
  '08': { code: 'connection-lost', says: 'the connection failed' },
  '0A': { code: 'query-failed', says: 'the server does not have what the statement asks for' },
  // Login: at connect time alone.
  '28': { code: 'authentication-failed', says: 'the server refused the login', hint: CREDENTIALS_HINT },
  '28000': { code: 'authentication-failed', says: 'the server lets nobody in this way', hint: 'Check user and sslmode in the database URL, and pg_hba.conf on the server.' },
  '3D': { code: 'database-missing', says: 'the database does not exist', hint: 'Check the name after the last / of the database URL.' },
  // Values and constraints: the server's sentence quotes the value, so it is never shown.
  '22': { code: 'query-failed', says: 'a value in the data does not fit the expression', hint: 'A cast or a calculation failed on some row; guard it with a condition.' },
  '22012': { code: 'query-failed', says: 'a division by zero', hint: 'Write nullif(divisor, 0).' },
  '22021': { code: 'query-failed', says: 'a text is not valid in the database encoding' },
  '23': { code: 'query-failed', says: 'a constraint refused the change' },
  // Transactions. 25P03, 25P04 and 57P05 end the session: it was idle, or its transaction lasted, for too long.
  '25006': { code: 'sql-not-allowed', says: 'the statement tries to write', hint: 'Rules only read: they run in a read-only transaction.' },
  '25P03': { code: 'connection-lost', says: 'the server ended the session: its transaction was idle for too long', hint: LOST_HINT },
  '25P04': { code: 'connection-lost', says: 'the server ended the session: its transaction lasted too long', hint: 'Raise transaction_timeout for this role.' },
  '40001': { code: 'query-failed', says: 'another transaction changed the same rows first', hint: 'Run again.' },
  '40P01': { code: 'lock-timeout', says: 'a deadlock with another session', hint: 'Run again.' },
  // Names and syntax: what the server says of the statement's text is safe, see maySayItself.
  '42': { code: 'query-failed', says: 'the server does not accept the statement' },
  '42501': { code: 'privilege-missing', says: 'a privilege is missing', hint: 'Grant the role of the database URL what it lacks, such as: grant select on <table> to <role>' },
  '42601': { code: 'query-failed', says: 'a syntax error, or more than one statement' },
  '42703': { code: 'query-failed', says: 'a column does not exist' },
  '42704': { code: 'query-failed', says: 'something the statement names does not exist' },
  '42883': { code: 'query-failed', says: 'a function or operator does not exist for these types' },
  '42P01': { code: 'query-failed', says: 'a table or view does not exist' },
  // The server's room. Only 53300 passes by itself within seconds.
  '53': { code: 'server-busy', says: 'the server is out of a resource', hint: BUSY_HINT },
  '53100': { code: 'server-busy', says: "the server's disk is full" },
  '53200': { code: 'server-busy', says: 'the server is out of memory', hint: BUSY_HINT },
  '53300': { code: 'server-busy', says: 'the server has no connection free', hint: BUSY_HINT },
  '53400': { code: 'server-busy', says: 'a limit of the server is reached, such as temp_file_limit' },
  '54': { code: 'query-failed', says: 'the statement is too large or too deeply nested for the server' },
  '55000': { code: 'not-measurable', says: 'an object is not ready to be read, such as a materialized view that holds no data yet', hint: 'Fill it first: refresh materialized view <name>' },
  '55006': { code: 'query-failed', says: 'an object is in use' },
  '55P03': { code: 'lock-timeout', says: 'a lock was not free in time', hint: 'Another session holds it, such as a migration. Run again when that is done.' },
  // What operators and their tools do to a session.
  '57014': { code: 'statement-timeout', says: 'the statement ran out of its time', hint: 'Give the rule more time, or an index on the columns it reads.' },
  '57P01': { code: 'connection-lost', says: 'an administrator ended the session', hint: LOST_HINT },
  '57P02': { code: 'connection-lost', says: 'another session of the server crashed', hint: LOST_HINT },
  '57P03': { code: 'server-busy', says: 'the server is starting or stopping', hint: 'Run again when it is up.' },
  '57P04': { code: 'connection-lost', says: 'the database was dropped' },
  '57P05': { code: 'connection-lost', says: 'the server ended the session: it was idle for too long', hint: LOST_HINT },
  '58': { code: 'query-failed', says: 'the server cannot read or write its files' },
  P0: { code: 'query-failed', says: 'a function raised an error' },
  XX001: { code: 'query-failed', says: 'the server found corrupted data', hint: 'This is damage on its disk: tell whoever runs the server.' },
  XX002: { code: 'query-failed', says: 'the server found a corrupted index', hint: 'Rebuild it with: reindex index concurrently <index>' },
}; // prettier-ignore

/** What PgBouncer says with 08P01 once it has let a client in. */
const POOLER_ERRORS: Record<string, Meaning> = {
  query_wait_timeout: { code: 'server-busy', says: 'the pooler had no connection to the server free in time', hint: BUSY_HINT },
  'transaction blocks not allowed in statement pooling mode': { code: 'not-measurable', says: 'the pooler is in statement mode, and without a transaction there is no one state of the data to measure', hint: 'Connect to the server itself, or to a pool in transaction or session mode.' },
}; // prettier-ignore

/** Five of these, at least one a digit; Node's codes such as EPIPE have none. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

/** The server's functions that cancel for a standby's sake, whatever the language of the message. */
const RECOVERY_ROUTINES = new Set(['ProcessInterrupts', 'ProcessRecoveryConflictInterrupt']);

/** What PL/pgSQL's `raise` runs: its SQLSTATE is whatever a function's owner chose, and says nothing of the session. */
const RAISE_ROUTINE = 'exec_stmt_raise';

/** Our own code for a driver that stumbled over what it was sent. */
export const UNREADABLE = 'UNREADABLE';

/** Node's and the drivers' codes for a connection that could not be made, or was cut. */
const NETWORK_ERRORS: Record<string, Pick<Meaning, 'says' | 'hint'>> = {
  ECONNREFUSED: { says: 'nothing accepts connections there', hint: 'Check host and port, and that the server is running and listens on this address.' },
  ENOTFOUND: { says: 'the host name does not exist', hint: 'Check the host in the database URL.' },
  EAI_AGAIN: { says: 'the host name cannot be looked up now', hint: 'The name server did not answer. Run again.' },
  ETIMEDOUT: { says: 'no answer in time', hint: 'Check host and port, and that a firewall or an IP allow list lets this machine in.' },
  EHOSTUNREACH: { says: 'the host cannot be reached', hint: 'Check the network. GitHub-hosted runners have no IPv6.' },
  ENETUNREACH: { says: 'the network cannot be reached', hint: 'Check the network. GitHub-hosted runners have no IPv6.' },
  ENOENT: { says: 'there is no such socket', hint: 'Check the folder and the port: the socket is <folder>/.s.PGSQL.<port>.' },
  EACCES: { says: 'this user may not open the socket' },
  ECONNRESET: { says: 'the other side cut it', hint: LOST_HINT },
  EPIPE: { says: 'the other side closed it', hint: LOST_HINT },
  CONNECTION_CLOSED: { says: 'the other side closed it', hint: LOST_HINT },
  [UNREADABLE]: { says: "what came from there is not Postgres's protocol", hint: 'Check host and port. If they are right, look for a proxy in between.' },
}; // prettier-ignore

const TRUST_HINT =
  "Name the file of its authority's certificate with sslrootcert=<file.pem>. Or write sslmode=require in the database URL, which encrypts and does not check who answers.";

/** Node's codes for a certificate that was read and not accepted; others are of the handshake itself. */
const CERTIFICATE_ERRORS: Record<string, Pick<Meaning, 'says' | 'hint'>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: { says: "the server's certificate is for another host name", hint: 'Write the name that is in the certificate as the host. Or write sslmode=verify-ca with sslrootcert=<file.pem>, which does not compare names.' },
  CERT_HAS_EXPIRED: { says: "the server's certificate has expired", hint: 'Renew it.' },
  CERT_NOT_YET_VALID: { says: "the server's certificate is not valid yet", hint: "Check this machine's clock." },
  DEPTH_ZERO_SELF_SIGNED_CERT: { says: "the server's certificate is signed by itself", hint: TRUST_HINT },
  SELF_SIGNED_CERT_IN_CHAIN: { says: "the server's certificate is signed by an authority not trusted here", hint: TRUST_HINT },
  UNABLE_TO_GET_ISSUER_CERT: { says: "the server's certificate is signed by an authority not trusted here", hint: TRUST_HINT },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: { says: "the server's certificate is signed by an authority not trusted here", hint: TRUST_HINT },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: { says: "the server's certificate is signed by an authority not trusted here", hint: TRUST_HINT },
}; // prettier-ignore

/** The server's sentence is cut to this many characters: names are shorter, and a log line stays readable. */
const MAX_QUOTED_CHARACTERS = 300;

/**
 * Whatever a driver, a socket or a worker threw, as a {@link Problem}. Never in it: values of rows, the password, and
 * the server's detail, hint and context. Its `cause` is the error only where no server had a say in that.
 */
export function databaseProblem(error: unknown, context: FailureContext): Problem {
  if (error instanceof Problem) return error;
  const failure = failureOf(error);
  if (failure.code !== undefined && SQLSTATE.test(failure.code))
    return serverProblem(failure, failure.code, context);
  if (isTls(failure.code)) return tlsProblem(failure.code, error, context);
  if (failure.message.startsWith('SASL')) return loginProblem(error, context);
  // A driver that stumbles over its own code tells us nothing about the connection.
  if (error instanceof TypeError || error instanceof RangeError) return asProblem(error);
  return connectionProblem(failure, error, context);
}

/** The problem of a session that was asked for more after its connection was lost. */
export function lostProblem(target: ConnectionTarget): Problem {
  return new Problem('connection-lost', `The connection to ${redactTarget(target)} is gone`, {
    hint: LOST_HINT,
  });
}

/** The problem of what had to be given up because the run was cancelled. */
export function cancelledProblem(): Problem {
  return new Problem('cancelled', 'The run was cancelled');
}

/** The problem of a server that asks for a password when there is none. */
export function passwordMissing(target: ConnectionTarget): Problem {
  const message = `Cannot connect to ${redactTarget(target)}: the server asks for a password, and none was given`;
  return new Problem('authentication-failed', message, { hint: CREDENTIALS_HINT });
}

function failureOf(error: unknown): Failure {
  const fields = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  const text = (name: string) => (typeof fields[name] === 'string' ? fields[name] : undefined);
  return {
    message: text('message') ?? '',
    code: text('code'),
    routine: text('routine'),
    position: text('position'),
  };
}

function serverProblem(failure: Failure, sqlstate: string, context: FailureContext): Problem {
  const meaning = meaningOf(failure, sqlstate, context);
  const what = maySayItself(failure, sqlstate, context)
    ? plain(failure.message, MAX_QUOTED_CHARACTERS)
    : meaning.says;
  const where = context.connected ? '' : `Cannot connect to ${redactTarget(context.target)}: `;
  const message = `${where}${what} (SQLSTATE ${sqlstate})`;
  return new Problem(meaning.code, where === '' ? capitalised(message) : message, {
    hint: meaning.hint,
    sqlstate,
    sqlPosition: failure.position === undefined ? undefined : Number(failure.position),
  });
}

function meaningOf(failure: Failure, sqlstate: string, context: FailureContext): Meaning {
  const isRaised = context.connected && failure.routine === RAISE_ROUTINE;
  const listed = SERVER_ERRORS[isRaised ? 'P0' : sqlstate] ?? SERVER_ERRORS[sqlstate.slice(0, 2)];
  if (isRaised && listed) return listed;
  const meaning = listed ?? { code: 'query-failed', says: 'the server failed' };
  const pooler = sqlstate === '08P01' && POOLER_ERRORS[failure.message];
  if (pooler) return pooler;
  if (!context.connected) {
    const { password = '' } = context.target;
    if (sqlstate === '28P01' && password !== preparePassword(password))
      return { ...meaning, hint: PREPARED_HINT };
    if (sqlstate === '42501')
      return {
        ...meaning,
        code: 'authentication-failed',
        hint: 'Grant the role the right to connect: grant connect on database <database> to <role>',
      };
    const overall = meaning.code === 'connection-lost' || meaning.code === 'query-failed';
    return overall ? { ...meaning, code: 'connection-failed' } : meaning;
  }
  if (sqlstate === '57014') return interrupted(meaning, failure, context);
  if (sqlstate === '40001' && isRecoveryConflict(failure)) {
    return {
      code: 'recovery-conflict',
      says: 'the standby had to cancel it to keep up with its primary',
      hint: 'Run again, use the primary, or raise max_standby_streaming_delay.',
    };
  }
  if (sqlstate === '0A000' && failure.routine === 'get_relation_info') {
    return {
      code: 'not-measurable',
      says: 'a standby has no rows of an unlogged table',
      hint: 'Check it on the primary.',
    };
  }
  if (sqlstate === '42501' && failure.routine === 'check_enable_rls') {
    return {
      code: 'row-security',
      says: 'row-level security would hide rows',
      hint: 'Use a role that sees every row: alter role <role> bypassrls',
    };
  }
  return meaning;
}

/** The server names one code for three causes, and one function; our own knowledge comes before its words. */
function interrupted(timeout: Meaning, { message }: Failure, { cancelRequested }: FailureContext): Meaning {
  const cancelled = cancelRequested === true || message.includes('user request');
  return cancelled ? { code: 'cancelled', says: 'the statement was cancelled' } : timeout;
}

function isRecoveryConflict({ routine, message }: Failure): boolean {
  return RECOVERY_ROUTINES.has(routine ?? '') || message.includes('conflict with recovery');
}

/**
 * Whether the server's sentence can be shown. Before a statement ran it cannot hold a row's value. Later only that of
 * classes 42 and 0A, and of them only what the parser says, which alone has a position: `column::regclass` fails at run time as
 * `relation "<value>" does not exist`. The server's own check of privileges names objects of the catalogue; a function
 * that raises the same SQLSTATE may name anything.
 */
function maySayItself(failure: Failure, sqlstate: string, { connected }: FailureContext): boolean {
  const fromParser = /^(42|0A)/.test(sqlstate) && failure.position !== undefined;
  return !connected || fromParser || failure.routine?.startsWith('aclcheck_error') === true;
}

function isTls(code: string | undefined): code is string {
  return (
    code !== undefined && (code in CERTIFICATE_ERRORS || /^(ERR_SSL_|ERR_TLS_|CERT_|EPROTO$)/.test(code))
  );
}

function tlsProblem(code: string, cause: unknown, { target }: FailureContext): Problem {
  const { says, hint } = CERTIFICATE_ERRORS[code] ?? { says: 'the TLS handshake failed' };
  const message = `Cannot connect to ${redactTarget(target)} by TLS (sslmode=${target.tls.mode}): ${says} (${code})`;
  return new Problem('tls-failed', message, { hint, cause });
}

/** SCRAM's own checks fail on our side and have no code. */
function loginProblem(cause: unknown, { target }: FailureContext): Problem {
  const message = `Cannot connect to ${redactTarget(target)}: the server's part of the login is wrong`;
  return new Problem('authentication-failed', message, { hint: CREDENTIALS_HINT, cause });
}

function connectionProblem(failure: Failure, cause: unknown, { target, connected }: FailureContext): Problem {
  const unlisted = { says: failure.code ? `it failed (${failure.code})` : 'the other side closed it' };
  const { says, hint }: Pick<Meaning, 'says' | 'hint'> = NETWORK_ERRORS[failure.code ?? ''] ?? unlisted;
  if (!connected) {
    const message = `Cannot connect to ${redactTarget(target)}: ${says}`;
    return new Problem('connection-failed', message, { hint, cause });
  }
  const message = `The connection to ${redactTarget(target)} was lost: ${says}`;
  return new Problem('connection-lost', message, { hint: LOST_HINT, cause });
}
