import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildDist } from './build.ts';
import { readCounts, type Count } from './counts.ts';
import { ROOT } from './root.ts';

/** How a run of test files ended. `exitCode` is Node's, or 1 when a signal ended it; `counts` are what tests printed. */
export type TestRun = {
  readonly exitCode: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly counts: readonly Count[];
};

/** Runs test files (paths from the repository's root), two at a time, and prints what they say. */
export async function runTests(
  files: readonly string[],
  environment: Readonly<Record<string, string>>,
  nodeArguments: readonly string[] = [],
): Promise<TestRun> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-tests-'));
  const tap = join(folder, 'tap');
  // Off a terminal TAP, because it alone ends with the counts when tests fail. The file is for counting.
  const reporters = [process.stdout.isTTY ? 'spec' : 'tap', 'tap'].map((name) => `--test-reporter=${name}`);
  const destinations = ['stdout', tap].map((place) => `--test-reporter-destination=${place}`);
  const worker = join(folder, 'postgres-worker.mjs');
  await writeFile(worker, await buildWorker());
  const options = [
    '--import',
    'tsx',
    '--test',
    '--test-concurrency=2',
    '--test-timeout=240000',
    ...reporters,
    ...destinations,
  ];
  try {
    const exitCode = await runNode([...options, ...nodeArguments, ...files], {
      ...environment,
      ROWGATE_TEST_WORKER: worker,
    });
    const text = await readFile(tap, 'utf8');
    const count = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
    return {
      exitCode,
      passed: count('pass'),
      failed: count('fail') + count('cancelled'),
      skipped: count('skipped'),
      counts: readCounts(text),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The thread of the postgres package, bundled from the sources as they are. */
async function buildWorker(): Promise<Uint8Array> {
  const files = await buildDist({ 'postgres-worker': 'src/postgres/drivers/postgres-worker.ts' });
  const worker = files.get('dist/postgres-worker.js');
  if (!worker) throw new TypeError('nothing was built');
  return worker;
}

/** Signals go on to the tests, so that they end first, and then this process in the usual way. */
async function runNode(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  process.on('SIGINT', forward).on('SIGTERM', forward);
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  process.off('SIGINT', forward).off('SIGTERM', forward);
  return exitCode ?? 1;
}
