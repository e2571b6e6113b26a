// A loose index scan looks between the parents' keys and not at the rows: whatever stands there, it has to find it.
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { countStatement, readCounts, type Counts } from '../../src/plan/count-statement.ts';
import { looseStatement, steppingIndex } from '../../src/plan/loose-index-scan.ts';
import { makePlan } from '../../src/plan/make-plan.ts';
import type { RowCheck } from '../../src/plan/plan.ts';
import { readCatalog } from '../../src/postgres/catalog.ts';
import { openDatabase } from '../../src/postgres/connect.ts';
import { parseConnectionTarget } from '../../src/postgres/connection-string.ts';
import { askAside, openSnapshot, type Query, type Snapshot } from '../../src/postgres/snapshot.ts';
import { parseRules } from '../../src/rules/parse-rules.ts';
import { param, sql, type Sql } from '../../src/sql/sql.ts';
import { createDatabase } from '../support/server.ts';

const LIMITS = { statementTimeoutMs: 60_000, lockTimeoutMs: 5_000, useIndexes: true };

/** Types that an index keeps in order, with five values each, in no order. */
const TYPES = {
  integer: ['3', '-1', '0', '2147483647', '7'],
  bigint: ['3', '-1', '0', '9223372036854775807', '7'],
  numeric: ['3.0', '-1', 'NaN', '0.10', '7'],
  text: ['b', 'B', '', 'é', 'ba'],
  'varchar(9)': ['b', 'B', '', 'é', 'ba'],
  uuid: ['1', '2', 'a', 'b', 'f'].map((digit) => digit.repeat(32)),
  timestamptz: ['2026-01-01', 'infinity', '-infinity', '2025-12-31', '1900-01-01'],
} as const;

type TypeName = keyof typeof TYPES;
type Pair = readonly [link: number | null, value: number | null];
type World = {
  readonly link: TypeName;
  readonly value: TypeName;
  readonly parents: readonly Pair[];
  readonly rows: readonly Pair[];
  readonly order: string;
};

const place = fc.option(fc.nat(4), { freq: 4 });
const pair = fc.tuple(place, place);
const worlds: fc.Arbitrary<World> = fc.record({
  link: fc.constantFrom(...(Object.keys(TYPES) as TypeName[])),
  value: fc.constantFrom(...(Object.keys(TYPES) as TypeName[])),
  parents: fc.uniqueArray(pair, { maxLength: 6, selector: ([link]) => link ?? {} }),
  rows: fc.array(pair, { maxLength: 12 }),
  order: fc.constantFrom('k, v', 'k desc, v desc', 'k, v desc', 'k nulls first, v nulls first'),
});

/** The tables of a world; the rows that agree with their parent are there many times, so that the index is worth it. */
function build({ link, value, parents, rows, order }: World): string {
  const quoted = (type: TypeName, at: number | null): string =>
    at === null ? 'null' : `'${TYPES[type][at]}'`;
  const values = (pairs: readonly Pair[]): string =>
    pairs.map(([k, v]) => `(${quoted(link, k)}::${link}, ${quoted(value, v)}::${value})`).join(', ');
  const insert = (into: string, pairs: readonly Pair[]): string =>
    pairs.length > 0 ? `insert into ${into} (k, v) values ${values(pairs)};` : '';
  return `
    create table parents (k ${link} unique, v ${value}); create table rows (id serial, k ${link}, v ${value});
    ${insert('parents', parents)} ${insert('rows', rows)}
    insert into rows (k, v) select k, v from parents, generate_series(1, 5);
    create index stepping on rows (${order}); analyze parents, rows;`;
}

async function checksOf(snapshot: Snapshot): Promise<RowCheck[]> {
  const { rules } = await parseRules(
    'rules.yml',
    `version: 1
rules:
  - { id: a, kind: matches_parent, tables: [rows], parent: parents, on: { k: k }, match: { v: v } }
  - { id: b, kind: matches_parent, tables: [rows], parent: parents, on: { k: k }, match: { v: v }, nulls: ignore }
  - { id: c, kind: references, tables: [rows], parent: parents, on: { k: k } }
`,
  );
  const set = { files: [], hash: '', rules, origin: 'workspace' as never };
  const { plan } = makePlan(set, await readCatalog(snapshot.leader), { only: [], now: new Date() });
  return plan.checks.filter((check) => check.form === 'rows');
}

async function count(query: Query, check: RowCheck, statement: Sql): Promise<Counts> {
  const [row] = await query(statement);
  return readCounts(check, row);
}

test('a loose index scan counts what a scan counts, on any rows and parents', async (t) => {
  let tried = 0;
  const property = fc.asyncProperty(worlds, async (world) => {
    const { url } = await createDatabase(build(world));
    const snapshot = await openSnapshot(openDatabase(parseConnectionTarget({ url, env: {} }), 'pg'));
    try {
      for (const check of await checksOf(snapshot)) {
        const { reference } = check;
        if (!reference || !steppingIndex(check)) continue;
        await askAside(snapshot.leader, LIMITS, [], async (query) => {
          const scanned = await count(query, check, countStatement([check]));
          for (const off of ['enable_indexscan', 'enable_seqscan']) {
            await query(sql`select pg_catalog.set_config(${param(off, 'text')}, 'off', true)`);
            assert.deepEqual(await count(query, check, looseStatement(check, reference)), scanned, off);
          }
        });
        tried += 1;
      }
    } finally {
      await snapshot.close();
    }
  });
  await fc.assert(property, { numRuns: 40, seed: 20_261_125 });
  t.diagnostic(`${tried} checks`);
  assert.ok(tried > 60);
});
