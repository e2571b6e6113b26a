// The ledger's tables, whole. They live in the database that is filled, so that a row and its record commit together.
import { sql, type Sql } from '../sql/sql.ts';
import { RUN_STATES } from './backfill-run.ts';
import { constant, join } from '../sql/sql.ts';

/** Raised with every change of the tables below. */
export const LEDGER_VERSION = 2;

const states = join(
  RUN_STATES.map((state) => constant(state)),
  sql`, `,
);

/** Makes the ledger, one statement after the other, in one transaction. */
export const ledgerStatements: readonly Sql[] = [
  sql`create schema rowgate`,
  sql`comment on schema rowgate is 'The record of backfills by Rowgate: what was filled, when, by whom. See: rowgate runs'`,
  sql`create table rowgate.ledger (version integer primary key, installed_at timestamptz not null default pg_catalog.clock_timestamp())`,
  sql`create table rowgate.run (
    id bigint generated always as identity primary key,
    state text not null check (state in (${states})),
    reason text,
    rules text[] not null,
    spec_hash text not null,
    batch_target_ms integer not null,
    nice double precision not null,
    max_rows bigint,
    rows_granted bigint,
    rows_allotted bigint not null default 0,
    max_duration_ms bigint,
    deadline timestamptz,
    rows_at_start bigint,
    rows_remaining bigint,
    server_id text,
    requested_by text,
    run_url text,
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    worked_at timestamptz,
    worked_ms bigint not null default 0,
    counted_at timestamptz,
    check (rows_allotted >= 0 and (max_rows is null or rows_allotted <= max_rows))
  )`,
  sql`create table rowgate.lane (
    id bigint generated always as identity primary key,
    run_id bigint not null references rowgate.run,
    rule text not null,
    stage integer not null,
    table_name text not null,
    relation_name text not null,
    column_names text[] not null,
    shape_hash text not null,
    next_key text[],
    high_key text[],
    is_cut boolean not null default false,
    is_live boolean not null default true
  )`,
  sql`create index on rowgate.lane (run_id)`,
  // Two live runs over one table and column would count each other's rows as residue.
  sql`create unique index lane_one_live_run on rowgate.lane (relation_name, column_names) where is_live`,
  sql`create table rowgate.chunk (
    id bigint generated always as identity primary key,
    run_id bigint not null references rowgate.run,
    lane_id bigint not null references rowgate.lane,
    low text[],
    high text[] not null,
    passes_left integer not null default 0,
    state text not null default 'open' check (state in ('open', 'done')),
    reserved bigint not null default 0,
    refund bigint not null default 0,
    claims integer not null default 0,
    attempts integer not null default 0,
    not_before timestamptz not null default pg_catalog.clock_timestamp(),
    worker text,
    claimed_at timestamptz,
    rows_updated bigint not null default 0,
    residue jsonb not null default '{}',
    samples jsonb not null default '[]',
    elapsed_ms bigint not null default 0,
    wal_bytes bigint not null default 0,
    last_sqlstate text
  )`,
  sql`create index on rowgate.chunk (run_id, not_before) where state = 'open'`,
  sql`create index on rowgate.chunk (run_id) where refund > 0`,
  sql`create index on rowgate.chunk (run_id)`,
  sql`create table rowgate.event (
    id bigint generated always as identity primary key,
    run_id bigint not null references rowgate.run,
    at timestamptz not null default pg_catalog.clock_timestamp(),
    worker text,
    kind text not null,
    detail text
  )`,
  sql`create index on rowgate.event (run_id)`,
  sql`insert into rowgate.ledger (version) values (${constant(String(LEDGER_VERSION))}::integer)`,
];
