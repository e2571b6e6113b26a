import { formatDurationMs } from '../support/duration.ts';
import { listed } from '../support/listed.ts';
import type { BackfillReport, ReportedRun } from './backfill-report.ts';
import {
  backfillAdvice,
  backfillHeadline,
  classesText,
  counted,
  estimateText,
  goalOf,
  isQuiet,
  number,
  progressText,
  residueOf,
  residueOfCensus,
  tellingEvents,
  type Reader,
} from './backfill-words.ts';
import { frame } from './html/frame.ts';
import { renderLineChart } from './html/line-chart.ts';
import { html, type Markup } from './html/markup.ts';
import { signOf, type State } from './html/states.ts';
import { renderTable } from './html/table.ts';
import { renderTiles } from './html/tiles.ts';
import { renderProblems, renderTop, type Top } from './html/top.ts';

/** A backfill as one page that needs nothing else; `reader` is told what to do in their own terms. */
export function renderBackfillHtml(report: BackfillReport, reader: Reader): string {
  const { run, problems, warnings, exitCode } = report;
  const headline = backfillHeadline(report);
  const advice = backfillAdvice(report, reader);
  const top: Top = {
    verdict: exitCode === 0 ? 'clean' : exitCode === 1 ? 'broken' : 'incomplete',
    word: 'Backfill',
    pill: run ? run.state.replaceAll('_', ' ') : report.mode,
    headline,
    facts: factsOf(report),
  };
  const body = html`<a class="skip" href="#main">Skip to what was done</a>
    <div class="page">
      ${renderTop(top)}
      ${
        advice !== undefined &&
        html`<section class="card note" aria-label="What to do next">
          <p><b>What to do next:</b> ${advice}</p>
        </section>`
      }
      ${renderProblems('problems', exitCode === 3 ? 'What to solve first' : 'What went wrong', problems)}
      ${renderProblems('warnings', 'Worth knowing', warnings)}
      <main id="main" tabindex="-1">
        ${run ? [renderSums(run), renderProgress(run), renderLanes(run)] : renderCensus(report)}
        ${renderResidue(report)} ${renderFindings(report)} ${run !== null && renderEvents(run)}
        ${renderRecheck(report)}
      </main>
      <footer>
        <p>Took ${formatDurationMs(report.elapsedMs)}; exit code ${exitCode}. Made by Rowgate.</p>
      </footer>
    </div>`;
  return frame(headline, body);
}

function factsOf({ target, run, startedAt, elapsedMs, exitCode }: BackfillReport): Top['facts'] {
  return [
    ['Database', target?.database ?? 'no server answered'],
    ...(target
      ? ([
          ['PostgreSQL', target.serverVersion],
          ['Role', target.role],
        ] as const)
      : []),
    ...(run ? runFacts(run) : []),
    ['Started', timeText(startedAt)],
    ['Took', formatDurationMs(elapsedMs)],
    ['Exit code', String(exitCode)],
  ];
}

function runFacts({ id, rules, maxRows, deadline, requestedBy, elapsedMs }: ReportedRun): Top['facts'] {
  const facts: (readonly [string, string | null])[] = [
    ['Run', id],
    ['Rules', listed(rules)],
    ['Rows at most', maxRows === null ? null : number(maxRows)],
    ['No batch after', deadline === null ? null : timeText(deadline)],
    ['Asked for by', requestedBy],
    ['Age of the run', elapsedMs === null ? null : formatDurationMs(elapsedMs)],
  ];
  return facts.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
}

const timeText = (at: string): string => `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`;

function renderSums(run: ReportedRun): Markup {
  const residue = residueOf(run).reduce((sum, { count }) => sum + count, 0);
  const ranges = run.lanes.reduce((sum, { chunksDone }) => sum + chunksDone, 0);
  return html`<section class="card counts" aria-label="Counts">
    ${renderTiles([
      { name: 'Filled', count: run.rowsUpdated, tone: 'held', note: counted(ranges, 'range') },
      {
        name: 'Left',
        count: run.rowsRemaining ?? undefined,
        tone: run.rowsRemaining === null ? 'unknown' : 'waiting',
        note:
          run.rowsRemaining === null ? 'not counted again yet' : 'rows without their value, counted again',
      },
      { name: 'Cannot be filled', count: residue, tone: 'broken', note: 'with what to do below' },
      {
        name: 'At the start',
        count: run.rowsAtStart ?? undefined,
        tone: 'waiting',
        note: 'rows without their value',
      },
    ])}
  </section>`;
}

function renderProgress(run: ReportedRun): Markup | false {
  const start = { at: run.startedAt ?? '', rows: 0 };
  const drawn = [start, ...run.progress]
    .map(({ at, rows }) => ({ atMs: Date.parse(at), value: rows }))
    .filter(({ atMs }) => Number.isFinite(atMs));
  const [first, last] = [drawn[0], drawn.at(-1)];
  const most = goalOf(run) ?? run.rowsUpdated;
  const spanMs = first && last ? last.atMs - first.atMs : 0;
  const chart = renderLineChart({
    label: `Rows filled over ${formatDurationMs(spanMs)}: ${number(last?.value ?? 0)} of ${number(most)}`,
    points: drawn,
    marks: tellingEvents(run, 20).map(({ at }) => Date.parse(at)),
    most,
    shownMost: counted(most, 'row'),
    shownStart: first ? timeText(new Date(first.atMs).toISOString()) : '',
    shownEnd: last ? `${timeText(new Date(last.atMs).toISOString())}, ${formatDurationMs(spanMs)}` : '',
  });
  if (!chart) return false;
  return html`<section id="progress" aria-labelledby="progress-title">
    <div class="head">
      <h2 id="progress-title">Progress</h2>
      <p class="aside">
        ${progressText(run) ?? counted(run.rowsUpdated, 'row')}; dashed lines are what held it, below
      </p>
    </div>
    ${chart}
  </section>`;
}

function renderLanes({ lanes }: ReportedRun): Markup | false {
  return renderTable({
    id: 'tables',
    title: 'Tables',
    aside: counted(lanes.length, 'table'),
    columns: [
      { name: 'Table' },
      { name: 'Column' },
      { name: 'Filled', isNumber: true },
      { name: 'Left as they are' },
      { name: 'Ranges', isNumber: true },
      { name: 'Work', isNumber: true },
      { name: 'Log', isNumber: true },
      { name: 'Errors met' },
    ],
    lines: lanes.map((lane) => [
      lane.table,
      lane.columns.join(', '),
      number(lane.rowsUpdated),
      classesText(lane.residue),
      `${number(lane.chunksDone)}${lane.chunksOpen > 0 ? `, ${number(lane.chunksOpen)} open` : ''}`,
      formatDurationMs(lane.workedMs),
      `${number(Math.ceil(lane.walBytes / 1024 ** 2))} MiB`,
      lane.sqlstates.join(', '),
    ]),
  });
}

function renderCensus({ census, estimate }: BackfillReport): Markup | false {
  return renderTable({
    id: 'tables',
    title: 'What there is to fill',
    aside: counted(census.length, 'table'),
    lead: estimate !== null && estimate.rows > 0 && html`<p class="why">${estimateText(estimate)}</p>`,
    columns: [
      { name: 'Table' },
      { name: 'Column' },
      { name: 'Can be filled', isNumber: true },
      { name: 'Cannot' },
      { name: 'After' },
    ],
    lines: census
      .toSorted((a, b) => Number(isQuiet(a)) - Number(isQuiet(b)))
      .map(({ table, columns, outcome, classes: { resolvable = 0, ...others }, problem, waitsFor }) => [
        table,
        columns.join(', '),
        outcome === 'unknown' ? 'not counted' : number(resolvable),
        problem?.message ?? classesText(others),
        waitsFor.join(', '),
      ]),
  });
}

/** A lane or a table of the census: the ledger has keys in order, a census by their columns. */
type Sampled = {
  readonly table: string;
  readonly samples: readonly { readonly class: string; readonly key: object }[];
};

/** What stays as it is, with the keys that the report has. */
function renderResidue({ run, census }: BackfillReport): Markup | false {
  const tables: readonly Sampled[] = run?.lanes ?? census;
  const keysOf = (name: string): Markup | false => {
    const keys = tables.flatMap(({ table, samples }) =>
      samples
        .filter((each) => each.class === name)
        .map(({ key }) => `${table} ${Object.values(key).join(', ')}`),
    );
    return (
      keys.length > 0 &&
      html`<span class="keys">${keys.slice(0, MAX_KEYS).map((key) => html`<code>${key}</code> `)}</span>`
    );
  };
  return renderTable({
    id: 'residue',
    title: 'Left as they are',
    aside: 'Rows that it did not or could not fill, and what to do about them',
    columns: [{ name: 'Class' }, { name: 'Rows', isNumber: true }, { name: 'What to do' }],
    lines: (run ? residueOf(run) : residueOfCensus(census)).map(({ name, count, remedy }) => [
      name,
      number(count),
      html`${remedy}${keysOf(name)}`,
    ]),
  });
}

const MAX_KEYS = 20;

function renderFindings({ findings }: BackfillReport): Markup | false {
  const signs: Readonly<Record<(typeof findings)[number]['weight'], State>> = {
    refuse: 'broken',
    acknowledge: 'unknown',
    note: 'waiting',
  };
  return renderTable({
    id: 'findings',
    title: 'What writing meets',
    aside: 'To be acknowledged by its name, if it is as you want it',
    columns: [{ name: 'Name' }, { name: 'What' }, { name: 'Acknowledged' }],
    lines: findings.map(({ weight, name, acknowledged, message, hint }) => [
      html`${signOf(acknowledged ? 'held' : signs[weight])} <code>${name}</code>`,
      html`${message}<span class="hint">${hint}</span>`,
      weight === 'acknowledge' ? (acknowledged ? 'yes' : 'no') : weight === 'refuse' ? 'refused' : '',
    ]),
  });
}

function renderEvents(run: ReportedRun): Markup | false {
  return renderTable({
    id: 'events',
    title: 'What held it, or ended it',
    aside: 'The latest, oldest first',
    columns: [{ name: 'When' }, { name: 'What' }, { name: 'Why' }],
    lines: tellingEvents(run, 50).map(({ at, kind, detail }) => [timeText(at), kind, detail ?? '']),
  });
}

function renderRecheck({ recheck }: BackfillReport): Markup | false {
  const held = recheck.filter(({ outcome }) => outcome === 'held').length;
  return renderTable({
    id: 'recheck',
    title: 'Checked again',
    aside: `By the rules' own checks: ${number(held)} of ${number(recheck.length)} held`,
    columns: [
      { name: 'Rule' },
      { name: 'Table' },
      { name: 'Outcome' },
      { name: 'Violations', isNumber: true },
      { name: 'Why' },
    ],
    lines: recheck.map(({ rule, table, outcome, violations, reason }) => [
      rule,
      table ?? '',
      html`${signOf(outcome)} ${outcome}`,
      violations === null ? '?' : number(violations),
      reason,
    ]),
  });
}
