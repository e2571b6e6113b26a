import { setTimeout as sleep } from 'node:timers/promises';
import { asProblem, type Problem } from '../support/problem.ts';
import type { ConnectionTarget, Database, DriverName, Session } from './database.ts';
import { unlessAborted } from './deadline.ts';
import { openPgSession } from './drivers/pg.ts';
import { openPostgresSession } from './drivers/postgres.ts';
import { cancelledProblem } from './errors.ts';
import { encryptionsFor, type Encryption } from './tls.ts';

/** One attempt, encrypted as asked. */
type OpenSession = (encryption: Encryption, timeoutMs: number) => Promise<Session>;

const OPENERS = { pg: openPgSession, postgres: openPostgresSession };

/** After the first failure: a small server that restarts is back within this, and a run of others may have ended. */
const RETRY_FOR_MS = 5_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 1_000;

/** Nothing listens yet, a socket's file is not there yet, or a balancer has no server yet; without a code it hung up. */
const PASSING_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'CONNECTION_CLOSED',
  'ENOENT',
  'EAI_AGAIN',
  undefined,
]);

/**
 * The database at a target, by the driver named. Opens nothing until asked to. When the signal is given, connecting
 * ends with `cancelled`, and so does what its sessions run.
 */
export function openDatabase(target: ConnectionTarget, driver: DriverName, signal?: AbortSignal): Database {
  const open: OpenSession = (...how) => OPENERS[driver](target, ...how, signal);
  const connectOrAbort = async (): Promise<Session> => {
    if (signal?.aborted) throw cancelledProblem();
    const connecting = connect(target, open, signal);
    try {
      return await unlessAborted(signal, connecting, cancelledProblem);
    } catch (error) {
      void connecting.then((session) => session.close()).catch(() => {});
      throw error;
    }
  };
  return { target, driver, connect: connectOrAbort };
}

async function connect(
  target: ConnectionTarget,
  open: OpenSession,
  signal: AbortSignal | undefined,
): Promise<Session> {
  const deadline = performance.now() + target.connectTimeoutMs;
  let lastTry = deadline;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await openOneWay(target, open, deadline);
    } catch (error) {
      const problem = asProblem(error);
      // Jitter, so that the sessions of one run do not all come back at once.
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1)) * (0.5 + Math.random());
      const now = performance.now();
      lastTry = Math.min(lastTry, now + RETRY_FOR_MS);
      const late = now + pauseMs >= lastTry;
      if (late || signal?.aborted || !isPassing(problem)) throw problem;
      await sleep(pauseMs);
    }
  }
}

function isPassing({ code, sqlstate, cause }: Problem): boolean {
  if (code === 'server-busy') return sqlstate === '53300' || sqlstate === '57P03';
  const { code: reason } = Object(cause) as { code?: string };
  return code === 'connection-failed' && cause !== undefined && PASSING_ERRORS.has(reason);
}

/** Tries each way to begin that `sslmode` allows; a server refuses one of them in the handshake, or at login (28000). */
async function openOneWay(target: ConnectionTarget, open: OpenSession, deadline: number): Promise<Session> {
  const [first, second] = encryptionsFor(target);
  try {
    return await open(first, deadline - performance.now());
  } catch (error) {
    const { code, sqlstate } = asProblem(error);
    if (second === undefined || (code !== 'tls-failed' && sqlstate !== '28000')) throw error;
    return open(second, deadline - performance.now());
  }
}
