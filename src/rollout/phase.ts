import * as z from 'zod';

/**
 * How far a column is, from the catalogue and the counts of one run: absent, then nullable, indexed, refused when it is
 * missing in a new row (write-enforced), filled in some rows (backfilling), in all (clean), guarded by validated
 * constraints (validated), and by composite foreign keys, too (composite).
 */
const STAGES = [
  'absent',
  'nullable',
  'indexed',
  'write-enforced',
  'backfilling',
  'clean',
  'validated',
  'composite',
] as const;

const count = z.int().min(0);
const source = z.strictObject({ file: z.string(), line: z.int(), endLine: z.int() });
const rows = z
  .strictObject({ count, exact: z.boolean() })
  .nullable()
  .describe('null: not measured, and never to be read as 0. Not exact: at least this many.');

const blocker = z
  .strictObject({
    rule: z.string(),
    outcome: z.enum(['broken', 'unknown']),
    reason: z.string(),
    violations: rows,
    source,
  })
  .describe('A rule that does not hold yet.');

const tableRow = z
  .strictObject({
    table: z.string(),
    column: z.string().describe('The column that is rolled out; several where a rule is about all of them.'),
    declared: z.string().nullable().describe('The phase that the run was told; null: none.'),
    observed: z
      .string()
      .nullable()
      .describe(
        'The last phase all of whose rules, and those of all before it, hold; null: not even the first.',
      ),
    stage: z.enum(STAGES),
    rowsLeft: rows.describe(
      'Violations of all rules about its values, where a row that breaks two counts twice; null: not all were measured.',
    ),
    estimatedRows: count.nullable().describe('From statistics; null where the server has none.'),
    phases: z.array(z.strictObject({ phase: z.string(), state: z.enum(['met', 'unmet', 'unknown']) })),
    next: z
      .strictObject({ phase: z.string().nullable(), blockers: z.array(blocker) })
      .nullable()
      .describe('The first phase that is not met, and what is in its way; null: all of them are.'),
    drift: z.enum(['none', 'behind', 'ahead', 'unknown']),
    rollback: z.string().describe('Whether its phase can be left again, and at what price.'),
  })
  .describe('One column of one table.');

const finding = z
  .strictObject({
    direction: z.enum(['behind', 'ahead', 'unknown']),
    severity: z.enum(['error', 'warning', 'notice']),
    rule: z.string(),
    tables: z.array(z.string()),
    message: z.string(),
    source,
  })
  .describe('Where the declared phase is not the observed one, at the line of its rule.');

const statement = z.strictObject({
  sql: z.string(),
  lock: z.strictObject({
    mode: z.enum(['access exclusive', 'share row exclusive', 'share', 'share update exclusive']),
    on: z.array(z.string()),
  }),
  held: z
    .enum(['moment', 'scan', 'build'])
    .describe('moment: no row is read. scan: while the rows are read. build: while an index is built.'),
  estimatedMs: z.number().nullable().describe('null where the server has no statistics.'),
  lockTimeout: z.boolean().describe('False where waiting for a lock keeps nobody else waiting.'),
});

const step = z
  .strictObject({
    table: z.string(),
    rule: z.string(),
    phase: z.string().nullable(),
    title: z.string(),
    state: z
      .enum(['ready', 'blocked', 'by hand', 'unknown'])
      .describe('ready: to be run as it stands. unknown: what it needs could not be measured.'),
    reason: z.string().nullable(),
    rows: rows.describe('Rows that would make it fail; null: not measured, or none are needed.'),
    size: z
      .strictObject({ rows: count, bytes: count })
      .nullable()
      .describe('Of the table with its partitions, from statistics; null where the server has none.'),
    notes: z.array(z.string()),
    statements: z.array(statement),
    undo: z.array(z.string()).describe('Takes the whole step back, also where it stopped half-way.'),
    source,
  })
  .describe(
    'One step towards the next phase. Its statements stand one by one, outside of a transaction block.',
  );

const problem = z.strictObject({
  code: z.string(),
  message: z.string(),
  hint: z.string().nullable(),
  at: z.strictObject({ file: z.string(), line: z.int(), column: z.int() }).nullable(),
});

export const rolloutSchema = z
  .strictObject({
    version: z.literal(1),
    exitCode: z.int().min(0).max(3),
    verdict: z.enum(['on track', 'behind', 'ahead', 'unknown']),
    phase: z.string().nullable(),
    phases: z.array(z.string()).describe('In order, as the rules files declare them.'),
    startedAt: z.iso.datetime(),
    target: z.strictObject({ database: z.string(), serverVersion: z.string() }).nullable(),
    rules: z.strictObject({ files: z.array(z.string()), hash: z.string() }),
    tables: z.array(tableRow),
    findings: z.array(finding),
    steps: z.array(step),
    problems: z.array(problem).describe('Why the run could not start, or could not end.'),
    warnings: z.array(problem),
  })
  .describe('Where each table of a rollout stands, and the next steps, version 1.');

/** Where each table of a rollout stands; all that renderers know. */
export type Rollout = z.infer<typeof rolloutSchema>;
export type TableRollout = Rollout['tables'][number];
export type Stage = TableRollout['stage'];
export type RolloutFinding = Rollout['findings'][number];
export type RolloutStep = Rollout['steps'][number];
export type RolloutStatement = RolloutStep['statements'][number];

/** The rollout's JSON Schema (draft 7). */
export function rolloutJsonSchema(): object {
  return { title: 'Rowgate rollout, version 1', ...z.toJSONSchema(rolloutSchema, { target: 'draft-7' }) };
}
