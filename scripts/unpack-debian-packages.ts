import { execFile } from 'node:child_process';
import { access, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Downloads packages by apt and unpacks them into a folder. Installs nothing, starts no service, and needs no root where
 * apt knows its packages already. Rejects with the reason where there is no apt, or no network.
 */
export async function unpackDebianPackages(names: readonly string[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of names) {
    // apt's own user may not write here.
    await run('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', name], { cwd: folder });
    const file = (await readdir(folder)).find((each) => each.endsWith('.deb')) ?? '';
    await run('dpkg-deb', ['--extract', file, '.'], { cwd: folder });
    await rm(join(folder, file));
  }
}

/** Has apt know a package; container images leave the lists of packages out. */
export async function findDebianPackage(name: string): Promise<void> {
  await access('/usr/bin/apt-get').catch(() => {
    throw new Error(`there is no apt here to get ${name} from; put it into PATH`);
  });
  if (!(await succeeds('apt-cache', 'show', name))) await run('apt-get', ['update']);
}

/** Writes a command, `run` in the folder, that starts an unpacked program with the libraries that came with it. */
export async function writeRunner(folder: string, program: string, environment = ''): Promise<string> {
  const command = join(folder, 'run');
  await writeFile(
    command,
    `#!/bin/sh
libraries=$(ls -d '${folder}'/usr/lib/*-linux-gnu* '${folder}'/lib/*-linux-gnu* '${folder}'/usr/lib/*-linux-gnu*/pulseaudio 2>/dev/null | tr '\\n' ':')
${environment}LD_LIBRARY_PATH=$libraries exec '${folder}/${program}' "$@"
`,
    { mode: 0o755 },
  );
  return command;
}

/** Whether a command ends with 0. */
export async function succeeds(command: string, ...parameters: string[]): Promise<boolean> {
  return run(command, parameters).then(
    () => true,
    () => false,
  );
}
