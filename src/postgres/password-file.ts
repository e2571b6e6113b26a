import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Problem } from '../support/problem.ts';
import type { ConnectionTarget } from './database.ts';

/** What a line of the password file is found by. */
type Account = Pick<ConnectionTarget, 'host' | 'port' | 'database' | 'user'>;

/**
 * The password of the first matching line of libpq's password file (PGPASSFILE, else ~/.pgpass); undefined where there
 * is no such file or line. Throws `connection-invalid` where there is one and other users may read the file: libpq
 * would warn, and go on without.
 */
export function passwordFromFile(account: Account, env: NodeJS.ProcessEnv): string | undefined {
  const file = env['PGPASSFILE'] || join(env['HOME'] || homedir(), '.pgpass');
  const password = read(file).split('\n').map((line) => passwordIn(line, account)).find((found) => found !== undefined); // prettier-ignore
  if (password !== undefined && process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) {
    throw new Problem('connection-invalid', `Other users may read the password file '${file}'`, {
      hint: `Run: chmod 0600 '${file}'`,
    });
  }
  return password || undefined;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** The fifth field of `host:port:database:user:password`, if the first four are the account's, or `*`. */
function passwordIn(line: string, { host, port, database, user }: Account): string | undefined {
  if (line.startsWith('#')) return undefined;
  // A colon or a backslash inside a field has a backslash before it; one at the line's end is itself.
  const fields = line.replace(/\r$/, '').matchAll(/((?:\\.|[^:\\]|\\$)*)(?::|$)/gs);
  const [hostField, portField, databaseField, userField, password] = [...fields].map(([, field = '']) =>
    field.replaceAll(/\\(.)/gs, '$1'),
  );
  const hosts = host.startsWith('/') ? [host, 'localhost'] : [host];
  const matching =
    [...hosts, '*'].includes(hostField ?? '') &&
    [String(port), '*'].includes(portField ?? '') &&
    [database, '*'].includes(databaseField ?? '') &&
    [user, '*'].includes(userField ?? '');
  return matching ? password : undefined;
}
