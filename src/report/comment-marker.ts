import { deflateRawSync, inflateRawSync } from 'node:zlib';
import * as z from 'zod';
import type { Tallies } from './tallies.ts';

/** A run of a workflow; of two the one with the larger id, then the later attempt, is newer. */
export type RunRef = { readonly id: number; readonly attempt: number };

/** What the first line of a comment of ours holds, unseen. */
export type Marker = {
  /** Which of several gates on one pull request it is of. */
  readonly key: string;
  readonly run: RunRef;
  /** Undefined where there was nothing to count, or more than fits. */
  readonly tallies: Tallies | undefined;
};

/** Letters, digits and `._/-`: nothing in a key ends an HTML comment, or a word. */
export const COMMENT_KEY = /^[\w./-]{1,100}$/;

/** Some 1,500 rules, with ids of usual length. */
const MAX_STATE_CHARACTERS = 16_000;
const MAX_STATE_BYTES = 1_000_000;
const MAX_RULES = 20_000;

const FIRST_LINE =
  /^<!-- rowgate:comment v=1 key=([\w./-]{1,100}) run=(\d{1,15})\.(\d{1,9}) state=([A-Za-z0-9+/=]*) -->(?:\r?\n|$)/;

const State = z.strictObject({
  of: z.string().regex(/^[0-9a-f]{16}$/),
  at: z.iso.datetime(),
  rules: z
    .array(z.tuple([z.string().min(1).max(200), z.int().min(0).nullable(), z.boolean()]))
    .max(MAX_RULES),
});

/** The first line of a comment, without its end. */
export function writeMarker({ key, run, tallies }: Marker): string {
  const state = tallies ? encode(tallies) : '';
  const kept = state.length > MAX_STATE_CHARACTERS ? '' : state;
  return `<!-- rowgate:comment v=1 key=${key} run=${run.id}.${run.attempt} state=${kept} -->`;
}

/**
 * The marker of a comment's text, undefined where there is none. Whoever can comment can write one: it says something
 * only in a comment whose author is known. Tallies that are not as {@link writeMarker} writes them count as absent.
 */
export function readMarker(body: string): Marker | undefined {
  const [, key, id, attempt, state = ''] = FIRST_LINE.exec(body) ?? [];
  if (key === undefined) return undefined;
  return { key, run: { id: Number(id), attempt: Number(attempt) }, tallies: decode(state) };
}

/** Whether the first run is newer than the second. */
export function isNewer(a: RunRef, b: RunRef): boolean {
  return a.id > b.id || (a.id === b.id && a.attempt > b.attempt);
}

function encode({ of, startedAt, rules }: Tallies): string {
  const state = { of, at: startedAt, rules: [...rules].map(([id, { count, exact }]) => [id, count, exact]) };
  return deflateRawSync(JSON.stringify(state)).toString('base64');
}

function decode(text: string): Tallies | undefined {
  if (text === '' || text.length > MAX_STATE_CHARACTERS) return undefined;
  try {
    const json = inflateRawSync(Buffer.from(text, 'base64'), { maxOutputLength: MAX_STATE_BYTES });
    const { of, at, rules } = State.parse(JSON.parse(json.toString('utf8')));
    return { of, startedAt: at, rules: new Map(rules.map(([id, count, exact]) => [id, { count, exact }])) };
  } catch {
    return undefined;
  }
}
