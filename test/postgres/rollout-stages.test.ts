import assert from 'node:assert/strict';
import test from 'node:test';
import { rolloutSchema, type Rollout } from '../../src/rollout/phase.ts';
import { rollout } from '../support/rollout.ts';
import { COLUMN, COMPOSITE, FILLED, INDEX, NOT_NULL, RULES, TENANTS } from '../support/rollout-states.ts';
import { createDatabase } from '../support/server.ts';

const ROWS = [
  { sql: TENANTS, stage: 'absent', observed: null, left: null },
  { sql: COLUMN, stage: 'nullable', observed: null, left: 100 },
  { sql: INDEX, stage: 'indexed', observed: 'write', left: 100 },
  {
    sql: `${INDEX} alter table docs add check (workspace_id is not null) not valid;`,
    stage: 'write-enforced',
    observed: 'write',
    left: 100,
  },
  {
    sql: `${FILLED} update docs set workspace_id = null where id <= 7;`,
    stage: 'backfilling',
    observed: 'write',
    left: 7,
  },
  {
    sql: `${FILLED} update docs set workspace_id = 99 where id <= 3;`,
    stage: 'backfilling',
    observed: 'expand',
    left: 3,
  },
  { sql: FILLED, stage: 'clean', observed: 'fill', left: 0 },
  { sql: NOT_NULL, stage: 'validated', observed: 'fill', left: 0 },
  { sql: COMPOSITE, stage: 'composite', observed: 'enforce', left: 0 },
];

for (const { sql, stage, observed, left } of ROWS) {
  test(`a column is seen to be ${stage} with ${left ?? 'uncounted'} rows left`, async () => {
    const { url } = await createDatabase(sql);
    const found = await rollout(url, RULES);
    rolloutSchema.parse(found);
    const [row, ...more] = found.tables;
    assert.deepEqual(more, []);
    assert.deepEqual(
      [row?.table, row?.column, row?.stage, row?.observed, row?.rowsLeft?.count ?? null],
      ['public.docs', 'workspace_id', stage, observed, left],
    );
  });
}

const behind = ({ findings }: Rollout) => findings.filter(({ direction }) => direction === 'behind');

test('a phase that was declared too early is drift at the line of the rule', async () => {
  const { url } = await createDatabase(`${FILLED} update docs set workspace_id = null where id <= 7;`);
  const found = await rollout(url, RULES, 'enforce');
  assert.deepEqual([found.verdict, found.exitCode, found.tables[0]?.drift], ['behind', 1, 'behind']);
  assert.deepEqual(
    behind(found).map(({ rule, message, source: { line } }) => ({ rule, message, line })),
    [
      { rule: 'filled', message: 'phase enforce is declared, but 7 rows break it', line: 14 },
      { rule: 'is-not-null', message: 'phase enforce is declared, but workspace_id is nullable', line: 15 },
      {
        rule: 'is-one-key',
        message:
          'phase enforce is declared, but no foreign key (tenant_id, workspace_id) references public.tenants (id, workspace_id)',
        line: 16,
      },
    ],
  );
  assert.equal((await rollout(url, RULES, 'write')).exitCode, 0);
});

test('a phase that was declared too late is drift, too, and fails the command only where warnings do', async () => {
  const { url } = await createDatabase(COMPOSITE);
  const found = await rollout(url, RULES, 'write');
  assert.deepEqual([found.verdict, found.exitCode, found.tables[0]?.drift], ['ahead', 0, 'ahead']);
  assert.deepEqual(
    found.findings.map(({ direction, severity, rule, source: { line } }) => [
      direction,
      severity,
      rule,
      line,
    ]),
    [
      ['ahead', 'warning', 'is-not-null', 15],
      ['ahead', 'warning', 'is-one-key', 16],
    ],
  );
  assert.equal((await rollout(url, RULES, 'write', 'warning')).exitCode, 1);
});
