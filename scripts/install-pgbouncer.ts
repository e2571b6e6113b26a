import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './root.ts';
import { findDebianPackage, succeeds, unpackDebianPackages, writeRunner } from './unpack-debian-packages.ts';

const run = promisify(execFile);

/**
 * Gives a command that starts PgBouncer: the one in PATH, else the system's package for apt, unpacked with its
 * libraries under `.cache/pgbouncer`.
 */
export async function installPgBouncer(): Promise<string> {
  if (await succeeds('pgbouncer', '--version')) return 'pgbouncer';
  const folder = join(ROOT, '.cache', 'pgbouncer');
  if (await succeeds(join(folder, 'run'), '--version')) return join(folder, 'run');
  await findDebianPackage('pgbouncer');
  await unpackDebianPackages(['pgbouncer', ...(await librariesOf('pgbouncer'))], folder);
  const command = await writeRunner(folder, 'usr/sbin/pgbouncer');
  await run(command, ['--version']);
  return command;
}

/** The libraries that a package itself names, less the C library, which has to be the loader's own. */
async function librariesOf(name: string): Promise<string[]> {
  const { stdout } = await run('apt-cache', ['depends', '--important', name]);
  const names = [...stdout.matchAll(/^ *\|?Depends: (lib\S+)$/gm)].map(([, library = '']) => library);
  return names.filter((library) => !/^libc\d/.test(library));
}
