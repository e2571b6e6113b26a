import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Readable } from 'node:stream';
import type { Report } from '../src/report/report.ts';
import type { Reading } from './measure.ts';

/** Where to run the gate, and on what. */
export type RowgateRun = {
  /** The bundled command line. */
  readonly cli: string;
  /** What rules are looked for below. */
  readonly folder: string;
  readonly url: string;
  readonly args: readonly string[];
};

const TELL_PEAK_MEMORY = fileURLToPath(new URL('tell-peak-memory.cjs', import.meta.url));

/** Runs `rowgate check --format json` as a shell would, and gives what it found with what it cost. Throws where it could not tell. */
export async function runRowgate(run: RowgateRun): Promise<{ report: Report; reading: Reading }> {
  const args = ['--require', TELL_PEAK_MEMORY, run.cli, 'check', '--format', 'json', ...run.args];
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: run.folder,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], DATABASE_URL: run.url },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const outputs = Promise.all(child.stdio.slice(1).map((stream) => text(stream as Readable)));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  const elapsedMs = performance.now() - startedAt;
  const [stdout = '', stderr = '', peakKiB = ''] = await outputs;
  if (exitCode !== 0 && exitCode !== 1) throw new Error(`rowgate ended with ${exitCode}:\n${stderr}`);
  const report = JSON.parse(stdout) as Report;
  const vague = report.results.find(({ outcome, violations }) => outcome === 'unknown' || !violations?.exact);
  if (vague) throw new Error(`rowgate did not count ${vague.rule} on ${vague.table}: ${vague.reason}`);
  return { report, reading: { elapsedMs, ownMs: report.elapsedMs, peakMb: (Number(peakKiB) * 1_024) / 1e6 } };
}
