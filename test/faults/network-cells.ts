import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DriverName } from '../../src/postgres/database.ts';
import { createDatabase } from '../support/server.ts';
import { countCell, printCounts } from './count-cells.ts';
import { startFaultProxy, type Fault, type Place } from './fault-proxy.ts';
import type { Frame } from './frames.ts';
import { MEASURES, namedUrl, runToEnd, SCHEMA } from './gate-under-fault.ts';
import { expectHonest, expectUndisturbed } from './judge.ts';
import { expectNobody, expectNothingHeld } from './left-behind.ts';

type Stage = { readonly name: string; readonly asks: (frame: Frame) => boolean; readonly lanes?: number };

/** By the client's message that begins it. */
const STAGES: readonly Stage[] = [
  { name: 'the first message', asks: ({ type }) => type === 'startup' },
  { name: 'the login', asks: ({ type }) => type === 'p' },
  { name: 'begin', asks: parses(/begin isolation level/) },
  { name: 'the export of the snapshot', asks: parses(/pg_export_snapshot/) },
  { name: 'its settings', asks: parses(/set_config/) },
  { name: 'the look at the server', asks: parses(/server_version_num/) },
  { name: 'the catalogue', asks: parses(/pg_attribute/) },
  { name: 'the look at functions', asks: parses(/pg_proc/) },
  { name: 'explain', asks: parses(/explain [^]*"second"/) },
  { name: 'the first check', asks: measures('first') },
  { name: 'a check that breaks', asks: measures('second') },
  { name: 'samples', asks: parses(/^.{6}select case[^]*"second"/s) },
  { name: 'a check of the catalogue', asks: measures('third') },
  { name: 'joining the snapshot', asks: parses(/set transaction snapshot/), lanes: 2 },
  { name: 'a check with raw SQL', asks: measures('fifth'), lanes: 2 },
  { name: 'goodbye', asks: ({ type }) => type === 'X' },
];
const FIRST_CHECK = STAGES.findIndex(({ name }) => name === 'the first check');

function parses(text: RegExp): Stage['asks'] {
  return ({ type, bytes }) => type === 'P' && text.test(bytes.toString('latin1'));
}

function measures(rule: string): Stage['asks'] {
  return ({ type, bytes }) => type === 'P' && MEASURES[rule]?.test(bytes.toString('latin1')) === true;
}

type Moment = 'request' | 'answer';

/** At the stage's own message, or at the server's next one after it. */
function placeOf({ asks }: Stage, moment: Moment): Place {
  if (moment === 'request') return (frame) => frame.from === 'client' && asks(frame);
  let asking: number | undefined;
  return (frame, session) => {
    if (frame.from === 'client' && asks(frame)) asking ??= session;
    return frame.from === 'server' && session === asking;
  };
}

/** The client's own deadlines end these; so they take the longest, and go first. */
const SILENT: ReadonlySet<Fault> = new Set(['black-hole', 'nonsense']);
const HARMLESS: ReadonlySet<Fault> = new Set(['drip', 'delay']);

/** An answer that is lost; and a request that is, where that is another case: for the server, or for the driver's code. */
function faultsAt(stage: Stage, moment: Moment, driver: DriverName): readonly Fault[] {
  const isCheck = STAGES.indexOf(stage) >= FIRST_CHECK;
  if (moment === 'answer') {
    if (stage.name === 'goodbye') return [];
    const nonsense: Fault[] = stage.name === 'the login' || isCheck ? ['nonsense'] : [];
    return ['black-hole', ...nonsense, 'cut', 'reset', 'truncate', 'garbage', 'drip', 'delay'];
  }
  return [
    ...(isCheck ? (['black-hole'] as const) : []),
    'cut',
    ...(driver === 'pg' ? (['reset', 'truncate', 'garbage'] as const) : []),
  ];
}

type NetworkCell = {
  readonly title: string;
  readonly fault: Fault;
  readonly at: Place;
  readonly lanes?: number | undefined;
};

/** Cuts at messages closer together: `npm run test:extra -- --all-faults`. */
const CLOSER = process.env['ROWGATE_ALL_FAULTS'] === '1' ? 8 : 1;

/** Most cells wait for deadlines. */
const SIDE_BY_SIDE = 12;

/** Cells of the matrix for one file: a file may take two minutes, and its cells wait for deadlines side by side. */
export type Part = 'before the checks' | 'in the checks';

/**
 * The tests of one driver: each cell of the matrix whose stage is in this part, then a cut at every so many messages of
 * either side, wherever in the run that may be.
 */
export async function testNetworkFaults(driver: DriverName, part: Part, sweepStep?: number): Promise<void> {
  const database = await createDatabase(SCHEMA);
  const good = await runToEnd({ driver, url: database.url });
  assert.equal(good.exitCode, 1);
  printCounts(`network ${part}, ${driver}`);

  describe(`faults of the network ${part}, ${driver}`, { concurrency: SIDE_BY_SIDE }, () => {
    for (const cell of makeCells(driver, part))
      test(cell.title, () => countCell(async () => void (await runCell(cell))));
  });

  if (sweepStep === undefined) return;
  for (const from of ['server', 'client'] as const) {
    test(`a cut at any message of the ${from} leaves unknown what was not measured`, async () => {
      const cut = async (index: number): Promise<boolean> => {
        const at: Place = (frame) => frame.from === from && frame.index === index;
        let reached = false;
        await countCell(async () => void (reached = await runCell({ title: '', fault: 'cut', at })));
        return reached;
      };
      const step = Math.ceil(sweepStep / CLOSER);
      let reached = true;
      for (let first = 1; reached; first += SIDE_BY_SIDE * step) {
        const cuts = Array.from({ length: SIDE_BY_SIDE }, (_, i) => cut(first + i * step));
        reached = (await Promise.all(cuts)).every(Boolean);
      }
    });
  }

  /** Whether the fault has struck. */
  async function runCell({ title, fault, at, lanes = 1 }: NetworkCell): Promise<boolean> {
    const { hostname: host, port } = new URL(database.url);
    const proxy = await startFaultProxy({ to: { host, port: Number(port) }, fault, at });
    const { url, name } = namedUrl(database.url, { port: proxy.port, connectTimeoutSeconds: 20 });
    try {
      const report = await runToEnd({
        driver,
        url,
        maxConnections: lanes,
        statementTimeout: HARMLESS.has(fault) ? '30s' : '2s',
      });
      assert.ok(proxy.struck || title === '', 'the fault has struck');
      if (HARMLESS.has(fault)) expectUndisturbed(report, good);
      else expectHonest(report, good, proxy.passed);
      const { mostAtOnce } = proxy.counts;
      assert.ok(mostAtOnce <= lanes, `${mostAtOnce} sessions at once`);
      const startup = proxy.passed.find(({ type }) => type === 'startup');
      assert.ok(!startup || startup.text.includes(name), 'its sessions can be found by their name');
      await expectNothingHeld(database, name);
    } finally {
      proxy.close();
    }
    await expectNobody(database, name);
    return proxy.struck;
  }
}

function makeCells(driver: DriverName, part: Part): NetworkCell[] {
  const stages = part === 'in the checks' ? STAGES.slice(FIRST_CHECK) : STAGES.slice(0, FIRST_CHECK);
  const cells = stages.flatMap((stage) =>
    (['request', 'answer'] as const).flatMap((moment) =>
      faultsAt(stage, moment, driver).map((fault) => ({
        title: `${fault} at ${stage.name} (${moment}): ${HARMLESS.has(fault) ? 'the counts are right' : 'what was not measured is unknown'}`,
        fault,
        at: placeOf(stage, moment),
        lanes: stage.lanes,
      })),
    ),
  );
  return cells.toSorted((a, b) => Number(SILENT.has(b.fault)) - Number(SILENT.has(a.fault)));
}
