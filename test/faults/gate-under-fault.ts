import assert from 'node:assert/strict';
import type { DriverName } from '../../src/postgres/database.ts';
import { within } from '../../src/postgres/deadline.ts';
import { reportSchema, type Report } from '../../src/report/report.ts';
import { runGate, type GateOptions } from '../support/run-gate.ts';

/** Longer than any run may take here, whatever goes wrong: the deadline of a catalogue query, and closing. */
const HANG_MS = 90_000;

export const SCHEMA = `
  create table first (id bigint primary key, value bigint); insert into first select i, i from generate_series(1, 20) i;
  create table second (id bigint primary key, value bigint); insert into second select i, nullif(i, 3) from generate_series(1, 20) i;
  create table third (id bigint primary key, value bigint, constraint positive check (value is not null and value > 0)); insert into third select i, i from generate_series(1, 20) i;
  create table fourth (id bigint primary key, value bigint); insert into fourth select i, i from generate_series(1, 20) i;
  create view slow as select i as id, length(pg_sleep(0.1)::text) as value from generate_series(1, 600) i`;

/** In the order in which one session answers them: a held one, a broken one with samples, the catalogue's, raw SQL's. */
const RULES = `version: 1
rules:
  - { id: first, kind: not_null, tables: [first], column: value }
  - { id: second, kind: not_null, tables: [second], column: value }
  - { id: third, kind: schema, tables: [third], check: value > 0 }
  - { id: fourth, kind: not_null, tables: [fourth], column: value }
  - { id: fifth, kind: query, query: 'select id from public.fourth where value > 18 and abs(id) > 0', key: [id] }
`;

/** With a rule in the middle that takes longer than its time. */
export const SLOW_RULES = `version: 1
rules:
  - { id: first, kind: not_null, tables: [first], column: value }
  - { id: slow, kind: not_null, tables: [slow], column: value }
  - { id: fourth, kind: not_null, tables: [fourth], column: value }
`;

/** The statement that measures each rule, in a Parse message. */
export const MEASURES: Readonly<Record<string, RegExp>> = {
  first: /^P[^]{5}select [^]*count\(\*\)[^]*"first"/,
  second: /^P[^]{5}select [^]*count\(\*\)[^]*"second"/,
  third: /^P[^]{5}explain \(format json, costs off\) select from "public"."third"/,
  fourth: /^P[^]{5}select [^]*count\(\*\)[^]*"fourth"/,
  slow: /^P[^]{5}select [^]*count\(\*\)[^]*"slow"/,
  fifth: /^P[^]{5}select [^]*count\(\*\)[^]*value > 18/,
};

/** How a run reaches the server, and what else it is told. */
export type RunUnderFault = Pick<
  GateOptions,
  'url' | 'maxConnections' | 'statementTimeout' | 'beforeQuery' | 'signal'
> & {
  readonly driver: DriverName;
  readonly rules?: string;
};

/** Errors that nobody caught, in the whole process. */
const strays: unknown[] = [];
process.on('uncaughtExceptionMonitor', (error) => strays.push(error));
process.on('unhandledRejection', (error) => strays.push(error));

type Way = { readonly port?: number; readonly connectTimeoutSeconds?: number };

let runs = 0;

/** The URL with a name of its own in it, which finds the run's sessions on the server. */
export function namedUrl(url: string, { port, connectTimeoutSeconds = 30 }: Way = {}) {
  const name = `faults-${process.pid}-${(runs += 1)}`;
  const named = new URL(url);
  if (port !== undefined) named.port = String(port);
  const parameters = {
    application_name: name,
    connect_timeout: String(connectTimeoutSeconds),
    sslmode: 'disable',
  };
  for (const [parameter, value] of Object.entries(parameters)) named.searchParams.set(parameter, value);
  return { url: named.href, name };
}

/** Runs the gate on the rules; fails when it does not end. */
export async function runToEnd({
  rules = RULES,
  maxConnections = 1,
  ...rest
}: RunUnderFault): Promise<Report> {
  const run = runGate({ rules, maxConnections, samples: 5, statementTimeout: '2s', ...rest });
  const report = await within(HANG_MS, run, () => new Error('the run hangs'));
  assert.deepEqual(strays.splice(0), [], 'nothing is thrown that nobody catches');
  return reportSchema.parse(report);
}
