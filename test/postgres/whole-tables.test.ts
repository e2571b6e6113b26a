import assert from 'node:assert/strict';
import test from 'node:test';
import { watchScans } from '../../src/check/watch-scans.ts';
import type { CountStep } from '../../src/plan/step.ts';
import { readCatalog } from '../../src/postgres/catalog.ts';
import { openDatabase } from '../../src/postgres/connect.ts';
import { parseConnectionTarget } from '../../src/postgres/connection-string.ts';
import { openSnapshot } from '../../src/postgres/snapshot.ts';
import { sql } from '../../src/sql/sql.ts';
import { Problem } from '../../src/support/problem.ts';
import { runGate } from '../support/run-gate.ts';
import { createDatabase, testServer } from '../support/server.ts';

const { version } = await testServer();

const RULES = `version: 1
rules:
  - { id: missing, kind: not_null, tables: [rows], column: tenant_id }
  - { id: agrees, kind: matches_parent, tables: [rows], parent: parents, on: { parent_id: id }, match: { tenant_id: tenant_id } }
`;

/** A table of 10,000 rows without an index but its key, some of them bad. */
const tables = (tenant: string): string => `
  create table parents (id int primary key, tenant_id int);
  create table rows (id int primary key, parent_id int, tenant_id int);
  insert into parents select i, i from generate_series(1, 10) i;
  insert into rows select i, 1 + i % 10, ${tenant} from generate_series(1, 10000) i;
  analyze rows;`;

const isSelectOf = (table: string) => (text: string) =>
  text.startsWith('select') && text.includes(`"public"."${table}" as "r"`);

test('a table that is read whole is read once, for its counts and for keys of its bad rows', async () => {
  const { url } = await createDatabase(
    tables('case when i % 4000 = 1 then null when i % 4000 = 2 then 77 else 1 + i % 10 end'),
  );
  const asked: string[] = [];
  const beforeQuery = (text: string): Promise<void> => Promise.resolve(void asked.push(text));
  const { results } = await runGate({ url, rules: RULES, samples: 2, strategy: 'scan', beforeQuery });
  assert.equal(asked.filter(isSelectOf('rows')).length, 1);
  assert.deepEqual(
    results.map(({ violations, classes, samples }) => [violations?.count, classes, samples]),
    [
      [
        3,
        { null: 3 },
        [
          { class: 'null', key: { id: '1' } },
          { class: 'null', key: { id: '4001' } },
        ],
      ],
      [
        6,
        { different: 3, child_null: 3, parent_null: 0, orphan: 0, no_link: 0 },
        [
          { class: 'child_null', key: { id: '1' } },
          { class: 'different', key: { id: '2' } },
        ],
      ],
    ],
  );
});

test('of more bad rows than one look may hold, the counts are exact all the same, and there are samples', async () => {
  for (const bad of [999, 1_000, 1_001]) {
    const { url, drop } = await createDatabase(tables(`case when i <= ${bad} then null else 1 + i % 10 end`));
    const { results } = await runGate({ url, rules: RULES, samples: 2, strategy: 'scan' });
    assert.deepEqual(
      results.map(({ violations, samples }) => [violations, samples.map(({ key }) => key)]),
      [
        [{ count: bad, exact: true }, [{ id: '1' }, { id: '2' }]],
        [{ count: bad, exact: true }, [{ id: '1' }, { id: '2' }]],
      ],
    );
    await drop();
  }
});

test('where the keys of bad rows cannot be read, they are counted all the same', async () => {
  const { url } = await createDatabase(tables('case when i % 4000 = 1 then null else 1 + i % 10 end'));
  const [rule] = RULES.split('\n  - { id: agrees');
  const beforeQuery = (text: string): Promise<void> =>
    text.includes('json_build_array')
      ? Promise.reject(new Problem('query-failed', 'refused by the test'))
      : Promise.resolve();
  const { results } = await runGate({ url, rules: `${rule}\n`, strategy: 'scan', beforeQuery });
  assert.deepEqual(
    results.map(({ outcome, violations }) => [outcome, violations?.count]),
    [['broken', 3]],
  );
});

test('a table that is most of the work is read by all that may work, and is counted once', async () => {
  const { url, name, run, rows } = await createDatabase(
    tables('case when i % 4000 = 1 then null else 1 + i % 10 end'),
  );
  await run(`
    alter database ${name} set min_parallel_table_scan_size = 0; alter database ${name} set cpu_tuple_cost = 1000;
    update pg_class set relpages = 70000 where relname = 'rows'`);
  const { results } = await runGate({ url, rules: RULES, samples: 5, strategy: 'scan', maxConnections: 3 });
  assert.deepEqual(
    results.map(({ violations, samples }) => [violations?.count, samples.map(({ key }) => key['id'])]),
    [
      [3, ['1', '4001', '8001']],
      [3, ['1', '4001', '8001']],
    ],
  );
  if (version < 18) return; // the server counts its workers since then
  const launched =
    'select parallel_workers_launched::int as n from pg_stat_database where datname = current_database()';
  // A session tells the statistics when it ends, which the client does not wait for.
  for (let asked = 0; asked < 100 && (await rows(launched))[0]?.['n'] === 0; asked += 1)
    await new Promise((resolve) => setTimeout(resolve, 100));
  assert.notEqual((await rows(launched))[0]?.['n'], 0);
});

test('another session tells how far the scan of a large table has come, and that it has ended', async () => {
  // More than a quarter of the server's buffers: of less a scan tells nothing.
  const { url } = await createDatabase(`
    create table rows (id int, v text) with (fillfactor = 10);
    alter table rows alter v set storage plain;
    insert into rows select i, repeat('x', 800) from generate_series(1, 12000) i;
    analyze rows;`);
  const database = openDatabase(parseConnectionTarget({ url, env: {} }), 'pg');
  const snapshot = await openSnapshot(database);
  try {
    const { leader } = snapshot;
    const catalog = await readCatalog(leader);
    const relation = catalog.find('public', 'rows');
    assert.ok(relation);
    const check = { form: 'rows', relation: { ...relation, pages: 100_000 } };
    const step = { strategy: 'scan', pages: 100_000, checks: [check] } as unknown as CountStep;
    const moved: number[] = [];
    const scans = watchScans(() => moved.push(scans.pagesRead()));
    const end = scans.begin(step);
    await leader.query(sql`declare reader cursor for select v from "public"."rows"`);
    await leader.query(sql`move 5000 in reader`);
    const watching = scans.watch(await snapshot.join(), new AbortController().signal);
    while (moved.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    end();
    await watching;
    assert.ok(moved[0] && moved[0] > 4_800 && moved[0] <= 5_000, String(moved[0]));
    assert.equal(scans.pagesRead(), 0);
    assert.equal(scans.canWatch(), false);
  } finally {
    await snapshot.close();
  }
});
