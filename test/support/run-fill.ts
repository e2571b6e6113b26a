import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseOptions, type RawOptions } from '../../src/options.ts';
import { openDatabase } from '../../src/postgres/connect.ts';
import { parseConnectionTarget } from '../../src/postgres/connection-string.ts';
import type { BackfillReport } from '../../src/report/backfill-report.ts';
import { runBackfill } from '../../src/run-backfill.ts';
import type { BackfillWorld } from '../../src/world.ts';
import { withCuts, withHook, type BeforeQuery, type Moment } from './hooked-database.ts';

export type FillOptions = RawOptions & {
  readonly url: string;
  /** A rules file's text. */
  readonly rules: string;
  readonly signal?: AbortSignal;
  /** Of the sessions that write, and of the monitor's. */
  readonly beforeQuery?: BeforeQuery;
  readonly emit?: BackfillWorld['emit'];
  /** Where sessions that write are cut. */
  readonly isCut?: (text: string, moment: Moment) => boolean;
};

/** Runs a backfill as both doors do, without resting between batches unless told to, and gives its report. */
export async function runFill({
  url,
  rules,
  signal,
  beforeQuery = async () => {},
  emit = () => {},
  isCut = () => false,
  ...raw
}: FillOptions): Promise<BackfillReport> {
  const folder = await mkdtemp(path.join(tmpdir(), 'rowgate-rules-'));
  try {
    await writeFile(path.join(folder, 'rules.yml'), rules);
    const options = parseOptions({ nice: '0', ...raw, rules: ['rules.yml'] }, (name) => name);
    const target = parseConnectionTarget({ url, env: {} });
    const requester = { name: 'somebody', url: 'https://example.com/run' };
    const world = {
      rules: folder,
      database: () => openDatabase(target, 'pg', signal),
      writableDatabase: () => withCuts(withHook(openDatabase(target, 'pg'), beforeQuery), isCut),
      now: () => new Date(),
      emit,
      signal: signal ?? new AbortController().signal,
    };
    return await runBackfill(options, world, requester);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** One rule that fills `workspace_id` of some tables from their tenant. */
export function workspaceRule(tables: string, more = ''): string {
  return `
version: 1
rules:
  - id: rows-have-a-workspace
    kind: not_null
    tables: [${tables}]
    column: workspace_id
    backfill: { from: tenants, on: { tenant_id: id }, set: { workspace_id: workspace_id } }
${more}`;
}

/** The finding that {@link workspaceRule} meets on a table without a guard. */
export const NO_GUARD = 'no-writer-guard:rows-have-a-workspace';
