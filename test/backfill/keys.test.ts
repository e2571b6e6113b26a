import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDatabase } from '../support/server.ts';
import { NO_GUARD, runFill, workspaceRule } from '../support/run-fill.ts';

const tenants = `
  create table tenants (id bigint primary key, workspace_id bigint);
  insert into tenants select i, 100 + i from generate_series(1, 10) i;`;

/** Keys of every sort that real tables have: how a key is made from a row's number, and how the column is declared. */
const KEYS = {
  'an integer': ['id integer primary key', 'i'],
  'a smallint': ['id smallint primary key', 'i'],
  'negative and gappy numbers': ['id bigint primary key', '(i - 150) * 1000003'],
  'a numeric': ['id numeric primary key', 'i / 7.0'],
  'a double': ['id double precision primary key', 'sqrt(i) * 1e-7'],
  'a uuid': ['id uuid primary key', `md5(i::text)::uuid`],
  'a text': ['id text primary key', `'k ' || md5(i::text)`],
  'a text in another collation': [
    'id text collate "C" primary key',
    `case when i % 2 = 0 then 'A' else 'a' end || i`,
  ],
  'a text with quotes, commas and braces': ['id text primary key', `'{"' || i || E'",\\\\ ''' || chr(233)`],
  'a character with a length': ['id character(12) primary key', `'c' || i`],
  'a timestamp in microseconds': [
    'id timestamptz primary key',
    `timestamptz '2024-01-01' + i * interval '1 microsecond'`,
  ],
  'a date': ['id date primary key', `date '2000-01-01' + i`],
  'an interval': ['id interval primary key', `i * interval '1 hour 3 milliseconds'`],
  bytes: ['id bytea primary key', `decode(md5(i::text), 'hex')`],
  'an address': ['id inet primary key', `inet '10.0.0.0' + i`],
  'an enum of a few': [`id e primary key`, `('v' || i)::e`],
  'a domain': ['id d primary key', 'i'],
} as const;

describe('a backfill walks tables by', () => {
  for (const [name, [column, value]] of Object.entries(KEYS)) {
    it(name, async () => {
      const database = await createDatabase(`${tenants}
        create type e as enum (${Array.from({ length: 300 }, (_, i) => `'v${i + 1}'`).join(', ')});
        create domain d as integer check (value > 0);
        create table orders (${column}, tenant_id bigint, workspace_id bigint);
        insert into orders select ${value}, 1 + i % 10, null from generate_series(1, 300) i;`);
      const report = await runFill({
        url: database.url,
        rules: workspaceRule('orders'),
        execute: 'true',
        acknowledge: NO_GUARD,
        workers: '2',
        maxRows: '150',
      });
      assert.equal(report.run?.state, 'stopped_at_bound', JSON.stringify(report.problems));
      const last = await runFill({
        url: database.url,
        rules: workspaceRule('orders'),
        execute: 'true',
        acknowledge: NO_GUARD,
        runId: report.run.id,
        maxRows: '1000',
      });
      assert.equal(last.run?.state, 'completed', JSON.stringify(last.problems));
      const [row] = await database.rows(
        'select count(*) as n from orders where workspace_id = tenant_id + 100',
      );
      assert.equal(row?.['n'], '300');
    });
  }

  it('a composite key of several types, from a unique index', async () => {
    const database = await createDatabase(`${tenants}
      create table orders (region text not null, day date not null, no integer not null, tenant_id bigint, workspace_id bigint, unique (region, day, no));
      insert into orders select 'r' || i % 3, date '2024-01-01' + i % 7, i, 1 + i % 10, null from generate_series(1, 500) i;`);
    const report = await runFill({
      url: database.url,
      rules: workspaceRule('orders'),
      execute: 'true',
      acknowledge: NO_GUARD,
      batchTarget: '1ms',
      workers: '3',
    });
    assert.equal(report.run?.state, 'completed', JSON.stringify(report.problems));
  });
});
