import { groupBy } from '../../support/group-by.ts';
import type { ReportResult } from '../report.ts';
import { counted, number, type RuleGroup } from '../words.ts';
import { html, type Markup } from './markup.ts';
import { signOf, STATE_WORDS, worstOf, type State } from './states.ts';

export type HeatMap = {
  readonly id: string;
  readonly title: string;
  /** What the columns are, one and many of them: `['table', 'tables']`. */
  readonly columns: readonly [one: string, many: string];
  readonly groups: readonly RuleGroup[];
  /** Which column a result belongs to. */
  readonly columnOf: (result: ReportResult) => string;
};

/** More rows or columns than this are read by nobody, and make a page slow; those that matter least are left out. */
const MAX_ROWS = 40;
const MAX_COLUMNS = 40;

/** Rules in rows, gravest first, and what became of each in columns; darker where more rows break a rule. */
export function renderHeatMap({ id, title, columns: [one, many], groups, columnOf }: HeatMap): Markup {
  const all = [...new Set(groups.flatMap(({ results }) => results.map(columnOf)))];
  const columns = worstColumns(all, groups, columnOf);
  const prefix = sharedSchema(columns);
  const rows = groups.slice(0, MAX_ROWS);
  const left = [
    ...(groups.length > rows.length ? [counted(groups.length - rows.length, 'more rule')] : []),
    ...(all.length > columns.length
      ? [counted(all.length - columns.length, `more ${one}`, `more ${many}`)]
      : []),
  ];
  const head = columns.map(
    (column) =>
      html`<th scope="col">
        <span class="turned" title="${column}"
          >${column.startsWith(prefix) ? column.slice(prefix.length) : column}</span
        >
      </th>`,
  );
  return html`<section id="${id}" aria-labelledby="${id}-title">
    <div class="head">
      <h2 id="${id}-title">${title}</h2>
      <p class="aside">
        ${counted(groups.length, 'rule')},
        ${counted(all.length, one, many)}${prefix !== '' && ` in ${prefix.slice(0, -1)}`}
      </p>
    </div>
    <div class="card scroll heat-card" role="group" aria-label="${title}, as a table" tabindex="0">
      <table class="heat">
        <thead>
          <tr>
            <td></td>
            ${head}
            <th scope="col" class="sum">Violations</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map((group) => renderRow(group, columns, columnOf))}
        </tbody>
      </table>
    </div>
    ${LEGEND}
    ${left.length > 0 && html`<p class="left">Left out here: ${left.join(' and ')}. They are in the list below, or in report.json.</p>`}
  </section>`;
}

const LEGEND = html`<p class="legend">
  <span
    ><span class="cell b1">1</span><span class="cell b2">10</span><span class="cell b3">100</span
    ><span class="cell b4">1k</span>violations</span
  ><span><span class="cell b1">✕</span>not met</span
  ><span><span class="cell unknown">?</span>not measured</span
  ><span><span class="cell waiting">n</span>not enforced yet</span
  ><span><span class="cell held">✓</span>held</span>
</p>`;

function worstColumns(
  all: readonly string[],
  groups: readonly RuleGroup[],
  columnOf: HeatMap['columnOf'],
): readonly string[] {
  if (all.length <= MAX_COLUMNS) return all;
  const needing = new Map<string, number>();
  for (const result of groups.flatMap(({ results }) => results)) {
    const weight = result.outcome === 'held' ? 0 : result.enforced ? 1_000 : 1;
    needing.set(columnOf(result), (needing.get(columnOf(result)) ?? 0) + weight);
  }
  const kept = new Set(
    all.toSorted((a, b) => (needing.get(b) ?? 0) - (needing.get(a) ?? 0)).slice(0, MAX_COLUMNS),
  );
  return all.filter((column) => kept.has(column));
}

/** `public.` where every table is of that schema; nobody wants to read it forty times. */
function sharedSchema(columns: readonly string[]): string {
  const tables = columns.filter((column) => column !== '(query)');
  const [prefix] = /^[\w$]+\./.exec(tables[0] ?? '') ?? [''];
  return tables.every((column) => column.startsWith(prefix)) ? prefix : '';
}

function renderRow(group: RuleGroup, columns: readonly string[], columnOf: HeatMap['columnOf']): Markup {
  const byColumn = groupBy(group.results, columnOf);
  const state = worstOf(group.results);
  const sum = countOf(group.results);
  return html`<tr>
    <th scope="row">${signOf(state)}<span class="name" title="${group.rule}">${group.rule}</span></th>
    ${columns.map((column) => renderCell(byColumn.get(column) ?? []))}
    <td class="sum num">${sum > 0 ? number(sum) : ''}</td>
  </tr> `;
}

function renderCell(results: readonly ReportResult[]): Markup {
  const [first] = results;
  if (!first) return html`<td></td>`;
  const state = worstOf(results);
  const heat = state === 'broken' ? `b${Math.min(4, String(countOf(results)).length)}` : state;
  const { sign, words } = first.kind === 'schema' ? requirementText(state) : rowsText(state, results);
  return html`<td>
    <span class="cell ${heat}" aria-hidden="true">${sign}</span><span class="vh">${words}</span>
  </td>`;
}

function requirementText(state: State): { sign: string; words: string } {
  const sign = { held: '✓', unknown: '?', waiting: '✕', broken: '✕' }[state];
  return { sign, words: state === 'broken' ? 'not met' : STATE_WORDS[state] };
}

/** A count with a plus sign is one that may be higher: not all was counted, or not all was measured. */
function rowsText(state: State, results: readonly ReportResult[]): { sign: string; words: string } {
  if (state === 'held') return { sign: '✓', words: STATE_WORDS.held };
  const count = countOf(results);
  if (state === 'unknown' || count === 0) return { sign: '?', words: STATE_WORDS.unknown };
  const isAll = results.every(({ violations }) => violations?.exact ?? false);
  return {
    sign: `${short(count)}${isAll ? '' : '+'}`,
    words: `${STATE_WORDS[state]}: ${isAll ? '' : 'at least '}${counted(count, 'violation')}`,
  };
}

function countOf(results: readonly ReportResult[]): number {
  return results.reduce(
    (sum, { outcome, violations }) => sum + (outcome === 'broken' ? (violations?.count ?? 0) : 0),
    0,
  );
}

/** `999`, `1.2k`, `34M`: four characters at most. */
function short(count: number): string {
  for (const [unit, size] of [['G', 1e9], ['M', 1e6], ['k', 1e3]] as const) {
    if (count >= size) return `${(count / size).toFixed(count < 10 * size ? 1 : 0)}${unit}`;
  }
  return String(count);
} // prettier-ignore
