// npm run bench:check [-- --rows N --rounds N --minutes N --quick --part NAME --pgtap FOLDER --cli FILE]: what a check costs, in
// ratios of one run. It has a server of its own, about 4 GB in the temporary folder, and writes results only when it
// has measured everything, at full size. It exits with 0 when every count was right, whatever the bars say.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { judge } from './bars.ts';
import type { Bench } from './bench.ts';
import { compareDrivers } from './compare-drivers.ts';
import { compareRuleCounts } from './compare-rule-counts.ts';
import { compareStates } from './compare-states.ts';
import { describeMachine, load } from './machine.ts';
import { findPgtap } from './pgtap.ts';
import { renderChart } from './render-chart.ts';
import { findSummary, renderBar, renderResults, renderSummary } from './render-results.ts';
import type { Results } from './results.ts';
import { startBenchServer } from './server.ts';

const ROOT = join(import.meta.dirname, '..');
const PARTS = ['states', 'rules', 'drivers'] as const;

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    rounds: { type: 'string' },
    minutes: { type: 'string' },
    quick: { type: 'boolean', default: false },
    part: { type: 'string', multiple: true },
    pgtap: { type: 'string' },
    cli: { type: 'string', default: join(ROOT, 'dist', 'cli.js') },
  },
});
const { quick, part: parts = [...PARTS] } = values;
const rows = readNumber('rows', values.rows ?? (quick ? '40000' : '4000000'));
const rounds = readNumber('rounds', values.rounds ?? (quick ? '1' : '5'));
const minutes = readNumber('minutes', values.minutes ?? '10');

/** Half of the time goes into building tables; the rest is for five states, the rules and the drivers, all alike. */
const pace = { rounds, mostMs: (minutes * 60_000) / 2 / 7 };

const startedAt = performance.now();
const say = (line: string): void => {
  process.stderr.write(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(5)} s  ${line}\n`);
};
const server = await startBenchServer(values.pgtap ?? (await findPgtap()));
try {
  const results = await measure({
    server,
    cli: values.cli,
    root: ROOT,
    rows,
    pace,
    size: quick ? 'quick' : 'full',
    say,
  });
  const files = await renderFiles(results);
  process.stdout.write(files.get('bench/results.md') ?? '');
  for (const bar of judge(results)) say(renderBar(bar).join('  ').replaceAll('**', ''));
  const isComplete = !quick && PARTS.every((part) => parts.includes(part));
  for (const [file, content] of isComplete ? files : []) await writeFile(join(ROOT, file), content);
} finally {
  await server.stop();
}

async function measure(bench: Bench): Promise<Results> {
  const wants = (part: (typeof PARTS)[number]): boolean => parts.includes(part);
  const command = ['npm run bench:check', ...process.argv.slice(2)].join(' ');
  const database = await server.createDatabase('described');
  const machine = await describeMachine(database.owner, ROOT, command);
  await database.drop();
  const none = { states: [], pgtap: { available: false, reason: 'it was not looked for' } } as const;
  const { states, pgtap } = wants('states') ? await compareStates(bench) : none;
  const { tableRows, rules } = wants('rules') ? await compareRuleCounts(bench) : { tableRows: 0, rules: [] };
  const drivers = wants('drivers') ? await compareDrivers(bench) : [];
  const took = Math.ceil((performance.now() - startedAt) / 60_000);
  const run = [
    ['Load after', load()],
    ['Rounds', `${rounds} at most, in turns, after one that is not counted; ${took} minutes in all`],
  ] as const;
  return { machine: [...machine, ...run], pgtap, states, tableRows, rules, drivers };
}

/** The page, the chart, and the README with the table between its markers, by their paths. */
async function renderFiles(results: Results): Promise<Map<string, string>> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const written = readme.replace(findSummary(readme), () => renderSummary(results, 'bench/'));
  return new Map([
    ['bench/results.md', await pretty(renderResults(results), 'bench/results.md')],
    ['bench/chart.svg', renderChart(results)],
    ['README.md', await pretty(written, 'README.md')],
  ]);
}

async function pretty(text: string, file: string): Promise<string> {
  const options = (await resolveConfig(join(ROOT, file))) ?? {};
  return format(text, { ...options, parser: 'markdown' });
}

function readNumber(option: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new Error(`--${option}: '${text}' is not a whole number`);
  return number;
}
