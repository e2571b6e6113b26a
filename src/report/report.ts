import * as z from 'zod';

/** What stands for the kind where a statement of a migration is judged. */
export const MIGRATION = 'migration';

const count = z.int().min(0);
const severity = z.enum(['error', 'warning', 'notice']);
const failOn = z
  .enum(['error', 'warning', 'never'])
  .optional()
  .describe('From which severity on a broken rule fails the run.');

export const problem = z
  .strictObject({
    code: z.string(),
    message: z.string(),
    hint: z.string().nullable(),
    at: z.strictObject({ file: z.string(), line: z.int(), column: z.int() }).nullable(),
  })
  .describe('Something that a person has to see to.');

const result = z
  .strictObject({
    target: z.string().optional().describe('Of a merged report: the name of the target that it is of.'),
    rule: z.string(),
    kind: z
      .string()
      .describe('The kind of the rule; migration: no rule, but a statement of a migration that needs it.'),
    why: z.string().nullable(),
    table: z.string().nullable().describe('schema.table; null for a rule that is about no one table.'),
    severity,
    enforced: z
      .boolean()
      .describe("False before the rule's `enforce_from`: shown, and never failing the run."),
    outcome: z
      .enum(['held', 'broken', 'unknown'])
      .describe('unknown: not measured, and never to be read as held.'),
    violations: z
      .strictObject({ count, exact: z.boolean() })
      .nullable()
      .describe('null when it was not measured. Not exact: at least this many.'),
    maxViolations: count,
    debt: z
      .strictObject({
        leaks: count.describe("Rows newer than the rule's `since`: what a writer does wrong today."),
        count: count.describe('All others that break the rule.'),
        was: count
          .nullable()
          .describe('The same in the baseline; null where it has none of this rule and target.'),
        since: z.string().nullable().describe('When that count had last fallen.'),
      })
      .optional()
      .describe('Only of a rule with a `ratchet`, where rows break it.'),
    classes: z
      .record(z.string(), count)
      .describe('Rows by class, also of classes that do not break the rule.'),
    breakingClasses: z.array(z.string()),
    samples: z.array(z.strictObject({ class: z.string(), key: z.record(z.string(), z.string().nullable()) })),
    strategy: z.string(),
    reason: z.string().describe('What held it, what broke it, or why it could not be measured.'),
    problem: problem.nullable(),
    remedy: z.string().nullable(),
    source: z.strictObject({ file: z.string(), line: z.int(), endLine: z.int() }),
    elapsedMs: z.number(),
  })
  .describe('One rule on one table.');

const totals = z.strictObject({
  results: count,
  held: count,
  broken: count,
  unknown: count,
  notEnforced: count,
  violations: count,
});

const mergedTarget = z
  .strictObject({
    name: z.string(),
    file: z.string().describe('The report that it was read from.'),
    verdict: z.enum(['clean', 'broken', 'incomplete']),
    exitCode: z.int().min(0).max(3),
    failOn,
    phase: z.string().nullable(),
    startedAt: z.iso.datetime(),
    elapsedMs: z.number(),
    database: z.string().nullable().describe('null when no server answered.'),
    serverVersion: z.string().nullable(),
    totals,
  })
  .describe('One of the reports that a merged report was made from.');

const tally = z
  .strictObject({ count: count.nullable(), exact: z.boolean() })
  .describe(
    'Violations of a rule over its tables; null when none of them was measured. Not exact: at least so many.',
  );

const changes = z
  .strictObject({
    since: z.iso.datetime().describe('When the earlier run began.'),
    rules: z.array(
      z.strictObject({
        rule: z.string(),
        was: tally.nullable().describe('null: the earlier run had no such rule.'),
        now: tally.nullable().describe('null: this run had none.'),
        change: z
          .enum(['new', 'fixed', 'more', 'fewer', 'same', 'unknown', 'removed'])
          .describe('unknown: one of the two counts is not exact.'),
      }),
    ),
  })
  .describe('What became of each rule since the last run that this pull request was told of.');

const channel = z.strictObject({
  name: z.string(),
  state: z.enum(['ok', 'degraded', 'skipped', 'failed']),
  shown: count,
  total: count,
  reason: z.string().nullable(),
});

export const reportSchema = z
  .strictObject({
    version: z.literal(1),
    rowgateVersion: z.string().optional().describe('The Rowgate that made it.'),
    targetName: z.string().optional().describe('What the run was told to call its target.'),
    failOn,
    verdict: z.enum(['clean', 'broken', 'incomplete']),
    exitCode: z.int().min(0).max(3),
    phase: z.string().nullable().describe('null: no phase was given, and every rule is enforced.'),
    startedAt: z.iso.datetime(),
    elapsedMs: z.number(),
    target: z
      .strictObject({
        database: z.string(),
        serverVersion: z.string(),
        role: z.string().describe('The role that asked.'),
        inRecovery: z.boolean().describe('True on a standby, whose data may lag behind the primary.'),
        standby: z
          .strictObject({
            state: z.enum(['applied', 'behind', 'paused', 'disconnected', 'unknown']),
            maxAgeMs: z
              .number()
              .nullable()
              .describe('Its rows are at most this old; null when nothing bounds it.'),
          })
          .nullable()
          .describe('How a standby keeps up with its primary; null on a server that is none.'),
        snapshotLsn: z.string().nullable(),
        pooled: z.boolean().describe('Whether a pooler stood between.'),
      })
      .nullable()
      .describe('null when no server answered.'),
    rules: z.strictObject({
      files: z.array(z.string()),
      hash: z.string(),
      from: z
        .enum(['workspace', 'base'])
        .describe('base: read from the base commit, as the checkout was not to be trusted.'),
      commit: z
        .string()
        .nullable()
        .describe('The base commit; null for a workspace, whatever is checked out there.'),
    }),
    totals,
    targets: z
      .array(mergedTarget)
      .optional()
      .describe('Of a merged report alone: the targets, in the order of their names.'),
    results: z.array(result),
    changes: changes.optional().describe('Only where an earlier run was found, in a comment of our own.'),
    problems: z.array(problem).describe('Why the run could not start, or could not end.'),
    warnings: z
      .array(problem)
      .describe('What a person should know before they trust the answers; it decides no verdict.'),
    channels: z.array(channel).describe('Where the result was shown, and how much of it.'),
  })
  .describe('What a Rowgate run found, version 1.');

/** What a run found; all that renderers know. */
export type Report = z.infer<typeof reportSchema>;
export type ReportResult = z.infer<typeof result>;
export type MergedTarget = z.infer<typeof mergedTarget>;
export type ReportProblem = z.infer<typeof problem>;
export type Tally = z.infer<typeof tally>;
export type Changes = z.infer<typeof changes>;
export type Channel = z.infer<typeof channel>;

/** The report's JSON Schema (draft 7). */
export function reportJsonSchema(): object {
  return { title: 'Rowgate report, version 1', ...z.toJSONSchema(reportSchema, { target: 'draft-7' }) };
}
