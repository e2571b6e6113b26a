// The whole rules format, version 1, on one page; the JSON Schema for editors is generated from it.
import * as z from 'zod';
import { identifier } from '../sql/identifier.ts';
import { DURATION_PATTERN, parseDurationMs } from '../support/duration.ts';
import { Problem } from '../support/problem.ts';

/** A name of the catalogue: exact case, at most 63 bytes. */
const name = z.string().superRefine((text, context) => {
  try {
    identifier(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Problem ? error.message : String(error) });
  }
});

const ruleId = z
  .string()
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "must be kebab-case, such as 'orders-have-a-tenant'")
  .max(100, 'must be at most 100 characters');

const table = z.string().min(1).describe('A table: its exact name, or schema.table.');
const once = (names: readonly string[]): boolean => new Set(names).size === names.length;
const columns = z.array(name).min(1).refine(once, 'must not name a column twice');
const columnPairs = (meaning: string) =>
  z
    .record(name, name)
    .refine((pairs) => Object.keys(pairs).length > 0, 'must name at least one pair of columns')
    .describe(meaning);
const on = columnPairs(
  'Which row is the parent: child column: parent column. Several pairs for a composite key.',
);
const expression = z.string().min(1);
/** With one dot, so that it is one function; those of pg_catalog need no naming, and are excused from nothing by it. */
const ownFunction = z
  .string()
  .regex(
    /^(?!pg_|information_schema\.)[A-Za-z_][A-Za-z0-9_$]*\.[A-Za-z_][A-Za-z0-9_$]*$/,
    'must be schema.function, of a schema of your own',
  );
const duration = z
  .string()
  .regex(DURATION_PATTERN, { message: "must look like '500ms', '30s' or '5m'", abort: true })
  .refine(isDuration, 'must be at least 1ms and at most 596h');

function isDuration(text: string): boolean {
  try {
    return parseDurationMs(text) > 0;
  } catch {
    return false;
  }
}

/** What stands still: a word such as `now` would move the line at every run. */
const fixedValue = z
  .union([z.string(), z.number()], { error: 'must be a text or a number' })
  .refine(
    (value) => isFixed(String(value)),
    'must be a fixed point, such as 2026-01-01T00:00:00Z or 120000: it must hold a digit, and no word such as now',
  );

function isFixed(text: string): boolean {
  return /\d/.test(text) && !/(?<![a-z])now(?![a-z])|today|tomorrow|yesterday|infinity/i.test(text);
}

const probe = z
  .literal(true, { error: 'must be true, or left out' })
  .optional()
  .describe('`rowgate probe` tries to write what this rule forbids, and rolls it back.');

const severity = z.enum(['error', 'warning', 'notice']);
const phase = z.string().min(1).max(60);
const orphans = z
  .enum(['report', 'ignore'])
  .default('report')
  .describe('Whether a link to a parent that is not there breaks the rule.');

const tables = z.union(
  [
    z.array(table).min(1),
    z.strictObject({ list: z.string().min(1).describe('A list declared under `lists`.') }),
    z.strictObject({
      with_column: name.describe(
        'Every table of the schema that has this column; partitions count with their parent.',
      ),
      except: z.array(table).default([]),
    }),
  ],
  { error: 'must be a list of table names, { list: NAME }, or { with_column: COLUMN, except: [TABLE] }' },
);

const backfill = z
  .strictObject({
    from: table.describe('The parent that holds the value.'),
    via: z
      .array(z.strictObject({ table, on }))
      .min(1)
      .max(8)
      .optional()
      .describe('Tables between the row and `from`, in order, each with the columns that lead to it.'),
    on: columnPairs(
      'Which row of `from` it is: column of the row, or of the last table of `via`: column of `from`.',
    ),
    set: columnPairs('What to fill: child column: parent column.'),
  })
  .describe('Where a missing value comes from.');

const exemption = z
  .strictObject({
    table,
    reason: z.string().min(1).describe('Why the table needs no rule.'),
    owner: z.string().min(1).describe('Who decided it, and can be asked.'),
    expires: z.iso
      .date("must be a day such as '2027-01-31'")
      .describe('The last day on which it counts, in UTC.'),
  })
  .describe('A table that needs no rule for now.');

/** The keys that each kind adds to the common ones. */
const kindShapes = {
  not_null: {
    column: name.optional(),
    columns: columns.optional(),
    missing_values: z
      .array(
        z.union([z.string(), z.number(), z.boolean()], { error: 'must be texts, numbers, true or false' }),
      )
      .min(1)
      .optional()
      .describe(
        "Values that stand for a missing one, such as 0, '' or a nil uuid. Taken as they are written, with quotes or without.",
      ),
    backfill: backfill.optional(),
    probe,
  },
  matches_parent: {
    parent: table,
    on,
    match: columnPairs('What must agree: child column: parent column.'),
    nulls: z
      .enum(['ignore', 'shared', 'differ'])
      .default('differ')
      .describe(
        'ignore: NULL on either side is fine. shared: a parent with NULL is shared by all. differ: NULL agrees only with NULL.',
      ),
    orphans,
    backfill: backfill.optional(),
    probe,
  },
  implies: {
    when: expression.describe('The rows that the rule is about, as a condition on the columns of the table.'),
    then: expression.describe('What must hold for them.'),
    backfill: backfill.optional(),
  },
  references: { parent: table, on },
  exactly_one_of: {
    columns: z.array(name).min(2).refine(once, 'must not name a column twice'),
    at_least_one: z.boolean().default(false).describe('Allow more than one to be set.'),
  },
  agrees: {
    parents: z
      .tuple([
        z.strictObject({ parent: table, on, column: name }),
        z.strictObject({ parent: table, on, column: name }),
      ])
      .describe('Two parents of one row, and the column of each that must be the same.'),
    nulls: z
      .enum(['ignore', 'differ'])
      .default('differ')
      .describe('ignore: NULL on either side is fine. differ: NULL agrees only with NULL.'),
    orphans,
  },
  query: {
    query: z.string().min(1).describe('One SELECT. Every row that it returns breaks the rule.'),
    key: columns
      .optional()
      .describe('The output columns that identify a row, shown as samples; without it no samples are shown.'),
  },
  schema: {
    column: name.optional().describe('A column that must exist.'),
    type: z.string().min(1).optional().describe('The type of `column`, as SQL spells it.'),
    not_null: z.literal(true).optional().describe('`column` must be NOT NULL, and validated.'),
    default: z
      .literal('none')
      .optional()
      .describe(
        'Nothing may fill `column` where a writer leaves it out: no DEFAULT, no identity, no expression.',
      ),
    check: expression.optional().describe('A condition that validated constraints must guarantee.'),
    foreign_key: z
      .strictObject({ parent: table, on })
      .optional()
      .describe('A validated, enforced foreign key over exactly these columns.'),
    unique: columns.optional().describe('A valid unique key over exactly these columns, in any order.'),
    index: columns
      .optional()
      .describe(
        'A valid B-tree index that leads with these columns, in any order, or a hash index of the one.',
      ),
  },
  coverage: {
    roots: z
      .array(table)
      .default([])
      .describe('The tables whose rows are the tenants: what reaches them by foreign keys belongs to one.'),
    columns: columns
      .optional()
      .transform((names) => names ?? [])
      .describe('The names of the columns that hold the tenant: a table with one of them belongs to one.'),
    globals: z
      .array(table)
      .default([])
      .describe(
        'Tables whose rows all tenants share. No rule is wanted for them, and no way leads through them.',
      ),
    exempt: z
      .array(exemption)
      .default([])
      .refine((list) => once(list.map((each) => each.table)), 'must not name a table twice'),
  },
} as const satisfies Record<string, z.ZodRawShape>;

export type KindName = keyof typeof kindShapes;

/** What a rule of each kind carries beside the common keys. */
export type KindSpecs = { [Kind in KindName]: z.infer<z.ZodObject<(typeof kindShapes)[Kind]>> };

export const KIND_NAMES = Object.keys(kindShapes) as KindName[];

const commonShape = {
  id: ruleId.describe('Stable and unique; shown in annotations and reports.'),
  why: z.string().optional().describe('Why the rule matters, for the person who reads the annotation.'),
  schema: z
    .string()
    .min(1)
    .optional()
    .describe('The schema of bare table names; a pattern such as tenant_* means each schema that matches.'),
  where: expression.optional().describe('Only rows for which this condition is true are checked.'),
  functions: z
    .array(ownFunction)
    .min(1)
    .refine(once, 'must not name a function twice')
    .optional()
    .describe(
      "Functions of the database that this rule's SQL may call, as schema.function; each must be immutable or stable.",
    ),
  severity: severity.optional(),
  max_violations: z.int().min(0).optional().describe('How many violations are tolerated. 0 by default.'),
  count: z
    .union([z.literal('exact'), z.strictObject({ at_least: z.int().min(1) })])
    .optional()
    .describe(
      'How far to count: `exact` (the default), or `{ at_least: 100 }`, which stops there and names no classes.',
    ),
  ratchet: z
    .union(
      [
        z.literal(true),
        z.strictObject({
          stall: z
            .string()
            .regex(/^[1-9]\d{0,3}d$/, "must be a number of days, such as '14d'")
            .describe('Warn once the count has not fallen for so many days.'),
        }),
      ],
      { error: "must be true, or { stall: DAYS } such as { stall: '14d' }" },
    )
    .optional()
    .describe('Counts may fall and never rise, against the recorded ones of `--baseline`.'),
  since: z
    .strictObject({
      column: name.describe('A column that grows: when a row was made, or its key.'),
      value: fixedValue.describe(
        'The last value of before the switch: rows above it, and without one, are new.',
      ),
    })
    .optional()
    .describe(
      'From where on writers had to be right. New rows are counted in classes of their own, as leaks.',
    ),
  enforce_from: phase
    .optional()
    .describe('Before this phase the rule is counted and shown, and never fails the run.'),
  remedy: z.string().optional().describe('What to do when the rule breaks.'),
  paths: z
    .array(z.string().min(1))
    .optional()
    .describe('Globs of files, such as migrations, that a break is annotated on.'),
  timeout: duration.optional().describe('How long one check of this rule may run on the server.'),
};

/** Common keys that would mean nothing for a kind; they are refused. */
const WITHOUT: { readonly [Kind in KindName]?: readonly string[] } = {
  query: ['tables', 'where', 'ratchet', 'since'],
  schema: ['where', 'count', 'ratchet', 'since'],
  coverage: ['tables', 'where', 'count', 'max_violations', 'ratchet', 'since'],
};

const ruleSchemas = KIND_NAMES.map((kind) => {
  const all = { ...commonShape, tables };
  const kept = Object.entries(all).filter(([key]) => !isRefused(kind, key));
  const shared = Object.fromEntries(kept) as Partial<typeof all> & Pick<typeof all, 'id'>;
  return z.strictObject({ kind: z.literal(kind), ...shared, ...kindShapes[kind] });
});

function isRefused(kind: KindName, key: string): boolean {
  return WITHOUT[kind]?.includes(key) ?? false;
}

/** One rule as YAML spells it. */
export const ruleSchema = z.discriminatedUnion('kind', ruleSchemas as [(typeof ruleSchemas)[number]]);

/** A rules file as YAML spells it. */
export const rulesFileSchema = z
  .strictObject({
    version: z.literal(1),
    name: z.string().optional(),
    defaults: z
      .strictObject({
        schema: z.string().min(1).optional(),
        severity: severity.optional(),
        timeout: duration.optional(),
      })
      .optional()
      .describe('Values for rules that do not say otherwise.'),
    phases: z
      .array(phase)
      .min(1)
      .refine(once, 'must not name a phase twice')
      .optional()
      .describe('The phases of a rollout, in order.'),
    lists: z.record(z.string().min(1), z.array(table).min(1)).optional().describe('Named lists of tables.'),
    rules: z.array(ruleSchema).min(1),
  })
  .describe('A Rowgate rules file.');

export type RulesFile = z.infer<typeof rulesFileSchema>;

/** The keys that may stand in a rule, for suggestions. */
export function ruleKeys(kind: KindName | undefined): string[] {
  const own =
    kind === undefined
      ? KIND_NAMES.flatMap((each) => Object.keys(kindShapes[each]))
      : Object.keys(kindShapes[kind]);
  return ['kind', 'tables', ...Object.keys(commonShape), ...own].filter(
    (key) => kind === undefined || !isRefused(kind, key),
  );
}

/** The keys of a kind whose texts are SQL expressions, or its one SELECT. */
export const SQL_KEYS: Record<KindName, readonly string[]> = {
  not_null: [],
  matches_parent: [],
  implies: ['when', 'then'],
  references: [],
  exactly_one_of: [],
  agrees: [],
  query: ['query'],
  schema: ['check'],
  coverage: [],
};

/** The rules file's JSON Schema (draft 7), for editors. */
export function rulesJsonSchema(): object {
  const title = { title: 'Rowgate rules, version 1' };
  return { ...title, ...z.toJSONSchema(rulesFileSchema, { target: 'draft-7', io: 'input' }) };
}
