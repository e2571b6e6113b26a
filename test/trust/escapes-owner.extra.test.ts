import { testCounts, testStage } from './escape-suite.ts';

// What escapes.test.ts tries a part of.
const gate = { user: 'owner', driver: 'postgres' } as const;
testStage('refused unconnected', gate);
testStage('refused by the catalogue', gate);
testStage('contained', gate);
testCounts(450);
