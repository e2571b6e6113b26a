import { renderFigures } from './html/figures.ts';
import { frame } from './html/frame.ts';
import { renderHeatMap } from './html/heat-map.ts';
import { html, type Markup } from './html/markup.ts';
import { renderOverview } from './html/overview.ts';
import { renderRuleList, type Detail } from './html/rule-list.ts';
import { renderTargets } from './html/targets.ts';
import { fewer } from './fewer.ts';
import type { Report } from './report.ts';
import { footer, groupByRule, headline } from './words.ts';

/** A page, how many of the report's results it has a line for, and what it leaves out to be small enough. */
export type RenderedHtml = {
  readonly html: string;
  readonly shown: number;
  readonly total: number;
  readonly step: 'full' | 'without keys' | 'without what held' | 'gravest only';
};

/** A part of the page that only some reports have something for. Add one here, and it stands before the heat map. */
const OPTIONAL_SECTIONS: readonly ((report: Report) => Markup | false)[] = [renderTargets];

/**
 * The report as one page that needs nothing else: no network, no other file, and a policy that lets nothing in. It reads
 * without its script, too. At most `maxBytes` long, for which it says less in steps, and then what it left out.
 */
export function renderHtml(report: Report, maxBytes: number): RenderedHtml {
  const all = { samples: true, held: true, maxResults: Number.MAX_SAFE_INTEGER };
  const steps: readonly (readonly [RenderedHtml['step'], Detail])[] = [
    ['full', all],
    ['without keys', { ...all, samples: false }],
    ['without what held', { ...all, samples: false, held: false }],
  ];
  for (const [step, detail] of steps) {
    const page = renderPage(report, detail);
    if (Buffer.byteLength(page.html) <= maxBytes) return { ...page, step };
  }
  for (let most = report.results.length - 1; ;) {
    const page = renderPage(report, { samples: false, held: false, maxResults: most });
    const bytes = Buffer.byteLength(page.html);
    if (most <= 0 || bytes <= maxBytes) return { ...page, step: 'gravest only' };
    most = fewer(most, bytes, maxBytes);
  }
}

function renderPage(report: Report, detail: Detail): Omit<RenderedHtml, 'step'> {
  const groups = groupByRule(report);
  const { markup: rules, shown, total } = renderRuleList(groups, detail);
  const body = html`<a class="skip" href="#main">Skip to the rules</a>
    <div class="page">
      ${renderOverview(report)}
      <main id="main" tabindex="-1">
        ${OPTIONAL_SECTIONS.map((render) => render(report))}
        ${
          groups.length > 0 && [
            renderHeatMap({
              id: 'map',
              title: 'Rules by table',
              columns: ['table', 'tables'],
              groups,
              columnOf: ({ table }) => table ?? '(query)',
            }),
            rules,
            renderFigures(report),
          ]
        }
      </main>
      <footer>
        <p>
          ${footer(report)}. Made by Rowgate
          ${report.rowgateVersion ?? ''}${report.rules.files.length > 0 && ` from ${report.rules.files.join(', ')}`}.
        </p>
      </footer>
    </div>`;
  return { html: frame(headline(report), body), shown, total };
}
