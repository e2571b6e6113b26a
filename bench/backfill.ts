// npm run bench:backfill [-- --rows N --rounds N --quick --cli FILE]: what filling costs beside the usual ways of it, in ratios of one
// run, and what an application notices. It has a server of its own, and writes bench/backfill-results.md unless `--quick`.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { BESIDES, measureLatency, type Beside, type Latency } from './backfill-latency.ts';
import { CONTENDERS, fillWith, type Contender, type Filled } from './backfill-contenders.ts';
import { renderBackfillResults } from './render-backfill-results.ts';
import { describeMachine, load } from './machine.ts';
import { startBenchServer } from './server.ts';

const ROOT = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    cli: { type: 'string', default: join(ROOT, 'dist', 'cli.js') },
  },
});
const rows = Number(values.rows ?? (values.quick ? 20_000 : 1_000_000));
const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
if (!(rows >= 1_000) || !(rounds >= 1)) throw new Error('--rows begins at 1000, --rounds at 1');

const startedAt = performance.now();
const say = (line: string): void =>
  void process.stderr.write(
    `${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(5)} s  ${line}\n`,
  );
const server = await startBenchServer(undefined);
try {
  const described = await server.createDatabase('described');
  const command = ['npm run bench:backfill', ...process.argv.slice(2)].join(' ');
  const machine = await describeMachine(described.owner, ROOT, command);
  await described.drop();
  const filled = new Map<Contender, Filled[]>(CONTENDERS.map((each) => [each, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const each of inTurns(CONTENDERS, round)) {
      say(`round ${round + 1}: ${each.name}`);
      filled.get(each)?.push(await fillWith(each, { server, cli: values.cli, rows, round }));
    }
  }
  const latency = new Map<Beside, Latency[]>(BESIDES.map((each) => [each, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const each of inTurns(BESIDES, round)) {
      say(`round ${round + 1}: an application, beside ${each}`);
      const forMs = values.quick ? 3_000 : 20_000;
      latency.get(each)?.push(await measureLatency(each, { server, cli: values.cli, rows, forMs }));
    }
  }
  const page = renderBackfillResults({
    machine: [...machine, ['Load after', load()]],
    rows,
    filled,
    latency,
  });
  const file = join(ROOT, 'bench', 'backfill-results.md');
  const written = await format(page, { ...(await resolveConfig(file)), parser: 'markdown' });
  process.stdout.write(written);
  if (!values.quick) await writeFile(file, written);
} finally {
  await server.stop();
}

/** Another one first in each round. */
function inTurns<Each>(all: readonly Each[], round: number): Each[] {
  const first = round % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}
