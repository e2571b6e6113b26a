import { testComparison, testCounts, testStage, USERS } from './escape-suite.ts';

testComparison();

// What reaches no server is the same for everybody; and with the postgres package each session takes a thread. All
// combinations are tried by npm run test:extra.
testStage('refused unconnected', { user: 'owner', driver: 'pg' });
for (const user of USERS) {
  testStage('refused by the catalogue', { user, driver: 'pg' });
  testStage('contained', { user, driver: 'pg' });
}
testStage('refused by the catalogue', { user: 'owner', driver: 'postgres' });
testStage('contained', { user: 'owner', driver: 'postgres' }, { every: 15 });

testCounts(800);
