import { Problem } from '../support/problem.ts';
import { compile, type CompiledSql, type Sql } from '../sql/sql.ts';
import type { ConnectionTarget, Row, Session } from './database.ts';
import { within } from './deadline.ts';
import { cancelledProblem, databaseProblem, lostProblem } from './errors.ts';
import type { LastWords } from './last-words.ts';
import { requestCancel, type BackendKey } from './socket.ts';
import type { Encryption } from './tls.ts';

/** A statement's result as it came: the columns' names, and rows of text in their order. */
export type RawResult = {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
};

/** The little that a driver has to do; {@link makeSession} does the rest, the same for both. */
export type Wire = {
  /** Undefined where the server names none, as some proxies do; nothing can be cancelled then. */
  readonly key: BackendKey | undefined;
  /** How a cancel request has to travel: as the session does. */
  readonly encryption: Encryption;
  /** Resolves when the connection has ended, in whatever way and by whomever, with what the server said to it. */
  readonly ended: Promise<LastWords | undefined>;
  /** Runs one statement. May throw what it likes; need not settle once the connection has ended. */
  send(statement: CompiledSql): Promise<RawResult>;
  /** Says goodbye to the server; resolves when the connection is closed. */
  end(): Promise<unknown>;
  /** Closes the connection at once. */
  destroy(): void;
};

/** A little more than the server grants to a statement that has no deadline of its own (snapshot.ts). */
const DEFAULT_DEADLINE_MS = 35_000;

/** A cancel travels in milliseconds; and a job that is cancelled has 10 s to write its report, closing included. */
const CANCEL_GRACE_MS = 3_000;

/** Shared among a cancel and the goodbye. */
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * A {@link Session} over a driver's connection: deadlines, cancelling, and what is thrown. When the signal is given,
 * what runs is cancelled, and nothing runs after it.
 */
export function makeSession(target: ConnectionTarget, wire: Wire, signal?: AbortSignal): Session {
  let alive = true;
  let busy = false;
  /** What the server has been asked, and has not answered yet. */
  let running: Promise<unknown> | undefined;
  let cancelRequested = false;
  let cancelling: Promise<void> | undefined;
  const ended = wire.ended.then((words) => {
    alive = false;
    throw words ? databaseProblem(words, { target, connected: true }) : lostProblem(target);
  });
  const onAbort = (): void => void cancel();
  signal?.addEventListener('abort', onAbort);
  ended.catch(() => signal?.removeEventListener('abort', onAbort));

  async function query(statement: Sql, { deadlineMs = DEFAULT_DEADLINE_MS } = {}): Promise<readonly Row[]> {
    if (busy) throw new Problem('internal', 'a session was asked for two queries at once');
    busy = true;
    try {
      const result = Promise.race([send(statement), ended]);
      return toRows(await within(deadlineMs, result, () => lateProblem(deadlineMs)));
    } catch (error) {
      throw fail(error);
    } finally {
      busy = false;
      running = undefined;
    }
  }

  async function send(statement: Sql): Promise<RawResult> {
    await cancelling; // one that arrives late would hit this statement instead of the last one
    cancelling = undefined;
    cancelRequested = false;
    if (signal?.aborted) throw cancelledProblem();
    if (!alive) return ended;
    const result = wire.send(compile(statement));
    running = result;
    return result;
  }

  /** The error as a problem; a session whose connection cannot be trusted any more ends here. */
  function fail(error: unknown): Problem {
    const problem = databaseProblem(error, { target, connected: true, cancelRequested });
    const late = problem.code === 'statement-timeout' && problem.sqlstate === undefined;
    if (!late && problem.code !== 'connection-lost' && problem.code !== 'internal') return problem;
    // The server may not know yet that nobody waits for its answer.
    if (running && problem.sqlstate === undefined) cancelling ??= stop(running);
    alive = false;
    wire.destroy();
    return cancelRequested ? cancelledProblem() : problem;
  }

  async function cancel(): Promise<void> {
    if (running === undefined) return;
    cancelRequested = true;
    cancelling ??= stop(running);
    await cancelling;
  }

  /** A connection on which the statement does not end is closed, as nobody can tell what goes on there. */
  async function stop(statement: Promise<unknown>): Promise<void> {
    const request = wire.key && requestCancel(target, wire.encryption, wire.key);
    const over = Promise.race([statement, wire.ended]);
    const both = Promise.allSettled([request, over]);
    await within(CANCEL_GRACE_MS, both, () => new Error('late')).catch(() => wire.destroy());
  }

  async function close(): Promise<void> {
    const wasAlive = alive;
    alive = false;
    const goodbye = async () => {
      await cancel();
      await cancelling;
      if (wasAlive) await wire.end();
    };
    await within(CLOSE_TIMEOUT_MS, goodbye(), () => new Error('late')).catch(() => {});
    wire.destroy();
  }

  return {
    backendPid: wire.key?.processId ?? 0,
    get alive() {
      return alive;
    },
    query,
    cancel,
    close,
  };
}

function lateProblem(deadlineMs: number): Problem {
  return new Problem('statement-timeout', `The server did not answer within ${deadlineMs} ms`, {
    hint: 'The session was given up. Give the rule more time, or look at what the server is doing.',
  });
}

/** Rows as objects; of two columns of one name the last wins, as in both drivers. */
function toRows({ columns, rows }: RawResult): Row[] {
  return rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i] ?? null])));
}
