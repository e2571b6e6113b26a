import { existsSync } from 'node:fs';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { Problem, type ProblemCode } from '../../support/problem.ts';
import type { CompiledSql } from '../../sql/sql.ts';
import type { ConnectionTarget, Session } from '../database.ts';
import { within } from '../deadline.ts';
import { databaseProblem } from '../errors.ts';
import type { LastWords } from '../last-words.ts';
import { makeSession, type RawResult, type Wire } from '../session.ts';
import { noAnswer } from '../socket.ts';
import type { Encryption } from '../tls.ts';
import type { RunReply, StartReply, WorkerFailure, WorkerRequest, WorkerStart } from './postgres-worker.ts';

/**
 * Opens a session with the postgres package, in a thread of its own: whatever the package does there, it can end this
 * session and nothing else. Rejects with a `Problem` within `timeoutMs`, and leaves no connection then.
 */
export async function openPostgresSession(
  target: ConnectionTarget,
  encryption: Encryption,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Session> {
  const worker = startWorker({ target, encryption, timeoutMs });
  try {
    const started = await within(timeoutMs, startReply(worker), () => noAnswer(target));
    if ('failed' in started) throw failureOf(started.failed);
    if ('lastWords' in started) throw started.lastWords;
    return makeSession(target, makeWire(worker, started.ready), signal);
  } catch (error) {
    await worker.terminate();
    throw databaseProblem(error, { target, connected: false });
  }
}

function startWorker(start: WorkerStart): Worker {
  // The package reads PG* variables for whatever it is not told, and for some that it is.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PG')));
  const worker = loadWorker({ workerData: start, env, stdout: true, stderr: true });
  worker.on('error', () => {}); // its exit follows, and says enough
  worker.stdout.resume(); // the package prints what it does not understand
  worker.stderr.resume();
  return worker;
}

/** The bundle has the thread's file beside it; the sources have TypeScript, which a thread must be taught to load. */
function loadWorker(options: WorkerOptions): Worker {
  const bundled = new URL('./postgres-worker.js', import.meta.url);
  if (existsSync(bundled)) return new Worker(bundled, options);
  // Half a second for each thread is much for thousands of tests, so they make that file once.
  const built = process.env['ROWGATE_TEST_WORKER'];
  if (built) return new Worker(built, { ...options, execArgv: [] });
  const [tsx, source] = ['tsx/esm/api', './postgres-worker.ts'].map((name) => import.meta.resolve(name));
  const script = `import('${tsx}').then(({ register }) => { register(); return import('${source}'); })`;
  return new Worker(script, { ...options, eval: true });
}

/** Rejects when the package, or the thread, ends in another way; which one it was matters to nobody. */
function startReply(worker: Worker): Promise<StartReply> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', (cause) => reject(new Error('closed', { cause })));
    worker.once('exit', () => reject(new Error('closed')));
  });
}

function makeWire(worker: Worker, { key, encryption }: Pick<Wire, 'key' | 'encryption'>): Wire {
  const ended = new Promise<LastWords | undefined>((resolve) => {
    let words: LastWords | undefined;
    worker.on('message', (reply: RunReply) => (words = 'lastWords' in reply ? reply.lastWords : words));
    worker.once('exit', () => resolve(words));
  });
  return {
    key,
    encryption,
    ended,
    send: (statement) => send(worker, statement),
    end: () => {
      worker.postMessage('end' satisfies WorkerRequest);
      return ended;
    },
    destroy: () => void worker.terminate(),
  };
}

async function send(worker: Worker, statement: CompiledSql): Promise<RawResult> {
  worker.postMessage(statement satisfies WorkerRequest);
  // Not by `once` of node:events, which would take an error that the package throws in the thread for the answer.
  const reply = await new Promise<RunReply>((resolve) => worker.once('message', resolve));
  if ('result' in reply) return reply.result;
  // The package does not say why; the server's last words, which come with the thread's end, do.
  if ('failed' in reply && reply.failed.code === 'CONNECTION_CLOSED') return new Promise(() => {});
  throw 'failed' in reply ? failureOf(reply.failed) : reply.lastWords;
}

/** What `databaseProblem` can read: a problem as such, or the fields of whatever else was thrown. */
function failureOf(failed: WorkerFailure): Problem | WorkerFailure {
  const { name, code, message, hint, sqlstate, causeCode } = failed;
  const cause = causeCode === undefined ? undefined : { code: causeCode };
  return name === 'Problem'
    ? new Problem(code as ProblemCode, message ?? '', { hint, sqlstate, cause })
    : failed;
}
