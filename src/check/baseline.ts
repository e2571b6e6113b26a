import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Rule } from '../rules/rule.ts';
import { Problem } from '../support/problem.ts';

const count = z.int().min(0);

const baselineSchema = z.strictObject({
  version: z.literal(1),
  database: z.string(),
  targetName: z.string().nullable(),
  entries: z.array(
    z.strictObject({
      rule: z.string(),
      definition: z.string().regex(/^[0-9a-f]{64}$/),
      table: z.string(),
      classes: z.record(z.string(), count),
      violations: count,
      since: z.iso.datetime(),
    }),
  ),
});

/** What rules with a `ratchet` counted in one target, at some time: the debt that may not grow. */
export type Baseline = z.infer<typeof baselineSchema>;
export type BaselineEntry = Baseline['entries'][number];

/** A baseline larger than this is none: an entry takes about 250 bytes. */
export const MAX_BASELINE_BYTES = 8_388_608;

/** All that decides which rows a rule counts: two rules of one id with different ones are not compared. */
export function definitionOf({ kind, spec, where, since }: Rule): string {
  const { backfill: _, probe: __, ...asked } = spec as { backfill?: unknown; probe?: unknown };
  const text = JSON.stringify([kind, asked, where?.text ?? null, since ?? null]);
  return createHash('sha256').update(text).digest('hex');
}

/** A baseline from text that anybody may have edited; throws `baseline-unreadable`, which names the file and the place in it. */
export function readBaseline(text: string, file: string): Baseline {
  const refuse = (message: string): never => {
    throw new Problem('baseline-unreadable', `${file}: ${message}`, {
      hint: 'Take it as the repository had it before, or record it anew with `rowgate baseline`.',
    });
  };
  let value: unknown;
  try {
    value = JSON.parse(text, (key: string, inner: unknown) =>
      key === '__proto__' ? refuse("the key '__proto__' is not allowed") : inner,
    );
  } catch (error) {
    if (error instanceof Problem) throw error;
    return refuse('is not JSON, or not all of it');
  }
  const { success, data, error } = baselineSchema.safeParse(value);
  if (!success) {
    const [issue] = error.issues;
    return refuse(`is no baseline: ${issue?.path.map(String).join('.') || 'the whole'}: ${issue?.message}`);
  }
  const seen = new Set<string>();
  for (const entry of data.entries) {
    const name = `${entry.rule} on ${entry.table}`;
    if (seen.has(name)) refuse(`holds ${name} twice`);
    seen.add(name);
    const counts = Object.values(entry.classes);
    const sum = counts.reduce((total, each) => total + each, 0);
    // A row is in one class or more.
    if (entry.violations > sum || counts.some((each) => each > entry.violations))
      refuse(`the classes of ${name} do not come to its violations`);
  }
  return data;
}

/** The text of a baseline file: the same counts give the same text, in whatever order they were counted. */
export function renderBaseline(baseline: Baseline): string {
  const keyOf = ({ rule, table }: BaselineEntry): string => `${rule} ${table}`;
  const entries = baseline.entries.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return `${JSON.stringify({ ...baseline, entries }, null, 2)}\n`;
}
