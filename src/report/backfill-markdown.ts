import { formatDurationMs } from '../support/duration.ts';
import { listed } from '../support/listed.ts';
import { markdownCode, markdownText } from '../support/markdown-text.ts';
import type { BackfillReport, ReportedRun } from './backfill-report.ts';
import {
  backfillAdvice,
  backfillHeadline,
  classesText,
  counted,
  estimateText,
  isQuiet,
  namesToAcknowledge,
  number,
  residueOf,
  residueOfCensus,
  runProgress,
  tellingEvents,
  type Residue,
} from './backfill-words.ts';
import type { RenderedMarkdown } from './markdown.ts';
import { sparkline } from './progress-chart.ts';

/** How much is said, from all to one line; each step leaves out what is missed least. */
const STEPS = ['full', 'without events', 'without quiet tables', 'sums only', 'one line'] as const;
type Step = (typeof STEPS)[number];

/**
 * A backfill as a step summary, at most `maxBytes` long. Where all of it does not fit, it says less in steps, and that
 * it does; `shown` and `total` count tables.
 */
export function renderBackfillMarkdown(report: BackfillReport, maxBytes: number): RenderedMarkdown {
  const total = report.run?.lanes.length ?? report.census.length;
  for (const step of STEPS) {
    const markdown = page(report, step);
    const shown = hasTables(step) ? total : 0;
    if (Buffer.byteLength(markdown) <= maxBytes || step === 'one line')
      return { markdown, shown, total, isWhole: isFull(step) };
  }
  throw new TypeError('no step was the last one');
}

const hasTables = (step: Step): boolean => step !== 'sums only' && step !== 'one line';
const isFull = (step: Step): boolean => step === 'full';

function page(report: BackfillReport, step: Step): string {
  const { run, exitCode, census, estimate } = report;
  const icon = exitCode === 0 ? '✅' : exitCode === 1 ? '❌' : '⚠️';
  const head = `## ${icon} Rowgate backfill: ${markdownText(backfillHeadline(report))}`;
  if (step === 'one line') return `${head}\n\n${LEFT_OUT}\n`;
  const advice = backfillAdvice(report, 'action');
  const sections = [
    head,
    markdownText(setting(report)),
    advice ? `**What to do next:** ${markdownText(advice)}` : '',
    problemList(report.problems),
    run ? chart(run) : '',
    run && hasTables(step) ? runTable(run, step) : '',
    !run && hasTables(step) ? censusTable(census, step) : '',
    residueTable(run ? residueOf(run) : residueOfCensus(census)),
    findings(report, step),
    estimate && estimate.rows > 0 && !run ? `**Estimate:** ${markdownText(estimateText(estimate))}` : '',
    run && isFull(step) ? events(run) : '',
    recheck(report, step),
    report.warnings.length > 0 ? `**Worth knowing**\n\n${problemList(report.warnings)}` : '',
    isFull(step) ? '' : LEFT_OUT,
    `<sub>${footer(report)}</sub>`,
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}

const LEFT_OUT = '*Not all of it fitted here; the JSON report has it.*';

/** Rows of one table of the summary, at most: who has more to see to reads the report. */
const MOST_ROWS = 200;

function table(head: string, rows: readonly string[]): string {
  if (rows.length === 0) return '';
  const more =
    rows.length > MOST_ROWS ? [`\n*and ${number(rows.length - MOST_ROWS)} more, in the JSON report*`] : [];
  return [head, ...rows.slice(0, MOST_ROWS), ...more].join('\n');
}

function setting({ target, run }: BackfillReport): string {
  const bounds = [
    ...(run && run.maxRows !== null ? [`at most ${counted(run.maxRows, 'row')}`] : []),
    ...(run && run.deadline !== null ? [`no batch after ${run.deadline}`] : []),
  ];
  return [
    target
      ? `Database ${target.database} on PostgreSQL ${target.serverVersion}, as ${target.role}`
      : 'No server was asked',
    ...(run ? [`rules: ${run.rules.join(', ')}`] : []),
    ...bounds,
    ...(run?.requestedBy ? [`asked for by ${run.requestedBy}`] : []),
  ].join('; ');
}

function problemList(list: BackfillReport['problems']): string {
  return list
    .slice(0, 50)
    .map(({ at, message, hint }) => {
      const place = at ? `${markdownCode(`${at.file}:${at.line}:${at.column}`)} ` : '';
      const text = message.split('\n').map(markdownText).join('<br>');
      return `- ${place}${text}${hint ? `<br>${markdownText(hint)}` : ''}`;
    })
    .join('\n');
}

/** The bar, and the rate from first to last, as text in a fence: all of it is digits and blocks of ours. */
function chart(run: ReportedRun): string {
  const bar = runProgress(run, 40);
  if (bar === undefined) return '';
  const rates = ratesOver(run, 40);
  const lines = [
    bar,
    ...(rates
      ? [
          `${sparkline(rates.perSecond)}  rows/s, ${number(Math.round(Math.max(...rates.perSecond)))} at most, over ${formatDurationMs(rates.spanMs)}`,
        ]
      : []),
  ];
  return ['```text', ...lines, '```'].join('\n');
}

/** Rows a second in equal parts of the run's time; undefined for a run too short for it. */
function ratesOver(
  { progress }: ReportedRun,
  parts: number,
): { perSecond: number[]; spanMs: number } | undefined {
  const points = progress.map(({ at, rows }) => ({ atMs: Date.parse(at), rows }));
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || !(last.atMs - first.atMs >= 5_000)) return undefined;
  const spanMs = last.atMs - first.atMs;
  const count = Math.min(parts, Math.floor(spanMs / 1_000));
  const rowsBy = (atMs: number): number => points.findLast((point) => point.atMs <= atMs)?.rows ?? 0;
  const perSecond = Array.from({ length: count }, (_, i) => {
    const [from, to] = [first.atMs + (spanMs * i) / count, first.atMs + (spanMs * (i + 1)) / count];
    return ((rowsBy(to) - (i === 0 ? 0 : rowsBy(from))) * 1_000 * count) / spanMs;
  });
  return { perSecond, spanMs };
}

function runTable({ lanes }: ReportedRun, step: Step): string {
  const isTold = ({ rowsUpdated, chunksOpen, residue }: ReportedRun['lanes'][number]): boolean =>
    rowsUpdated > 0 || chunksOpen > 0 || Object.keys(residue).length > 0;
  const told = lanes.filter(isTold);
  const quiet = lanes.filter((lane) => !isTold(lane)).map((lane) => lane.table);
  const rows = told.map(
    ({ table: name, columns, rowsUpdated, residue, chunksDone, chunksOpen, workedMs, sqlstates }) => {
      const batches = `${number(chunksDone)}${chunksOpen > 0 ? `, ${number(chunksOpen)} open` : ''}`;
      const errors = sqlstates.length > 0 ? `; met ${sqlstates.join(', ')}` : '';
      const cells = [
        name,
        columns.join(', '),
        number(rowsUpdated),
        classesText(residue) + errors,
        batches,
      ].map(markdownText);
      return `| ${cells.join(' | ')} | ${formatDurationMs(workedMs)} |`;
    },
  );
  return [
    table('| Table | Column | Filled | Left | Batches | Work |\n|---|---|---:|---|---:|---:|', rows),
    step !== 'without quiet tables' && quiet.length > 0
      ? `Nothing to do in ${markdownText(listed(quiet))}.`
      : '',
  ]
    .filter(Boolean)
    .join('\n\n');
}

function censusTable(census: BackfillReport['census'], step: Step): string {
  const rows = census
    .filter((each) => !isQuiet(each))
    .map(({ table: name, columns, outcome, classes, problem, waitsFor }) => {
      const { resolvable = 0, ...others } = classes;
      const can = outcome === 'unknown' ? 'not counted' : number(resolvable);
      const cells = [
        name,
        columns.join(', '),
        can,
        problem?.message ?? classesText(others),
        waitsFor.join(', '),
      ].map(markdownText);
      return `| ${cells.join(' | ')} |`;
    });
  const quiet = census.filter(isQuiet).map((each) => each.table);
  return [
    table('| Table | Column | Can be filled | Cannot | After |\n|---|---|---:|---|---|', rows),
    step !== 'without quiet tables' && quiet.length > 0
      ? `Nothing to fill in ${markdownText(listed(quiet))}.`
      : '',
  ]
    .filter(Boolean)
    .join('\n\n');
}

function residueTable(residue: readonly Residue[]): string {
  const rows = residue.map(
    ({ name, count, remedy }) => `| ${markdownCode(name)} | ${number(count)} | ${markdownText(remedy)} |`,
  );
  return table('| Left as they are | Rows | What to do |\n|---|---:|---|', rows);
}

function findings(report: BackfillReport, step: Step): string {
  const told = report.findings.filter(
    ({ weight, acknowledged }) => !(report.run && (acknowledged || weight === 'note')),
  );
  const rows = told.map(({ weight, name, acknowledged, message, hint }) => {
    const mark = weight === 'refuse' ? '❌' : weight === 'note' ? 'ℹ️' : acknowledged ? '✅' : '⚠️';
    return `| ${mark} | ${markdownText(message)}<br>${markdownText(hint)} | ${weight === 'acknowledge' ? markdownCode(name) : ''} |`;
  });
  const names = namesToAcknowledge(report);
  return [
    hasTables(step) ? table('| | What writing them meets | Acknowledged as |\n|---|---|---|', rows) : '',
    names.length > 0 && !report.run
      ? `**To acknowledge, if all of that is as you want it**, one a line in ${markdownCode('acknowledge')}:\n\n${names
          .slice(0, MOST_ROWS)
          .map((name) => `- ${markdownCode(name)}`)
          .join('\n')}`
      : '',
  ]
    .filter(Boolean)
    .join('\n\n');
}

function events(run: ReportedRun): string {
  const rows = tellingEvents(run, 20).map(
    ({ at, kind, detail }) =>
      `| ${markdownText(at)} | ${markdownText(kind)} | ${markdownText(detail ?? '')} |`,
  );
  return table('| When | What held or ended it | |\n|---|---|---|', rows);
}

function recheck({ recheck: checks }: BackfillReport, step: Step): string {
  if (checks.length === 0) return '';
  const held = checks.filter(({ outcome }) => outcome === 'held').length;
  const others = checks.filter(({ outcome }) => outcome !== 'held');
  const rows = others.map(
    ({ rule, table: name, outcome, reason }) =>
      `| ${outcome === 'broken' ? '❌' : '⚠️'} | ${markdownCode(rule)} | ${markdownText(name ?? '')} | ${markdownText(reason)} |`,
  );
  return [
    `**Checked again, by the rules' own checks:** ${number(held)} of ${number(checks.length)} held.`,
    hasTables(step) ? table('| | Rule | Table | |\n|---|---|---|---|', rows) : '',
  ]
    .filter(Boolean)
    .join('\n\n');
}

function footer({ run, elapsedMs, exitCode }: BackfillReport): string {
  const worked = run && run.elapsedMs !== null ? `; the run is ${formatDurationMs(run.elapsedMs)} old` : '';
  return `${formatDurationMs(elapsedMs)}${worked}; exit code ${exitCode}`;
}
