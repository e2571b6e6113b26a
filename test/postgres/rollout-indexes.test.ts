import { INDEX_CASES } from '../support/rollout-cases.ts';
import { testSteps } from '../support/step-suite.ts';

await testSteps(INDEX_CASES);
