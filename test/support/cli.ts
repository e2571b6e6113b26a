import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export type CliRun = { readonly exitCode: number | null; readonly stdout: string; readonly stderr: string };

export type CliOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called once the process has begun, to disturb it. */
  readonly onStart?: (pid: number) => void;
};

/** Runs `dist/cli.js` as a shell would: nothing of this process's Postgres settings reaches it. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const node = process.env['ROWGATE_NODE24'] ?? process.execPath;
  return new Promise((resolve, reject) => {
    const child = spawn(node, [cli, ...args], {
      cwd: options.cwd ?? root,
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
    if (child.pid !== undefined) options.onStart?.(child.pid);
  });
}
