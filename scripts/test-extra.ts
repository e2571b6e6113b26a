// npm run test:extra: what needs more than `npm ci`: the database tests on PostgreSQL 13 to 17, the tests of
// dist/ on the Node that GitHub runs it with, and `*.extra.test.ts`. What cannot be installed is skipped, and fails with CI=true.
import { join } from 'node:path';
import { glob } from 'tinyglobby';
import { startEmbeddedPostgres, type EmbeddedOptions } from '../src/postgres/embedded.ts';
import { installPackage } from './install-package.ts';
import { installPgBouncer } from './install-pgbouncer.ts';
import { installPostgres, OLDER_MAJORS } from './install-postgres-majors.ts';
import { ROOT } from './root.ts';
import { runTests, type TestRun } from './run-tests.ts';

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
  if (files.length === 0) return { name, exitCode: 0, passed: 0, failed: 0, skipped: 0 };
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

/** It comes from the system's packages, not from npm: where there are none, its tests alone are skipped. */
async function findPgBouncer(): Promise<Record<string, string>> {
  try {
    return { ROWGATE_PGBOUNCER: await installPgBouncer() };
  } catch (thrown) {
    process.stdout.write(`no PgBouncer, and no tests with it: ${String(thrown)}\n`);
    return {};
  }
}

async function runSuites(): Promise<Suite[]> {
  const find = (patterns: string[], ignore: string[]) =>
    glob(patterns, { cwd: ROOT, ignore }).then((files) => files.sort());
  const extra = ['test/**/*.extra.test.ts'];
  // The embedded server's own tests start the newest whatever they run on, and both drivers speak the same protocol,
  // version 3.0, to every major: the conformance suite on the newest says what there is to say.
  const database = await find(
    ['test/postgres/*.test.ts', 'test/kinds*.test.ts', 'test/trust/escapes.test.ts'],
    [
      ...extra,
      ...['embedded', 'driver-conformance', 'login', 'tls'].map((name) => `test/postgres/${name}.test.ts`),
    ],
  );
  const suites: Suite[] = [];
  for (const major of OLDER_MAJORS) {
    // For tests that start a server of their own.
    const run = (nativeFolder: string) =>
      runOnServer(database, { nativeFolder }, { ROWGATE_TEST_NATIVE_FOLDER: nativeFolder });
    suites.push(await runSuite(`PostgreSQL ${major}`, database, () => installPostgres(major), run));
  }
  const action = await find(['test/action/*.test.ts', 'test/cli/*.test.ts'], extra);
  const runAction = (node24: string) => runOnServer(action, {}, { ROWGATE_NODE24: node24 });
  suites.push(await runSuite(`dist/ on Node ${NODE_24}`, action, installNode24, runAction));
  // For where the rigs (faulty networks, poolers, standbys) would take longer than there is time.
  const others = process.env['ROWGATE_WITHOUT_RIGS'] ? [] : await find(extra, []);
  suites.push(
    await runSuite('extra', others, findPgBouncer, (environment) => runOnServer(others, {}, environment)),
  );
  return suites;
}

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
const total = (count: 'passed' | 'failed' | 'skipped') => runs.reduce((sum, run) => sum + run[count], 0);
const skipped = total('skipped') + notRun;

process.stdout.write(`${renderSummary(suites)}\n`);
process.stdout.write(
  `${total('passed')} passed, ${total('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`,
);
const mustRunAll = process.env['CI'] === 'true';
process.exitCode = runs.some((run) => run.exitCode !== 0) || (mustRunAll && notRun > 0) ? 1 : 0;
