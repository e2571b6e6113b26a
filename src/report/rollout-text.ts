import { styleText } from 'node:util';
import { plain } from '../support/plain.ts';
import type { Rollout } from '../rollout/phase.ts';
import {
  findingText,
  ROLLOUT_HEADINGS,
  rollbackTexts,
  rolloutHeadline,
  rolloutRows,
  rolloutSetting,
  stepsText,
} from './rollout-rows.ts';

type Paint = (style: 'red' | 'green' | 'yellow' | 'dim' | 'bold', text: string) => string;

/** A rollout for people at a terminal: the grid first, then drift, what can be taken back, and where the next steps are. */
export function renderRollout(rollout: Rollout, { color }: { readonly color: boolean }): string {
  const paint: Paint = (style, text) =>
    color ? styleText(style, text, { validateStream: false } as never) : text;
  const tone = rollout.verdict === 'on track' ? 'green' : rollout.verdict === 'behind' ? 'red' : 'yellow';
  const lines = [
    paint('bold', paint(tone, rolloutHeadline(rollout))),
    paint('dim', plain(rolloutSetting(rollout))),
    ...rollout.warnings.map(({ message }) => `${paint('yellow', '!')} ${plain(message)}`),
    ...rollout.problems.flatMap(({ at, message, hint }) => [
      '',
      plain(`${at ? `${at.file}:${at.line}:${at.column}: ` : ''}${message}`),
      ...(hint ? [paint('dim', `  ${plain(hint)}`)] : []),
    ]),
    ...(rollout.tables.length > 0 ? ['', ...grid(rollout, paint)] : []),
    ...(rollout.findings.length > 0 ? ['', paint('bold', 'Drift')] : []),
    ...rollout.findings.map((finding) => {
      const { place, text } = findingText(finding);
      const mark = { behind: paint('red', 'x'), ahead: paint('yellow', '>'), unknown: paint('yellow', '?') };
      return `${mark[finding.direction]} ${plain(text)}  ${paint('dim', plain(place))}`;
    }),
    ...(rollout.tables.length > 0
      ? [
          '',
          paint('bold', 'Going back'),
          ...rollbackTexts(rollout).map(({ tables, text }) => plain(`${tables}: ${text}`)),
        ]
      : []),
    '',
    paint(
      'dim',
      `next steps, as SQL with rowgate rollout --next: ${stepsText(rollout.steps)}; exit code ${rollout.exitCode}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function grid(rollout: Rollout, paint: Paint): string[] {
  const rows = rolloutRows(rollout).map(({ cells, drift }) => ({
    cells: cells.map((cell) => plain(cell)),
    drift,
  }));
  const widths = ROLLOUT_HEADINGS.map((heading, i) =>
    Math.max(heading.length, ...rows.map(({ cells }) => cells[i]?.length ?? 0)),
  );
  const last = widths.length - 1;
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === last ? cell : cell.padEnd(widths[i] ?? 0))).join('  ');
  const marks = {
    none: '+',
    behind: paint('red', 'x'),
    ahead: paint('yellow', '>'),
    unknown: paint('yellow', '?'),
  };
  return [
    paint('dim', `  ${line(ROLLOUT_HEADINGS)}`),
    ...rows.map(({ cells, drift }) => `${marks[drift]} ${line(cells)}`),
  ];
}
