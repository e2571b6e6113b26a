import type { CheckResult } from '../check/check-result.ts';
import type { CatalogCheck } from '../plan/plan.ts';
import type { RuleOf } from '../rules/rule.ts';
import { displayTable } from '../sql/identifier.ts';
import { findParent, PARENT_KEY, type Need } from './blocking-rows.ts';
import {
  draftCheck,
  draftColumn,
  draftHelperGone,
  draftNotNull,
  draftWithoutDefault,
} from './column-drafts.ts';
import { typeOfNewColumn } from './column-type.ts';
import type { Draft, DraftContext } from './draft.ts';
import { PAGE_BYTES, sizeOf } from './estimate.ts';
import { draftForeignKey } from './foreign-key-drafts.ts';
import { draftIndex, draftUnique } from './index-drafts.ts';
import { reasonOf, violationsOf } from './outcome.ts';
import type { RolloutStep } from './phase.ts';
import { phaseIndex, type Subject } from './subject.ts';

export type StepInput = {
  readonly results: readonly CheckResult[];
  readonly subjects: readonly Subject[];
  /** What became of each need; those of a table that could not be read are unknown. */
  readonly needs: readonly { readonly need: Need; readonly result: CheckResult }[];
  readonly phase: string | undefined;
  readonly context: DraftContext;
};

type SchemaCheck = CatalogCheck & { readonly rule: RuleOf<'schema'> };

type Placed = { readonly draft: Draft; readonly check: SchemaCheck; readonly requirement: string };

/**
 * The steps from where each table stands to what its rules ask of the schema, in the order in which they can be run. A
 * step that rows or an earlier phase stand in the way of is blocked, with the reason. Pure: nothing is executed.
 */
export function makeNextSteps(input: StepInput): RolloutStep[] {
  const placed = input.results.flatMap((result) => {
    const { check } = result;
    if (check.form !== 'catalog' || check.rule.kind !== 'schema') return [];
    return draftsFor(check as SchemaCheck, result, input);
  });
  const steps: RolloutStep[] = [];
  const brought = new Map<string, RolloutStep>();
  const seen = new Set<string>();
  for (const each of placed.toSorted(byOrder)) {
    const key = each.draft.statements.map(({ sql }) => sql).join('\n');
    if (key !== '' && seen.has(key)) continue;
    seen.add(key);
    const step = judge(each, input, brought);
    if (each.draft.brings !== undefined) brought.set(each.draft.brings, step);
    steps.push(step);
  }
  return steps;
}

/** Phase by phase; in each what others stand on first. */
function byOrder(a: Placed, b: Placed): number {
  return phaseIndex(a.check.rule) - phaseIndex(b.check.rule) || rank(a) - rank(b);
}

const rank = ({ draft }: Placed): number => (draft.brings === undefined ? 1 : 0);

function draftsFor(check: SchemaCheck, result: CheckResult, input: StepInput): Placed[] {
  const { rule, relation } = check;
  const classes = result.outcome === 'unknown' ? {} : result.classes;
  const unmet = Object.keys(classes).filter((name) => classes[name]);
  // What is asked of a column that is still to be made is asked again when it is there.
  const isNew = unmet.includes('column');
  const place = (requirement: string, draft: Draft): Placed => ({
    draft,
    check,
    requirement: draft.table === displayTable(relation.name) ? requirement : PARENT_KEY,
  });
  const wanted = unmet.filter((name) => !(isNew && (name === 'type' || name === 'default')));
  const left = rule.spec.not_null && !unmet.includes('not_null');
  return [
    ...wanted.flatMap((name) => draftsOf(name, check, result, input).map((draft) => place(name, draft))),
    ...(left ? draftHelperGone(rule, relation, input.context).map((draft) => place('helper', draft)) : []),
  ];
}

function draftsOf(
  requirement: string,
  { rule, relation }: SchemaCheck,
  result: CheckResult,
  { results, context }: StepInput,
): Draft[] {
  const { column, index, unique, foreign_key } = rule.spec;
  switch (requirement) {
    case 'column':
      return [draftColumn(rule, relation, typeOfNewColumn(column ?? '', relation, results, context.catalog))];
    case 'not_null':
      return [draftNotNull(rule, relation, context)];
    case 'default':
      return [draftWithoutDefault(rule, relation, context)];
    case 'check':
      return [draftCheck(rule, relation, context)];
    case 'index':
      return [draftIndex(index ?? [], relation, context)];
    case 'unique':
      return [draftUnique(unique ?? [], relation, context)];
    case 'foreign_key': {
      const parent = findParent(rule, relation, foreign_key?.parent ?? '', context.catalog);
      return parent && foreign_key ? draftForeignKey({ parent, on: foreign_key.on }, relation, context) : [];
    }
    default:
      return [
        {
          table: displayTable(relation.name),
          title: `Change the type of ${column}`,
          statements: [],
          undo: [],
          byHand: `${reasonOf(result)}; a change of type rewrites the table`,
        },
      ];
  }
}

function judge(placed: Placed, input: StepInput, brought: ReadonlyMap<string, RolloutStep>): RolloutStep {
  const { draft, check } = placed;
  const { file, line, endLine } = check.rule.source;
  const { state, reason, rows } = stateOf(placed, input, brought);
  const table = input.context.catalog.relations.find(({ name }) => displayTable(name) === draft.table);
  const size = table && sizeOf(table);
  return {
    table: draft.table,
    rule: check.rule.id,
    phase: check.rule.enforceFrom ?? null,
    title: draft.title,
    state,
    reason: reason ?? null,
    rows,
    size: size ? { rows: Math.round(size.rows), bytes: size.pages * PAGE_BYTES } : null,
    notes: [...(draft.notes ?? [])],
    statements: [...draft.statements],
    undo: [...draft.undo],
    source: { file, line, endLine },
  };
}

type Judged = Pick<RolloutStep, 'state' | 'rows'> & { readonly reason?: string };

/** What would fail, or would break an application that is not there yet, is no step to be run. */
function stateOf(
  { draft, check, requirement }: Placed,
  input: StepInput,
  brought: ReadonlyMap<string, RolloutStep>,
): Judged {
  const need = input.needs.find((each) => each.need.of === check && each.need.requirement === requirement);
  const rows = need ? violationsOf(need.result) : null;
  const blocked = (reason: string): Judged => ({ state: 'blocked', reason, rows });
  if (draft.byHand !== undefined) return { state: 'by hand', reason: draft.byHand, rows };
  if (rows && rows.count > 0) return blocked(inTheWay(rows));
  const early = tooEarly(check, input);
  if (early !== undefined) return blocked(early);
  if (draft.blockedBy !== undefined) return blocked(draft.blockedBy);
  for (const { key, isThere, what } of draft.needs ?? []) {
    const step = brought.get(key);
    if (isThere || step?.state === 'ready') continue;
    return blocked(step ? `it waits for ${step.table}: ${step.title}` : `there has to be ${what} first`);
  }
  if (!NEEDS_ROWS.has(requirement)) return { state: 'ready', rows };
  if (!need) return blocked('its columns are not there yet: run the steps before it, then ask again');
  if (need.result.outcome === 'unknown')
    return { state: 'unknown', reason: `its rows could not be counted: ${reasonOf(need.result)}`, rows };
  return { state: 'ready', rows };
}

const NEEDS_ROWS = new Set(['not_null', 'check', 'foreign_key', 'unique', PARENT_KEY]);

function inTheWay({ count, exact }: { readonly count: number; readonly exact: boolean }): string {
  const number = count.toLocaleString('en-US');
  return `${exact ? '' : 'at least '}${number} ${count === 1 ? 'row stands' : 'rows stand'} in the way`;
}

/** A phase begins when the one before it is declared, and observed in this table. */
function tooEarly(check: SchemaCheck, { phase, results, subjects }: StepInput): string | undefined {
  const { rule } = check;
  const index = phaseIndex(rule);
  if (index <= 0) return undefined;
  const before = rule.phases[index - 1] ?? '';
  const declared = phase === undefined ? -1 : rule.phases.indexOf(phase);
  const isForeign = phase !== undefined && declared === -1;
  if (!isForeign && declared < index - 1)
    return `phase ${rule.phases[index]} begins when the application is in phase ${before}: say so with --phase ${before}`;
  const own = results.find((result) => result.check === check);
  const earlier = subjects
    .filter((subject) => own && subject.results.includes(own))
    .flatMap((subject) => subject.results)
    .find((result) => phaseIndex(result.check.rule) < index && result.outcome !== 'held');
  return earlier && `phase ${before} is not reached: ${earlier.check.rule.id}: ${reasonOf(earlier)}`;
}
