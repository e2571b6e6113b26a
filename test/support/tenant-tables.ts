import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { runCli, type CliRun } from './cli.ts';

const root = mkdtempSync(path.join(tmpdir(), 'rowgate-init-'));
after(() => rmSync(root, { recursive: true }));

/** A small application with one of each gap: a link without its tenant, a diamond, a log, a column of another type. */
export const tenantTables = `
  create table organizations (id uuid primary key, name text);
  create table "Order" (id bigint primary key, org_id uuid not null references organizations, unique (org_id, id));
  create table lines (id bigint primary key, org_id uuid references organizations, order_id bigint references "Order");
  create table notes (id bigint primary key, "Org Id" uuid references organizations, line_id bigint not null references lines);
  create table tags (id bigint primary key, order_id bigint not null references "Order", note_id bigint references notes);
  create table audit_events (id bigint primary key, org_id uuid, order_id bigint references "Order");
  create table countries (code text primary key, org_id integer);
`;

/** Where `init` writes, unless it is told. */
export const PACK = 'rules/tenant-isolation.yml';

/** A folder of one test. */
export function newFolder(): string {
  return mkdtempSync(path.join(root, 'case-'));
}

/** Runs a command in a folder, on a database. */
export function runIn(cwd: string, url: string, ...args: string[]): Promise<CliRun> {
  return runCli([...args, '--database-url', url], { cwd });
}
