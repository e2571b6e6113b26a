import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './root.ts';
import { findDebianPackage, succeeds, unpackDebianPackages, writeRunner } from './unpack-debian-packages.ts';

const run = promisify(execFile);

/** Debian's build without a window: a third of the libraries of `chromium`. */
const PACKAGE = 'chromium-headless-shell';

/**
 * Gives a command that starts Chromium without a window: the one in PATH, else Debian's package, unpacked under
 * `.cache/chromium` with all that this machine lacks for it.
 */
export async function installChromium(): Promise<string> {
  for (const name of [PACKAGE, 'chromium']) if (await starts(name)) return name;
  const folder = join(ROOT, '.cache', 'chromium');
  if (await starts(join(folder, 'run'))) return join(folder, 'run');
  await findDebianPackage(PACKAGE);
  await unpackDebianPackages(await missingFor(PACKAGE), folder);
  // The machine's own fonts, and those that were unpacked.
  const fonts = join(folder, 'fonts.conf');
  await writeFile(
    fonts,
    `<?xml version="1.0"?><fontconfig><include ignore_missing="yes">/etc/fonts/fonts.conf</include><dir>/usr/share/fonts</dir><dir>${folder}/usr/share/fonts</dir><cachedir>${folder}/fonts</cachedir></fontconfig>\n`,
  );
  const command = await writeRunner(
    folder,
    'usr/lib/chromium/chromium-headless-shell',
    `FONTCONFIG_FILE='${fonts}' `,
  );
  await run(command, ['--no-sandbox', '--version']);
  return command;
}

const starts = (command: string): Promise<boolean> => succeeds(command, '--no-sandbox', '--version');

/** What apt would install for a package on this machine, itself included. */
async function missingFor(name: string): Promise<string[]> {
  const options = ['--simulate', '--no-install-recommends', '-o', 'Debug::NoLocking=1'];
  const { stdout } = await run('apt-get', ['install', ...options, name]);
  return [...stdout.matchAll(/^Inst (\S+)/gm)].map(([, missing = '']) => missing);
}
