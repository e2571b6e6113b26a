import { execFile } from 'node:child_process';
import { access, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './root.ts';

const run = promisify(execFile);

/**
 * Gives a command that starts PgBouncer: the one in PATH, else the system's package for apt, unpacked with its
 * libraries under `.cache/pgbouncer`. Installs nothing, starts no service, and needs no root where apt knows its
 * packages already. Rejects with the reason where there is no apt, or no network.
 */
export async function installPgBouncer(): Promise<string> {
  if (await succeeds('pgbouncer', '--version')) return 'pgbouncer';
  const folder = join(ROOT, '.cache', 'pgbouncer');
  const command = join(folder, 'run');
  if (await succeeds(command, '--version')) return command;
  await mkdir(folder, { recursive: true });
  await access('/usr/bin/apt-get').catch(() => {
    throw new Error('there is no apt here to get PgBouncer from; put a pgbouncer into PATH');
  });
  // Container images leave the lists of packages out.
  if (!(await succeeds('apt-cache', 'show', 'pgbouncer'))) await run('apt-get', ['update']);
  for (const name of ['pgbouncer', ...(await librariesOf('pgbouncer'))]) await unpack(name, folder);
  await writeFile(
    command,
    `#!/bin/sh
libraries=$(ls -d '${folder}'/usr/lib/*-linux-gnu* '${folder}'/lib/*-linux-gnu* 2>/dev/null | tr '\\n' ':')
LD_LIBRARY_PATH=$libraries exec '${folder}/usr/sbin/pgbouncer' "$@"
`,
    { mode: 0o755 },
  );
  await run(command, ['--version']);
  return command;
}

/** The libraries that a package itself names, less the C library, which has to be the loader's own. */
async function librariesOf(name: string): Promise<string[]> {
  const { stdout } = await run('apt-cache', ['depends', '--important', name]);
  const names = [...stdout.matchAll(/^ *\|?Depends: (lib\S+)$/gm)].map(([, library = '']) => library);
  return names.filter((library) => !/^libc\d/.test(library));
}

async function unpack(name: string, folder: string): Promise<void> {
  // apt's own user may not write here.
  await run('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', name], { cwd: folder });
  const file = (await readdir(folder)).find((each) => each.endsWith('.deb')) ?? '';
  await run('dpkg-deb', ['--extract', file, '.'], { cwd: folder });
  await rm(join(folder, file));
}

async function succeeds(command: string, ...parameters: string[]): Promise<boolean> {
  return run(command, parameters).then(
    () => true,
    () => false,
  );
}
