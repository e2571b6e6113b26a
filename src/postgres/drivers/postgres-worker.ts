// Runs the postgres package in a thread of its own: on a lost link it can throw outside any promise, or never settle.
import type { Socket } from 'node:net';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import postgres from 'postgres';
import type { CompiledSql } from '../../sql/sql.ts';
import type { ConnectionTarget } from '../database.ts';
import { databaseProblem, passwordMissing, UNREADABLE } from '../errors.ts';
import { hearLastWords, type LastWords } from '../last-words.ts';
import { preparePassword } from '../prepared-password.ts';
import type { RawResult } from '../session.ts';
import { encryptionOf, openSocket, type BackendKey } from '../socket.ts';
import type { Encryption } from '../tls.ts';

/** What the thread is started with. */
export type WorkerStart = {
  readonly target: ConnectionTarget;
  readonly encryption: Encryption;
  readonly timeoutMs: number;
};

/** What the thread is asked: to run a statement, or to say goodbye to the server and to end. Never two at once. */
export type WorkerRequest = CompiledSql | 'end';

/** What the thread answers once it has connected, or has not. */
export type StartReply =
  { readonly ready: { readonly key: BackendKey | undefined; readonly encryption: Encryption } } | FailedReply;

/** What the thread answers to a statement. */
export type RunReply = { readonly result: RawResult } | FailedReply;

/** `lastWords` come unasked, too, when the server ends the session; the thread ends after them. */
type FailedReply = { readonly failed: WorkerFailure } | { readonly lastWords: LastWords };

/** The fields of an error that decide; between threads an error would keep its message alone. */
export type WorkerFailure = Readonly<Record<(typeof FAILURE_FIELDS)[number], string | undefined>>;

const FAILURE_FIELDS = [
  'name',
  'message',
  'code',
  'routine',
  'position',
  'hint',
  'sqlstate',
  'causeCode',
] as const;

/** The types that the package takes for more than text, by their oids in pg_type: those of its src/types.js. */
const CONVERTED_TYPES = [16, 17, 21, 23, 26, 114, 700, 701, 1082, 1114, 1184, 3802];

const AS_TEXT = {
  to: 25,
  from: CONVERTED_TYPES,
  serialize: (text: string) => text,
  parse: (text: string) => text,
};

if (parentPort) void serve(parentPort, workerData as WorkerStart);

async function serve(port: MessagePort, { target, encryption, timeoutMs }: WorkerStart): Promise<void> {
  const reply = (message: StartReply | RunReply) => port.postMessage(message);
  try {
    const socket = await openSocket(target, encryption, timeoutMs);
    const lastWords = hearLastWords(socket);
    // The package does not always say so; a turn later, so that the failure of what was running is told first.
    socket.once('close', () => {
      const words = lastWords();
      if (words) reply({ lastWords: words });
      setImmediate(() => process.exit());
    });
    const client = makeClient(target, socket, () => {
      reply({ failed: fieldsOf(passwordMissing(target)) });
      return new Promise(() => {}); // the thread ends for it
    });
    // The package connects when it gets its first statement.
    const { state } = await send(client, { text: 'select', parameters: [] });
    const key = state.pid === null ? undefined : { processId: state.pid, secretKey: state.secret };
    reply({ ready: { key, encryption: encryptionOf(socket) } });
    port.on('message', (request: WorkerRequest) => {
      void (request === 'end' ? client.end() : run(client, request).then(reply));
    });
  } catch (error) {
    reply({ failed: fieldsOf(databaseProblem(error, { target, connected: false })) });
  }
}

function makeClient(
  target: ConnectionTarget,
  socket: Socket,
  askPassword: () => Promise<string>,
): postgres.Sql {
  const { user, database, password, applicationName } = target;
  const options = {
    user,
    database,
    // The package sends it as it is; pg and the server prepare it.
    password: () => (password === undefined ? askPassword() : preparePassword(password)),
    socket: () => socket, // always this one: to reconnect would be another session
    connection: { application_name: applicationName },
    max: 1,
    prepare: false,
    fetch_types: false,
    ssl: false, // the socket is encrypted already
    connect_timeout: 0, // this, and how long it may live, is the session's business
    idle_timeout: 0,
    max_lifetime: null,
    types: { text: AS_TEXT },
    onnotice: () => {},
  };
  return postgres(options as postgres.Options<{ text: typeof AS_TEXT }>);
}

async function run(client: postgres.Sql, statement: CompiledSql): Promise<RunReply> {
  try {
    const rows = await send(client, statement);
    const columns = (rows.columns ?? []).map(({ name }) => name);
    return { result: { columns, rows: [...rows] } };
  } catch (error) {
    return { failed: fieldsOf(error) };
  }
}

function send(client: postgres.Sql, { text, parameters }: CompiledSql) {
  // Without it a text with no parameters goes by the simple protocol, which takes a second statement such as a commit.
  const extended = { simple: false };
  const query = client.unsafe(text, [], extended as postgres.UnsafeQueryOptions);
  // As arguments they would cost a second round trip, between whose halves the server is neither idle nor at work: if the
  // link goes silent there, no timeout of the server ends the session, nor gives back its locks.
  return Object.assign(query, { parameters: [...parameters] }).values();
}

function fieldsOf(error: unknown): WorkerFailure {
  const fields = Object(error) as WorkerFailure & { cause?: { code?: string } };
  // What the package throws at a message that it cannot read.
  const code = error instanceof TypeError || error instanceof RangeError ? UNREADABLE : fields.code;
  const all = Object.fromEntries(FAILURE_FIELDS.map((name) => [name, fields[name]])) as WorkerFailure;
  return { ...all, code, causeCode: fields.cause?.code };
}
