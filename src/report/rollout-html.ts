import type { Rollout } from '../rollout/phase.ts';
import { capitalised } from '../support/capitalised.ts';
import { frame } from './html/frame.ts';
import { html, type Markup } from './html/markup.ts';
import { signOf, type State } from './html/states.ts';
import { renderTable } from './html/table.ts';
import { renderProblems, renderTop } from './html/top.ts';
import {
  findingText,
  ROLLOUT_HEADINGS,
  rollbackTexts,
  rolloutHeadline,
  rolloutRows,
  rolloutSetting,
  stepsText,
} from './rollout-rows.ts';

/** A rollout as one page that needs nothing else. */
export function renderRolloutHtml(rollout: Rollout): string {
  const { verdict, target, phase, phases, problems, warnings, exitCode } = rollout;
  const headline = rolloutHeadline(rollout);
  const [word = '', ...rest] = headline.split(': ');
  const top = renderTop({
    verdict: ({ 'on track': 'clean', behind: 'broken', ahead: 'incomplete', unknown: 'incomplete' } as const)[
      verdict
    ],
    word,
    pill: phase === null ? undefined : `phase ${phase}`,
    headline: rest.join(': '),
    facts: [
      ['Database', target?.database ?? 'no server answered'],
      ...(target ? [['PostgreSQL', target.serverVersion] as const] : []),
      ['Phases', phases.length > 0 ? phases.join(' > ') : 'none'],
      ['Exit code', String(exitCode)],
    ],
  });
  const body = html`<a class="skip" href="#main">Skip to the tables</a>
    <div class="page">
      ${top} ${renderProblems('problems', 'What to solve first', problems)}
      ${renderProblems('warnings', 'Worth knowing', warnings)}
      <main id="main" tabindex="-1">
        ${[renderGrid(rollout), renderDrift(rollout), renderSteps(rollout), renderRollbacks(rollout)]}
      </main>
      <footer><p>${rolloutSetting(rollout)}. Made by Rowgate.</p></footer>
    </div>`;
  return frame(`rollout, ${headline}`, body);
}

const SIGNS: Readonly<Record<Rollout['tables'][number]['drift'], State>> = {
  none: 'held',
  behind: 'broken',
  ahead: 'waiting',
  unknown: 'unknown',
};

function renderGrid(rollout: Rollout): Markup | false {
  const [table = '', ...others] = ROLLOUT_HEADINGS;
  return renderTable({
    id: 'tables',
    title: 'Tables',
    aside: 'The declared phase against the observed one, and what is in the way',
    columns: [table, 'drift', ...others].map((name) => ({ name: capitalised(name) })),
    lines: rolloutRows(rollout).map(({ cells: [name, ...cells], drift }) => [
      name,
      html`<span class="nowrap">${signOf(SIGNS[drift])} ${drift}</span>`,
      ...cells,
    ]),
  });
}

function renderDrift(rollout: Rollout): Markup | false {
  return renderTable({
    id: 'drift',
    title: 'Drift',
    aside: 'At the line of the rule that it is about',
    columns: [{ name: 'Where' }, { name: 'Direction' }, { name: 'What' }],
    lines: rollout.findings.map((finding) => {
      const { place, text } = findingText(finding);
      return [html`<code>${place}</code>`, finding.direction, text];
    }),
  });
}

function renderSteps({ steps }: Rollout): Markup | false {
  return renderTable({
    id: 'steps',
    title: 'Next steps',
    aside: `${stepsText(steps)}; as SQL with rowgate rollout --next`,
    columns: [
      { name: 'Table' },
      { name: 'Step' },
      { name: 'Phase' },
      { name: 'State' },
      { name: 'Why, and how' },
    ],
    lines: steps.map(({ table, title, phase, state, reason, statements, undo }) => [
      table,
      title,
      phase ?? '',
      html`<span class="nowrap">${signOf(STEP_SIGNS[state])} ${state}</span>`,
      html`${reason ?? ''}${sqlOf(
        'SQL',
        statements.map(({ sql }) => sql),
      )}${sqlOf('Undo', undo)}`,
    ]),
  });
}

const STEP_SIGNS: Readonly<Record<Rollout['steps'][number]['state'], State>> = {
  ready: 'held',
  blocked: 'broken',
  'by hand': 'waiting',
  unknown: 'unknown',
};

function sqlOf(title: string, statements: readonly string[]): Markup | false {
  return (
    statements.length > 0 &&
    html`<details class="more">
      <summary>${title}</summary>
      ${statements.map((each) => html`<code>${each};</code><br />`)}
    </details>`
  );
}

function renderRollbacks(rollout: Rollout): Markup | false {
  return renderTable({
    id: 'rollback',
    title: 'Going back',
    aside: 'Whether it can still be undone',
    columns: [{ name: 'Tables' }, { name: 'Advice' }],
    lines: rollbackTexts(rollout).map(({ tables, text }) => [tables, text]),
  });
}
