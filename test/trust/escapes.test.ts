import assert from 'node:assert/strict';
import test from 'node:test';
import { DRIVERS } from '../../src/postgres/database.ts';
import { counts, testComparison, testStage, USERS } from './escape-suite.ts';

testComparison();

for (const user of USERS) {
  for (const driver of DRIVERS) {
    testStage('refused unconnected', { user, driver });
    testStage('refused by the catalogue', { user, driver });
    // With the postgres package a session takes a thread; all of them are tried by npm run test:extra.
    testStage('contained', { user, driver }, { every: driver === 'postgres' ? 12 : 1 });
  }
}

test('every attempt was contained', (t) => {
  t.diagnostic(`escape attempts: ${counts.tried} tried, ${counts.contained} contained`);
  assert.ok(counts.tried > 1_500);
  assert.equal(counts.contained, counts.tried);
});
