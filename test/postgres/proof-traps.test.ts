// Constraints and indexes that look as if they vouched for the rows there are, and do not: whatever stands in the
// catalogue, the rows that break a rule are found.
import assert from 'node:assert/strict';
import test from 'node:test';
import type { ReportResult } from '../../src/report/report.ts';
import { runGate, type GateOptions } from '../support/run-gate.ts';
import { createDatabase, testServer } from '../support/server.ts';

const { version } = await testServer();

const rulesOf = (...rules: string[]): string =>
  `version: 1\nrules:\n${rules.map((rule, i) => `  - { id: r${i}, tables: [rows], ${rule} }\n`).join('')}`;

const REFERENCES = 'kind: references, parent: parents, on: { parent_id: id }';
const MATCHES =
  'kind: matches_parent, parent: parents, on: { parent_id: id }, match: { tenant_id: tenant_id }';
const NOT_NULL = 'kind: not_null, column: total';

const said = ({ outcome, strategy, violations }: ReportResult): string =>
  `${outcome} ${violations?.count ?? '?'} by ${strategy}`;

async function answers(url: string, rule: string, options: Partial<GateOptions> = {}): Promise<string> {
  const { results, problems } = await runGate({ url, rules: rulesOf(rule), ...options });
  return [...problems.map(({ message }) => message), ...results.map(said)].join(', ');
}

type Trap = { what: string; sql: string; rule: string; skip?: string | false };

const tables = `
  create table parents (id int primary key, tenant_id int, unique (id, tenant_id));
  create table rows (id int, parent_id int, tenant_id int, total int);
  insert into parents values (1, 1), (2, 2);`;
const fk = 'alter table rows add constraint fk foreign key (parent_id) references parents';
const parted = `drop table rows; create table rows (id int, parent_id int, tenant_id int, total int) partition by range (id);
  create table rows_1 partition of rows for values from (0) to (10); create table rows_2 partition of rows for values from (10) to (20);`;
const eighteen = version < 18 && 'PostgreSQL 18 has this constraint first';
/** As a subscription of this table leaves it; its triggers for foreign keys do not fire in such a session. */
const fedBySubscription = (table: string): string => `
  create subscription feed connection 'dbname=nowhere' publication none with (connect = false, slot_name = none);
  insert into pg_subscription_rel (srsubid, srrelid, srsubstate)
  select s.oid, '${table}'::regclass, 'r'
  from pg_subscription s join pg_database d on d.oid = s.subdbid and d.datname = current_database();`;
const undo = 'create function undo() returns trigger language plpgsql as $$ begin return null; end $$;';

const traps: Trap[] = [
  {
    what: 'a CHECK by a function that was replaced',
    sql: `create function ok(int) returns boolean immutable language plpgsql as 'begin return $1 > 0; end';
      alter table rows add check (ok(total)), add check (total is not null); insert into rows values (1, 1, 1, 1);
      create or replace function ok(int) returns boolean immutable language plpgsql as 'begin return $1 > 5; end'`,
    rule: 'kind: implies, when: total > 0, then: public.ok(total), functions: [public.ok]',
  },
  {
    what: 'a CHECK against a value that a function gave, which gives another one now',
    sql: `create function least_total() returns int immutable language plpgsql as 'begin return 0; end';
      alter table rows add check (total > least_total()); insert into rows values (1, 1, 1, 1);
      create or replace function least_total() returns int immutable language plpgsql as 'begin return 5; end'`,
    rule: 'kind: implies, when: total < 5, then: parent_id = 7',
  },
  {
    what: 'a CHECK of no column, by a function that says no by now',
    sql: `create function open() returns boolean immutable language plpgsql as 'begin return true; end';
      alter table rows add check (open()); insert into rows values (1, 1, 1, null);
      create or replace function open() returns boolean immutable language plpgsql as 'begin return false; end'`,
    rule: NOT_NULL,
  },
  {
    what: "a CHECK by an operator of somebody's own, of which the function was replaced",
    sql: `create function above(int, int) returns boolean immutable language plpgsql as 'begin return $1 > $2; end';
      create operator public.>>> (leftarg = int, rightarg = int, function = above);
      alter table rows add check ((0 operator(public.>>>) 1) is not true or total is not null); insert into rows values (1, 1, 1, null);
      create or replace function above(int, int) returns boolean immutable language plpgsql as 'begin return true; end'`,
    rule: NOT_NULL,
  },
  {
    what: 'a CHECK of a partition by a function that was replaced',
    sql: `${parted} create function ok(int) returns boolean immutable language plpgsql as 'begin return true; end';
      alter table rows_1 add check (ok(1) or total is not null); alter table rows_2 add check (total is not null);
      insert into rows values (1, 1, 1, null); create or replace function ok(int) returns boolean immutable language plpgsql as 'begin return false; end'`,
    rule: NOT_NULL,
  },
  {
    what: 'the bounds of a partition, by a function that was replaced',
    sql: `create function half(int) returns int immutable language plpgsql as 'begin return $1; end';
      create table whole (id int, total int) partition by list (half(total)); drop table rows; create table rows partition of whole for values in (1);
      insert into whole values (1, 1); create or replace function half(int) returns int immutable language plpgsql as 'begin return 7; end'`,
    rule: 'kind: implies, when: public.half(total) = 7, then: id = 7, functions: [public.half]',
  },
  {
    what: 'a CHECK by a function, behind a view',
    sql: `create function ok(int) returns boolean immutable language plpgsql as 'begin return true; end';
      alter table rows add check (ok(1) or total is not null); insert into rows values (1, 1, 1, null);
      alter table rows rename to kept; create view rows as select * from kept;
      create or replace function ok(int) returns boolean immutable language plpgsql as 'begin return false; end'`,
    rule: NOT_NULL,
  },
  {
    what: 'a CHECK that is NOT VALID',
    sql: 'insert into rows values (1, 1, 1, null); alter table rows add check (total is not null) not valid',
    rule: NOT_NULL,
  },
  {
    what: 'a NOT NULL that an inheritance child lacks',
    sql: `create table heir () inherits (rows); alter table only rows ${version >= 18 ? 'add constraint filled not null total no inherit' : 'alter total set not null'};
      insert into heir values (1, 1, 1, null)`,
    rule: NOT_NULL,
  },
  {
    what: 'a CHECK that an inheritance child does not inherit',
    sql: `create table heir () inherits (rows); alter table only rows add check (total is not null) no inherit; insert into heir values (1, 1, 1, null)`,
    rule: NOT_NULL,
  },
  {
    what: 'a NOT NULL that is NOT VALID',
    sql: 'insert into rows values (1, 1, 1, null); alter table rows add constraint filled not null total not valid',
    rule: NOT_NULL,
    skip: eighteen,
  },
  {
    what: 'a CHECK that is NOT ENFORCED',
    sql: 'insert into rows values (1, 1, 1, null); alter table rows add check (total is not null) not enforced',
    rule: NOT_NULL,
    skip: eighteen,
  },
  {
    what: 'a foreign key that is NOT VALID',
    sql: `insert into rows values (1, 9, 1, 1); ${fk} not valid`,
    rule: REFERENCES,
  },
  {
    what: 'a foreign key that is NOT ENFORCED',
    sql: `insert into rows values (1, 9, 1, 1); ${fk} not enforced`,
    rule: REFERENCES,
    skip: eighteen,
  },
  {
    what: "a foreign key whose row's triggers are disabled",
    sql: `${fk}; alter table rows disable trigger all; insert into rows values (1, 9, 1, 1)`,
    rule: REFERENCES,
  },
  {
    what: "a foreign key whose parent's triggers are disabled",
    sql: `${fk}; insert into rows values (1, 2, 1, 1); alter table parents disable trigger all; delete from parents where id = 2`,
    rule: REFERENCES,
  },
  {
    what: 'a foreign key whose triggers are disabled in a partition',
    sql: `${parted} ${fk}; alter table rows_2 disable trigger all; insert into rows values (11, 9, 1, 1)`,
    rule: REFERENCES,
  },
  {
    what: 'a foreign key that fires for replicas alone',
    sql: `${fk}; alter table rows disable trigger all; insert into rows values (1, 9, 1, 1);
      do $$ declare name text; begin
        for name in select tgname from pg_trigger where tgrelid = 'rows'::regclass loop
          execute format('alter table rows enable replica trigger %I', name); end loop;
      end $$`,
    rule: REFERENCES,
  },
  {
    what: 'a foreign key of a table that a subscription fills, since its triggers do not fire then',
    sql: `${fk}; ${fedBySubscription('rows')}
      set session_replication_role = replica; insert into rows values (1, 9, 1, 1)`,
    rule: REFERENCES,
  },
  {
    what: 'a foreign key to a table that a subscription fills',
    sql: `${fk}; ${fedBySubscription('parents')}
      insert into rows values (1, 2, 1, 1); set session_replication_role = replica; delete from parents where id = 2`,
    rule: REFERENCES,
  },
  {
    what: 'a foreign key of a table of which a subscription fills a partition',
    sql: `${parted} ${fk}; ${fedBySubscription('rows_2')}
      set session_replication_role = replica; insert into rows values (11, 9, 1, 1)`,
    rule: REFERENCES,
  },
  {
    what: 'a foreign key whose cascade is undone by a trigger: the row stays',
    sql: `${fk} on delete cascade; insert into rows values (1, 2, 1, 1); ${undo}
      create trigger keep before delete on rows for each row execute function undo(); delete from parents where id = 2`,
    rule: REFERENCES,
  },
  {
    what: 'a foreign key whose SET NULL is undone by a trigger: the link stays',
    sql: `${fk} on delete set null; insert into rows values (1, 2, 1, 1); ${undo}
      create trigger keep before update on rows for each row execute function undo(); delete from parents where id = 2`,
    rule: REFERENCES,
  },
  {
    what: 'a foreign key whose update is undone by a trigger: the old key stays',
    sql: `${fk} on update cascade; insert into rows values (1, 2, 1, 1); ${undo}
      create trigger keep before update on rows for each row execute function undo(); update parents set id = 5 where id = 2`,
    rule: REFERENCES,
  },
  {
    what: "a foreign key whose cascade is undone by a partition's trigger",
    sql: `${parted} ${fk} on delete cascade; insert into rows values (11, 2, 1, 1); ${undo}
      create trigger keep before delete on rows_2 for each row execute function undo(); delete from parents where id = 2`,
    rule: REFERENCES,
  },
  {
    what: 'a composite foreign key for a row with a NULL in it',
    sql: `alter table rows add constraint fk foreign key (parent_id, tenant_id) references parents (id, tenant_id); insert into rows values (1, 9, null, 1)`,
    rule: REFERENCES,
  },
  {
    what: 'a composite foreign key, where a NULL of the row is a violation',
    sql: `alter table rows add constraint fk foreign key (parent_id, tenant_id) references parents (id, tenant_id); insert into rows values (1, 1, null, 1)`,
    rule: MATCHES,
  },
  {
    what: 'a foreign key that an inheritance child lacks',
    sql: `${fk}; create table heir () inherits (rows); insert into heir values (1, 9, 1, 1)`,
    rule: REFERENCES,
  },
];

for (const { what, sql, rule, skip = false } of traps)
  test(`proves nothing: ${what}`, { skip }, async () => {
    const { url, run } = await createDatabase(`${tables} ${sql};`);
    assert.match(await answers(url, rule), /^broken 1 by (scan|index probe)$/);
    // With a subscription a database cannot be dropped.
    if (sql.includes('create subscription')) await run('drop subscription feed');
  });

test('without proofs the rows are read, whatever a constraint says of them', async () => {
  const { url } = await createDatabase(`${tables} insert into rows values (1, 1, 1, null);
    alter table rows add check (total is not null) not valid; update pg_constraint set convalidated = true where contype = 'c';`);
  assert.equal(await answers(url, NOT_NULL), 'held 0 by proved');
  assert.equal(await answers(url, NOT_NULL, { proofs: false }), 'broken 1 by scan');
  assert.equal(await answers(url, NOT_NULL, { proofs: false, strategy: 'scan' }), 'broken 1 by scan');
});
