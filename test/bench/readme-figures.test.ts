import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { findSummary, markSummary, NOT_MEASURED } from '../../bench/render-results.ts';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

test("the README's figures are those of bench/results.md, or there are none", () => {
  const isMeasured = existsSync(path.join(root, 'bench', 'results.md'));
  const expected = isMeasured
    ? findSummary(read('bench/results.md')).replace('(chart.svg)', '(bench/chart.svg)')
    : NOT_MEASURED;
  assert.equal(findSummary(read('README.md')), expected);
  assert.equal(existsSync(path.join(root, 'bench', 'chart.svg')), isMeasured);
});

test('a summary is found where it was marked, and its lack is an error', () => {
  assert.equal(findSummary(`before ${markSummary('one\n\ntwo')} after`), 'one\n\ntwo');
  assert.throws(() => findSummary('<!-- bench:end --> <!-- bench:begin -->'), /has no <!-- bench:begin -->/);
});
