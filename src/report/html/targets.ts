import { formatDurationMs } from '../../support/duration.ts';
import type { MergedTarget, Report } from '../report.ts';
import { makeTargetTable } from '../target-table.ts';
import { counted, groupByRule, number } from '../words.ts';
import { renderHeatMap } from './heat-map.ts';
import { html, type Markup } from './markup.ts';
import { signOf, type State } from './states.ts';

/** More are read by nobody; the gravest stand first. */
const MAX_TARGETS = 200;

/** Of a merged report: each target with its own verdict, and which rule broke on which target. */
export function renderTargets(report: Report): Markup | false {
  const targets = makeTargetTable(report, { maxTargets: MAX_TARGETS, maxRules: 0 })?.targets;
  if (!targets || targets.length === 0) return false;
  return html`<section id="targets" aria-labelledby="targets-title">
      <div class="head">
        <h2 id="targets-title">Targets</h2>
        <p class="aside">
          ${counted(report.targets?.length ?? 0, 'target')}${(report.targets?.length ?? 0) > MAX_TARGETS && `, the ${MAX_TARGETS} gravest of them here`}
        </p>
      </div>
      <div class="card scroll" role="group" aria-label="Targets, as a table" tabindex="0">
        <table class="lines">
          <thead>
            <tr>
              <th scope="col">Target</th>
              <th scope="col">Verdict</th>
              <th scope="col" class="num">Violations</th>
              <th scope="col" class="num">Broken</th>
              <th scope="col" class="num">Not measured</th>
              <th scope="col" class="num">Checks</th>
              <th scope="col">Phase</th>
              <th scope="col">Database</th>
              <th scope="col">Started</th>
              <th scope="col" class="num">Time</th>
            </tr>
          </thead>
          <tbody>
            ${targets.map(renderTarget)}
          </tbody>
        </table>
      </div>
    </section>
    ${renderHeatMap({
      id: 'target-map',
      title: 'Rules by target',
      columns: ['target', 'targets'],
      groups: groupByRule(report),
      columnOf: ({ target }) => target ?? '',
    })}`;
}

const VERDICT_SIGNS: Readonly<Record<MergedTarget['verdict'], State>> = {
  clean: 'held',
  broken: 'broken',
  incomplete: 'unknown',
};

function renderTarget({
  name,
  verdict,
  totals,
  phase,
  database,
  serverVersion,
  startedAt,
  elapsedMs,
}: MergedTarget): Markup {
  const where = database === null ? 'no server answered' : `${database}, PostgreSQL ${serverVersion ?? ''}`;
  return html`<tr>
    <th scope="row">${name}</th>
    <td class="nowrap">${signOf(VERDICT_SIGNS[verdict])} ${verdict}</td>
    <td class="num">${number(totals.violations)}</td>
    <td class="num">${number(totals.broken)}</td>
    <td class="num">${number(totals.unknown)}</td>
    <td class="num">${number(totals.results)}</td>
    <td>${phase ?? 'none'}</td>
    <td>${where}</td>
    <td class="nowrap">${startedAt.slice(0, 10)} ${startedAt.slice(11, 16)} UTC</td>
    <td class="num">${formatDurationMs(elapsedMs)}</td>
  </tr> `;
}
