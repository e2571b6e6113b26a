import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './root.ts';

/**
 * Installs one exact version of an npm package under `.cache/<folder>`, unless it is there, without its install
 * scripts, and gives the package's folder. Rejects when npm cannot install it; package.json and the lock stay as
 * they are.
 */
export async function installPackage(name: string, version: string, folder: string): Promise<string> {
  const prefix = join(ROOT, '.cache', folder);
  const installed = join(prefix, 'node_modules', name);
  if ((await readVersion(installed)) === version) return installed;
  await mkdir(prefix, { recursive: true });
  const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await promisify(execFile)('npm', ['install', ...options, '--prefix', prefix, `${name}@${version}`], {
    cwd: prefix,
  });
  return installed;
}

async function readVersion(packageFolder: string): Promise<string | undefined> {
  const text = await readFile(join(packageFolder, 'package.json'), 'utf8').catch(() => '{}');
  return (JSON.parse(text) as { version?: string }).version;
}
