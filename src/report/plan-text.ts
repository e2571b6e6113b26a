import { formatDurationMs } from '../support/duration.ts';
import { plain } from '../support/plain.ts';
import type { PlanEntry, PlanReport } from './plan-report.ts';
import { number } from './words.ts';

/** A plan for people: what would be read for which checks, largest first, and what would make it cheaper. */
export function renderPlan({ target, entries, totals, warnings, problems }: PlanReport): string {
  const where = target ? `${target.database} on PostgreSQL ${target.serverVersion}` : 'no server answered';
  const advice = [...new Set(entries.flatMap(({ cheaper }) => [...cheaper.index, ...cheaper.constraint]))];
  const lines = [
    `${number(totals.checks)} checks by ${number(totals.statements)} statements: ${number(totals.pages)} pages read whole, about ${formatDurationMs(totals.estimatedMs)} (estimated; no table was read)`,
    plain(where),
    ...warnings.map(({ message }) => `! ${plain(message)}`),
    ...problems.flatMap(({ at, message, hint }) => [
      plain(at ? `${at}: ${message}` : message),
      ...(hint ? [`  ${plain(hint)}`] : []),
    ]),
    '',
    ...entries.map(entryLine),
    ...(advice.length > 0
      ? [
          '',
          'What would make it cheaper (each in a transaction of its own):',
          ...advice.map((each) => `  ${plain(each)}`),
        ]
      : []),
  ];
  return `${lines.join('\n')}\n`;
}

function entryLine({ rule, table, strategy, by, together, cost, pages, estimatedMs }: PlanEntry): string {
  const reads = pages > 0 ? `, ${number(pages)} pages` : '';
  const shared = together > 1 ? `, one of ${together} in this scan` : '';
  const price =
    cost > 0 ? `: cost ${number(cost)}${reads}, about ${formatDurationMs(estimatedMs)}${shared}` : '';
  return plain(`${rule} on ${table ?? '(query)'}: ${strategy}${by ? ` (${by})` : ''}${price}`);
}
