import process from 'node:process';
import { endLeftCheckRun } from './actions/check-run.ts';
import { actionsRunner, runnerContext } from './github/runner.ts';
import { asProblem, describeProblem } from './support/problem.ts';

// The Action's `post`: also when main was killed. It changes no verdict, so it never fails.
const runner = actionsRunner();
try {
  await endLeftCheckRun(runner, runnerContext(process.env));
} catch (error) {
  runner.log(`check run: ${describeProblem(asProblem(error))}`);
}
