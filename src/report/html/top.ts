import { capitalised } from '../../support/capitalised.ts';
import type { Report, ReportProblem } from '../report.ts';
import { number } from '../words.ts';
import { html, type Markup } from './markup.ts';

/** What a page says before anything else. */
export type Top = {
  /** Its colour and its sign. */
  readonly verdict: Report['verdict'];
  readonly word: string;
  readonly pill?: string | undefined;
  readonly headline: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
};

/** The verdict, and what was looked at: what a person sees before they scroll. */
export function renderTop({ verdict, word, pill, headline, facts }: Top): Markup {
  return html`<header class="top ${verdict}">
    <div class="bar-row">
      <p class="brand">Rowgate</p>
      <button type="button" id="theme" hidden>Dark</button>
    </div>
    <div class="verdict">
      ${BADGES[verdict]}
      <div>
        <h1>${word}${pill !== undefined && html`<span class="pill">${pill}</span>`}</h1>
        <p class="headline">${capitalised(headline)}</p>
      </div>
    </div>
    <dl class="facts">
      ${facts.map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
  </header>`;
}

const badge = (path: Markup): Markup =>
  html`<svg class="badge" viewBox="0 0 48 48" aria-hidden="true">
    <circle cx="24" cy="24" r="24" />
    ${path}
  </svg>`;

const BADGES = {
  clean: badge(html`<path d="M14 25l7 7 13-15" />`),
  broken: badge(html`<path d="M16 16l16 16m0-16L16 32" />`),
  incomplete: badge(html`<path d="M18 19a6 6 0 1 1 8.7 5.4c-1.8.9-2.7 2-2.7 3.9m0 5.6v.3" />`),
};

/** A page of thousands of the same mistake helps nobody. */
const MAX_PROBLEMS = 100;

/** Problems or warnings, each with its place and what to do; nothing where there is none. */
export function renderProblems(id: string, title: string, list: readonly ReportProblem[]): Markup | false {
  if (list.length === 0) return false;
  const more = list.length - MAX_PROBLEMS;
  return html`<section id="${id}" class="card note ${id}" aria-labelledby="${id}-title">
    <h2 id="${id}-title">${title}</h2>
    <ul class="plain">
      ${list
        .slice(0, MAX_PROBLEMS)
        .map(
          ({ at, message, hint }) =>
            html`<li>
              ${at !== null && html`<code>${at.file}:${at.line}:${at.column}</code> `}${message}${hint !== null && html`<span class="hint">${hint}</span>`}
            </li> `,
        )}${more > 0 && html`<li>and ${number(more)} more, in the JSON report</li>`}
    </ul>
  </section>`;
}
