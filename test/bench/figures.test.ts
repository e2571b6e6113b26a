import assert from 'node:assert/strict';
import test from 'node:test';
import { isMet, type Bar } from '../../bench/bars.ts';
import { elapsedOf, measureInTurns } from '../../bench/measure.ts';
import { expectSame } from '../../bench/seed-statements.ts';
import { ratioOf, spreadOf } from '../../bench/spread.ts';

test('the median of an even number of values lies between the two in the middle', () => {
  assert.deepEqual(spreadOf([4, 1, 10, 2]), { median: 3, least: 1, most: 10 });
  assert.deepEqual(spreadOf([10, 1, 2]), { median: 2, least: 1, most: 10 });
});

test('a ratio is of the times of one round, not of two medians', () => {
  assert.deepEqual(ratioOf([1, 20, 3], [2, 10, 6]), { median: 0.5, least: 0.5, most: 2 });
});

test('a ratio to something that was not measured is no number, and meets no bar', () => {
  const measured = ratioOf([1], []);
  assert.ok(Number.isNaN(measured.median));
  assert.equal(isMet({ promise: '', limit: 1, measured, unit: '' }), false);
});

test('a bar is met at its limit, and a bar that is to be stayed below is not', () => {
  const bar: Bar = { promise: '', limit: 2, measured: spreadOf([2, 2, 9]), unit: '' };
  assert.equal(isMet(bar), true);
  assert.equal(isMet({ ...bar, below: true }), false);
  assert.equal(isMet({ ...bar, measured: spreadOf([2.1]) }), false);
});

test('every round runs everything once, another thing first each time', async () => {
  const ran: string[] = [];
  const subject = (name: string) => ({
    name,
    run: async () => ({ elapsedMs: ran.push(name) }),
  });
  const readings = await measureInTurns(['a', 'b', 'c'].map(subject), { rounds: 3, mostMs: Infinity });
  assert.equal(ran.join(' '), 'a b c b c a c a b');
  assert.deepEqual(elapsedOf(readings, 'a'), [1, 6, 8]);
});

test('where time is short everything is measured once, and no round begins that would end too late', async () => {
  const readings = await measureInTurns([{ name: 'a', run: async () => ({ elapsedMs: 1 }) }], {
    rounds: 3,
    mostMs: 0,
  });
  assert.deepEqual(elapsedOf(readings, 'a'), [1]);
});

test('a wrong count, or one that nobody expects, is an error', () => {
  expectSame('it', { 'null findings': 3 }, { 'null findings': 3, 'null policies': 1 });
  assert.throws(() => expectSame('it', { 'null findings': 2 }, { 'null findings': 3 }), /2 instead of 3/);
  assert.throws(() => expectSame('it', { 'null findings': Number.NaN }, { 'null findings': 3 }), /NaN/);
  assert.throws(
    () => expectSame('it', { 'null tenants': 0 }, { 'null findings': 3 }),
    /0 instead of nothing/,
  );
});
