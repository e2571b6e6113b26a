import assert from 'node:assert/strict';
import test from 'node:test';
import { rulesOf, type StepCase } from './rollout-cases.ts';
import { catalogueOf, readySteps, rollout, runStatement, undo } from './rollout.ts';
import { createDatabase, testServer } from './server.ts';

/**
 * Runs every script that `rowgate rollout --next` prints for these cases on this server: it takes no stronger lock than it
 * promises, what the rule asks for is there at the end, and what it says undoes it does.
 */
export async function testSteps(cases: readonly StepCase[]): Promise<void> {
  const { version } = await testServer();
  for (const { what, tables, rule, before, says, saysNot, from = 13, until = 18, keeps } of cases) {
    const skip = version < from || version > until ? `not on PostgreSQL ${version}` : false;
    test(`the next step brings ${what}`, { skip }, async () => {
      const database = await createDatabase(tables);
      if (before) await database.run(before);
      const catalogue = await catalogueOf(database);
      const planned = await rollout(database.url, rulesOf(rule));
      assert.deepEqual(planned.problems, []);
      const steps = readySteps(planned);
      assert.deepEqual(
        planned.steps.filter(({ state }) => state !== 'ready'),
        [],
      );
      const statements = steps.flatMap((step) => step.statements);
      assert.ok(statements.length > 0);
      const text = statements.map(({ sql }) => sql).join('\n');
      if (says) assert.match(text, says);
      if (saysNot) assert.doesNotMatch(text, saysNot);

      for (const statement of statements) await runStatement(database.url, statement);
      const after = await rollout(database.url, rulesOf(rule));
      assert.deepEqual([after.verdict, after.exitCode, after.steps], ['on track', 0, []]);

      await undo(database, steps);
      if (keeps) return;
      assert.equal(await catalogueOf(database), catalogue);
    });
  }
}
