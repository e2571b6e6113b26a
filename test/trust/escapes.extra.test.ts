import assert from 'node:assert/strict';
import test from 'node:test';
import { counts, testStage, USERS } from './escape-suite.ts';

for (const user of USERS) testStage('contained', { user, driver: 'postgres' });

test('every attempt was contained', (t) => {
  t.diagnostic(`escape attempts: ${counts.tried} tried, ${counts.contained} contained`);
  assert.ok(counts.tried > 100);
  assert.equal(counts.contained, counts.tried);
});
