import { formatDurationMs } from '../../support/duration.ts';
import type { Report, ReportProblem } from '../report.ts';
import { counted, groupByRule, headline, number } from '../words.ts';
import { renderParts } from './bars.ts';
import { html, type Markup } from './markup.ts';
import { stateOf, STATES, STATE_WORDS, worstOf, type State } from './states.ts';

/** The verdict, what was looked at, and the counts: what a person sees before they scroll. */
export function renderOverview(report: Report): Markup {
  const [word = '', ...rest] = headline(report).split(': ');
  return html`<header class="top ${report.verdict}">
      <div class="bar-row">
        <p class="brand">Rowgate</p>
        <button type="button" id="theme" hidden>Dark</button>
      </div>
      <div class="verdict">
        ${BADGES[report.verdict]}
        <div>
          <h1>${word}${report.phase !== null && html`<span class="pill">phase ${report.phase}</span>`}</h1>
          <p class="headline">${sentence(rest.join(': '))}</p>
        </div>
      </div>
      ${renderFacts(report)}
    </header>
    ${report.results.length > 0 && renderCounts(report)}
    ${renderProblems('problems', report.exitCode === 3 ? 'What to solve first' : 'What went wrong', report.problems)}
    ${renderProblems('warnings', 'Worth knowing', report.warnings)}`;
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

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function renderFacts({
  target,
  targets,
  targetName,
  phase,
  startedAt,
  elapsedMs,
  rules,
  exitCode,
}: Report): Markup {
  const where = targets ? counted(targets.length, 'target') : (target?.database ?? 'no server answered');
  const facts: (readonly [name: string, value: string])[] = [
    ...(targetName === undefined ? [] : ([['Target', targetName]] as const)),
    [targets ? 'Targets' : 'Database', where],
    ...(target
      ? ([
          ['PostgreSQL', `${target.serverVersion}${target.inRecovery ? ', a standby' : ''}`],
          ['Role', target.role],
        ] as const)
      : []),
    ...(targets || phase !== null ? [] : ([['Phase', 'none given, every rule enforced']] as const)),
    ['Started', `${startedAt.slice(0, 10)} ${startedAt.slice(11, 16)} UTC`],
    ['Took', formatDurationMs(elapsedMs)],
    [
      'Rules',
      `${rules.from === 'base' ? `base commit ${rules.commit?.slice(0, 8) ?? 'unknown'}, ` : ''}#${rules.hash.slice(0, 8)}`,
    ],
    ['Exit code', String(exitCode)],
  ];
  return html`<dl class="facts">
    ${facts.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

function renderCounts(report: Report): Markup {
  const { results } = report;
  const groups = groupByRule(report);
  const parts = STATES.map((state) => ({
    state,
    count: results.filter((each) => stateOf(each) === state).length,
  }));
  const enforced = results.reduce(
    (sum, { enforced: counts, violations, outcome }) =>
      sum + (counts && outcome === 'broken' ? (violations?.count ?? 0) : 0),
    0,
  );
  const broken = groups.filter((group) => worstOf(group.results) === 'broken').length;
  const of = (state: State): number => parts.find((part) => part.state === state)?.count ?? 0;
  const checks = counted(results.length, 'check');
  return html`<section class="card counts" aria-label="Counts">
    <dl>
      ${[
        tile('Violations', enforced, enforced > 0 ? 'broken' : 'held', 'of rules that are enforced'),
        tile('Rules broken', broken, broken > 0 ? 'broken' : 'held', `of ${number(groups.length)}`),
        tile('Not measured', of('unknown'), of('unknown') > 0 ? 'unknown' : 'held', `of ${checks}`),
        tile('Held', of('held'), 'held', `of ${checks}`),
      ]}
    </dl>
    ${renderParts(parts)}
    <p class="key">
      ${parts.filter(({ count }) => count > 0).map(({ state, count }) => html`<span class="dot ${state}"></span>${number(count)} ${STATE_WORDS[state]} `)}
    </p>
  </section>`;
}

function tile(name: string, count: number, tone: State, note: string): Markup {
  const shown = count === 0 ? 'nothing' : tone;
  return html`<div class="${shown}">
    <dt>${name}</dt>
    <dd><b class="num">${number(count)}</b> <span>${note}</span></dd>
  </div>`;
}

/** A page of thousands of the same mistake helps nobody. */
const MAX_PROBLEMS = 100;

function renderProblems(id: string, title: string, list: readonly ReportProblem[]): Markup | false {
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
        )}${more > 0 && html`<li>and ${number(more)} more, in report.json</li>`}
    </ul>
  </section>`;
}
