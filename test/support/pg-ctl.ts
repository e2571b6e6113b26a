import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  ENVIRONMENT,
  findNativeFolder,
  IS_ROOT,
  makeRunnable,
  NOBODY,
} from '../../src/postgres/embedded-binaries.ts';

/** Runs pg_ctl on the cluster in `folder`/data, and waits until it is done; such as `promote`, or `restart`. */
export async function pgCtl(folder: string, ...command: string[]): Promise<void> {
  const copy = join(folder, 'native');
  const native = existsSync(copy) ? copy : await makeRunnable(findNativeFolder(), folder);
  const data = join(folder, 'data');
  const user = IS_ROOT ? { uid: NOBODY, gid: NOBODY } : {};
  const parameters = ['-D', data, '--wait', '--log', join(data, 'log'), ...command];
  await promisify(execFile)(join(native, 'bin', 'pg_ctl'), parameters, {
    env: ENVIRONMENT,
    cwd: data,
    ...user,
  });
}
