import { COLUMN_CASES } from '../support/rollout-cases.ts';
import { testSteps } from '../support/step-suite.ts';

await testSteps(COLUMN_CASES);
