import type { Sql } from '../sql/sql.ts';

/** A row as the server's text output: every value a string or NULL, so that no number is ever rounded. */
export type Row = Readonly<Record<string, string | null>>;

/** The two drivers that can carry a session. */
export const DRIVERS = ['pg', 'postgres'] as const;
export type DriverName = (typeof DRIVERS)[number];

/** How to reach a server; made by `connection-string.ts`, the same for both drivers. */
export type ConnectionTarget = {
  /** A host name, an address, or the folder of a Unix socket (it starts with `/`). */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string | undefined;
  readonly tls: TlsPolicy;
  readonly connectTimeoutMs: number;
  readonly applicationName: string;
};

/** What libpq's `sslmode` asks of the connection, spelled out. */
export type TlsPolicy = {
  readonly mode: 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
  /** PEM text of the certificate authorities to trust, or `system` for the ones Node trusts. */
  readonly rootCertificates: string | 'system' | undefined;
  readonly clientCertificate: string | undefined;
  readonly clientKey: string | undefined;
};

/**
 * One connection to one server process, used by one caller at a time.
 *
 * Every method rejects with a `Problem` whose code says what happened (`errors.ts`), and nothing else; none of them
 * hangs past its deadline. A session that has lost its connection stays lost: it never reconnects on its own,
 * because settings and snapshot would be gone and an answer would not be the run's answer.
 */
export interface Session {
  /** The server's process id for this connection. Behind a pooler it is the pooler's and means nothing. */
  readonly backendPid: number;
  /** False once the connection is lost or closed. */
  readonly alive: boolean;
  /** Runs one statement by the extended protocol and gives all of its rows. The deadline defaults to 60 s. */
  query(statement: Sql, options?: { readonly deadlineMs?: number }): Promise<readonly Row[]>;
  /** Asks the server to cancel what this session runs now, over a second connection. Never rejects. */
  cancel(): Promise<void>;
  /** Closes the connection, within two seconds whatever the server does. Never rejects. */
  close(): Promise<void>;
}

/** A database that sessions can be opened on. */
export interface Database {
  readonly target: ConnectionTarget;
  readonly driver: DriverName;
  /** Opens a session, or rejects with a `Problem` within the target's `connectTimeoutMs`. */
  connect(): Promise<Session>;
}
