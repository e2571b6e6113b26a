import { formatDurationMs } from '../../support/duration.ts';
import { groupBy } from '../../support/group-by.ts';
import type { Report, ReportResult } from '../report.ts';
import { counted, number, placeText } from '../words.ts';
import { renderBars, type Bar } from './bars.ts';
import { html, type Markup } from './markup.ts';

const MAX_CLASSES = 12;
const MAX_SLOWEST = 8;
const MAX_PROOFS = 6;

/** Three small charts: rows by class, how checks were answered, and which took longest. */
export function renderFigures({ results }: Report): Markup {
  if (results.length === 0) return html``;
  return html`<div class="figures">${[classes(results), strategies(results), slowest(results)]}</div>`;
}

function figure(id: string, title: string, aside: string, body: Markup): Markup {
  return html`<section id="${id}" aria-labelledby="${id}-title" class="card">
    <h2 id="${id}-title">${title}</h2>
    <p class="aside">${aside}</p>
    ${body}
  </section> `;
}

function classes(results: readonly ReportResult[]): Markup {
  const counts = results.flatMap(({ classes: byName, breakingClasses, kind, outcome }) =>
    Object.entries(byName)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => {
        const breaks =
          breakingClasses.includes(name) || (breakingClasses.length === 0 && outcome === 'broken');
        return { name: kind === 'schema' ? `${name} (schema)` : name, count, breaks };
      }),
  );
  const bars = [...groupBy(counts, ({ name, breaks }) => `${String(breaks)} ${name}`).values()]
    .map((same): Bar => {
      const value = same.reduce((sum, { count }) => sum + count, 0);
      const [{ name, breaks }] = same;
      return {
        label: name,
        note: breaks ? undefined : 'shown only',
        value,
        shown: number(value),
        tone: breaks ? 'broken' : 'plain',
      };
    })
    .toSorted((a, b) => b.value - a.value);
  const more = bars.length - MAX_CLASSES;
  return figure(
    'classes',
    'Violations by class',
    bars.length > 0
      ? 'Rows, and requirements of schema rules that are not met'
      : 'No row and no requirement breaks a rule.',
    html`${renderBars(bars.slice(0, MAX_CLASSES))}${more > 0 && html`<p class="left">and ${counted(more, 'more class', 'more classes')}</p>`}`,
  );
}

function strategies(results: readonly ReportResult[]): Markup {
  const bars = [...groupBy(results, ({ strategy }) => strategy)]
    .map(([strategy, same]): Bar => ({
      label: strategy,
      note: Object.hasOwn(STRATEGY_WORDS, strategy) ? STRATEGY_WORDS[strategy] : undefined,
      value: same.length,
      shown: number(same.length),
    }))
    .toSorted((a, b) => b.value - a.value);
  const proofs = [
    ...new Set(results.flatMap(({ strategy, reason }) => (strategy === 'proved' ? [reason] : []))),
  ];
  const more = proofs.length - MAX_PROOFS;
  return figure(
    'proofs',
    'How it was answered',
    'Checks by the cheapest way that is still exact',
    html`${renderBars(bars)}${
      proofs.length > 0 &&
      html`<h3>Proofs</h3>
        <ul class="plain">
          ${proofs.slice(0, MAX_PROOFS).map((proof) => html`<li>${proof}</li>`)}${more > 0 && html`<li>and ${number(more)} more</li>`}
        </ul>`
    }`,
  );
}

const STRATEGY_WORDS: Readonly<Record<string, string>> = {
  proved: 'a constraint says so',
  'index probe': 'an index finds the rows',
  'loose index scan': 'an index, link by link',
  scan: 'the table read once',
  query: "the author's own SQL",
  catalog: 'the catalogue knows',
  probe: 'tried, and rolled back',
  none: 'not measured',
};

function slowest(results: readonly ReportResult[]): Markup {
  const bars = results
    .toSorted((a, b) => b.elapsedMs - a.elapsedMs)
    .slice(0, MAX_SLOWEST)
    .filter(({ elapsedMs }) => elapsedMs > 0)
    .map((result): Bar => ({
      label: placeText(result),
      note: result.rule,
      value: result.elapsedMs,
      shown: formatDurationMs(result.elapsedMs),
    }));
  return figure(
    'timings',
    'Slowest checks',
    'Checks that share a scan share its time',
    bars.length > 0 ? renderBars(bars) : html`<p>Nothing took a millisecond.</p>`,
  );
}
