import assert from 'node:assert/strict';
import test from 'node:test';
import { percent, progressBar, sparkline } from '../../../src/report/progress-chart.ts';
import { rateOf, rateText } from '../../../src/report/rate.ts';

const steady = (seconds: number, perSecond: number) =>
  Array.from({ length: seconds * 4 + 1 }, (_, i) => ({ atMs: i * 250, rows: (i * perSecond) / 4 }));

test('the rate is measured over a few seconds before it is told', () => {
  assert.equal(rateOf([], 10), undefined);
  assert.equal(rateOf(steady(2, 100), 10), undefined);
  assert.deepEqual(rateOf(steady(5, 100), 1_000), { rowsPerSecond: 100, likelyMs: 10_000, slowMs: 10_000 });
});

test('the estimate spans the usual and the slow rate, and forgets what was over a minute ago', () => {
  const points = steady(20, 100);
  const slower = [
    ...points,
    ...steady(4, 50).map(({ atMs, rows }) => ({ atMs: 20_250 + atMs, rows: 2_000 + rows })),
  ];
  const rate = rateOf(slower, 1_000);
  assert.deepEqual([rate?.rowsPerSecond, rate?.likelyMs, rate?.slowMs], [100, 10_000, 20_000]);
  assert.equal(rate && rateText(rate), '100 rows/s, 10 s to 20 s to go');
  const late = [
    ...slower,
    ...steady(70, 10).map(({ atMs, rows }) => ({ atMs: 25_000 + atMs, rows: 2_200 + rows })),
  ];
  assert.equal(rateOf(late, 1_000)?.rowsPerSecond, 10);
});

test('a run that stands still has no rate', () => {
  assert.equal(rateOf(steady(10, 0), 1_000), undefined);
});

test('long estimates are rough', () => {
  const text = (likelyMs: number) => rateText({ rowsPerSecond: 1_234.5, likelyMs, slowMs: likelyMs });
  assert.equal(text(300), '1,235 rows/s, about 1 s to go');
  assert.equal(text(600_000), '1,235 rows/s, about 10 min to go');
  assert.equal(text(36_000_000), '1,235 rows/s, about 10 h to go');
});

test('a bar is full, and says 100 %, only when all is done', () => {
  assert.equal(progressBar(0.5, 4), '██░░');
  assert.equal(progressBar(7, 4), '████');
  assert.equal(percent(999, 1_000), '99%');
  assert.equal(percent(1, 1_000), '1%');
  assert.equal(percent(0, 1_000), '0%');
  assert.equal(percent(0, 0), '100%');
  assert.equal(sparkline([0, 50, 100]), '▁▅█');
  assert.equal(sparkline([]), '');
});
