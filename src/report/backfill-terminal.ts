import { formatDurationMs } from '../support/duration.ts';
import { listed } from '../support/listed.ts';
import { plain } from '../support/plain.ts';
import type { BackfillReport, ReportedRun } from './backfill-report.ts';
import {
  backfillAdvice,
  backfillHeadline,
  censusText,
  counted,
  estimateText,
  isQuiet,
  number,
  residueOf,
  residueOfCensus,
  runAdvice,
  runHeadline,
  runProgress,
  runRate,
  tellingEvents,
  type Reader,
  type Residue,
} from './backfill-words.ts';

/** A backfill for people at a terminal or reading a log: what happened first, then what needs them. */
export function renderBackfill(report: BackfillReport, reader: Reader = 'cli'): string {
  const { target, census, findings, estimate, run, recheck, problems, warnings } = report;
  const advice = backfillAdvice(report, reader);
  const open = findings.filter(({ weight, acknowledged }) => !(run && (acknowledged || weight === 'note')));
  const lines = [
    backfillHeadline(report),
    ...(target ? [`${target.database} on PostgreSQL ${target.serverVersion}, as ${target.role}`] : []),
    ...warnings.flatMap(({ message, hint }) => [`! ${message}`, ...(hint ? [`  ${hint}`] : [])]),
    ...problems.flatMap(({ at, message, hint }) => [
      '',
      ...message.split('\n').map((line) => `${at ? `${at.file}:${at.line}:${at.column}: ` : ''}${line}`),
      ...(hint ? [`  ${hint}`] : []),
    ]),
    ...(census.length > 0 && !run ? ['', 'Rows without their value:', ...censusLines(census)] : []),
    ...section('What writing them would meet:', open.flatMap(findingLines)),
    ...(estimate && estimate.rows > 0 && !run ? ['', `Estimate: ${estimateText(estimate)}`] : []),
    ...(run ? ['', ...factLines(run)] : []),
    ...section("Checked again, by the rules' own checks:", recheckLines(recheck)),
    '',
    ...(advice ? [advice] : []),
    `${formatDurationMs(report.elapsedMs)}; exit code ${report.exitCode}`,
  ];
  return `${lines.map((line) => plain(line)).join('\n')}\n`;
}

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length > 0 ? ['', title, ...lines] : [];

function censusLines(census: BackfillReport['census']): string[] {
  const told = census.filter((each) => !isQuiet(each));
  const quiet = census.filter(isQuiet).map(({ table }) => table);
  const width = Math.max(0, ...told.map(({ table }) => table.length));
  return [
    ...told.map((each) => `  ${each.table.padEnd(width)}  ${each.columns.join(', ')}: ${censusText(each)}`),
    ...(quiet.length > 0 ? [`  nothing to fill in ${listed(quiet)}`] : []),
    ...residueLines(residueOfCensus(census)),
  ];
}

function residueLines(residue: readonly Residue[]): string[] {
  const width = Math.max(0, ...residue.map(({ name, count }) => `${number(count)} ${name}`.length));
  return residue.map(
    ({ name, count, remedy }) => `  - ${`${number(count)} ${name}`.padEnd(width)}  ${remedy}`,
  );
}

function findingLines({
  weight,
  name,
  acknowledged,
  message,
  hint,
}: BackfillReport['findings'][number]): string[] {
  const mark = weight === 'refuse' ? 'x' : acknowledged || weight === 'note' ? '+' : '?';
  const lines = [`  ${mark} ${message}`];
  if (acknowledged) return [`${lines[0]} (acknowledged)`];
  return [...lines, `    ${hint}`, ...(weight === 'acknowledge' ? [`    its name: ${name}`] : [])];
}

/** One run, as `rowgate runs show` prints it. */
export function runLines(run: ReportedRun, nowMs: number): string[] {
  const advice = runAdvice(run);
  const rate = runRate(run, nowMs);
  return [
    runHeadline(run),
    ...(rate ? [`  ${rate}`] : []),
    ...(advice ? [`  ${advice}`] : []),
    ...factLines(run),
  ];
}

const BAR_WIDTH = 30;

function factLines(run: ReportedRun): string[] {
  const bar = runProgress(run, BAR_WIDTH);
  const bounds = [
    ...(run.maxRows === null ? [] : [`at most ${counted(run.maxRows, 'row')}`]),
    ...(run.deadline === null ? [] : [`no batch after ${run.deadline}`]),
  ];
  return [
    ...(bar ? [`  ${bar}`] : []),
    ...(run.rowsRemaining === null
      ? []
      : [
          `  counted again: ${counted(run.rowsRemaining, 'row')} without ${run.rowsRemaining === 1 ? 'its' : 'their'} value`,
        ]),
    ...laneLines(run),
    ...residueLines(residueOf(run)),
    `  ${run.rules.length === 1 ? 'rule' : 'rules'}: ${run.rules.join(', ')}`,
    ...(bounds.length > 0 ? [`  bounds: ${bounds.join(', ')}`] : []),
    ...(run.requestedBy ? [`  asked for by ${run.requestedBy}${run.runUrl ? ` (${run.runUrl})` : ''}`] : []),
    ...(run.elapsedMs === null ? [] : [`  time: ${formatDurationMs(run.elapsedMs)}`]),
    ...tellingEvents(run, 8).map(({ at, kind, detail }) => `  ${at} ${kind}${detail ? `: ${detail}` : ''}`),
  ];
}

function laneLines({ lanes }: ReportedRun): string[] {
  const told = lanes.filter(
    ({ rowsUpdated, chunksOpen, residue }) =>
      rowsUpdated > 0 || chunksOpen > 0 || Object.keys(residue).length > 0,
  );
  const width = Math.max(0, ...told.map(({ table }) => table.length));
  return told.map(({ table, rowsUpdated, chunksOpen, residue, sqlstates }) => {
    const parts = [
      `${number(rowsUpdated)} filled`,
      ...Object.entries(residue).map(([name, count]) => `${number(count)} ${name}`),
      ...(chunksOpen > 0 ? [`${counted(chunksOpen, 'batch', 'batches')} open`] : []),
      ...(sqlstates.length > 0 ? [`met ${sqlstates.join(', ')}`] : []),
    ];
    return `  ${table.padEnd(width)}  ${parts.join('; ')}`;
  });
}

/** Only what did not hold is named; the rest is a number. */
function recheckLines(recheck: BackfillReport['recheck']): string[] {
  const held = recheck.filter(({ outcome }) => outcome === 'held').length;
  const others = recheck.filter(({ outcome }) => outcome !== 'held');
  return [
    ...(held > 0 ? [`  + ${counted(held, 'check')} held`] : []),
    ...others.map(
      ({ rule, table, outcome, reason }) =>
        `  ${outcome === 'broken' ? 'x' : '?'} ${rule}${table ? ` on ${table}` : ''}: ${outcome}, ${reason}`,
    ),
  ];
}
