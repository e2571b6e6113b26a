// npm run test:extra [-- <part of a path>... --all-faults]: what needs more than `npm ci`: the database tests on PostgreSQL 13 to 17, the
// tests of dist/ on the Node that GitHub runs it with, and `*.extra.test.ts`. Ends with a table of what was tried, and how often
// it ended right. What cannot be installed is skipped, and fails with CI=true.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { glob } from 'tinyglobby';
import { startEmbeddedPostgres, type EmbeddedOptions } from '../src/postgres/embedded.ts';
import { addUp, areRight, renderCounts } from './counts.ts';
import { installChromium } from './install-chromium.ts';
import { installPackage } from './install-package.ts';
import { installPgBouncer } from './install-pgbouncer.ts';
import { installPostgres, OLDER_MAJORS } from './install-postgres-majors.ts';
import { installSquawk } from './install-squawk.ts';
import { ROOT } from './root.ts';
import { runTests, type TestRun } from './run-tests.ts';

const { positionals: parts, values } = parseArgs({
  allowPositionals: true,
  options: { 'all-faults': { type: 'boolean', default: false } },
});

/** The Node that `using: node24` runs, from npm; the newest when this was written. */
const NODE_24 = '24.21.0';

/** A suite of the summary: one run of some files, or why it could not be run. */
type Suite = { readonly name: string } & (TestRun | { readonly reason: string });

/** Runs the same files on another server or with other settings; `prepare` may fail, and then the suite is skipped. */
async function runSuite<Prepared>(
  name: string,
  files: readonly string[],
  prepare: () => Promise<Prepared>,
  run: (prepared: Prepared) => Promise<TestRun>,
): Promise<Suite> {
  process.stdout.write(`\n# ${name}: ${files.length} files\n`);
  if (files.length === 0) return { name, exitCode: 0, passed: 0, failed: 0, skipped: 0, counts: [] };
  let prepared: Prepared;
  try {
    prepared = await prepare();
  } catch (thrown) {
    const reason = String((thrown as { stderr?: string }).stderr || thrown).trim();
    process.stdout.write(`skipped: ${reason}\n`);
    return { name, reason };
  }
  return { name, ...(await run(prepared)) };
}

async function runOnServer(
  files: readonly string[],
  options: EmbeddedOptions,
  environment = {},
): Promise<TestRun> {
  const server = await startEmbeddedPostgres({ ...options, settings: { max_connections: 200 } });
  try {
    return await runTests(files, { ROWGATE_TEST_SERVER_URL: server.url, ...environment });
  } finally {
    await server.stop();
  }
}

async function installNode24(): Promise<string> {
  const folder = await installPackage(`node-${process.platform}-${process.arch}`, NODE_24, 'node24');
  return join(folder, 'bin', 'node');
}

/** They come from the system's packages, not from npm: where there are none, their tests alone are skipped. */
async function findPrograms(): Promise<Record<string, string>> {
  const programs = {
    ROWGATE_PGBOUNCER: installPgBouncer,
    ROWGATE_CHROMIUM: installChromium,
    ROWGATE_SQUAWK: installSquawk,
  };
  const found: Record<string, string> = {};
  for (const [name, install] of Object.entries(programs)) {
    try {
      found[name] = await install();
    } catch (thrown) {
      process.stdout.write(`no ${name}, and no tests with it: ${String(thrown)}\n`);
    }
  }
  return found;
}

/** Backfills run on the oldest and on the newest. */
const BACKFILLS = 'test/backfill/{backfill,guards,keys,shapes}.test.ts';

/** On an older major what can differ by it. The tests of all of trust's walls run on the oldest and on the newest. */
const BY_MAJOR = [
  'test/postgres/{index-trust,kinds,planning,preflight,schema-traps,seed,strategies,verdict-traps,whole-tables}.test.ts',
];

/**
 * The embedded server's own tests start the newest whatever they run on, and both drivers speak the same protocol,
 * version 3.0, to every major: the conformance suite on the newest says what there is to say.
 */
const ON_THE_NEWEST = ['embedded', 'driver-conformance', 'login', 'tls'];

const EXTRA = 'test/**/*.extra.test.ts';

/** Files of these patterns whose path has one of the words in it that the command was given, or all. */
async function find(patterns: readonly string[], ignore: readonly string[] = []): Promise<string[]> {
  const files = await glob([...patterns], { cwd: ROOT, ignore: [...ignore] });
  return files.sort().filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
}

async function runSuites(): Promise<Suite[]> {
  const oldest = await find(
    ['test/postgres/*.test.ts', 'test/trust/{bad-inputs,escapes}.test.ts', BACKFILLS],
    [EXTRA, ...ON_THE_NEWEST.map((name) => `test/postgres/${name}.test.ts`)],
  );
  const later = await find(BY_MAJOR);
  const suites: Suite[] = [];
  for (const [i, major] of OLDER_MAJORS.entries()) {
    const files = i === 0 ? oldest : later;
    // For tests that start a server of their own.
    const run = (nativeFolder: string) =>
      runOnServer(files, { nativeFolder }, { ROWGATE_TEST_NATIVE_FOLDER: nativeFolder });
    suites.push(await runSuite(`PostgreSQL ${major}`, files, () => installPostgres(major), run));
  }
  const bundle = ['test/{action,cli}/*.test.ts', 'test/trust/hostile.test.ts'];
  const action = await find(bundle, [EXTRA]);
  const runAction = (node24: string) => runOnServer(action, {}, { ROWGATE_NODE24: node24 });
  suites.push(await runSuite(`dist/ on Node ${NODE_24}`, action, installNode24, runAction));
  const rigs = await find([EXTRA]);
  const faults = values['all-faults'] ? { ROWGATE_ALL_FAULTS: '1' } : {};
  const runRigs = (environment: Record<string, string>) =>
    runOnServer(rigs, {}, { ...faults, ...environment });
  suites.push(await runSuite('extra', rigs, findPrograms, runRigs));
  return suites;
}

/** What has to be counted when everything runs; `npm run test:mutants` counts guards. */
const COUNTED = ['escape attempts', 'hostile strings', 'fault cells', 'bad inputs'];

function renderSummary(suites: readonly Suite[]): string {
  const width = Math.max(...suites.map((suite) => suite.name.length));
  const counts = (run: TestRun) => `${run.passed} passed, ${run.failed} failed, ${run.skipped} skipped`;
  const line = (suite: Suite) =>
    `${suite.name.padEnd(width)}  ${'reason' in suite ? 'not run' : counts(suite)}`;
  return ['', ...suites.map(line), ''].join('\n');
}

const suites = await runSuites();
const runs = suites.filter((suite) => 'exitCode' in suite);
const notRun = suites.length - runs.length;
const counts = addUp(runs.flatMap((run) => run.counts));
const total = (count: 'passed' | 'failed' | 'skipped') => runs.reduce((sum, run) => sum + run[count], 0);
const skipped = total('skipped') + notRun;

process.stdout.write(`${renderSummary(suites)}\n${renderCounts(counts)}\n`);
process.stdout.write(
  `${total('passed')} passed, ${total('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`,
);
const mustRunAll = process.env['CI'] === 'true';
const isRight = areRight(counts, parts.length === 0 && notRun === 0 ? COUNTED : []);
const failed = runs.some((run) => run.exitCode !== 0) || (mustRunAll && notRun > 0);
process.exitCode = failed || !isRight ? 1 : 0;
