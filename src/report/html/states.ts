import type { ReportResult } from '../report.ts';
import { html, type Markup } from './markup.ts';

/** What a person tells results apart by: by colour, by sign and by word, as not everyone sees all three. */
export type State = 'broken' | 'unknown' | 'waiting' | 'held';

/** Gravest first. */
export const STATES: readonly State[] = ['broken', 'unknown', 'waiting', 'held'];

export const STATE_WORDS: Readonly<Record<State, string>> = {
  broken: 'broken',
  unknown: 'not measured',
  waiting: 'not enforced yet',
  held: 'held',
};

/** A rule that is not enforced yet and did not hold waits; what held, held. */
export function stateOf({ outcome, enforced }: ReportResult): State {
  return outcome === 'held' || enforced ? outcome : 'waiting';
}

/** The gravest state of some results; `held` of none. */
export function worstOf(results: readonly ReportResult[]): State {
  const states = new Set(results.map(stateOf));
  return STATES.find((state) => states.has(state)) ?? 'held';
}

const SHAPES: Readonly<Record<State, Markup>> = {
  broken: html`<path d="M5.5 5.5l5 5m0-5l-5 5"/>`,
  unknown: html`<path d="M6 6.3a2 2 0 1 1 2.9 1.9c-.6.3-.9.6-.9 1.2m0 2v.1"/>`,
  waiting: html`<path d="M8 4.8V8l2.2 1.4"/>`,
  held: html`<path d="M5 8.3l2.1 2.1L11 6"/>`,
}; // prettier-ignore

/** A round sign for a state; the word for it stands beside it, or in the text that a screen reader finds. */
export function signOf(state: State): Markup {
  return html`<svg class="sign ${state}" viewBox="0 0 16 16" aria-hidden="true">
    <circle cx="8" cy="8" r="8" />
    ${SHAPES[state]}
  </svg>`;
}
