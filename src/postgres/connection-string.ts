import { isIPv4 } from 'node:net';
import { userInfo } from 'node:os';
import { didYouMean } from '../support/nearest.ts';
import { plain } from '../support/plain.ts';
import { Problem } from '../support/problem.ts';
import {
  PARAMETERS,
  parseConnectionUrl,
  requireAddress,
  type Parameter,
  type Settings,
} from './connection-url.ts';
import type { ConnectionTarget, TlsPolicy } from './database.ts';
import { passwordFromFile } from './password-file.ts';
import { readService } from './service-file.ts';
import { readTlsPolicy, SSL_MODES } from './tls.ts';

/** Where a connection's settings come from. */
type ConnectionSource = {
  /** The connection URL; undefined, and not empty, where none was asked for and the PG* variables are meant. */
  readonly url: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the server's `pg_stat_activity` shows, unless the URL or PGAPPNAME says otherwise. */
  readonly applicationName?: string;
};

/** With a URL the environment decides on these alone: who asks, and how it is proved who answers, never who is asked. */
const FILLED_IN = ['user', 'password', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'channel_binding', 'connect_timeout', 'application_name'] as const; // prettier-ignore

/** Variables that ask for more proof of who answers than Rowgate can get: without it nobody may be taken for the server. */
const UNPROVABLE = ['PGREQUIREAUTH', 'PGREQUIREPEER', 'PGSSLCRL', 'PGSSLCRLDIR', 'PGSSLMINPROTOCOLVERSION'];
/** Variables that, where there is no URL, would lead to another server, or to a session with other rights. */
const ELSEWHERE = ['PGHOSTADDR', 'PGTARGETSESSIONATTRS', 'PGOPTIONS'];

const DEFAULT_PORT = 5_432;
/** libpq waits for ever; a job should not. Ten seconds let a paused serverless database wake up. */
const DEFAULT_CONNECT_TIMEOUT_S = 10;
const MAX_CONNECT_TIMEOUT_S = 3_600;

/**
 * Where to connect, as whom and how, from the URL, or from libpq's PG* variables when there is none; either may name a
 * service. As libpq would, or stricter: what cannot be honoured is refused by name. Reads the files that are named;
 * connects to nothing. Throws `connection-invalid`, whose message holds no secret.
 */
export function parseConnectionTarget({ url, env, applicationName }: ConnectionSource): ConnectionTarget {
  const settings = url === undefined ? fromEnvironment(env) : fromUrl(url, env);
  const host = oneHost(settings.host ?? '');
  const user = settings.user ?? systemUser();
  const account = { host, port: parsePort(settings.port), database: settings.dbname ?? user, user };
  return {
    ...account,
    password: settings.password ?? passwordFromFile(account, env),
    tls: readTlsPolicy({ ...settings, sslmode: sslMode(settings, host) }),
    connectTimeoutMs: parseTimeoutMs(settings.connect_timeout),
    applicationName: settings.application_name ?? applicationName ?? 'rowgate',
  };
}

/** `user@host:port/database`, for people; never the password. */
export function redactTarget({ user, host, port, database }: ConnectionTarget): string {
  return plain(`${user}@${host.includes(':') ? `[${host}]` : host}:${port}/${database}`);
}

/**
 * Every form of the URL and of the password that may turn up in a log and must be masked: as written, decoded, and
 * encoded again. Works for a URL that cannot be parsed, too. Leaves out what is shorter than four characters: masking
 * it would blank half of the log and hide nothing.
 */
export function secretsOf(url: string | undefined, target: ConnectionTarget | undefined): readonly string[] {
  const text = url?.trim() ?? '';
  const written = [/^\w+:\/\/[^:@/]*:(.*)@/.exec(text)?.[1], /[?&]password=([^&]*)/.exec(text)?.[1]];
  const passwords = [...written, target?.password].filter((password) => password !== undefined);
  const forms = passwords.flatMap((password) => [password, decoded(password)].flatMap(encodings));
  return [...new Set([text, normalised(text), ...forms])].filter((form) => form.length >= 4);
}

function fromUrl(url: string, env: ConnectionSource['env']): Settings {
  const settings = withService(parseConnectionUrl(url), env);
  requireAddress(settings);
  refuseVariables(env, UNPROVABLE);
  return fillIn(settings, env, FILLED_IN);
}

function fromEnvironment(env: ConnectionSource['env']): Settings {
  refuseVariables(env, [...UNPROVABLE, ...ELSEWHERE]);
  const { PGSERVICE: service } = env;
  const settings = fillIn(withService(service ? { service } : {}, env), env, Object.keys(PARAMETERS) as Parameter[]);
  if (settings.host !== undefined) return settings;
  throw invalid('Nothing says which database to ask', 'Give a database URL, or set PGSERVICE, or PGHOST, PGDATABASE, PGUSER and PGPASSWORD.');
} // prettier-ignore

/** What a service says fills in, and the environment after it, as in libpq. */
function withService(settings: Settings, env: ConnectionSource['env']): Settings {
  return settings.service === undefined ? settings : { ...readService(settings.service, env), ...settings };
}

function refuseVariables(env: ConnectionSource['env'], names: readonly string[]): void {
  const name = names.find((each) => env[each]);
  if (name) throw invalid(`Rowgate does not do what ${name} asks for`, 'Unset it for Rowgate.');
}

/** The settings, and for those that they leave out what the environment has; empty variables count as unset. */
function fillIn(settings: Settings, env: ConnectionSource['env'], names: readonly Parameter[]): Settings {
  const found = names.flatMap((name) => {
    const value = env[PARAMETERS[name]];
    return value ? [[name, value]] : [];
  });
  return { ...Object.fromEntries(found), ...settings };
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a number that stands in no user list.
    throw invalid(
      'Nothing says which user to connect as',
      'Name the user in the database URL, or set PGUSER.',
    );
  }
}

function oneHost(host: string): string {
  if (host.includes(',')) throw invalid('The connection names several hosts', 'Name one: the answer must come from one server.');
  if (/^[^/].*[/\s]|^\s|@/.test(host)) throw invalid('The host is not a name, an address or the folder of a socket', 'A folder begins with /.');
  return host;
} // prettier-ignore

function parsePort(port: string | undefined): number {
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  if (/^\d+$/.test(port ?? '1') && number >= 1 && number <= 65_535) return number;
  // Half a password may stand here when it holds a raw character that ends it.
  throw invalid('The port is not a number from 1 to 65535', 'If it looks right, user or password hold a raw / ? or # before it: write %2F, %3F or %23.'); // prettier-ignore
}

function parseTimeoutMs(seconds: string | undefined): number {
  const timeoutS = seconds === undefined ? DEFAULT_CONNECT_TIMEOUT_S : Number(seconds);
  if (Number.isInteger(timeoutS) && timeoutS >= 1 && timeoutS <= MAX_CONNECT_TIMEOUT_S)
    return timeoutS * 1_000;
  throw invalid(`connect_timeout is not a number of seconds from 1 to ${MAX_CONNECT_TIMEOUT_S}`, 'Leave it out for 10 seconds.'); // prettier-ignore
}

/**
 * What was asked for; else `prefer`, as in libpq, where the server is on this machine, and `verify-full` where it is
 * not. There libpq's `prefer` would send the password to whoever answers, and both drivers' own default is no TLS at
 * all. A server that this does not suit is not found out by silence: the connection fails, and the message says which
 * sslmode to write.
 */
function sslMode(settings: Settings, host: string): TlsPolicy['mode'] {
  const { sslmode, sslrootcert, channel_binding: binding = 'prefer' } = settings;
  const asked = SSL_MODES.find((mode) => mode === sslmode);
  if (sslmode !== undefined && asked === undefined) {
    throw invalid(`sslmode is none of ${SSL_MODES.join(', ')}${didYouMean(sslmode, SSL_MODES)}`, 'no-verify of other tools is require here.'); // prettier-ignore
  }
  if (!['disable', 'prefer', 'require'].includes(binding)) {
    throw invalid('channel_binding is none of disable, prefer, require', 'Leave it out.');
  }
  const strict = sslrootcert !== undefined || !isThisMachine(host);
  const mode = asked ?? (strict ? 'verify-full' : 'prefer');
  // Channel binding proves that nobody stands in between, which the drivers cannot; a verified certificate proves it, too.
  const unproved = binding === 'require' && sslrootcert === undefined && !mode.startsWith('verify');
  return unproved ? 'verify-full' : mode;
}

function isThisMachine(host: string): boolean {
  return (
    host.startsWith('/') ||
    host === 'localhost' ||
    host === '::1' ||
    (isIPv4(host) && host.startsWith('127.'))
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A secret, and how tools write it into a URL. */
function encodings(secret: string): string[] {
  const url = new URL('postgres://user@host');
  url.password = secret;
  try {
    return [secret, encodeURIComponent(secret), url.password];
  } catch {
    return [secret, url.password]; // half of a surrogate pair cannot be encoded
  }
}

function normalised(url: string): string {
  return URL.canParse(url) ? new URL(url).href : '';
}

function invalid(message: string, hint: string): Problem {
  return new Problem('connection-invalid', message, { hint });
}
