import { Problem } from '../support/problem.ts';
import { compile, type CompiledSql, type Sql } from '../sql/sql.ts';
import type { ConnectionTarget, Row, Session } from './database.ts';
import { within } from './deadline.ts';
import { databaseProblem, lostProblem } from './errors.ts';
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
  /** Resolves when the connection has ended, in whatever way and by whomever. */
  readonly ended: Promise<unknown>;
  /** Runs one statement. May throw what it likes; need not settle once the connection has ended. */
  send(statement: CompiledSql): Promise<RawResult>;
  /** Says goodbye to the server; resolves when the connection is closed. */
  end(): Promise<unknown>;
  /** Closes the connection at once. */
  destroy(): void;
};

/** Long for any one statement that has no deadline of its own, short against a job's six hours. */
const DEFAULT_DEADLINE_MS = 60_000;

/** Shared among a cancel and the goodbye. */
const CLOSE_TIMEOUT_MS = 2_000;

/** A {@link Session} over a driver's connection: deadlines, cancelling, and what is thrown. */
export function makeSession(target: ConnectionTarget, wire: Wire): Session {
  let alive = true;
  let running = false;
  let cancelling: Promise<void> | undefined;
  void wire.ended.then(() => (alive = false));
  const ended = wire.ended.then(() => Promise.reject(lostProblem(target)));
  ended.catch(() => {}); // of interest to a running query alone

  async function query(statement: Sql, { deadlineMs = DEFAULT_DEADLINE_MS } = {}): Promise<readonly Row[]> {
    if (running) throw new Problem('internal', 'a session was asked for two queries at once');
    running = true;
    try {
      const result = Promise.race([send(statement), ended]);
      return toRows(await within(deadlineMs, result, () => lateProblem(deadlineMs)));
    } catch (error) {
      throw fail(error);
    } finally {
      running = false;
    }
  }

  async function send(statement: Sql): Promise<RawResult> {
    await cancelling; // one that arrives late would hit this statement instead of the last one
    cancelling = undefined;
    if (!alive) throw lostProblem(target);
    return wire.send(compile(statement));
  }

  /** The error as a problem; a session whose connection cannot be trusted any more ends here. */
  function fail(error: unknown): Problem {
    const cancelRequested = cancelling !== undefined;
    const problem = databaseProblem(error, { target, connected: true, cancelRequested });
    const late = problem.code === 'statement-timeout' && problem.sqlstate === undefined;
    if (late) void cancel();
    if (late || problem.code === 'connection-lost' || problem.code === 'internal') {
      alive = false;
      wire.destroy();
    }
    return problem;
  }

  async function cancel(): Promise<void> {
    if (!running || wire.key === undefined) return;
    cancelling ??= requestCancel(target, wire.encryption, wire.key);
    await cancelling;
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
