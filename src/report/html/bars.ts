import { html, type Markup } from './markup.ts';
import type { State } from './states.ts';

export type Bar = {
  readonly label: string;
  /** Beside or below the label, in smaller letters. */
  readonly note?: string | undefined;
  readonly value: number;
  /** The value as people read it. */
  readonly shown: string;
  readonly tone?: State | 'plain';
};

/** Of what is not nothing something can be seen. */
const LEAST_WIDTH = 0.6;

/** Values beside each other as bars, the largest as wide as there is room; the numbers stand beside them. */
export function renderBars(bars: readonly Bar[]): Markup {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  return html`<ul class="bars">
    ${bars.map(({ label, note, value, shown, tone = 'plain' }) => {
      const width = value === 0 ? 0 : Math.max(LEAST_WIDTH, (100 * value) / most);
      return html`<li>
        <span class="what"
          ><span class="label">${label}</span
          >${note !== undefined && html` <span class="note">${note}</span>`}</span
        ><span class="num">${shown}</span
        ><svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
          <rect class="track" width="100" height="4" />
          <rect class="fill ${tone}" width="${width.toFixed(2)}" height="4" />
        </svg>
      </li> `;
    })}
  </ul>`;
}

/** Parts of a whole as one bar; a part of none is left out. What they are stands in the text around. */
export function renderParts(parts: readonly { readonly state: State; readonly count: number }[]): Markup {
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  const gap = 0.4;
  const present = parts.filter(({ count }) => count > 0);
  let x = 0;
  const rects = present.map(({ state, count }, i) => {
    const width = (100 * count) / total;
    const drawn = i === present.length - 1 ? width : Math.max(LEAST_WIDTH, width - gap);
    const rect = html`<rect
      class="fill ${state}"
      x="${x.toFixed(2)}"
      width="${drawn.toFixed(2)}"
      height="4"
    />`;
    x += width;
    return rect;
  });
  return html`<svg class="parts" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" width="100" height="4" />
    ${rects}
  </svg>`;
}
