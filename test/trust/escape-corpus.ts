// A list of attacks, as data; it reads best in one piece.

/** Where an attempt has to end: before any connection, by the server's catalogue before a row is read, or as a check. */
export type Stage = 'refused unconnected' | 'refused by the catalogue' | 'contained';

/** One rule that tries to do more than to read: the keys that it has beside its id, and what refuses it says. */
export type Attempt = {
  readonly stage: Stage;
  readonly rule: Readonly<Record<string, unknown>>;
  readonly says?: RegExp;
};

/** What a superuser makes first. Public is a schema that everyone may create in, and, for citext's sake, on the path. */
export const extensions = `
  create extension dblink; create extension lo; create extension file_fdw; create extension citext;
  grant create on schema public to public;
`;

/** What the attacker owns, who may also be a superuser: nothing but Rowgate stands in the way. */
export const setup = `
  create schema app;
  create table app.victim (id int primary key, name text, n int, at timestamptz, doc jsonb, tags text[]);
  insert into app.victim select i, 'name ' || i, i, now(), '{}', '{a}' from generate_series(1, 5) i;
  create table app.canary (id int primary key, note text);
  insert into app.canary values (1, 'alive');
  create sequence app.seq; select nextval('app.seq');
  select lo_from_bytea(4711, 'large');
  create table app.loose (id int primary key, email citext); insert into app.loose values (1, 'a@b');
  create table app."x"";drop table app.victim;--" (id int primary key, "c"";drop table app.victim;--" int);

  create function app.harm() returns int language plpgsql as $$
  begin insert into app.canary values (99, 'dead'); return 1; end $$;
  create function app.harm_definer() returns int security definer language plpgsql as $$
  begin insert into app.canary values (98, 'dead'); return 1; end $$;
  create function app.harm_truncate() returns int language plpgsql as $$
  begin truncate app.canary; return 1; end $$;
  create function app.harm_ddl() returns int language plpgsql as $$
  begin create table app.made (); create role made; return 1; end $$;
  create function app.harm_writable() returns text language plpgsql as $$
  begin perform set_config('transaction_read_only', 'off', false); insert into app.canary values (97, 'dead'); return ''; end $$;
  create function app.harm_swallow() returns int language plpgsql as $$
  begin begin insert into app.canary values (96, 'dead'); exception when others then return 1; end; return 2; end $$;
  create function app.liar() returns int immutable language plpgsql as $$
  begin perform nextval('app.seq'); return 1; end $$;

  create function public.harm(app.loose) returns int language plpgsql as $$
  begin perform pg_notify('canary', 'dot'); perform pg_advisory_lock(1); return 1; end $$;
  create function public.harm(record) returns text language plpgsql as $$
  begin perform pg_notify('canary', 'key'); perform pg_advisory_lock(2); return ''; end $$;
  create function public.lower(varchar) returns text immutable language plpgsql as $$
  begin perform pg_notify('canary', 'lower'); perform pg_advisory_lock(3); return ''; end $$;
  create function public.harmless(int) returns boolean language plpgsql as $$
  begin perform pg_notify('canary', 'domain'); perform pg_advisory_lock(4); return true; end $$;
  create domain public.mined as int check (public.harmless(value));
  create type public.pair as (a int);
  create function public.to_pair(text) returns public.pair language plpgsql as $$
  begin perform pg_advisory_lock(5); return row(1)::public.pair; end $$;
  create cast (text as public.pair) with function public.to_pair(text);

  create view app.v_nextval as select nextval('app.seq') as id;
  create view app.v_harm as select app.harm() as id;
  create view app.v_definer as select app.harm_definer() as id;
  create view app.v_truncate as select app.harm_truncate() as id;
  create view app.v_ddl as select app.harm_ddl() as id;
  create view app.v_writable as select app.harm_writable() as id;
  create view app.v_swallow as select app.harm_swallow() as id;
  create view app.v_liar as select app.liar() as id;
  create view app.v_notify as select pg_notify('canary', 'view')::text as id;
  create view app.v_path as select set_config('search_path', 'decoy, pg_catalog', false) as id;
  create view app.v_path_local as select set_config('search_path', 'decoy, pg_catalog', true) as id;
  create view app.v_row_security as select set_config('row_security', 'on', false) as id;
  create view app.v_timeout as select set_config('statement_timeout', '1', false) as id;
  create view app.v_role as select set_config('role', 'bystander', false) as id;
  create view app.v_read_only as select set_config('default_transaction_read_only', 'off', false) as id;
  create view app.v_lock as select pg_advisory_lock(i)::text as id from generate_series(100, 150) i;
  create view app.v_xact_lock as select pg_advisory_xact_lock(7)::text as id;
  create view app.v_xid as select pg_current_xact_id()::text as id;
  create view app.v_export as select pg_export_snapshot() as id;
  create view app.v_seed as select setseed(0.5)::text as id;
  create view app.v_message as select pg_logical_emit_message(true, 'canary', 'x')::text as id;
  create view app.v_lo as select lo_from_bytea(0, 'x')::text as id;
  create view app.v_lo_unlink as select lo_unlink(4711) as id;
  create view app.v_write_lock as select 1 as id from app.victim for update;

  create schema decoy;
  create table decoy.victim (id int primary key, name text, n int);
  create view decoy.pg_class as select 1 as oid where false;
`;

const condition = (sql: string): Record<string, unknown> => ({
  kind: 'implies',
  tables: ['victim'],
  when: sql,
  then: 'true',
});
const asFilter = (sql: string): Record<string, unknown> => ({
  kind: 'not_null',
  tables: ['victim'],
  column: 'n',
  where: sql,
});
const asCheck = (sql: string): Record<string, unknown> => ({
  kind: 'schema',
  tables: ['victim'],
  check: sql,
});
const query = (sql: string): Record<string, unknown> => ({ kind: 'query', query: sql });

const attempts = (
  stage: Stage,
  rule: (sql: string) => Record<string, unknown>,
  texts: readonly string[],
  says?: RegExp,
): Attempt[] => texts.map((sql) => ({ stage, rule: rule(sql), ...(says ? { says } : {}) }));

const UNCONNECTED = 'refused unconnected';
const BY_CATALOGUE = 'refused by the catalogue';

/** Calls with an effect, or a reach, that a rule must not have. */
const calls = [
  "nextval('app.seq') > 0", "setval('app.seq', 99) > 0", "set_config('search_path', 'decoy', false) is null",
  "set_config('row_security', 'on', true) is null", "set_config('statement_timeout', '0', false) is null",
  "set_config('role', 'bystander', false) is null", "set_config('transaction_read_only', 'off', false) is null",
  "pg_notify('canary', 'x') is null", 'pg_advisory_lock(id) is null', 'pg_advisory_lock_shared(id) is null',
  'pg_advisory_xact_lock(id) is null', 'pg_try_advisory_lock(id)', 'pg_terminate_backend(pg_backend_pid())', 'pg_cancel_backend(pg_backend_pid())',
  'pg_sleep(9) is null', "pg_sleep_for('9 s') is null", "pg_sleep_until('tomorrow') is null",
  "pg_logical_emit_message(false, 'canary', 'x') is null", 'pg_current_xact_id() is null', 'txid_current() is null', 'pg_export_snapshot() is null',
  "query_to_xml('select app.harm()', true, true, '') is null", "query_to_xml_and_xmlschema('select app.harm()', true, true, '') is null",
  "query_to_xmlschema('select 1', true, true, '') is null", "table_to_xml('app.v_harm', true, true, '') is null",
  "schema_to_xml('app', true, true, '') is null", "database_to_xml(true, true, '') is null", "cursor_to_xml('c', 1, true, true, '') is null",
  "lo_create(0) is null", "lo_from_bytea(0, 'x') is null", "lo_export(4711, '/tmp/rowgate-canary') = 1", "lo_import('/etc/passwd') is null",
  'lo_unlink(4711) = 1', "lo_put(4711, 0, 'x') is null", 'lo_open(4711, 131072) = 1', 'lo_truncate(0, 0) = 1', 'lo_get(4711) is null',
  "pg_read_file('/etc/passwd') is null", "pg_read_binary_file('/etc/passwd') is null", "pg_ls_dir('/') is null", "pg_stat_file('/etc/passwd') is null",
  'pg_reload_conf()', 'pg_rotate_logfile()', 'pg_switch_wal() is null', "pg_create_restore_point('x') is null",
  "pg_create_physical_replication_slot('canary') is null", "pg_drop_replication_slot('canary') is null",
  "pg_replication_origin_create('canary') is null", 'pg_stat_reset() is null', "pg_stat_reset_shared('bgwriter') is null", 'pg_promote()',
  'pg_wal_replay_pause() is null', 'setseed(0.5) is null', 'random() < 2', "gen_random_uuid() is null", 'clock_timestamp() is null', 'timeofday() is null',
  'pg_log_backend_memory_contexts(1)', "pg_import_system_collations('app'::text::name) is null", "brin_summarize_new_values(1) = 0",
  'gin_clean_pending_list(1) = 0', "ts_rewrite('a'::tsquery, 'select app.harm()::text::tsquery, null::tsquery') is null",
  "repeat('x', 1000000000) is null", 'pg_stat_clear_snapshot() is null', "pg_file_rotate() is null", "dblink_exec('dbname=x', 'delete from app.canary') is null",
  "dblink('dbname=x', 'select 1') is null", 'harm() = 1', "pg_catalog.harm() = 1", 'pg_catalog.nextval(name) = 1', "lower(name) = 'x'",
  "domain_in('1', 16384, -1) is null", "record_in('(1)', 16384, -1) is null", "array_in('{1}', 16384, -1) is null", "regclassin('app.victim') is null",
  "pg_input_is_valid('1', 'public.mined')", "textin('x') is null",
]; // prettier-ignore

/** What is a condition to the eye, and more than one, or something else, to the server. */
const conditions = [
  'true); commit; drop table app.victim; --', 'true) ; drop table app.victim', '1=1; drop table app.victim', 'true; commit', 'true;', ';', '; drop table app.victim',
  'true) or (true', 'true) union select 1 where (true', 'true) union all select id from app.canary where (true', 'n = 1) -- ', 'n = 1 /*', "n = 1 or '", 'true)) or ((true',
  '$x$', "'a' || $1", '$1', ')', '(', 'true) into app.made from app.victim where (true', 'true) for update of r; --', 'true) limit (0', 'true) group by (1',
  'true) order by (app.harm()', 'true) order by 1; --', 'true) window w as (order by 1', "true) returning (1", 'exists (select app.harm())', '(select app.harm()) = 1',
  'n in (select app.harm())', 'n = any (select app.harm())', 'n = all (array(select app.harm()))', 'exists (with d as (delete from app.canary returning 1) select 1 from d)',
  '(delete from app.canary)', 'delete from app.canary', 'drop table app.victim', 'do $$begin perform app.harm(); end$$', 'call app.harm()',
  'app.harm() = 1', 'rowgate.app.harm() = 1', 'n operator(app.+) 1 = 1', "n = 1::app.mined", "'1'::public.mined = 1", "cast('1' as app.pair) is null",
  "'app.victim'::regclass is null", "name::regclass is null", "'x'::regrole is null", "'1'::pg_catalog.regtype is null", 'name collate app.x = name', 'victim.name is null',
  'app.victim.name is null', '(r).harm = 1', '(r.*).id = 1', 'r.* is null', 'row(r.*) is null', '(doc).harm is null', 'count(*) > 1', 'sum(n) over () > 1', "string_agg(name, ',' order by id) = ''",
  'xmlelement(name x) is null', "xmlserialize(content '<a/>' as text) = ''", "json_table(doc, '$' columns (a int)) is null", "json_value(doc, '$' returning text) = ''", 'merge_action() is null',
  'current of c', 'default', 'n = default', 'true as x', 'distinct true', '*', 'n, n', 'true from app.victim', 'true where true', 'not', 'n = 1 \u202e', 'n\u200b = 1', "n = 1\u0000; drop table app.victim",
  '\uff07; drop table app.victim', 'x'.repeat(9_000), `1${'+1'.repeat(4_000)} > 0`, `${'not '.repeat(2_000)}true`, 'select true', 'values (true)', 'table app.victim',
  'harm(n => 1) = 1', 'harm(variadic tags => 1)', '\\! touch /tmp/rowgate-canary', '\\copy x', ":'name' = 1", "U&'\\0061' uescape '!' = '", '/* /* */ true',
]; // prettier-ignore

/** Statements that are no reading SELECT. */
const statements = [
  'commit', 'commit and chain', 'rollback', 'abort', 'end', 'begin', 'start transaction read write', 'savepoint x', 'rollback to savepoint aside', 'release savepoint aside',
  'set transaction read write', 'set session characteristics as transaction read write', "set search_path = 'decoy'", 'set local row_security = on', 'reset all', 'set role bystander',
  'set session authorization bystander', 'discard all', 'show all', "prepare transaction 'canary'", "commit prepared 'canary'", 'prepare p as select 1', 'execute p', 'deallocate all',
  'declare c cursor with hold for select 1', 'fetch all from c', 'close all', 'move c', 'listen canary', "notify canary, 'x'", 'unlisten *', 'lock table app.victim in access exclusive mode',
  "copy app.victim to program 'touch /tmp/rowgate-canary'", "copy (select 1) to '/tmp/rowgate-canary'", "copy app.canary from program 'echo 9'", 'copy app.victim to stdout', 'do $$begin perform app.harm(); end$$',
  'call app.harm()', 'insert into app.canary values (9)', 'update app.canary set note = null', 'delete from app.canary', 'truncate app.canary', 'merge into app.canary c using app.victim v on true when matched then delete',
  'create table app.made as select 1', 'create temp table victim as select 1', 'create view app.made as select 1', 'create function app.made() returns int language sql as $$select 1$$', 'create role made superuser',
  'create extension postgres_fdw', 'create server s foreign data wrapper file_fdw', 'create publication p for all tables', "create subscription s connection 'x' publication p", 'create database made',
  'alter table app.victim disable trigger all', 'alter role postgres password null', "alter system set work_mem = '1GB'", 'alter database postgres set search_path = decoy', 'drop table app.victim',
  'drop schema app cascade', 'drop owned by current_user', 'reassign owned by current_user to bystander', 'grant all on app.victim to public', 'revoke all on app.victim from public', 'security label on table app.victim is null',
  "comment on table app.victim is 'x'", 'vacuum', 'analyze', 'cluster', 'reindex table app.victim', 'checkpoint', 'load \'auto_explain\'', 'refresh materialized view app.m', 'explain analyze delete from app.canary', 'explain select 1',
  'import foreign schema x from server s into app', 'select 1; drop table app.victim', 'select 1; commit', 'select 1;;select 2', 'select 1\u0000; drop table app.victim', 'select 1) as r; drop table app.victim; --',
  'select 1) as r, lateral (select app.harm()', 'select 1 into app.made', 'select * into temp victim from app.victim', 'select * from (select 1 into app.made) x', 'select 1 union select 2 into app.made',
  'with d as (delete from app.canary returning *) select * from d', "with i as (insert into app.canary values (9) returning *) select * from i", 'with u as (update app.canary set note = null returning *) select * from u',
  'with m as (merge into app.canary c using app.victim v on c.id = v.id when matched then delete returning 1) select * from m', 'select (with d as (delete from app.canary returning id) select id from d)', 'select * from app.victim for update',
  'select * from app.victim for share nowait', 'select 1 where exists (select from app.victim for no key update)', 'with x as (select * from app.victim for key share) select * from x', 'select app.harm()', 'select * from app.harm()',
  'select * from app.victim v, lateral app.harm() h', 'select * from rows from (app.harm(), generate_series(1, 2)) x', 'select 1 order by app.harm()', 'select 1 limit app.harm()', 'select 1 offset app.harm()', 'values (app.harm())',
  'select count(*) filter (where app.harm() = 1)', 'select sum(1) over (order by app.harm())', 'select 1 group by app.harm()', 'select 1 having app.harm() = 1', 'select 1 where app.harm() = 1', 'select case when app.harm() = 1 then 1 end',
  'select array[app.harm()]', 'select row(app.harm())', 'select coalesce(app.harm())', 'select greatest(app.harm())', 'select (array[1])[app.harm()]', 'select * from app.victim tablesample app.method(1)', 'select id operator(app.+) 1 from app.victim',
  "select 'app.victim'::regclass", 'select n::app.mined from app.victim', 'select null::app.pair', '(select app.harm())', 'select * from (values (app.harm())) x', 'select 1 from app.victim a join app.victim b on app.harm() = 1',
  "select * from xmltable('/a' passing '<a/>' columns b int path '.')", "select * from json_table('{}', '$' columns (b int))", "select * from dblink('dbname=x', 'select 1') as t (a int)", 'select (v).harm from app.victim v', '-- nothing', ' ',
  'with recursive x (n) as (select 1 union all select app.harm() from x) select * from x', 'select distinct on (app.harm()) 1', 'select 1 except select app.harm()', 'select grouping(app.harm()) group by ()', 'select $1', 'select :x',
]; // prettier-ignore

/** A function, a type or a cast of the database itself, called without naming a schema; and views that nobody may lock. */
const disguised = [
  'select l.harm from app.loose l', 'select 1 from app.loose l order by l.harm', 'select 1 from app.loose l where (l.harm) = 1', 'select app.loose.harm from app.loose', 'select l.id::mined from app.loose l',
  'select l.email::text::pair from app.loose l', 'select null::pair', 'select cast(l.id as mined) from app.loose l', "select mined '1'", 'select array[1]::mined[]', 'select json_populate_record(null::pair, \'{}\')', 'select harm(l) from app.loose l',
  'select harm(l.*) from app.loose l', 'select lower(l.email) from app.loose l', 'select * from harm(null)', 'select to_pair(\'x\')', 'select l.lower from (select \'x\'::varchar as name) l',
]; // prettier-ignore

const views = [
  'v_nextval', 'v_harm', 'v_definer', 'v_truncate', 'v_ddl', 'v_writable', 'v_swallow', 'v_liar', 'v_notify', 'v_path', 'v_path_local', 'v_row_security',
  'v_timeout', 'v_role', 'v_read_only', 'v_lock', 'v_xact_lock', 'v_xid', 'v_export', 'v_seed', 'v_message', 'v_lo', 'v_lo_unlink', 'v_write_lock',
]; // prettier-ignore

/** SQL in the place of a name or a value. */
const names: Attempt[] = [
  { stage: BY_CATALOGUE, rule: { kind: 'not_null', tables: ['victim"; drop table app.victim; --'], column: 'n' } },
  { stage: BY_CATALOGUE, rule: { kind: 'not_null', tables: ["victim'; drop table app.victim; --"], column: 'n' } },
  { stage: BY_CATALOGUE, rule: { kind: 'not_null', tables: ['app.victim; drop table app.victim'], column: 'n' } },
  { stage: BY_CATALOGUE, rule: { kind: 'not_null', tables: ['victim'], column: 'n" is null); drop table app.victim; --' } },
  { stage: BY_CATALOGUE, rule: { kind: 'not_null', tables: ['victim'], column: 'n', schema: 'app"; drop table app.victim; --' } },
  { stage: BY_CATALOGUE, rule: { kind: 'not_null', tables: { with_column: 'n"; drop table app.victim; --' }, column: 'n' } },
  { stage: BY_CATALOGUE, rule: { kind: 'references', tables: ['victim'], parent: 'canary"; drop table app.victim; --', on: { n: 'id' } } },
  { stage: BY_CATALOGUE, rule: { kind: 'references', tables: ['victim'], parent: 'canary', on: { 'n"; drop table app.victim; --': 'id' } } },
  { stage: BY_CATALOGUE, rule: { kind: 'references', tables: ['victim'], parent: 'canary', on: { n: 'id" or true; --' } } },
  { stage: BY_CATALOGUE, rule: { kind: 'query', query: 'select 1 as id', key: ['id"; drop table app.victim; --'] } },
  { stage: BY_CATALOGUE, rule: { kind: 'query', query: 'select id from app.loose', key: ['harm'] } },
  { stage: 'contained', rule: { kind: 'not_null', tables: ['x";drop table app.victim;--'], column: 'c";drop table app.victim;--' } },
  { stage: 'contained', rule: { kind: 'not_null', tables: ['victim'], column: 'name', missing_values: ["'); drop table app.victim; --", '$1', '\\', '{"x"}'] } },
  { stage: 'contained', rule: { kind: 'schema', tables: ['victim'], column: 'n', type: "int'; drop table app.victim; --" } },
  { stage: UNCONNECTED, rule: { kind: 'not_null', tables: ['victim'], column: `n${'x'.repeat(63)}` } },
  { stage: UNCONNECTED, rule: { kind: 'not_null', tables: ['victim'], column: 'n\u0000' } },
  { stage: UNCONNECTED, rule: { kind: 'not_null', tables: ['victim'], column: 'n', enforce_from: "'; drop table app.victim; --" } },
  { stage: UNCONNECTED, rule: { kind: 'not_null', tables: ['victim'], column: 'n', timeout: "1s'; drop table app.victim; --" } },
  { stage: UNCONNECTED, rule: { kind: 'not_null', tables: ['victim'], column: 'n', max_violations: '0; drop table app.victim' } },
  { stage: UNCONNECTED, rule: { kind: "not_null'; drop table app.victim; --", tables: ['victim'], column: 'n' } },
]; // prettier-ignore

const calling = (sql: string, ...functions: readonly string[]): Record<string, unknown> => ({
  ...condition(sql),
  functions,
});

/** What a rule names as functions that it may call, to call more than that. */
const named: Attempt[] = [
  { stage: UNCONNECTED, rule: calling('pg_catalog.pg_sleep(9) is null', 'pg_catalog.pg_sleep') },
  { stage: UNCONNECTED, rule: calling('pg_toast.f()', 'pg_toast.f') },
  { stage: UNCONNECTED, rule: calling('app.harm() = 1', 'app.*') },
  { stage: UNCONNECTED, rule: calling('app.harm() = 1', 'harm') },
  { stage: UNCONNECTED, rule: calling('app.harm() = 1', 'app.liar'), says: /only functions of pg_catalog/ },
  { stage: UNCONNECTED, rule: calling('postgres.app.liar() = 1', 'app.liar'), says: /only functions of pg_catalog/ },
  { stage: UNCONNECTED, rule: calling('n = 1', 'app.liar'), says: /does not call/ },
  { stage: UNCONNECTED, rule: calling('app.LIAR() = "App".liar()', 'app.liar'), says: /only functions of pg_catalog/ },
  { stage: BY_CATALOGUE, rule: calling('app.harm() = 1', 'app.harm'), says: /app\.harm may not be called/ },
  { stage: BY_CATALOGUE, rule: calling('app.nothing(n) = 1', 'app.nothing'), says: /app\.nothing may not be called/ },
  { stage: BY_CATALOGUE, rule: calling('public.lower(name) = lower(name)', 'public.lower'), says: /function lower may not be called/ },
  { stage: BY_CATALOGUE, rule: { ...query('select app.harm() from app.victim'), functions: ['app.harm'] }, says: /may not be called/ },
  { stage: BY_CATALOGUE, rule: { ...query('select l.harm, app.liar() from app.loose l'), functions: ['app.liar'] }, says: /harm may not be called/ },
  { stage: 'contained', rule: calling('app.liar() = n', 'app.liar') },
  { stage: 'contained', rule: { ...asFilter('app.liar() = 1'), functions: ['app.liar'] } },
  { stage: 'contained', rule: { ...query('select app.liar() as id'), functions: ['app.liar'] } },
  { stage: 'contained', rule: { ...query('select id from app.victim where id = app.liar()'), functions: ['app.liar'] } },
]; // prettier-ignore

/** Every attempt to do more than to read. */
export const escapeAttempts: readonly Attempt[] = [
  ...attempts(UNCONNECTED, condition, conditions),
  ...attempts(UNCONNECTED, asFilter, ['true) or (true', 'true; commit', 'n in (select app.harm())', 'app.harm() = 1']),
  ...attempts(UNCONNECTED, asCheck, ['true) or (true', 'true; commit', '(select app.harm()) = 1', 'app.harm() = 1']),
  ...attempts(UNCONNECTED, query, statements),
  ...attempts(BY_CATALOGUE, condition, calls, /may not be called/),
  ...attempts(BY_CATALOGUE, asFilter, ['pg_sleep(9) is null', "nextval('app.seq') > 0"], /may not be called/),
  ...attempts(BY_CATALOGUE, asCheck, ['pg_sleep(9) is null', "nextval('app.seq') > 0"], /may not be called/),
  ...attempts(BY_CATALOGUE, (call) => query(`select 1 where ${call}`), calls.slice(0, 40), /may not be called/),
  ...attempts(BY_CATALOGUE, condition, ['commit', 'rollback', `${'('.repeat(3_000)}1${')'.repeat(3_000)}`, "e'\\' ; drop table app.victim --'"]),
  ...attempts(BY_CATALOGUE, query, disguised, /may not be (called|named)/),
  ...attempts(BY_CATALOGUE, query, ['select * from nowhere', 'select harm from app.victim', 'select 1 from pg_temp.victim'], /server refuses/),
  ...attempts('contained', query, views.map((view) => `select * from app.${view}`)),
  ...attempts('contained', query, views.map((view) => `select id from app.victim where exists (select from app.${view})`)),
  ...attempts('contained', (view) => ({ kind: 'not_null', tables: [view], column: 'id' }), views),
  ...names,
  ...named,
]; // prettier-ignore
