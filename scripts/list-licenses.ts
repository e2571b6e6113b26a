import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from './root.ts';

type PackageJson = { readonly name: string; readonly version: string; readonly license?: string };

/** The licences of packages, given as folders from the root, as one text; rejects for a package that names none. */
export async function listLicenses(folders: readonly string[]): Promise<string> {
  const notices = await Promise.all(folders.map((folder) => readNotice(join(ROOT, folder))));
  return `Rowgate's bundle holds these packages, each under its own licence.\n\n${notices.join('\n')}`;
}

async function readNotice(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  ) as PackageJson;
  if (license === undefined) throw new Error(`${name} names no licence in its package.json`);
  const file = (await readdir(folder)).sort().find((entry) => /^(un)?licen[cs]e/i.test(entry));
  const text =
    file === undefined
      ? `(${license}; the package has no licence file)`
      : await readFile(join(folder, file), 'utf8');
  return `${'='.repeat(80)}\n${name} ${version} (${license})\n\n${text.replaceAll('\r\n', '\n').trim()}\n`;
}
