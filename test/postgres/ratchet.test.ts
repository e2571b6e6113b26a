import assert from 'node:assert/strict';
import test from 'node:test';
import { renderBaseline } from '../../src/check/baseline.ts';
import { recordGate, runGate, type GateOptions } from '../support/run-gate.ts';
import { createTemplate } from '../support/server.ts';

/** Three old rows without a workspace, one old row of another workspace, and new ones that are right. */
const template = await createTemplate(`
  create table tenants (id int primary key, workspace_id int not null);
  insert into tenants select t, t * 10 from generate_series(1, 5) t;
  create table orders (
    id int primary key, tenant_id int not null, workspace_id int, created_at timestamptz default '2026-06-02Z'
  );
  insert into orders select o, 1 + o % 5, 10 * (1 + o % 5), '2026-05-01Z' from generate_series(1, 40) o;
  insert into orders select o, 1 + o % 5, 10 * (1 + o % 5) from generate_series(101, 140) o;
  update orders set workspace_id = null where id in (1, 2, 3);
  update orders set workspace_id = 99 where id = 4;
`);
const SINCE = 'since: { column: created_at, value: 2026-06-01T00:00:00Z }';
const NOT_NULL = 'kind: not_null, tables: [orders], column: workspace_id';
const MATCHES =
  'kind: matches_parent, tables: [orders], parent: tenants, on: { tenant_id: id }, match: { workspace_id: workspace_id }';
const rulesOf = (...rules: readonly string[]): string =>
  `version: 1\nrules:\n${rules.map((rule, i) => `  - { id: r${i}, ${rule} }\n`).join('')}`;
const bound = rulesOf(`${NOT_NULL}, ratchet: true, ${SINCE}`, `${MATCHES}, ratchet: true, ${SINCE}`);

async function started() {
  const { url, run } = await template.createDatabase();
  const record = async (options: Partial<GateOptions> = {}): Promise<string> => {
    const made = await recordGate({ url, rules: bound, ...options });
    assert.ok('baseline' in made, JSON.stringify(made));
    return renderBaseline(made.baseline);
  };
  const check = async (baseline: string | undefined, options: Partial<GateOptions> = {}) => {
    const report = await runGate({
      url,
      rules: bound,
      ...options,
      ...(baseline === undefined ? {} : { baseline }),
    });
    const outcomes = report.results.map(({ outcome }) => outcome);
    return { report, outcomes, reasons: report.results.map(({ reason }) => reason) };
  };
  return { url, run, record, check };
}

test('debt without a baseline is unknown, never held, and says how to record it', async () => {
  const { check } = await started();
  const { report, outcomes } = await check(undefined);
  assert.deepEqual([outcomes, report.verdict, report.exitCode], [['unknown', 'unknown'], 'incomplete', 2]);
  assert.match(report.results[0]?.problem?.hint ?? '', /rowgate baseline --out/);
});

test('debt may fall and not rise, in any class, however the others fell', async () => {
  const { run, record, check } = await started();
  const baseline = await record();
  const first = await check(baseline);
  assert.deepEqual([first.outcomes, first.report.verdict], [['held', 'held'], 'clean'], first.reasons.join());
  assert.deepEqual(first.report.results.map(({ debt }) => [debt?.leaks, debt?.count, debt?.was]), [[0, 3, 3], [0, 4, 4]]); // prettier-ignore
  await run('update orders set workspace_id = tenant_id * 10 where id in (1, 2)');
  assert.deepEqual((await check(baseline)).outcomes, ['held', 'held']);
  // One fewer in all than was recorded, and one more of those that are another's.
  await run('update orders set workspace_id = 99 where id = 5');
  const shifted = await check(baseline);
  assert.deepEqual(shifted.outcomes, ['held', 'broken']);
  assert.match(shifted.reasons[1] ?? '', /debt rose to 3, was 4: different 2 \(was 1\)/);
  await run('update orders set workspace_id = null where id between 10 and 20');
  const more = await check(baseline);
  assert.deepEqual([more.outcomes, more.report.exitCode], [['broken', 'broken'], 1]);
  assert.match(more.reasons[0] ?? '', /debt rose to 12, was 3/);
});

test('one new row is a leak and breaks the rule at once, however much the debt fell', async () => {
  const { run, record, check } = await started();
  const baseline = await record();
  await run('update orders set workspace_id = tenant_id * 10 where id <= 4');
  await run('update orders set workspace_id = null where id = 101');
  const { report, outcomes, reasons } = await check(baseline);
  assert.deepEqual(outcomes, ['broken', 'broken']);
  assert.match(reasons[0] ?? '', /1 row breaks it that is newer than created_at 2026-06-01T00:00:00Z/);
  assert.deepEqual(report.results[0]?.debt?.leaks, 1);
  assert.deepEqual(report.results[0]?.samples, [{ class: 'null.leak', key: { id: '101' } }]);
  // Without any baseline it is as broken.
  assert.deepEqual((await check(undefined)).outcomes, ['broken', 'broken']);
});

test('a row of which nobody knows when it was made counts as new', async () => {
  const { run, record, check } = await started();
  const baseline = await record();
  await run('update orders set created_at = null where id = 1');
  const { outcomes, report } = await check(baseline);
  assert.deepEqual(outcomes, ['broken', 'broken']);
  assert.equal(report.results[0]?.classes['null.leak'], 1);
});

test('a count is held only against the same rule and the same target', async () => {
  const { record, check } = await started();
  const baseline = await record();
  const changed = bound.replaceAll('2026-06-01', '2026-06-02');
  assert.deepEqual((await check(baseline, { rules: changed })).outcomes, ['unknown', 'unknown']);
  assert.deepEqual((await check(baseline, { targetName: 'eu' })).outcomes, ['unknown', 'unknown']);
  const elsewhere = await started();
  const other = await elsewhere.check(baseline);
  assert.deepEqual(other.outcomes, ['unknown', 'unknown']);
  assert.match(other.reasons[0] ?? '', /another target/);
});

test('where nothing breaks the rule it holds without a baseline, and by proof where there is one', async () => {
  const { run, check } = await started();
  await run('update orders set workspace_id = tenant_id * 10');
  assert.deepEqual((await check(undefined)).outcomes, ['held', 'held']);
  await run('alter table orders alter workspace_id set not null');
  const { report } = await check(undefined);
  assert.equal(report.results[0]?.strategy, 'proved');
});

test('new and old rows are the same by every strategy', async () => {
  const { run, check } = await started();
  await run(`
    update orders set workspace_id = null where id in (101, 102);
    insert into orders select o, 1 + o % 5, 10 * (1 + o % 5), '2026-05-01Z' from generate_series(1000, 30000) o;
    create index on orders (workspace_id); create index on orders (tenant_id, workspace_id)`);
  await run('vacuum analyze orders, tenants');
  const resultsOf = async (strategy: 'auto' | 'scan', rules = bound) =>
    (await check(undefined, { strategy, rules })).report.results;
  const classesOf = (results: Awaited<ReturnType<typeof resultsOf>>) => results.map(({ classes }) => classes);
  const scanned = classesOf(await resultsOf('scan'));
  assert.deepEqual(scanned[0], { null: 3, 'null.leak': 2 });
  assert.deepEqual(classesOf(await resultsOf('auto')), scanned);
  // What a rule that tells no new rows from old ones is answered by steps over both.
  const [, plain] = await resultsOf('auto', rulesOf(NOT_NULL, MATCHES));
  assert.equal(plain?.strategy, 'loose index scan');
});

test('a debt that stays is a warning after so many days, and no more', async () => {
  const { record, check } = await started();
  const rules = rulesOf(`${NOT_NULL}, ratchet: { stall: 14d }`);
  const now = new Date();
  const baseline = await record({ rules, now: new Date(now.getTime() - 15 * 86_400_000) });
  const stalled = await check(baseline, { rules, now });
  assert.deepEqual([stalled.outcomes, stalled.report.verdict], [['held'], 'clean']);
  assert.match(
    stalled.report.warnings.map(({ message }) => message).join('\n'),
    /debt 3 has not fallen for 15 days/,
  );
  const fresh = await check(await record({ rules, now }), { rules, now });
  assert.ok(!fresh.report.warnings.some(({ code }) => code === 'ratchet-stalled'));
  // Recorded anew without having fallen, it has stood still since the first time.
  const again = await check(await record({ rules, baseline, now }), { rules, now });
  assert.ok(again.report.warnings.some(({ code }) => code === 'ratchet-stalled'));
});

test('a new record tells which counts rose, records no leak, and keeps what it could not measure', async () => {
  const { url, run, record } = await started();
  const baseline = await record();
  await run('update orders set workspace_id = null where id in (5, 101)');
  const made = await recordGate({ url, rules: bound, baseline });
  assert.ok('baseline' in made);
  assert.equal(made.leaking.length, 2);
  assert.equal(renderBaseline(made.baseline), baseline);
  await run('update orders set workspace_id = tenant_id * 10 where id = 101');
  const risen = await recordGate({ url, rules: bound, baseline });
  assert.ok('baseline' in risen);
  assert.deepEqual([risen.leaking, risen.risen.length], [[], 2]);
  assert.match(risen.risen[0] ?? '', /r0 on public.orders: 4, was 3/);
  const none = await recordGate({ url, rules: rulesOf(NOT_NULL) });
  assert.ok('problems' in none && none.problems[0]?.message.includes('no rule has a `ratchet`'));
});

for (const [what, text, message] of [
  ['cut off', '{"version":1,"database":', /is not JSON/],
  [
    'of another version',
    '{"version":2,"database":"d","targetName":null,"entries":[]}',
    /is no baseline: version/,
  ],
  [
    'with a key of every object',
    '{"version":1,"database":"d","targetName":null,"entries":[],"__proto__":{}}',
    /__proto__/,
  ],
  [
    'with a number that no count has',
    '{"version":1,"database":"d","targetName":null,"entries":[{"rule":"a","definition":"' +
      'a'.repeat(64) +
      '","table":"t","classes":{"null":1e400},"violations":3,"since":"2026-01-01T00:00:00Z"}]}',
    /classes.null/,
  ],
  [
    'with counts that contradict each other',
    '{"version":1,"database":"d","targetName":null,"entries":[{"rule":"a","definition":"' +
      'a'.repeat(64) +
      '","table":"t","classes":{"null":1},"violations":3,"since":"2026-01-01T00:00:00Z"}]}',
    /do not come to its violations/,
  ],
] as const)
  // prettier-ignore
  test(`a baseline ${what} starts no run`, async () => {
    const { check } = await started();
    const { report } = await check(text);
    assert.deepEqual([report.exitCode, report.results], [3, []]);
    assert.match(report.problems[0]?.message ?? '', message);
    assert.match(report.problems[0]?.message ?? '', /^baseline\.json: /);
  });

test('a value that its column cannot have is a mistake of the rule, at its place', async () => {
  const { check } = await started();
  const rules = `version: 1
rules:
  - id: r
    kind: not_null
    tables: [orders]
    column: workspace_id
    since: { column: created_at, value: 7th of never }
`;
  const { report } = await check(undefined, { rules });
  assert.deepEqual([report.exitCode, report.problems[0]?.at?.line], [3, 7]);
  const unknown = await check(undefined, { rules: rules.replace('created_at', 'made_at') });
  assert.match(unknown.report.problems[0]?.message ?? '', /made_at/);
  assert.deepEqual([unknown.report.exitCode, unknown.report.problems[0]?.at?.line], [3, 7]);
});
