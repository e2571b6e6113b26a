import assert from 'node:assert/strict';
import test from 'node:test';
import { addUp, areRight, readCounts, renderCounts } from '../../../scripts/counts.ts';

const tap = `TAP version 13
# fault cells (network in the checks, pg): 83 tried, 82 right outcome
    # escape attempts: 1206 tried, 1206 contained
# Subtest: a server that is not there yet is tried again
# fault cells (server): 34 tried, 34 right outcome
`;

test('counts are read from what tests print, and added up by what was tried', () => {
  assert.deepEqual(readCounts(tap), [
    { what: 'fault cells', tried: 117, right: 116, end: 'right outcome' },
    { what: 'escape attempts', tried: 1_206, right: 1_206, end: 'contained' },
  ]);
  assert.equal(
    renderCounts(readCounts(tap)),
    'fault cells       117 tried   116 right outcome\nescape attempts  1206 tried  1206 contained\n',
  );
});

test('counts are right when all of them are equal, and nothing that has to be tried is missing', () => {
  const [cells, attempts] = readCounts(tap);
  assert.ok(cells && attempts);
  assert.equal(areRight([cells, attempts], []), false);
  assert.equal(areRight([attempts], ['escape attempts']), true);
  assert.equal(areRight([attempts], ['escape attempts', 'bad inputs']), false);
  assert.equal(areRight(addUp([attempts, { ...attempts, right: 0 }]), []), false);
});
