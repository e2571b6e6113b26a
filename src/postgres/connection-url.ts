import { didYouMean } from '../support/nearest.ts';
import { Problem } from '../support/problem.ts';

/** What a connection string can say, by libpq's names of its parameters, with libpq's environment variable for each. */
export const PARAMETERS = {
  host: 'PGHOST',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  channel_binding: 'PGCHANNELBINDING',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  application_name: 'PGAPPNAME',
  service: 'PGSERVICE',
} as const;

export type Parameter = keyof typeof PARAMETERS;

/** Parameters and their values as text; an empty value is left out, as libpq takes it for none. */
export type Settings = { readonly [Name in Parameter]?: string };

/** Parameters that are known and still refused: to ignore one would be to do something else than was asked. */
const REFUSED: Readonly<Record<string, string>> = {
  options: 'Poolers refuse it. Set what you need on the role: alter role <role> set …',
  hostaddr: 'Write the address as the host.',
  target_session_attrs: 'Name the one server to ask as the host.',
  ssl: 'Write sslmode=require or sslmode=verify-full.',
  pgbouncer: "It is Prisma's own; leave it out. Rowgate needs no telling that there is a pooler.",
  schema: "It is Prisma's own; leave it out. Rules name their schemas.",
  connection_limit: "It is Prisma's own; leave it out.",
};

/** For whatever looks as if a special character stood there as itself. */
const ENCODE_HINT =
  'In user, password and database write special characters as %XX: @ is %40, : is %3A, / is %2F, ? is %3F, # is %23, % is %25, a blank is %20.';

/**
 * Takes a connection URL apart: `postgres://user:password@host:port/database?parameter=value`, with `[::1]` for an
 * IPv6 address and `?host=/folder` or `%2Ffolder` for a Unix socket. Throws `connection-invalid`; no message holds any
 * part of the URL but names of parameters.
 */
export function parseConnectionUrl(url: string): Settings {
  const text = url.trim();
  refuseOtherForms(text);
  const [, authority = '', path = '', query = ''] = /^\w+:\/\/([^/?]*)\/?([^?]*)\??(.*)$/.exec(text) ?? [];
  if (/[@/]/.test(path) || query.includes('@')) throw invalid('The database URL holds a raw @ or / after its host', ENCODE_HINT);
  const named = { ...parseAuthority(authority), dbname: decode('database', path), ...parseQuery(query) };
  const settings: Settings = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== ''));
  if (settings.user === undefined && authority.includes('@')) throw invalid('The database URL names no user before its @', 'A part of it may come from a variable that is not set.');
  return settings;
} // prettier-ignore

/**
 * Holds a URL to naming a host and a database, by itself or by its service: one that a variable in it left half empty
 * would reach some other database.
 */
export function requireAddress(settings: Settings): void {
  const who = settings.service === undefined ? 'The database URL' : 'The service of the database URL';
  if (settings.host === undefined) throw invalid(`${who} names no host`, 'A part of it may come from a variable that is not set.');
  if (settings.dbname === undefined) throw invalid(`${who} names no database`, `Write it after the host: postgres://user:password@host:5432/database. ${ENCODE_HINT}`);
} // prettier-ignore

function refuseOtherForms(text: string): void {
  if (text === '') throw invalid('The database URL is empty', 'An unset secret looks like this: check its name, and that this workflow may read it. Pull requests of forks get no secrets, and those of Dependabot only its own.');
  if (/^['"`]/.test(text)) throw invalid('The database URL begins with a quote', 'Write it without quotes.');
  if (/^\w+\s*=/.test(text)) throw invalid('The database URL is a list of keywords', 'Write it as postgres://user:password@host:5432/database.');
  if (!/^postgres(?:ql)?:\/\//.test(text)) throw invalid('The database URL does not begin with postgres:// or postgresql://', 'Write it as postgres://user:password@host:5432/database.');
  if (/\s/.test(text)) throw invalid('The database URL holds a blank or a line break', ENCODE_HINT);
  if (text.includes('#')) throw invalid('The database URL holds a raw #', ENCODE_HINT);
} // prettier-ignore

function parseAuthority(authority: string): Settings {
  const at = authority.indexOf('@');
  const [login, last] = [authority.slice(0, Math.max(at, 0)), authority.slice(at + 1)];
  if (last.includes('@')) throw invalid('The database URL holds more than one @', ENCODE_HINT);
  const [user = '', ...password] = login.split(':');
  const address = /^(?:\[([^[\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(last);
  if (address === null) throw invalid('The database URL holds no host that can be read', `An IPv6 address stands in brackets, as [::1]. ${ENCODE_HINT}`); // prettier-ignore
  const [, inBrackets, name = '', port = ''] = address;
  return {
    user: decode('user', user),
    password: decode('password', password.join(':')),
    host: decode('host', inBrackets ?? name),
    port,
  };
}

function parseQuery(query: string): Settings {
  const settings: Record<string, string> = {};
  for (const part of query.split('&').filter((part) => part !== '')) {
    const [name = '', ...value] = part.split('=');
    if (!isParameter(name)) throw refusedParameter('The database URL', name);
    if (Object.hasOwn(settings, name))
      throw invalid(`The database URL gives ${name} twice`, 'Leave one of them.');
    settings[name] = decode(name, value.join('='));
  }
  return settings;
}

/** Whether a connection string may say this. */
export function isParameter(name: string): name is Parameter {
  return Object.hasOwn(PARAMETERS, name);
}

/** The problem of a parameter that is not one, or that stands for what Rowgate does not do; `source` gives it. */
export function refusedParameter(source: string, name: string): Problem {
  if (!/^\w+$/.test(name)) return invalid(`${source} holds a parameter that cannot be read`, ENCODE_HINT);
  const guess = didYouMean(name, Object.keys(PARAMETERS));
  const hint = Object.hasOwn(REFUSED, name)
    ? REFUSED[name]
    : `Known are: ${Object.keys(PARAMETERS).join(', ')}.`;
  return invalid(`${source} has a parameter that Rowgate does not take: ${name}${guess}`, hint);
}

function decode(part: string, encoded: string): string {
  try {
    const decoded = decodeURIComponent(encoded);
    if (!decoded.includes('\0')) return decoded;
  } catch {
    // Node's error holds what it could not decode.
  }
  throw invalid(`The ${part} in the database URL holds a raw % or a wrong %XX`, ENCODE_HINT);
}

function invalid(message: string, hint: string | undefined): Problem {
  return new Problem('connection-invalid', message, { hint });
}
