/** Where in a file something stands. Lines and columns count from 1. */
export type Position = { readonly file: string; readonly line: number; readonly column: number };

/** What kind of trouble a {@link Problem} is; stable, for scripts and tests. */
export type ProblemCode =
  | 'options-invalid'
  | 'rules-not-found'
  | 'rules-invalid'
  | 'sql-not-allowed'
  | 'sql-not-reviewed'
  | 'base-unreadable'
  | 'table-unknown'
  | 'column-unknown'
  | 'connection-invalid'
  | 'connection-failed'
  | 'connection-lost'
  | 'authentication-failed'
  | 'database-missing'
  | 'tls-failed'
  | 'privilege-missing'
  | 'row-security'
  | 'statement-timeout'
  | 'lock-timeout'
  | 'server-busy'
  | 'recovery-conflict'
  | 'object-changed'
  | 'query-failed'
  | 'not-measurable'
  | 'indexes-outdated'
  | 'role-can-write'
  | 'reads-standby'
  | 'reads-through-pooler'
  | 'reads-in-one-session'
  | 'nothing-enforced'
  | 'tables-empty'
  | 'schemas-unchecked'
  | 'runs-database-code'
  | 'cancelled'
  | 'budget-spent'
  | 'backfill-refused'
  | 'acknowledgement-missing'
  | 'value-altered'
  | 'ledger-missing'
  | 'run-unknown'
  | 'run-busy'
  | 'baseline-unreadable'
  | 'baseline-missing'
  | 'baseline-differs'
  | 'ratchet-stalled'
  | 'report-failed'
  | 'report-unreadable'
  | 'report-missing'
  | 'report-duplicate'
  | 'report-stale'
  | 'reports-differ'
  | 'target-unexpected'
  | 'demo-failed'
  | 'tenants-not-found'
  | 'internal';

type ProblemDetails = {
  /** What the person should do next. */
  readonly hint?: string | undefined;
  /** The place in a file that has to change. */
  readonly at?: Position | undefined;
  /** The server's five-character error code, where a server answered. */
  readonly sqlstate?: string | undefined;
  /** The server's error position: 1-based, in code points of the statement's text. */
  readonly sqlPosition?: number | undefined;
  readonly cause?: unknown;
};

/**
 * The one error that a person can act on: what is wrong (`message`), where (`at`), what to do (`hint`).
 * Messages never hold credentials or row values.
 */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly hint: string | undefined;
  readonly at: Position | undefined;
  readonly sqlstate: string | undefined;
  readonly sqlPosition: number | undefined;

  constructor(code: ProblemCode, message: string, details: ProblemDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.at = details.at;
    this.sqlstate = details.sqlstate;
    this.sqlPosition = details.sqlPosition;
  }

  /** The same problem, standing at a place in a file. */
  located(at: Position): Problem {
    return new Problem(this.code, this.message, { ...this, at, cause: this.cause });
  }
}

/** Several at once, as the mistakes of a rules file are. */
export class Problems extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ message }) => message).join('\n'));
    this.problems = problems;
  }
}

/** Problems of configuration: trying again without changing something cannot help. */
const OF_CONFIGURATION: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'options-invalid',
  'rules-not-found',
  'rules-invalid',
  'baseline-unreadable',
  'sql-not-allowed',
  'base-unreadable',
  'table-unknown',
  'column-unknown',
  'connection-invalid',
  'authentication-failed',
  'database-missing',
  'tls-failed',
]);

/** Whether a run with this problem could not start: exit code 3. */
export function isOfConfiguration({ code }: Problem): boolean {
  return OF_CONFIGURATION.has(code);
}

/** One line for people: `file:line:column: message`, then the hint. */
export function describeProblem(problem: Problem): string {
  const place = problem.at ? `${problem.at.file}:${problem.at.line}:${problem.at.column}: ` : '';
  const hint = problem.hint ? `\n  ${problem.hint}` : '';
  return `${place}${problem.message}${hint}`;
}

/** Whatever was thrown, as a {@link Problem}; a programming error becomes `internal` and keeps its cause. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new Problem('internal', `Rowgate failed in a way it should not: ${message}`, {
    cause: thrown,
    hint: 'This is a bug in Rowgate. Please report it, with the rules file and the server version.',
  });
}
