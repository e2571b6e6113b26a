import { isMet, judge, type Bar } from './bars.ts';
import { met, spread, table, whole } from './markdown.ts';
import type { Competitor, DriverResult, Results, RulesResult, StateResult } from './results.ts';

const HOW = `## How

- All ratios are of times of one round, in which everything is run once, in turns, another thing first each round. Figures are medians, with the least and the most
  in brackets. Seconds say something of this machine alone.
- The tables are the seed's, with rows of about 230 bytes, 40 % of them in \`findings\`, and 5,000 tenants. \`vacuum (analyze)\` has run, and everything is in memory.
- _25 statements_ are what the shipped pack asks of these tables, as the seed's page writes it: 12 null counts, 12 mismatch joins, the audit invariant; one by one
  through the pg package, on one open connection, with the server's defaults: it lends them parallel workers where its planner wants some. Rowgate has two
  sessions, one core each; of a table that is more than half of the work, one with a worker. _The page's 16_ are its own, with 3 of the joins. _pgTAP_ is the 25, each in an \`is(..., 0)\`.
- _One statement a table_ asks the same as the 25, by hand: one pass over each table, with the tenants joined and everything in \`filter\`s, through the open connection. What it takes without an
  index is what a scan by Rowgate could take at best, were it not for its start, the catalogue and the plans: a bar below that is not to be met on this machine.
- _bare count(\\*)_ is one of each table, which the server answers from the primary key's index where that is smaller; for _count(\\*) of the rows_ it must not.
- Rowgate is \`node dist/cli.js check --only <those three rules> --format json\`, with default options: the whole process, its start included. Without its start: its
  own \`elapsedMs\`. It counts more than the statements do: rows whose tenant does not exist, and rows that lack a value that their tenant has.
- Table scans and pages are the server's counters, over one run: pages of 8 KiB, cached or not. Peak memory is the kernel's VmHWM of the gate's process.`;

/** The whole page, as Markdown. */
export function renderResults(results: Results): string {
  return [
    '# What a check costs',
    'Written by `npm run bench:check`. It ends with an error where any run counts other than the SQL does.',
    table(['', ''], results.machine, 'll'),
    '## In short',
    markSummary(renderSummary(results, '')),
    HOW,
    ...barsSection(results),
    ...limitsSection(results),
    ...results.states.flatMap(stateSection),
    ...pgtapSection(results),
    ...growthSection(results),
    ...rulesSection(results),
    ...driversSection(results),
    '',
  ].join('\n\n');
}

const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

/** A summary between marks, by which the next run finds it. */
export const markSummary = (summary: string): string => `${BEGIN}\n\n${summary}\n\n${END}`;

/** What stands between the marks of a page; throws where there are none. */
export function findSummary(page: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`the page has no ${BEGIN} with a ${END} behind it`);
  return page.slice(begin + BEGIN.length, end).trim();
}

/** What stands there until everything was measured once. */
export const NOT_MEASURED = 'Not measured yet: `npm run bench:check` writes the figures here.';

/** A chart and a short table: each state, with the 25 statements as 1. `folder` is where the chart is, seen from the page. */
export function renderSummary({ states }: Results, folder: '' | 'bench/'): string {
  const rows = states.map(({ state, competitors }) => {
    const base = competitors.find(({ name }) => name === '25 statements')?.elapsedMs.median ?? Number.NaN;
    const share = (name: string): string =>
      ratio((competitors.find((each) => each.name === name)?.elapsedMs.median ?? Number.NaN) / base);
    return [state.title, '1', share("the page's 16"), share('bare count(*)'), `**${share('Rowgate')}**`];
  });
  const columns = ['The database', '25 statements', "The page's 16", 'Bare `count(*)`', 'Rowgate'];
  const chart = `![The time of each way to check, with the 25 single statements as 1](${folder}chart.svg)`;
  return `${chart}\n\n${table(columns, rows, 'lrrrr')}`;
}

/** A line for each bar, for a terminal and the page alike. */
export function renderBar(bar: Bar): string[] {
  const limit = `${bar.below ? 'below' : 'at most'} ${bar.limit} ${bar.unit}`.trim();
  const measured =
    bar.unit === '' || bar.unit === 's' ? spread(bar.measured, ratio) : whole(bar.measured.median);
  return [bar.promise, limit, measured, bar.own ? spread(bar.own, ratio) : '', met(isMet(bar))];
}

function barsSection(results: Results): string[] {
  const bars = judge(results).map(renderBar);
  return bars.length > 0
    ? ['## Bars', table(['What', 'Bar', 'Measured', 'without its start', ''], bars, 'llrrl')]
    : [];
}

/** What bars that are not met come up against, from the same rounds. */
function limitsSection({ states }: Results): string[] {
  const find = (id: StateResult['state']['id'], name: string): Competitor | undefined =>
    states.find(({ state }) => state.id === id)?.competitors.find((each) => each.name === name);
  const byHand = find('bare', 'one statement a table')?.elapsedMs.median ?? Number.NaN;
  const shareOf = (name: string): string =>
    ratio(byHand / (find('bare', name)?.elapsedMs.median ?? Number.NaN));
  const [indexed, proved] = [find('indexed', '25 statements'), find('enforced', 'Rowgate')];
  if (!indexed || !proved?.ownMs) return [];
  const start = proved.elapsedMs.median - proved.ownMs.median;
  return [
    '## Where the limits are',
    `- Whatever is checked, the process takes ${seconds(start)} to start, and ${seconds(proved.ownMs.median)} to load the rules, connect, read the catalogue and plan: that is all of _Phase 3 validated_,
  where no row is read.
- Without an index, one statement a table by hand takes ${shareOf('25 statements')} of the 25, ${shareOf("the page's 16")} of the page's 16 and ${shareOf('bare count(*)')} of the bare counts, with the server's
  parallel workers and a connection that is open: no scan gets below that, and Rowgate adds the above.
- With the rollout's indexes a fifth of the 25 statements is ${seconds(indexed.elapsedMs.median / 5)} here. What the statements take grows with the rows, what Rowgate takes hardly does: see _Growth_.
- Of 1,000 rules no two ask the same, so each costs something for each row: see _More rules on one table_ for how much, beside one statement by hand.`,
  ];
}

function stateSection(result: StateResult): string[] {
  const { state, size, violations, parallel, strategies, competitors } = result;
  const facts = [
    `${whole(size.rows)} rows`,
    `${whole(size.tableMb)} MB of tables (${whole(size.pages)} pages)`,
    `${whole(size.indexMb)} MB of indexes`,
    `${whole(violations)} violations`,
    `${parallel} of the 25 statements planned with parallel workers`,
  ];
  return [
    `## ${state.title}`,
    `${facts.join(', ')}. Rowgate answered ${strategies}.`,
    table(
      [
        '',
        'Time',
        'Rowgate / this',
        'Rowgate without its start / this',
        'Table scans',
        'Table pages',
        'Index pages',
        'Peak memory',
      ],
      competitors.map(competitorRow),
      'lrrrrrrr',
    ),
  ];
}

function competitorRow({ name, elapsedMs, ownMs, peakMb, rowgate, rowgateOwn, reads }: Competitor): string[] {
  return [
    name,
    spread(elapsedMs, seconds),
    rowgate ? spread(rowgate, ratio) : '',
    rowgateOwn ? spread(rowgateOwn, ratio) : ownMs ? spread(ownMs, seconds) : '',
    reads ? whole(reads.tableScans) : '',
    reads ? whole(reads.tablePages) : '',
    reads ? whole(reads.indexPages) : '',
    peakMb === undefined ? '' : `${whole(peakMb)} MB`,
  ];
}

function pgtapSection({ pgtap, states }: Results): string[] {
  if (pgtap.available || states.length === 0) return [];
  return [`pgTAP: not available. The server said: ${pgtap.reason}.`];
}

function growthSection({ states }: Results): string[] {
  if (states.length === 0) return [];
  const rows = states.flatMap(({ state, growth }) =>
    growth.map((each, index) => [
      index === 0 ? state.title : '',
      `${each.eighths}/8`,
      spread(each.elapsedMs, seconds),
      spread(each.ownMs, seconds),
      spread(each.ratio, ratio),
      spread(each.ownRatio, ratio),
      spread(each.statementsMs, seconds),
      spread(each.statementsRatio, ratio),
      spread(each.toStatements, ratio),
      `${whole(each.peakMb)} MB`,
    ]),
  );
  return [
    '## Growth: more rows of the same tenants',
    table(
      [
        'The database',
        'Rows',
        'Process',
        'without its start',
        'Process, of 1/8',
        'without its start',
        '25 statements',
        '25 statements, of 1/8',
        'Process / 25 statements',
        'Peak memory',
      ],
      rows,
      'lrrrrrrrrr',
    ),
  ];
}

function rulesSection({ rules, tableRows }: Results): string[] {
  if (rules.length === 0) return [];
  const one = rules.find((each) => each.rules === 1);
  const nanoseconds = (ms: number, oneMs: number | undefined, count: number): string =>
    oneMs === undefined || count === 1 ? '' : `${ratio(((ms - oneMs) * 1e6) / ((count - 1) * tableRows))} ns`;
  const row = (each: RulesResult): string[] => [
    whole(each.rules),
    spread(each.elapsedMs, seconds),
    spread(each.ownMs, seconds),
    spread(each.ratio, ratio),
    spread(each.ownRatio, ratio),
    each.toSingleStatements ? spread(each.toSingleStatements, ratio) : 'not measured',
    spread(each.oneStatementMs, seconds),
    spread(each.toOneStatement, ratio),
    nanoseconds(each.ownMs.median, one?.ownMs.median, each.rules),
    nanoseconds(each.oneStatementMs.median, one?.oneStatementMs.median, each.rules),
    `${whole(each.peakMb)} MB`,
  ];
  return [
    '## More rules on one table',
    `${whole(tableRows)} rows without indexes; every rule is about other columns or values. What a further rule costs for each row, loading and planning it included, is the limit: no two rules ask the same, so each has to be asked somehow. Beside the gate: a statement for each rule, and all conditions in the \`filter\`s of one statement, written by hand.`,
    table(
      [
        'Rules',
        'Process',
        'without its start',
        'Process, of one rule',
        'without its start',
        'Process, of single statements',
        'One statement',
        'Process, of one statement',
        'A further rule and row',
        'by one statement',
        'Peak memory',
      ],
      rules.map(row),
      'rrrrrrrrrrr',
    ),
  ];
}

function driversSection({ drivers }: Results): string[] {
  if (drivers.length === 0) return [];
  const row = ({ probes, where, pgMs, postgresMs, ratio: toPg, peakMb }: DriverResult): string[] => [
    `${whole(probes)} probes, ${where === 'in-process' ? 'the driver alone' : 'whole process'}`,
    spread(pgMs, seconds),
    spread(postgresMs, seconds),
    spread(toPg, ratio),
    peakMb ? `${whole(peakMb.pg)} MB` : '',
    peakMb ? `${whole(peakMb.postgres)} MB` : '',
  ];
  return [
    '## Drivers: many small questions',
    'Each probe counts the missing values of a table of ten rows. Alone: one session of the driver, as the gate opens it, asked one after the other. The `postgres` package runs in a thread of its own ([decision 0008](../docs/decisions/0008-postgres-package-in-a-thread.md)).',
    table(
      ['', '`pg`', '`postgres`', '`postgres`, of `pg`', 'Peak memory, `pg`', 'Peak memory, `postgres`'],
      drivers.map(row),
      'lrrrrr',
    ),
  ];
}

const seconds = (ms: number): string => (ms < 1_000 ? `${whole(ms)} ms` : `${(ms / 1_000).toFixed(2)} s`);
const ratio = (value: number): string => (value < 10 ? value.toFixed(2) : value.toFixed(1));
