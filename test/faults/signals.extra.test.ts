// Signals to the bundle: the statement on the server ends, and the report is written. Prints how long the server took.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { DRIVERS } from '../../src/postgres/database.ts';
import { reportSchema, type Report } from '../../src/report/report.ts';
import { runCli, type CliRun } from '../support/cli.ts';
import { runAction } from '../support/runner-emulator.ts';
import { createDatabase } from '../support/server.ts';
import { countCell, printCounts } from './count-cells.ts';
import { startFaultProxy } from './fault-proxy.ts';
import type { Frame } from './frames.ts';
import { namedUrl, SCHEMA, SLOW_RULES } from './gate-under-fault.ts';
import { expectNobody, until, untilAsleep } from './left-behind.ts';

const database = await createDatabase(SCHEMA);
const folder = mkdtempSync(path.join(tmpdir(), 'rowgate-signals-'));
writeFileSync(path.join(folder, 'rules.yml'), SLOW_RULES);
const tookMs: string[] = [];
after(() => {
  rmSync(folder, { recursive: true });
  process.stdout.write(`the statement on the server ended after: ${tookMs.join(', ')}\n`);
});
printCounts('signals');

/** Runs the command line on a check that sleeps; signals it then, all at once. */
async function signalled(driver: string, ...signals: NodeJS.Signals[]): Promise<CliRun> {
  const { url, name } = namedUrl(database.url);
  let pid = 0;
  const run = runCli(
    ['check', '--rules', 'rules.yml', '--database-url', url, '--format', 'json', '--driver', driver],
    { cwd: folder, onStart: (started) => (pid = started) },
  );
  await untilAsleep(database, name);
  const signalledAt = performance.now();
  for (const signal of signals) process.kill(pid, signal);
  await until('the statement on the server ends', async () => {
    const active = `select from pg_stat_activity where application_name = $1 and state = 'active'`;
    return (await database.rows(active, [name])).length === 0;
  });
  tookMs.push(`${Math.round(performance.now() - signalledAt)} ms (${driver}, ${signals.join(' ')})`);
  await expectNobody(database, name);
  return run;
}

function expectReport({ stdout, exitCode }: CliRun): void {
  expectCancelled(reportSchema.parse(JSON.parse(stdout)));
  assert.equal(exitCode, 2);
}

function expectCancelled({ results, exitCode }: Report): void {
  assert.equal(exitCode, 2);
  assert.deepEqual(results.map(({ rule }) => rule).toSorted(), ['first', 'fourth', 'slow']);
  assert.equal(results.find(({ rule }) => rule === 'slow')?.problem?.code, 'cancelled');
  assert.ok(results.every(({ outcome }) => outcome !== 'broken'));
}

describe('signals', { concurrency: 3 }, () => {
  for (const driver of DRIVERS) {
    for (const signals of [['SIGINT'], ['SIGTERM'], ['SIGHUP'], ['SIGINT', 'SIGTERM']] as const) {
      test(`${driver}: after ${signals.join(' and ')} the statement ends, and the report is written`, () =>
        countCell(async () => expectReport(await signalled(driver, ...signals))));
    }

    test(`${driver}: SIGKILL leaves the server a statement that it ends by itself`, () =>
      countCell(async () => void (await signalled(driver, 'SIGKILL'))));

    for (const silent of [false, true]) {
      const where = silent ? 'while its link is silent' : 'in a check';
      test(`${driver}: a job that is cancelled ${where} still writes its report, summary and outputs`, () =>
        countCell(async () => {
          const { hostname: host, port } = new URL(database.url);
          const isCatalogue = ({ type, bytes }: Frame) => type === 'P' && bytes.includes('pg_attribute');
          const fault = silent ? ({ fault: 'black-hole', at: isCatalogue } as const) : {};
          const proxy = await startFaultProxy({ to: { host, port: Number(port) }, ...fault });
          const { url, name } = namedUrl(database.url, proxy);
          const run = await runAction({
            actionFolder: path.resolve('.'),
            files: { 'rules/slow.yml': SLOW_RULES },
            inputs: { 'database-url': url, driver, 'max-connections': '1' },
            signalAfter: silent ? /connected to/ : 6_000,
          });
          assert.equal(proxy.struck, silent);
          proxy.close();
          assert.ok(!run.signals.includes('SIGKILL'), run.signals.join());
          assert.equal(run.outputs['verdict'], 'incomplete');
          assert.match(run.summary ?? '', /Incomplete/);
          expectCancelled(reportSchema.parse(JSON.parse(run.read('rowgate-report/report.json') ?? '')));
          await expectNobody(database, name);
        }));
    }
  }
});
