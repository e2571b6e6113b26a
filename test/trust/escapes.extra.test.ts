import assert from 'node:assert/strict';
import test from 'node:test';
import { DRIVERS } from '../../src/postgres/database.ts';
import { counts, testStage, USERS } from './escape-suite.ts';

for (const user of USERS) {
  for (const driver of DRIVERS) {
    testStage('refused unconnected', { user, driver });
    testStage('refused by the catalogue', { user, driver });
    testStage('contained', { user, driver });
  }
}

test('every attempt was contained', (t) => {
  t.diagnostic(`escape attempts: ${counts.tried} tried, ${counts.contained} contained`);
  assert.ok(counts.tried > 1_800);
  assert.equal(counts.contained, counts.tried);
});
