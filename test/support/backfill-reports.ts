import {
  backfillReportSchema,
  type BackfillReport,
  type ReportedRun,
} from '../../src/report/backfill-report.ts';

/** A lane that holds a text wherever a database can put one. */
export const lane = (text: string): ReportedRun['lanes'][number] => ({
  rule: text,
  table: text,
  columns: [text],
  rowsUpdated: 90,
  chunksDone: 3,
  chunksOpen: 1,
  residue: { orphan: 4 },
  samples: [],
  workedMs: 900,
  walBytes: 1,
  sqlstates: [text],
});

/** The database's own clock, so many seconds after the run began. */
const second = (s: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, s)).toISOString();

/** A run that stopped at its rows. */
export const runOf = (text: string, more: Partial<ReportedRun> = {}): ReportedRun => ({
  id: '7',
  state: 'stopped_at_bound',
  reason: text,
  rules: [text],
  maxRows: 90,
  deadline: text,
  rowsAtStart: 200,
  rowsUpdated: 90,
  rowsRemaining: 110,
  createdAt: text,
  startedAt: second(0),
  finishedAt: text,
  elapsedMs: 61_000,
  idleMs: 10,
  requestedBy: text,
  runUrl: text,
  lanes: [lane(text)],
  progress: [0, 30, 60].map((s, i) => ({ at: second(s), rows: i * 45 })),
  events: [{ at: second(45), kind: 'holding', detail: text, worker: text }],
  ...more,
});

/** A report that holds a text wherever a database, a rule or a person can put one. */
export function reportOf(text: string, more: Partial<BackfillReport> = {}): BackfillReport {
  const problem = {
    code: 'internal',
    message: text.replaceAll('\n', ' '),
    hint: text,
    at: { file: text, line: 1, column: 2 },
  };
  return backfillReportSchema.parse({
    version: 1,
    mode: 'execute',
    exitCode: 0,
    startedAt: '2026-01-01T00:00:00.000Z',
    elapsedMs: 62_000,
    target: { database: text, serverVersion: text, role: text, pooled: false },
    census: [
      { rule: text, table: text, columns: [text], outcome: 'measured', classes: { resolvable: 200, orphan: 4 }, waitsFor: [text], samples: [], problem: null },
      { rule: text, table: text, columns: [text], outcome: 'unknown', classes: {}, waitsFor: [], samples: [], problem },
      { rule: text, table: text, columns: [text], outcome: 'measured', classes: {}, waitsFor: [], samples: [], problem: null },
    ],
    findings: (['refuse', 'acknowledge', 'note'] as const).map((weight) => ({ weight, name: `a:${text}`, acknowledged: false, message: text, hint: text })),
    estimate: { rows: 200, batches: 1, walBytes: 1, runsNeeded: 3 },
    run: runOf(text),
    ended: 'bound',
    recheck: [{ rule: text, table: text, outcome: 'broken', violations: 3, reason: text }],
    problems: [problem],
    warnings: [problem],
    ...more,
  } satisfies BackfillReport); // prettier-ignore
}

/** What makes a report one of a dry run. */
export const dryRun = { mode: 'dry-run', run: null, ended: null } as const;
