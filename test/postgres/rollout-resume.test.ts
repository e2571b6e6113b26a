// A script can stop after any of its statements: what is printed then goes on from there.
import assert from 'node:assert/strict';
import test from 'node:test';
import { COLUMN_CASES, INDEX_CASES, KEY_CASES, rulesOf } from '../support/rollout-cases.ts';
import { readySteps, rollout } from '../support/rollout.ts';
import { createDatabase, testServer } from '../support/server.ts';

const { version } = await testServer();
/** Those of more than one statement, each in its own way. */
const LONG = [
  'an index of a partitioned table',
  'a unique key',
  'NOT NULL',
  'a foreign key of a partitioned table',
  "a composite foreign key, the parent's unique key first",
];
const cases = [...INDEX_CASES, ...COLUMN_CASES, ...KEY_CASES].filter(({ what }) => LONG.includes(what));

test('the long scripts are all there', () => assert.equal(cases.length, LONG.length));

for (const { what, tables, rule, before, from = 13, until = 18 } of cases) {
  const skip = version < from || version > until ? `not on PostgreSQL ${version}` : false;
  test(`after any statement for ${what} the next steps go on from there`, { skip }, async () => {
    const database = await createDatabase(tables);
    if (before) await database.run(before);
    let most = 40;
    for (;;) {
      const [step] = readySteps(await rollout(database.url, rulesOf(rule)));
      const [statement] = step?.statements ?? [];
      if (!statement) break;
      await database.run(statement.sql);
      assert.ok((most -= 1) > 0, `it does not come to an end: ${statement.sql}`);
    }
    const after = await rollout(database.url, rulesOf(rule));
    assert.deepEqual([after.verdict, after.steps], ['on track', []]);
  });
}
