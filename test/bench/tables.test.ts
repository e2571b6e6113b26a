import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { buildTables, mendThreeRows, spoilThreeRows } from '../../bench/build-tables.ts';
import {
  BARE_COUNTS,
  ORPHAN_STATEMENTS,
  PACK_STATEMENTS,
  PAGE_STATEMENTS,
  type Statement,
} from '../../bench/seed-statements.ts';
import { STATES } from '../../bench/states.ts';
import { countAll } from '../../bench/subjects.ts';
import { countReads } from '../../bench/table-reads.ts';
import { createDatabase, type TestDatabase } from '../support/server.ts';

const ROWS = 10_000;
const ALL = [...PACK_STATEMENTS, ...ORPHAN_STATEMENTS];

async function withClient<Result>(database: TestDatabase, work: (client: Client) => Promise<Result>) {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const count = (database: TestDatabase, statements: readonly Statement[] = ALL) =>
  withClient(database, (client) => countAll(client, statements));

test('the page has 16 statements, and the pack asks 25, each of something else', () => {
  assert.equal(PAGE_STATEMENTS.length, 16);
  assert.equal(new Set(PACK_STATEMENTS.map(({ counts }) => counts)).size, 25);
  assert.equal(new Set(PACK_STATEMENTS.map(({ text }) => text)).size, 25);
});

test('the tables have the rows that were asked for, and the largest has 40 % of them', async () => {
  const rows = await count(await createDatabase(buildTables(ROWS, 'nothing')), BARE_COUNTS);
  assert.equal(
    Object.values(rows).reduce((sum, each) => sum + each),
    ROWS,
  );
  assert.equal(rows['rows findings'], ROWS * 0.4);
});

test('many violations are 1 % missing, 0.5 % different and 0.1 % orphans', async () => {
  const counts = await count(await createDatabase(buildTables(ROWS, 'many')));
  const of = (what: string): number | undefined => counts[`${what} findings`];
  assert.deepEqual([of('null'), of('different'), of('orphan')], [40, 20, 4]);
  assert.ok((counts['audit audit_logs'] ?? 0) > 0);
});

test('three spoilt rows a table are found once each, and mended the states of a rollout follow without a violation', async () => {
  const database = await createDatabase(buildTables(ROWS, 'nothing'));
  const isBad = async () => Object.values(await count(database));
  assert.ok((await isBad()).every((each) => each === 0));
  await database.run(spoilThreeRows);
  assert.equal(
    (await isBad()).reduce((sum, each) => sum + each),
    36,
  );
  await database.run(mendThreeRows);
  assert.ok((await isBad()).every((each) => each === 0));
  for (const { prepare } of STATES.filter(({ planted }) => planted === 'nothing'))
    await database.run(prepare);
  const [left] = await database.rows(`select count(*)::int as n from pg_constraint where not convalidated`);
  assert.equal(left?.['n'], 0);
});

test('what another session reads of the tables is counted, to the page, and what reads none counts nothing', async () => {
  const database = await createDatabase(buildTables(ROWS, 'nothing'));
  await database.run('analyze');
  const [size] = await database.rows(`select relpages::int as n from pg_class where relname = 'findings'`);
  const readsOf = (text: string) =>
    withClient(database, (client) => countReads(client, () => database.rows(text)));
  const isRead = async (text: string): Promise<number[]> => {
    // Not the index's pages: the planner looks at the first of each.
    const { tableScans, indexScans, tablePages } = await readsOf(text);
    return [tableScans, indexScans, tablePages];
  };
  assert.deepEqual(await isRead('select 1'), [0, 0, 0]);
  assert.deepEqual(await isRead('explain select count(payload) from findings'), [0, 0, 0]);
  assert.deepEqual(await isRead('select count(payload) from findings'), [1, 0, size?.['n']]);
  assert.deepEqual(await isRead('select payload from findings where id = 7'), [0, 1, 1]);
});

test('a session that is still there when the work ends is waited for, as its counts come with its end', async () => {
  const database = await createDatabase(buildTables(ROWS, 'nothing'));
  const client = new Client({ connectionString: database.url });
  let ended: Promise<void> | undefined;
  const work = async () => {
    await client.connect();
    await client.query('select 1'); // hands in what there is; the next time is a second later at the soonest
    await client.query('select count(payload) from findings');
    ended = sleep(200).then(() => client.end());
  };
  const { tableScans } = await withClient(database, (observer) => countReads(observer, work));
  await ended;
  assert.equal(tableScans, 1);
});
