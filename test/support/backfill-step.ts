import path from 'node:path';
import { backfillReportSchema, type BackfillReport } from '../../src/report/backfill-report.ts';
import { runAction, type ActionOptions, type ActionRun } from './runner-emulator.ts';
import type { TestDatabase } from './server.ts';

const actionFolder = path.resolve('.');
/** Orders of which all but the first lack their tenant, and the customers who have it. */
export function orderTables(orders: number): string {
  return `
    create table customers (id bigint primary key, tenant_id bigint);
    insert into customers select i, 100 + i from generate_series(1, 10) i;
    create table orders (id bigint primary key, customer_id bigint, tenant_id bigint);
    insert into orders select i, 1 + i % 10, case when i = 1 then 102 end from generate_series(1, ${orders}) i;
    analyze;`;
}

/** Rules of which one wants them filled. */
export const rules = `version: 1
rules:
  - id: orders-have-a-tenant
    kind: not_null
    tables: [orders]
    column: tenant_id
    backfill: { from: customers, on: { customer_id: id }, set: { tenant_id: tenant_id } }
`;
/** What the tables have nobody to acknowledge for them. */
export const GUARD = 'no-writer-guard:orders-have-a-tenant';
/** As events describe it. */
export const repository = { full_name: 'acme/shop', private: true, default_branch: 'main' };

/** A step with `mode: backfill`, started from the default branch. */
export function backfillStep(
  database: TestDatabase,
  { inputs = {}, ...options }: Partial<ActionOptions> = {},
): Promise<ActionRun> {
  return runAction({
    actionFolder,
    files: { 'rules/shop.yml': rules },
    event: { name: 'workflow_dispatch', payload: { repository } },
    ...options,
    inputs: { 'database-url': database.url, mode: 'backfill', ...inputs },
  });
}

/** The inputs that a step needs to write; at full speed. */
export const writing = (database: TestDatabase, more: Readonly<Record<string, string>> = {}) => ({
  execute: 'true',
  'expect-database': database.name,
  acknowledge: GUARD,
  nice: '0',
  ...more,
});

/** The report that it left. */
export const reportOf = (run: ActionRun): BackfillReport =>
  backfillReportSchema.parse(JSON.parse(run.read('rowgate-report/backfill-report.json') ?? ''));

/** Markdown as a reader sees it: with characters for their entities. */
export const shown = (summary: string | undefined): string =>
  (summary ?? '').replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));

/** Orders without their tenant. */
export async function missing(database: TestDatabase): Promise<number> {
  const [row] = await database.rows('select count(*)::int as n from orders where tenant_id is null');
  return Number(row?.['n']);
}

/** Whether anything was recorded, or could have been. */
export async function hasLedger(database: TestDatabase): Promise<boolean> {
  const [row] = await database.rows(`select to_regnamespace('rowgate') is not null as there`);
  return row?.['there'] === true;
}
