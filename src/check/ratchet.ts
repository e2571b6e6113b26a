import type { RowCheck } from '../plan/plan.ts';
import { displayTable } from '../sql/identifier.ts';
import { Problem } from '../support/problem.ts';
import { definitionOf, type Baseline, type BaselineEntry } from './baseline.ts';
import type { CheckResult, Debt } from './check-result.ts';

/** What is known beside the counts. */
export type RatchetOptions = {
  /** Undefined where nobody named one. */
  readonly baseline: Baseline | undefined;
  readonly database: string;
  readonly targetName: string | undefined;
  readonly now: Date;
};

/**
 * Judges the results of rules with a `ratchet` by what was recorded, and leaves all others as they are. A new row is a
 * leak and breaks the rule at once; old ones are debt, which holds as long as no class of it has grown. What has no record
 * of the same rule and target is unknown.
 */
export function applyRatchet(
  results: readonly CheckResult[],
  options: RatchetOptions,
): { readonly results: CheckResult[]; readonly warnings: Problem[] } {
  const warnings: Problem[] = [];
  return { results: results.map((each) => judge(each, options, warnings)), warnings };
}

function judge(result: CheckResult, options: RatchetOptions, warnings: Problem[]): CheckResult {
  const { check, outcome } = result;
  if (!check.rule.ratchet || check.form !== 'rows' || outcome === 'unknown') return result;
  if (result.violations.count === 0) return result;
  const leaks = Math.min(result.violations.count, leaksIn(check, result.classes));
  const count = result.violations.count - leaks;
  const entry = findEntry(check, options);
  const known = entry instanceof Problem ? undefined : entry;
  const debt: Debt = { leaks, count, was: known?.violations, since: known?.since };
  const { classes } = result;
  const samples = outcome === 'broken' ? result.samples : [];
  if (leaks > 0)
    return {
      ...result,
      debt,
      outcome: 'broken',
      samples,
      reason: `${rows(leaks)} newer than ${sinceText(check)}`,
    };
  if (entry instanceof Problem) {
    const { strategy, by, elapsedMs } = result;
    return { check, strategy, by, elapsedMs, outcome: 'unknown', problem: unheld(entry, count) };
  }
  const grown = grownIn(debtIn(check, classes), entry);
  if (grown.length > 0 || count > entry.violations) {
    const which = grown.map(([name, now]) => `${name} ${now} (was ${recorded(entry, name)})`).join(', ');
    const reason = `debt rose to ${count}, was ${entry.violations}${which ? `: ${which}` : ''}`;
    return { ...result, debt, outcome: 'broken', samples, reason };
  }
  const stalled = stall(check, entry, count, options.now);
  if (stalled) warnings.push(stalled);
  const { violations, tableIsEmpty, strategy, by, elapsedMs } = result;
  const proof = `debt ${count}, was ${entry.violations}`;
  const empty = tableIsEmpty === undefined ? {} : { tableIsEmpty };
  return { check, strategy, by, elapsedMs, outcome: 'held', proof, violations, classes, debt, ...empty };
}

const rows = (count: number): string =>
  count === 1 ? '1 row breaks it that is' : `${count} rows break it that are`;

const sinceText = ({ rule: { since } }: RowCheck): string => `${since?.column} ${since?.value}`;

/** New rows by their classes; one that is in several counts in each. None is new where this is 0. */
export function leaksIn({ classes }: RowCheck, counts: Readonly<Record<string, number>>): number {
  return classes.reduce((sum, { name, isLeak }) => sum + (isLeak ? (counts[name] ?? 0) : 0), 0);
}

/** The classes of old rows that break the rule. */
export function debtIn(
  { classes }: RowCheck,
  counts: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const old = classes.filter(({ breaks, isLeak }) => breaks && !isLeak);
  return Object.fromEntries(old.map(({ name }) => [name, counts[name] ?? 0]));
}

/** The classes of which there are more now than were recorded. */
export function grownIn(
  debt: Readonly<Record<string, number>>,
  entry: BaselineEntry,
): readonly (readonly [name: string, now: number])[] {
  return Object.entries(debt).filter(([name, now]) => now > recorded(entry, name));
}

const recorded = ({ classes }: BaselineEntry, name: string): number =>
  Object.hasOwn(classes, name) ? (classes[name] ?? 0) : 0;

/** Whether a baseline is of the target that was asked. */
export function isOfTarget(
  baseline: Baseline,
  { database, targetName }: Pick<RatchetOptions, 'database' | 'targetName'>,
): boolean {
  return baseline.database === database && baseline.targetName === (targetName ?? null);
}

function findEntry(check: RowCheck, options: RatchetOptions): BaselineEntry | Problem {
  const { baseline } = options;
  if (!baseline)
    return new Problem('baseline-missing', 'no baseline was given (`baseline`)', { hint: RECORD });
  if (!isOfTarget(baseline, options)) {
    const nameOf = (database: string, name: string | null | undefined): string =>
      name ? `${name} (database ${database})` : `database ${database}`;
    const message = `the baseline is of another target: ${nameOf(baseline.database, baseline.targetName)}`;
    return new Problem('baseline-differs', message, {
      hint: `This is ${nameOf(options.database, options.targetName)}. Give each target a file of its own.`,
    });
  }
  const table = displayTable(check.relation.name);
  const entry = baseline.entries.find((each) => each.rule === check.rule.id && each.table === table);
  if (!entry) return new Problem('baseline-missing', 'the baseline has no count of it', { hint: RECORD });
  if (entry.definition !== definitionOf(check.rule))
    return new Problem('baseline-differs', 'the rule was changed after its count was recorded', {
      hint: RECORD,
    });
  return entry;
}

const RECORD =
  'Record the counts of now with `rowgate baseline --out FILE`, review them, and commit the file.';

function unheld(problem: Problem, count: number): Problem {
  return new Problem(problem.code, `debt ${count}, held against nothing: ${problem.message}`, problem);
}

const DAY_MS = 86_400_000;

/** A debt that nobody works on is no reason to stop a change; it is a reason to say so. */
function stall(check: RowCheck, entry: BaselineEntry, count: number, now: Date): Problem | undefined {
  const { ratchet, id } = check.rule;
  const days = Math.floor((now.getTime() - Date.parse(entry.since)) / DAY_MS);
  if (ratchet?.stallDays === undefined || count < entry.violations || days < ratchet.stallDays)
    return undefined;
  const table = displayTable(check.relation.name);
  return new Problem('ratchet-stalled', `${id} on ${table}: debt ${count} has not fallen for ${days} days`, {
    hint: 'Fill the old rows (`rowgate backfill`), then record the baseline anew.',
  });
}
