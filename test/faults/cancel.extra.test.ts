// A run that is cancelled, in whatever state its connections are: it ends, says so, and leaves nothing on the server.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DRIVERS, type DriverName } from '../../src/postgres/database.ts';
import { within } from '../../src/postgres/deadline.ts';
import { createDatabase } from '../support/server.ts';
import { countCell, printCounts } from './count-cells.ts';
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
import { MEASURES, namedUrl, runToEnd, SCHEMA, SLOW_RULES } from './gate-under-fault.ts';
import { expectHonest } from './judge.ts';
import { expectNobody, expectNothingHeld, untilAsleep } from './left-behind.ts';

const database = await createDatabase(SCHEMA);
const good = await runToEnd({ driver: 'pg', url: database.url, rules: SLOW_RULES });
const { hostname: host, port } = new URL(database.url);
const server = { host, port: Number(port) };
printCounts('cancel');

/** Not a limit of ours: less than any deadline that would end such a run by itself. */
const BY_ITSELF_MS = 25_000;

/** By the statement before which the run is cancelled. */
const STAGES: readonly (readonly [name: string, text: RegExp])[] = [
  ['begin', /^begin/],
  ['the catalogue', /pg_attribute/],
  ['explain', /^explain [^]*"slow"/],
  ['its settings', /set_config/],
  ['a check', /^select [^]*count\(\*\)[^]*"slow"/],
];

describe('a run that is cancelled', { concurrency: 6 }, () => {
  for (const driver of DRIVERS) {
    for (const [stage, text] of STAGES) {
      test(`${driver}: before ${stage} it sends nothing more, and leaves what it had not measured unknown`, () =>
        countCell(async () => {
          const cancel = new AbortController();
          const proxy = await startFaultProxy({ to: server });
          const beforeQuery = async (statement: string): Promise<void> => {
            if (text.test(statement)) cancel.abort();
          };
          await expectCancelled(driver, proxy, cancel, { beforeQuery });
          assert.ok(!proxy.passed.some((frame) => frame.type === 'P' && MEASURES['slow']?.test(frame.text)));
        }));
    }

    test(`${driver}: in a check it ends the statement on the server`, () =>
      countCell(async () => {
        const cancel = new AbortController();
        const proxy = await startFaultProxy({ to: server });
        await expectCancelled(driver, proxy, cancel, { whileAsleep: () => cancel.abort() });
        assert.equal(proxy.counts.cancels, 1);
      }));

    test(`${driver}: in a check whose link is silent it ends the statement all the same`, () =>
      countCell(async () => {
        const cancel = new AbortController();
        const proxy = await startFaultProxy({ to: server });
        const whileAsleep = () => {
          proxy.strike('black-hole');
          cancel.abort();
        };
        await expectCancelled(driver, proxy, cancel, { whileAsleep });
        assert.equal(proxy.counts.cancels, 1);
      }));

    test(`${driver}: in a check whose cancel gets nowhere it gives the connection up`, () =>
      countCell(async () => {
        const cancel = new AbortController();
        const proxy = await startFaultProxy({
          to: server,
          fault: 'black-hole',
          at: ({ type }) => type === 'cancel',
        });
        await expectCancelled(driver, proxy, cancel, { whileAsleep: () => cancel.abort() });
        assert.ok(proxy.struck);
      }));

    test(`${driver}: while it connects to a server that says nothing it does not wait for it`, () =>
      countCell(async () => {
        const cancel = new AbortController();
        const proxy = await startFaultProxy({
          to: server,
          fault: 'black-hole',
          at: ({ type }) => {
            setTimeout(() => cancel.abort(), 50);
            return type === 'startup';
          },
        });
        await expectCancelled(driver, proxy, cancel);
        assert.ok(proxy.struck);
      }));
  }
});

type Moment = {
  readonly beforeQuery?: (statement: string) => Promise<void>;
  /** Called once the slow check is seen to sleep on the server. */
  readonly whileAsleep?: () => void;
};

/** Runs rules of which one takes a minute, on a way to the server that is cancelled at some moment. */
async function expectCancelled(
  driver: DriverName,
  proxy: FaultProxy,
  { signal }: AbortController,
  { beforeQuery = async () => {}, whileAsleep }: Moment = {},
): Promise<void> {
  const { url, name } = namedUrl(database.url, { port: proxy.port, connectTimeoutSeconds: 60 });
  const options = { driver, url, rules: SLOW_RULES, statementTimeout: '60s' };
  const run = runToEnd({ ...options, signal, beforeQuery });
  const moment = whileAsleep && untilAsleep(database, name).then(whileAsleep);
  try {
    await within(BY_ITSELF_MS, Promise.all([run, moment]), () => new Error('the cancel had no effect'));
    const report = await run;
    expectHonest(report, good, proxy.passed);
    const unknown = report.results.filter(({ outcome }) => outcome === 'unknown');
    assert.deepEqual(new Set(unknown.map(({ problem }) => problem?.code)), new Set(['cancelled']));
    assert.equal(report.exitCode, 2);
    await expectNothingHeld(database, name);
  } finally {
    proxy.close();
  }
  await expectNobody(database, name);
}
