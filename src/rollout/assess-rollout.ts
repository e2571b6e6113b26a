import type { CheckResult } from '../check/check-result.ts';
import type { Catalog, Relation } from '../postgres/catalog.ts';
import { askAside, type Limits, type Snapshot } from '../postgres/snapshot.ts';
import { readTableStates, type TableState } from '../postgres/table-state.ts';
import { expressionShape } from '../sql/grammar.ts';
import { identifier } from '../sql/identifier.ts';
import { anyOf, column, sql } from '../sql/sql.ts';
import { ROW_ALIAS } from '../plan/plan.ts';
import type { Problem } from '../support/problem.ts';
import { findParent, type Need } from './blocking-rows.ts';
import { notNullText } from './column-drafts.ts';
import type { RolloutAnswers } from './make-rollout.ts';
import { findMistakes } from './mistakes.ts';
import { makeNextSteps } from './next-steps.ts';
import { rowsLeft } from './stage.ts';
import { makeSubjects, type Subject } from './subject.ts';

type Measured = {
  readonly catalog: Catalog;
  readonly needs: readonly Need[];
  /** Of the rules' checks, and then of each need, in order. */
  readonly results: readonly CheckResult[];
  readonly phase: string | undefined;
};

/** Where each table stands and what comes next, from what a run measured. Reads the catalogue, and one row of a column. */
export async function assessRollout(
  { catalog, needs, results: all, phase }: Measured,
  { leader, target }: Snapshot,
  limits: Limits,
): Promise<Omit<RolloutAnswers, 'target' | 'warnings'>> {
  const results = all.slice(0, all.length - needs.length);
  const subjects = makeSubjects(results, catalog);
  const problems: Problem[] = findMistakes(results, catalog);
  const states = await readTableStates(leader, relationsOf(results, subjects, catalog));
  const filled = new Map<Subject, boolean>();
  for (const subject of subjects) {
    const answer = await isFilled(subject, { leader, limits });
    if (answer !== undefined) filled.set(subject, answer);
  }
  const shapes = await readShapes(results, subjects, states);
  const context = { catalog, states, shapes, major: Number.parseInt(target.serverVersion, 10) };
  const answered = needs.flatMap((need, i) => {
    const result = all[results.length + i];
    return result ? [{ need, result }] : [];
  });
  const steps =
    problems.length > 0 ? [] : makeNextSteps({ results, subjects, needs: answered, phase, context });
  return { subjects, results, states, filled, steps, problems };
}

/** The tables of the rollout, and those that their rules point at. */
function relationsOf(
  results: readonly CheckResult[],
  subjects: readonly Subject[],
  catalog: Catalog,
): Relation[] {
  const parents = results.flatMap(({ check }) => {
    if (check.form !== 'catalog' || check.rule.kind !== 'schema') return [];
    const { foreign_key } = check.rule.spec;
    return (foreign_key && findParent(check.rule, check.relation, foreign_key.parent, catalog)) ?? [];
  });
  return [...new Set([...subjects.map(({ relation }) => relation), ...parents])];
}

/** Whether some row has a value. Asked only where that makes a difference; undefined where it cannot be told. */
async function isFilled(
  subject: Subject,
  { leader, limits }: { leader: Snapshot['leader']; limits: Limits },
): Promise<boolean | undefined> {
  const { relation, columns } = subject;
  const left = rowsLeft(subject);
  if (left?.count === 0 || columns.some((name) => !relation.columns.has(name))) return undefined;
  const set = anyOf(columns.map((name) => sql`${column(ROW_ALIAS, identifier(name))} is not null`));
  const statement = sql`select exists (select from ${relation.name} as ${ROW_ALIAS} where ${set})::text as filled`;
  try {
    const [row] = await askAside(leader, limits, [], (query) => query(statement));
    return row?.['filled'] === undefined || row['filled'] === null ? undefined : row['filled'] === 'true';
  } catch {
    return undefined;
  }
}

/** The shapes of all conditions that may be compared: those of the tables' CHECKs, and those that rules ask for. */
async function readShapes(
  results: readonly CheckResult[],
  subjects: readonly Subject[],
  states: ReadonlyMap<string, TableState>,
): Promise<ReadonlyMap<string, string>> {
  const texts = new Set([
    ...[...states.values()].flatMap(({ constraints }) =>
      constraints.flatMap(({ expression }) => expression ?? []),
    ),
    ...results.flatMap(({ check }) => check.rule.authorSql.get('check')?.text ?? []),
    ...subjects.flatMap(({ columns }) => columns.map(notNullText)),
  ]);
  const shapes = new Map<string, string>();
  for (const text of texts) {
    const shape = await expressionShape(text);
    if (shape !== undefined) shapes.set(text, shape);
  }
  return shapes;
}
