import { formatDurationMs } from '../../support/duration.ts';
import type { Report } from '../report.ts';
import { counted, groupByRule, headline, number } from '../words.ts';
import { renderParts } from './bars.ts';
import { html, type Markup } from './markup.ts';
import { stateOf, STATES, STATE_WORDS, worstOf, type State } from './states.ts';
import { renderTiles } from './tiles.ts';
import { renderProblems, renderTop, type Top } from './top.ts';

/** The verdict, what was looked at, and the counts: what a person sees before they scroll. */
export function renderOverview(report: Report): Markup {
  const [word = '', ...rest] = headline(report).split(': ');
  const top = {
    verdict: report.verdict,
    word,
    pill: report.phase === null ? undefined : `phase ${report.phase}`,
    headline: rest.join(': '),
    facts: factsOf(report),
  };
  return html`${renderTop(top)} ${report.results.length > 0 && renderCounts(report)}
  ${renderProblems('problems', report.exitCode === 3 ? 'What to solve first' : 'What went wrong', report.problems)}
  ${renderProblems('warnings', 'Worth knowing', report.warnings)}`;
}

function factsOf({
  target,
  targets,
  targetName,
  phase,
  startedAt,
  elapsedMs,
  rules,
  exitCode,
}: Report): Top['facts'] {
  const where = targets ? counted(targets.length, 'target') : (target?.database ?? 'no server answered');
  return [
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
    ${renderTiles([
      { name: 'Violations', count: enforced, tone: 'broken', note: 'of rules that are enforced' },
      { name: 'Rules broken', count: broken, tone: 'broken', note: `of ${number(groups.length)}` },
      { name: 'Not measured', count: of('unknown'), tone: 'unknown', note: `of ${checks}` },
      { name: 'Held', count: of('held'), tone: 'held', note: `of ${checks}` },
    ])}
    ${renderParts(parts)}
    <p class="key">
      ${parts.filter(({ count }) => count > 0).map(({ state, count }) => html`<span class="dot ${state}"></span>${number(count)} ${STATE_WORDS[state]} `)}
    </p>
  </section>`;
}
