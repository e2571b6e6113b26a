// What every renderer says of a rollout, as plain cells and sentences.
import { listed } from '../support/listed.ts';
import { number } from './words.ts';
import type { Rollout, RolloutFinding, RolloutStep, TableRollout } from '../rollout/phase.ts';

/** The grid's columns, in order. */
export const ROLLOUT_HEADINGS = [
  'table',
  'column',
  'declared',
  'observed',
  'stage',
  'left',
  'in the way of the next phase',
] as const;

/** One line of the grid: the cells under {@link ROLLOUT_HEADINGS}, and how the line stands. */
export type RolloutRow = { readonly cells: readonly string[]; readonly drift: TableRollout['drift'] };

export function rolloutRows({ tables, phases }: Rollout): RolloutRow[] {
  return tables.map((row) => ({
    cells: [
      row.table,
      row.column,
      row.declared ?? (phases.length > 0 ? 'none' : '-'),
      row.observed ?? (row.phases[0] ? `before ${row.phases[0].phase}` : '-'),
      row.stage,
      row.rowsLeft ? countText(row.rowsLeft) : row.stage === 'absent' ? '-' : 'not measured',
      nextText(row.next),
    ],
    drift: row.drift,
  }));
}

const countText = ({ count, exact }: { readonly count: number; readonly exact: boolean }): string =>
  exact ? number(count) : `at least ${number(count)}`;

function nextText(next: TableRollout['next']): string {
  if (!next) return 'nothing';
  const [first, ...more] = next.blockers;
  if (!first) return 'nothing';
  const before = next.phase === null ? '' : `${next.phase}: `;
  return `${before}${first.rule}: ${first.reason}${more.length > 0 ? `; and ${number(more.length)} more` : ''}`;
}

/** The one sentence that a person reads first. */
export function rolloutHeadline({ exitCode, verdict, tables, findings, problems }: Rollout): string {
  if (exitCode === 3)
    return `Could not start: ${number(problems.length)} ${problems.length === 1 ? 'problem' : 'problems'} to solve first`;
  const of = (drift: TableRollout['drift']): number => tables.filter((row) => row.drift === drift).length;
  const columns = `${number(tables.length)} ${tables.length === 1 ? 'column' : 'columns'}`;
  const counts = (['behind', 'ahead', 'unknown'] as const)
    .filter((drift) => of(drift) > 0)
    .map((drift) => `${number(of(drift))} ${drift === 'unknown' ? 'not measured' : drift}`);
  const word = { 'on track': 'On track', behind: 'Behind', ahead: 'Ahead', unknown: 'Not known' }[verdict];
  const rest = counts.length > 0 ? counts.join(', ') : findings.length > 0 ? 'with notices' : 'no drift';
  return `${word}: ${columns}, ${rest}`;
}

/** What was looked at, in one line. */
export function rolloutSetting({ target, phase, phases }: Rollout): string {
  const where = target ? `${target.database} on PostgreSQL ${target.serverVersion}` : 'no server answered';
  const said = phase === null ? 'no phase declared, every rule enforced' : `phase ${phase} declared`;
  return `${where}; ${said}${phases.length > 0 ? ` of ${phases.join(' > ')}` : ''}`;
}

/** `rules/x.yml:74 rule: what is the matter (tables)`. */
export function findingText({ rule, tables, message, source }: RolloutFinding): {
  readonly place: string;
  readonly text: string;
} {
  const of = tables.length > 0 ? ` (${listed(tables)})` : '';
  return { place: `${source.file}:${source.line}`, text: `${rule}: ${message}${of}` };
}

/** How many steps there are, by their state. */
export function stepsText(steps: readonly RolloutStep[]): string {
  if (steps.length === 0) return 'no step is left';
  const counts = (['ready', 'blocked', 'by hand', 'unknown'] as const).flatMap((state) => {
    const count = steps.filter((step) => step.state === state).length;
    return count > 0 ? [`${number(count)} ${state}`] : [];
  });
  return `${number(steps.length)} ${steps.length === 1 ? 'step' : 'steps'}: ${counts.join(', ')}`;
}

/** Whether tables can go back, each text once with the tables that it is about. */
export function rollbackTexts({ tables }: Rollout): { readonly tables: string; readonly text: string }[] {
  const byText = new Map<string, string[]>();
  for (const { table, rollback } of tables) byText.set(rollback, [...(byText.get(rollback) ?? []), table]);
  return [...byText].map(([text, names]) => ({ tables: listed(names), text }));
}
