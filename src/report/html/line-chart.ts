import { html, type Markup } from './markup.ts';

/** A value that only grows, over time. */
export type LineChart = {
  /** What a screen reader says instead of the picture. */
  readonly label: string;
  /** In order of time. */
  readonly points: readonly { readonly atMs: number; readonly value: number }[];
  /** Times at which something stood still, or ended. */
  readonly marks: readonly number[];
  /** The value that it goes to; the top of the picture. */
  readonly most: number;
  readonly shownMost: string;
  readonly shownStart: string;
  readonly shownEnd: string;
};

const WIDTH = 1000;
const HEIGHT = 220;

/** The line with what is below it; nothing where there is no stretch of time to draw. */
export function renderLineChart(chart: LineChart): Markup | false {
  const { label, points, marks, most, shownMost, shownStart, shownEnd } = chart;
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || last.atMs <= first.atMs || most <= 0) return false;
  const x = (atMs: number): string => ((WIDTH * (atMs - first.atMs)) / (last.atMs - first.atMs)).toFixed(1);
  const y = (value: number): string => (HEIGHT - (HEIGHT * Math.min(value, most)) / most).toFixed(1);
  const line = points.map(({ atMs, value }) => `${x(atMs)},${y(value)}`);
  const seen = marks.filter((atMs) => atMs >= first.atMs && atMs <= last.atMs);
  return html`<div class="card chart">
    <p class="scale" aria-hidden="true">${shownMost}</p>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${label}">
      <rect class="track" width="${WIDTH}" height="${HEIGHT}" />
      <polygon class="under" points="0,${HEIGHT} ${line.join(' ')} ${WIDTH},${HEIGHT}" />
      ${seen.map((atMs) => html`<line class="mark" x1="${x(atMs)}" x2="${x(atMs)}" y1="0" y2="${HEIGHT}" />`)}
      <polyline class="line" points="${line.join(' ')}" />
    </svg>
    <p class="scale" aria-hidden="true"><span>${shownStart}</span><span>${shownEnd}</span></p>
  </div>`;
}
