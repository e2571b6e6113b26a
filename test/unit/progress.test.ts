import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import test from 'node:test';
import { showProgress } from '../../src/progress.ts';
import type { RunEvent } from '../../src/world.ts';

/** What a stream of some width was written, in its pieces; undefined is no terminal. */
function written(columns: number | undefined, events: readonly RunEvent[]): string[] {
  const pieces: string[] = [];
  const stream = new PassThrough();
  stream.on('data', (piece: Buffer) => pieces.push(piece.toString()));
  const terminal = columns === undefined ? {} : { isTTY: true, columns };
  const progress = showProgress(Object.assign(stream, terminal) as unknown as NodeJS.WriteStream);
  for (const event of events) progress.emit(event);
  progress.end();
  return pieces;
}

const filled = (s: number, rowsUpdated: number, holds?: string): RunEvent =>
  ({
    event: 'backfill',
    goal: 1_000,
    progress: { runId: '7', rowsUpdated, holds, elapsedMs: s * 1_000 },
  }) as RunEvent;
const going = [0, 2, 4, 6, 8].map((s) => filled(s, s * 50));

test('a terminal has one line, written over: a bar, the rows, the rate and what is to go; it is gone at the end', () => {
  const pieces = written(120, going);
  assert.equal(pieces.length, going.length + 1);
  for (const piece of pieces) assert.match(piece, /^\r\u001B\[K[^\r\n]*$/);
  assert.match(
    pieces[1] ?? '',
    /run 7: █{2}░{22} 10%, 100 of 1,000 rows filled; measuring how fast it goes$/,
  );
  assert.match(pieces[4] ?? '', /40%, 400 of 1,000 rows filled; 50 rows\/s, about 12 s to go$/);
  assert.equal(pieces[5], '\r\u001B[K');
});

test('a line never fills the terminal, and one that does not say how wide it is gets 79 characters', () => {
  const widest = (columns: number): number =>
    Math.max(...written(columns, going).map((piece) => piece.length - '\r\u001B[K'.length));
  assert.deepEqual([widest(40), widest(0)], [39, 79]);
});

test('what a run waits for stands where its rate would', () => {
  const [piece] = written(120, [filled(1, 10, 'a replica is behind\n::error::x')]);
  assert.match(piece ?? '', /10 of 1,000 rows filled; waiting, as a replica is behind[^\n]*$/);
});

test('a log gets plain lines: the first at once, as it names the run, the others now and then', () => {
  assert.deepEqual(written(undefined, going), ['run 7: 0%, 0 of 1,000 rows filled; measuring how fast it goes\n']); // prettier-ignore
});
