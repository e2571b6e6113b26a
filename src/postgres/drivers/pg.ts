import type { Socket } from 'node:net';
import pg from 'pg';
import type { CompiledSql } from '../../sql/sql.ts';
import type { ConnectionTarget, Session } from '../database.ts';
import { within } from '../deadline.ts';
import { databaseProblem, passwordMissing, UNREADABLE } from '../errors.ts';
import { hearLastWords, type LastWords } from '../last-words.ts';
import { makeSession, type RawResult, type Wire } from '../session.ts';
import { encryptionOf, noAnswer, openSocket } from '../socket.ts';
import type { Encryption } from '../tls.ts';

/** What the pg package has, and its types leave out. */
type BackendFields = { readonly processID: number | null; readonly secretKey: number | null };
type ExtendedQuery = pg.QueryArrayConfig & { readonly queryMode: 'extended' };

/** Every value as the server's own text. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

/** Opens a session with the pg package; rejects with a `Problem` within `timeoutMs`, and leaves no connection then. */
export async function openPgSession(
  target: ConnectionTarget,
  encryption: Encryption,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Session> {
  const started = performance.now();
  const socket = await openSocket(target, encryption, timeoutMs);
  const lastWords = hearLastWords(socket);
  try {
    const client = makeClient(target, socket);
    const remainingMs = timeoutMs - (performance.now() - started);
    await within(remainingMs, client.connect(), () => noAnswer(target));
    return makeSession(target, makeWire(client, socket, lastWords), signal);
  } catch (error) {
    socket.destroy();
    throw databaseProblem(error, { target, connected: false });
  }
}

function makeClient(target: ConnectionTarget, socket: Socket): pg.Client {
  const { host, port, user, database, applicationName, password } = target;
  const client = new pg.Client({
    host,
    port,
    user,
    database,
    ssl: false, // the socket is encrypted already
    sslnegotiation: 'postgres',
    stream: () => streamFor(socket),
    // A function, as PGPASSWORD and .pgpass would stand in for a plain undefined.
    password: () => password ?? Promise.reject(passwordMissing(target)),
  });
  client.on('error', () => {}); // without a listener it would end the process; the socket's end says it, too
  // Nothing more: PGOPTIONS and PGREPLICATION would go as well, and PgBouncer refuses what it does not know.
  const startup = { user, database, application_name: applicationName };
  return Object.assign(client, { getStartupConf: () => startup });
}

/**
 * The socket as the client wants it: its way to connect is to call `connect`, and this one is connected. What it throws
 * at a message that it cannot read, it throws in the socket's event, where it would end the process: it ends the socket.
 */
function streamFor(socket: Socket): Socket {
  const { emit } = socket;
  const connect = () => {
    process.nextTick(() => socket.emit('connect'));
    return socket;
  };
  const emitSafely = (...event: Parameters<typeof emit>): boolean => {
    try {
      return emit.apply(socket, event);
    } catch {
      socket.destroy(Object.assign(new Error('unreadable'), { code: UNREADABLE }));
      return true;
    }
  };
  return Object.assign(socket, { connect, emit: emitSafely });
}

function makeWire(client: pg.Client, socket: Socket, lastWords: () => LastWords | undefined): Wire {
  const { processID, secretKey } = client as pg.Client & BackendFields;
  return {
    key: processID === null || secretKey === null ? undefined : { processId: processID, secretKey },
    encryption: encryptionOf(socket),
    ended: new Promise((resolve) => socket.once('close', () => resolve(lastWords()))),
    send: (statement) => send(client, statement),
    end: () => client.end(),
    destroy: () => socket.destroy(),
  };
}

async function send(client: pg.Client, { text, parameters }: CompiledSql): Promise<RawResult> {
  // Only the extended protocol refuses a second statement in the text, such as a commit.
  const query: ExtendedQuery = {
    text,
    values: [...parameters],
    queryMode: 'extended',
    rowMode: 'array',
    types: AS_TEXT,
  };
  const { fields, rows } = await client.query<(string | null)[]>(query).catch(whyItFailed);
  return { columns: fields.map(({ name }) => name), rows };
}

/** That the connection is lost the package may notice before its end comes, with which comes what the server said. */
function whyItFailed(error: unknown): Promise<never> {
  const isLoss = error instanceof Error && /not queryable$|^Connection terminated/.test(error.message);
  return isLoss ? new Promise(() => {}) : Promise.reject(error);
}
