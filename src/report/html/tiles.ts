import { number } from '../words.ts';
import { html, type Markup } from './markup.ts';
import type { State } from './states.ts';

/** A count in large letters; none of something has no colour, and `undefined` is not known. */
export type Tile = {
  readonly name: string;
  readonly count: number | undefined;
  readonly tone: State;
  readonly note: string;
};

/** Counts side by side. */
export function renderTiles(tiles: readonly Tile[]): Markup {
  return html`<dl>
    ${tiles.map(
      ({ name, count, tone, note }) =>
        html`<div class="${count === 0 ? 'nothing' : tone}">
          <dt>${name}</dt>
          <dd><b class="num">${count === undefined ? '?' : number(count)}</b> <span>${note}</span></dd>
        </div>`,
    )}
  </dl>`;
}
