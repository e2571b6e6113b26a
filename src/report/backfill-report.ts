import * as z from 'zod';
import { RUN_STATES, type WorkerEnd } from '../backfill/backfill-run.ts';
import { problem } from './report.ts';

const count = z.int().min(0);

const census = z
  .strictObject({
    rule: z.string(),
    table: z.string(),
    columns: z.array(z.string()),
    outcome: z.enum(['measured', 'unknown']),
    classes: z
      .record(z.string(), count)
      .describe(
        "resolvable: a value is there to be had. no_link, orphan, parent_null: it is not. conflicting: a value is there and is not the parent's; it stays.",
      ),
    waitsFor: z.array(z.string()).describe('Tables whose own backfill comes first.'),
    samples: z.array(z.strictObject({ class: z.string(), key: z.record(z.string(), z.string().nullable()) })),
    problem: problem.nullable(),
  })
  .describe('One table, before anything was written.');

const finding = z.strictObject({
  weight: z.enum(['refuse', 'acknowledge', 'note']),
  name: z.string().describe('What --acknowledge takes.'),
  acknowledged: z.boolean(),
  message: z.string(),
  hint: z.string(),
});

const lane = z
  .strictObject({
    rule: z.string(),
    table: z.string(),
    columns: z.array(z.string()),
    rowsUpdated: count,
    chunksDone: count,
    chunksOpen: count,
    residue: z.record(z.string(), count),
    samples: z.array(z.strictObject({ class: z.string(), key: z.array(z.string()) })),
    workedMs: z.number(),
    walBytes: z.number(),
    sqlstates: z.array(z.string()),
  })
  .describe('What the run did on one table.');

const backfillRun = z.strictObject({
  id: z.string(),
  state: z.enum(RUN_STATES),
  reason: z.string().nullable(),
  rules: z.array(z.string()),
  maxRows: count.nullable(),
  deadline: z.string().nullable(),
  rowsAtStart: count
    .nullable()
    .describe('Rows without their value when it began; null when that was not counted.'),
  rowsUpdated: count,
  rowsRemaining: count
    .nullable()
    .describe('The same at the end, counted again; null when that was not counted.'),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  finishedAt: z.string().nullable(),
  elapsedMs: z.number().nullable(),
  idleMs: z.number().nullable().describe('Since a worker last did something for it; null when none has.'),
  requestedBy: z.string().nullable(),
  runUrl: z.string().nullable(),
  lanes: z.array(lane),
  progress: z.array(z.strictObject({ at: z.string(), rows: count })),
  events: z.array(
    z.strictObject({
      at: z.string(),
      kind: z.string(),
      detail: z.string().nullable(),
      worker: z.string().nullable(),
    }),
  ),
});

const ENDS = [
  'done',
  'bound',
  'paused',
  'cancelled',
  'interrupted',
  'failed',
] as const satisfies readonly WorkerEnd['end'][];

export const backfillReportSchema = z
  .strictObject({
    version: z.literal(1),
    mode: z.enum(['dry-run', 'execute', 'enqueue']),
    exitCode: z.int().min(0).max(3),
    startedAt: z.iso.datetime(),
    elapsedMs: z.number(),
    target: z
      .strictObject({
        database: z.string(),
        serverVersion: z.string(),
        role: z.string(),
        pooled: z.boolean(),
      })
      .nullable(),
    census: z.array(census),
    findings: z.array(finding).describe('What rows would meet when they are written.'),
    estimate: z
      .strictObject({
        rows: count,
        batches: count,
        walBytes: z.number().describe('Rows times their average width, twice: an order of magnitude.'),
        runsNeeded: count.describe('With --max-rows as given.'),
      })
      .nullable(),
    run: backfillRun.nullable().describe('null for a dry run, and where none was begun.'),
    ended: z
      .enum(ENDS)
      .nullable()
      .describe('How the part of this process in the run ended; null where it had none.'),
    recheck: z
      .array(
        z.strictObject({
          rule: z.string(),
          table: z.string().nullable(),
          outcome: z.enum(['held', 'broken', 'unknown']),
          violations: count.nullable(),
          reason: z.string(),
        }),
      )
      .describe("The rules' own checks, run again at the end."),
    problems: z.array(problem),
    warnings: z.array(problem),
  })
  .describe('What a backfill found and did, version 1.');

/** What a backfill found and did; all that its renderers know. */
export type BackfillReport = z.infer<typeof backfillReportSchema>;
export type TableCensus = z.infer<typeof census>;
export type ReportedRun = z.infer<typeof backfillRun>;

/** Its JSON Schema (draft 7). */
export function backfillReportJsonSchema(): object {
  return {
    title: 'Rowgate backfill report, version 1',
    ...z.toJSONSchema(backfillReportSchema, { target: 'draft-7' }),
  };
}
