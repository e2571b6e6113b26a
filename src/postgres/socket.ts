import { connect, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { Problem } from '../support/problem.ts';
import { redactTarget } from './connection-string.ts';
import type { ConnectionTarget } from './database.ts';
import { within } from './deadline.ts';
import { databaseProblem } from './errors.ts';
import { tlsOptions, type Encryption } from './tls.ts';

/** What the server wants to hear from whoever asks it to cancel a session's statement. */
export type BackendKey = { readonly processId: number; readonly secretKey: number };

/** The request codes of the protocol that stand where a version number would (see "Message Formats"). */
const SSL_REQUEST_CODE = 80_877_103;
const CANCEL_REQUEST_CODE = 80_877_102;

/** A NAT or a balancer drops the state of a silent connection after minutes; Azure's after 4. */
const KEEP_ALIVE_MS = 30_000;

/** The server answers a cancel request by closing; one that does not is not worth waiting for. */
const CANCEL_TIMEOUT_MS = 5_000;

/**
 * A socket on which the server waits for the startup message, encrypted as asked. Both drivers get theirs from here,
 * so that TLS means the same in both. Rejects with a `Problem` within `timeoutMs`, and leaves no socket then.
 */
export async function openSocket(
  target: ConnectionTarget,
  encryption: Encryption,
  timeoutMs: number,
): Promise<Socket> {
  const socket = dial(target, timeoutMs);
  try {
    return await within(timeoutMs, negotiate(socket, target, encryption), () => noAnswer(target));
  } catch (error) {
    socket.destroy();
    throw databaseProblem(error, { target, connected: false });
  }
}

/** The problem of a server that lets the time to connect pass. */
export function noAnswer(target: ConnectionTarget): Problem {
  return databaseProblem({ code: 'ETIMEDOUT' }, { target, connected: false });
}

/** How a connection that must be like this one has to begin. */
export function encryptionOf(socket: Socket): Encryption {
  return socket instanceof TLSSocket ? 'required' : 'plain';
}

/**
 * Asks the server, over a connection of its own, to cancel what the session with this key runs. Never rejects, and
 * says nothing about whether there was something to cancel: the server does not either.
 */
export async function requestCancel(target: ConnectionTarget, encryption: Encryption, key: BackendKey) {
  const socket = await openSocket(target, encryption, CANCEL_TIMEOUT_MS).catch(() => undefined);
  if (socket === undefined) return;
  // The server closes when it has passed the request on. We must not end our half before: PgBouncer 1.18 dies of it.
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.on('error', () => {}).resume();
  socket.write(int32s(16, CANCEL_REQUEST_CODE, key.processId, key.secretKey));
  await within(CANCEL_TIMEOUT_MS, closed, () => new Error('late')).catch(() => {});
  socket.destroy();
}

function dial({ host, port }: ConnectionTarget, timeoutMs: number): Socket {
  // Node gives up on each of a name's addresses but the last after 250 ms, less than a far region needs.
  const patience = { autoSelectFamilyAttemptTimeout: Math.max(10, Math.ceil(timeoutMs / 3)) };
  const socket = connect(
    host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port, ...patience },
  );
  return socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
}

async function negotiate(socket: Socket, target: ConnectionTarget, encryption: Encryption) {
  await happens(socket, 'connect');
  if (encryption === 'plain') return socket;
  socket.write(int32s(8, SSL_REQUEST_CODE));
  const answer = (await happens(socket, 'data')) as Buffer;
  if (answer.equals(Buffer.from('S'))) return encrypt(socket, target);
  // More than the one byte would be what somebody in between sent in the hope that we take it for the server's word.
  if (!answer.equals(Buffer.from('N'))) throw notPostgres(target);
  if (encryption === 'offered') return socket;
  throw new Problem('tls-failed', `Cannot connect to ${redactTarget(target)}: the server offers no TLS, and sslmode=${target.tls.mode} asks for it`, {
    hint: 'Write sslmode=disable in the database URL to connect without encryption; only where you trust the network.',
  }); // prettier-ignore
}

async function encrypt(socket: Socket, target: ConnectionTarget): Promise<TLSSocket> {
  const encrypted = connectTls({ ...tlsOptions(target), socket });
  await happens(encrypted, 'secureConnect');
  return encrypted;
}

/** What the event gives; rejects when the socket fails or closes before it. An error after it finds a listener still. */
function happens(socket: Socket, event: 'connect' | 'data' | 'secureConnect'): Promise<unknown> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve);
    socket.on('error', reject);
    socket.on('close', () => reject(Object.assign(new Error('closed'), { code: 'CONNECTION_CLOSED' })));
  });
}

/** Answers to our request code are one byte, or an error message of a server older than the request. */
function notPostgres(target: ConnectionTarget): Problem {
  return new Problem('connection-failed', `Cannot connect to ${redactTarget(target)}: what answers there does not speak Postgres's protocol`, {
    hint: 'Check host and port in the database URL.',
  }); // prettier-ignore
}

function int32s(...values: readonly number[]): Buffer {
  const message = Buffer.alloc(values.length * 4);
  // Drivers read the secret key as signed or as unsigned; `| 0` makes it signed, with the same bits.
  values.forEach((value, i) => message.writeInt32BE(value | 0, i * 4));
  return message;
}
