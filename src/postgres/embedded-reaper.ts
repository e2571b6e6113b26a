import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { ENVIRONMENT } from './embedded-binaries.ts';

/** Outlives this process by as long as it takes to stop a server and to remove its folder. */
type Reaper = ChildProcessByStdio<Writable, null, null>;

/**
 * Waits for the end of its input, which comes when its parent ends in whatever way; then stops the server in folder
 * $1 and removes the folder. A negative pid is initdb's, which stops by itself. The server has ended when its pid
 * file is gone: where no init collects processes, a dead one answers `kill -0` for ever.
 */
const SCRIPT = `
trap '' INT TERM HUP
cat >/dev/null
file=$1/data/postmaster.pid
if read -r pid <"$file" && [ "$pid" -gt 0 ]; then
  kill -INT "$pid"
  tries=0
  while [ -e "$file" ] && kill -0 "$pid" && [ $tries -lt 600 ]; do
    [ $tries -eq 500 ] && kill -QUIT "$pid"
    tries=$((tries + 1))
    sleep 0.02
  done
fi
rm -rf "$1" || { sleep 1; rm -rf "$1"; }`;

/** Starts the reaper of the server that runs, or will run, in `folder`/data. It waits for this process to end. */
export function startReaper(folder: string): Reaper {
  const reaper = spawn('sh', ['-c', SCRIPT, 'sh', folder], {
    env: ENVIRONMENT,
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  reaper.stdin.on('error', () => {}); // it may be gone already, as after `keep`
  (reaper.stdin as Socket).unref();
  reaper.unref();
  return reaper;
}

/** Has the reaper do its work now, or a new one where the first is gone; ends when server and folder are. */
export async function reap(first: Reaper, folder: string): Promise<void> {
  const gone = first.killed || first.exitCode !== null || first.signalCode !== null;
  const reaper = gone ? startReaper(folder) : first;
  const ended = once(reaper, 'exit');
  reaper.ref();
  reaper.stdin.end();
  await ended;
}
