import { setTimeout as sleep } from 'node:timers/promises';
import { asProblem, type ProblemCode } from '../support/problem.ts';
import type { ConnectionTarget, Database, DriverName, Session } from './database.ts';
import { openPgSession } from './drivers/pg.ts';
import { openPostgresSession } from './drivers/postgres.ts';
import { encryptionsFor, type Encryption } from './tls.ts';

type OpenSession = (target: ConnectionTarget, encryption: Encryption, timeoutMs: number) => Promise<Session>;

const OPENERS: Record<DriverName, OpenSession> = { pg: openPgSession, postgres: openPostgresSession };

/** A server that restarts, or that has no connection free, may have one a moment later; more tries would only add to it. */
const MAX_TRIES = 3;
const FIRST_PAUSE_MS = 250;
const PASSING: ReadonlySet<ProblemCode> = new Set(['connection-failed', 'server-busy']);

/** The database at a target, by the driver named. Opens nothing until asked to. */
export function openDatabase(target: ConnectionTarget, driver: DriverName): Database {
  return { target, driver, connect: () => connect(target, OPENERS[driver]) };
}

async function connect(target: ConnectionTarget, open: OpenSession): Promise<Session> {
  const deadline = performance.now() + target.connectTimeoutMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await openOneWay(target, open, deadline);
    } catch (error) {
      const problem = asProblem(error);
      // Jitter, so that the sessions of one run do not all come back at once.
      const pauseMs = FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random());
      const late = performance.now() + pauseMs >= deadline;
      if (attempt === MAX_TRIES || late || !PASSING.has(problem.code)) throw problem;
      await sleep(pauseMs);
    }
  }
}

/** Tries each way to begin that `sslmode` allows; a server refuses one of them in the handshake, or at login (28000). */
async function openOneWay(target: ConnectionTarget, open: OpenSession, deadline: number): Promise<Session> {
  const [first, second] = encryptionsFor(target);
  try {
    return await open(target, first, deadline - performance.now());
  } catch (error) {
    const { code, sqlstate } = asProblem(error);
    if (second === undefined || (code !== 'tls-failed' && sqlstate !== '28000')) throw error;
    return open(target, second, deadline - performance.now());
  }
}
