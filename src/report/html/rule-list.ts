import { formatDurationMs } from '../../support/duration.ts';
import { gravestFirst } from '../gravity.ts';
import type { ReportResult } from '../report.ts';
import {
  counted,
  detailText,
  number,
  remedyText,
  ruleText,
  sampleText,
  violationsText,
  type RuleGroup,
} from '../words.ts';
import { html, type Markup } from './markup.ts';
import { signOf, stateOf, STATE_WORDS, STATES, worstOf, type State } from './states.ts';

/** How much of the rules a page shows; {@link renderRuleList} gives back how many results that were. */
export type Detail = {
  readonly samples: boolean;
  /** Whether the tables on which a rule held have lines of their own. */
  readonly held: boolean;
  readonly maxResults: number;
};

/** A rule that needs a person is open from the start, but not so many that nobody finds the next. */
const MAX_OPEN = 5;

/** Every rule as a fold, gravest first, with a form to filter them; `shown` of its `total` results have a line. */
export function renderRuleList(
  groups: readonly RuleGroup[],
  detail: Detail,
): { readonly markup: Markup; readonly shown: number; readonly total: number } {
  const total = groups.reduce((sum, { results }) => sum + results.length, 0);
  let left = detail.maxResults;
  const folds: Markup[] = [];
  for (const [i, group] of groups.entries()) {
    const wanted = linesFirst(group.results, detail);
    const rows = wanted.slice(0, left);
    if (left === 0 && wanted.length > 0) break;
    left -= rows.length;
    folds.push(renderFold(group, rows, i < MAX_OPEN && worstOf(group.results) === 'broken', detail));
  }
  const shown = detail.maxResults - left;
  const missing = leftOut(groups.length - folds.length, total - shown, detail);
  const markup = html`<section id="rules" aria-labelledby="rules-title">
    <div class="head">
      <h2 id="rules-title">Rules</h2>
      <p class="aside" id="count" role="status">${counted(groups.length, 'rule')}</p>
    </div>
    ${missing !== '' && html`<p class="left">${missing} The whole is in report.json.</p>`}
    ${renderFilter(groups)}
    <div class="folds">${folds}</div>
    <p class="none" hidden>
      No rule or table here matches. <button type="button" class="clear">Show all</button>
    </p>
  </section>`;
  return { markup, shown, total };
}

/** What did not hold, gravest first, then what did. */
function linesFirst(results: readonly ReportResult[], { held }: Detail): ReportResult[] {
  return [...gravestFirst(results), ...(held ? results.filter(({ outcome }) => outcome === 'held') : [])];
}

function leftOut(rules: number, results: number, { samples, held }: Detail): string {
  const parts = [
    ...(rules > 0 ? [counted(rules, 'rule')] : []),
    ...(results > 0
      ? [`the lines of ${counted(results, 'check')}${held ? '' : ', those that held first'}`]
      : []),
    ...(samples ? [] : ['the keys of rows']),
  ];
  return parts.length > 0 ? `Left out to keep this page small: ${parts.join('; ')}.` : '';
}

function renderFilter(groups: readonly RuleGroup[]): Markup {
  const count = (state: State): number => groups.filter(({ results }) => worstOf(results) === state).length;
  const choice = (value: string, word: string, amount: number, checked = false): Markup =>
    html`<label
      ><input type="radio" name="state" value="${value}" ${checked && html` checked`} /><span
        >${word} <b class="num">${number(amount)}</b></span
      ></label
    >`;
  return html`<form class="filter" role="search" hidden>
    <label class="search"
      ><span class="vh">Filter rules and tables</span
      ><input
        type="search"
        id="q"
        placeholder="Filter rules and tables"
        autocomplete="off"
        spellcheck="false"
      /><kbd aria-hidden="true">/</kbd></label
    >
    <fieldset>
      <legend class="vh">Show</legend>
      ${choice('', 'all', groups.length, true)}${STATES.filter((state) => count(state) > 0).map((state) => choice(state, STATE_WORDS[state], count(state)))}
    </fieldset>
  </form>`;
}

function renderFold(
  group: RuleGroup,
  rows: readonly ReportResult[],
  isOpen: boolean,
  detail: Detail,
): Markup {
  const [first] = group.results;
  const state = worstOf(group.results);
  const remedies = [...new Set(group.results.flatMap((result) => remedyText(result) ?? []))];
  const held = group.results.filter(({ outcome }) => outcome === 'held').length;
  const result = state === 'held' ? `held on ${counted(held, 'check')}` : ruleText(group);
  return html`<details class="fold ${state}" data-state="${state}" ${isOpen && html` open`}>
    <summary>
      ${signOf(state)}
      <h3>${group.rule}</h3>
      <span class="result"><span class="vh">${STATE_WORDS[state]}: </span>${result}</span
      ><span class="tags"
        ><span class="tag">${first.kind}</span
        ><span class="tag">${first.enforced ? first.severity : 'not enforced yet'}</span></span
      >
    </summary>
    <div class="body">
      ${first.why !== null && html`<p class="why">${first.why.trim()}</p>`}
      ${remedies.map((remedy) => html`<p class="remedy"><b>What to do</b> ${remedy}</p>`)}
      ${renderLines(rows, group.rule, detail)}
      ${rows.length < group.results.length && html`<p class="left">${counted(group.results.length - rows.length, 'check')} of this rule ${rows.length + 1 === group.results.length ? 'has' : 'have'} no line here.</p>`}
      <p class="source"><code>${first.source.file}:${first.source.line}</code></p>
    </div>
  </details> `;
}

/** Where some tables did not hold, those that did are behind a fold. */
function renderLines(rows: readonly ReportResult[], rule: string, detail: Detail): Markup {
  const held = rows.filter(({ outcome }) => outcome === 'held');
  const needing = rows.filter(({ outcome }) => outcome !== 'held');
  if (needing.length === 0 || held.length === 0)
    return html`${rows.length > 0 && renderTable(rows, `Checks of ${rule}`, detail)}`;
  return html`${renderTable(needing, `Findings of ${rule}`, detail)}
    <details class="more">
      <summary>Held on ${counted(held.length, 'other table')}</summary>
      ${renderTable(held, `Tables on which ${rule} held`, detail)}
    </details>`;
}

function renderTable(rows: readonly ReportResult[], label: string, { samples }: Detail): Markup {
  const withTarget = rows.some(({ target }) => target !== undefined);
  return html`<div class="scroll">
    <table class="lines" aria-label="${label}">
      <thead>
        <tr>
          ${withTarget && html`<th scope="col" class="target">Target</th>`}
          <th scope="col" class="table">Table</th>
          <th scope="col" class="num violations">Violations</th>
          <th scope="col">Finding</th>
          <th scope="col" class="how">How</th>
          <th scope="col" class="num time">Time</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map((result) => renderLine(result, withTarget, samples))}
      </tbody>
    </table>
  </div>`;
}

function renderLine(result: ReportResult, withTarget: boolean, withSamples: boolean): Markup {
  const state = stateOf(result);
  const keys = withSamples ? result.samples : [];
  const text = state === 'held' ? result.reason : detailText(result);
  return html`<tr class="${state}">
    ${withTarget && html`<td class="of">${result.target ?? ''}</td>`}
    <th scope="row">${result.table ?? '(query)'}</th>
    <td class="num">
      ${result.outcome === 'held' ? number(result.violations?.count ?? 0) : violationsText(result)}
    </td>
    <td class="finding">
      ${text}${keys.length > 0 && html`<span class="keys">${keys.map((key) => html`<code>${sampleText(key)}</code>`)}</span>`}
    </td>
    <td class="how">${result.strategy}</td>
    <td class="num time">${formatDurationMs(result.elapsedMs)}</td>
  </tr> `;
}
