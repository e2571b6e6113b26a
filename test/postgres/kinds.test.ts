import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { DRIVERS } from '../../src/postgres/database.ts';
import { reportSchema, type Report } from '../../src/report/report.ts';
import { KIND_NAMES } from '../../src/rules/rule-schema.ts';
import { runGate } from '../support/run-gate.ts';
import { createDatabase } from '../support/server.ts';

const folder = new URL('../kinds/', import.meta.url);
const read = (kind: string, name: string) => readFileSync(new URL(`${kind}/${name}`, folder), 'utf8');

type Expected = Record<'bad' | 'good', Pick<Report['results'][number], 'rule' | 'table' | 'outcome'>[]>;

function found(report: Report) {
  return report.results.map(({ rule, table, outcome, violations, classes }) => ({
    rule,
    table,
    outcome,
    violations: violations?.count ?? null,
    classes,
  }));
}

test('every kind has its example', () => {
  assert.deepEqual(readdirSync(folder).toSorted(), KIND_NAMES.toSorted());
});

for (const kind of KIND_NAMES) {
  for (const state of ['bad', 'good'] as const) {
    test(`${kind}: what is found in ${state}.sql`, async () => {
      const expected = JSON.parse(read(kind, 'expected.json')) as Expected;
      const { url } = await createDatabase(read(kind, `${state}.sql`));
      for (const driver of DRIVERS) {
        const report = reportSchema.parse(
          await runGate({ url, rules: `test/kinds/${kind}/rule.yml`, driver }),
        );
        assert.deepEqual(report.problems, []);
        assert.deepEqual(found(report), expected[state], driver);
        assert.equal(report.exitCode, state === 'bad' ? 1 : 0);
      }
    });
  }
}
