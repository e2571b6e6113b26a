import { DRIVERS } from '../../src/postgres/database.ts';
import { testComparison, testCounts, testStage, USERS } from './escape-suite.ts';

testComparison();

// What reaches no server is the same for everybody.
testStage('refused unconnected', { user: 'owner', driver: 'pg' });
for (const user of USERS) {
  for (const driver of DRIVERS) {
    testStage('refused by the catalogue', { user, driver });
    testStage('contained', { user, driver });
  }
}

testCounts(1_000);
