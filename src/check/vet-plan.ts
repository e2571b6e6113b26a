import type { Session } from '../postgres/database.ts';
import { displayTable } from '../sql/identifier.ts';
import { compile, sql, type Sql } from '../sql/sql.ts';
import { askAside, type Limits } from '../postgres/snapshot.ts';
import {
  impossible,
  ROW_ALIAS,
  type CatalogCheck,
  type Check,
  type Plan,
  type QueryCheck,
  type RowCheck,
} from '../plan/plan.ts';
import { countQueryStatement, countStatement } from '../plan/count-statement.ts';
import { explain, readExplained, type Explained, type ExplainedChecks } from '../plan/explained.ts';
import { groupsOf, type RowChecks } from '../plan/groups.ts';
import { sampleStatement } from '../plan/sample-statement.ts';
import type { Rule } from '../rules/rule.ts';
import { asProblem, Problem, type Position, type ProblemCode } from '../support/problem.ts';
import { databaseCode, readReached } from './reached.ts';
import { findRefusedNames } from './refused-names.ts';
import { findUncertainOperators } from './uncertain-operators.ts';

/** Functions of the database that a rule names as ones that it may call. */
const calledByName = ({ authorSql }: Rule): string[] =>
  [...authorSql.values()].flatMap(({ functions }) =>
    functions.flatMap(({ schema, name }) => (schema === undefined ? [] : `${schema}.${name}`)),
  );

/** What explaining needs; it tells of functions that views call. */
type ExplainOptions = VetOptions & { readonly onFunctions: (names: readonly string[]) => void };

/** Once the signal is given the server is asked no more; the run that follows then ends each check as cancelled. */
type VetOptions = Limits & { readonly signal: AbortSignal };

/** What is left of a plan, what is wrong with the rest or worth knowing, and what the planner says of each statement. */
type Vetted = {
  readonly plan: Plan;
  readonly problems: Problem[];
  readonly warnings: Problem[];
  readonly explained: readonly ExplainedChecks[];
};

/**
 * Has the server look at every statement of a plan before any row is read: `explain` finds types that cannot be
 * compared, values that do not fit a column, and what is wrong in author SQL. Gives the plan and the mistakes, each
 * at its line; a mistake in a rule that is not enforced yet makes its check end `unknown` instead.
 */
export async function vetPlan(plan: Plan, session: Session, options: VetOptions): Promise<Vetted> {
  const problems: Problem[] = [];
  const functions = new Set(plan.checks.flatMap(({ rule }) => calledByName(rule)));
  const limits = {
    ...options,
    onFunctions: (names: readonly string[]) => names.forEach((name) => functions.add(name)),
  };
  const refused = await findRefusedNames(plan, session);
  const uncertain = await findUncertainOperators(plan, session);
  const found = new Map<Check, Problem | undefined>();
  const explained: ExplainedChecks[] = [];
  const vet = async (check: Check): Promise<void> => {
    const answer = await explainAlone(check, session, limits);
    found.set(check, answer instanceof Problem ? answer : undefined);
    if (answer && !(answer instanceof Problem)) explained.push({ checks: [check], explained: answer });
  };
  for (const check of plan.checks) found.set(check, refused.get(check.rule) ?? uncertain.get(check));
  const { easy, special } = sortOut(plan.checks.filter((check) => !found.get(check)));
  for (const batch of batchesOf(groupsOf(easy))) {
    const together = await explainTogether(batch, session, limits);
    explained.push(...(together ?? []));
    for (const check of together ? [] : batch.flat()) await vet(check);
  }
  for (const check of special) await vet(check);
  // A lock that a migration held may be free by now; nothing runs that was not explained.
  for (const check of plan.checks) {
    const problem = found.get(check);
    if (problem?.code === 'lock-timeout') await vet(check);
  }
  const checks = plan.checks.flatMap((check) => {
    const problem = found.get(check);
    if (!problem) return check;
    const isMistake = MISTAKES.has(problem.code) && problem.at !== undefined;
    // A migration's SQL is the next thing to run, and not how this run is to be done.
    if (!check.enforced || !isMistake || check.rule.migration) return impossible(check, problem);
    problems.push(problem);
    return [];
  });
  return { plan: { checks }, problems, warnings: databaseCode(functions), explained };
}

/** So few that their locks, all held until the last is explained, are no burden on the server's table of locks. */
const BATCH = 20;

/** Groups that can be explained one after the other, with the same settings. */
function batchesOf(groups: readonly RowChecks[]): RowChecks[][] {
  return Array.from({ length: Math.ceil(groups.length / BATCH) }, (_, i) =>
    groups.slice(i * BATCH, (i + 1) * BATCH),
  );
}

/** Checks of which several can be explained as one statement, and those that need settings, or more than that, of their own. */
function sortOut(checks: readonly Check[]): { easy: RowCheck[]; special: Check[] } {
  const isEasy = (check: Check): check is RowCheck =>
    check.form === 'rows' && check.operatorSchemas.length === 0 && foreignPartition(check) === undefined;
  return { easy: checks.filter(isEasy), special: checks.filter((check) => !isEasy(check)) };
}

/** What the planner says of each group; undefined where something is wrong in one of them, which is then found check by check. */
async function explainTogether(
  groups: readonly RowChecks[],
  session: Session,
  limits: ExplainOptions,
): Promise<ExplainedChecks[] | undefined> {
  if (limits.signal.aborted) return undefined;
  return askAside(session, limits, [], async (query) => {
    const found: ExplainedChecks[] = [];
    for (const checks of groups)
      found.push({ checks, explained: readExplained((await query(explain(countStatement(checks))))[0]) });
    const { foreignTable, functions } = await readReached(query);
    limits.onFunctions(functions);
    return foreignTable === undefined ? found : undefined;
  }).catch(() => undefined);
}

/** What is wrong with a rule itself, at its place; any other problem is the run's, as of a view that would write. */
const MISTAKES: ReadonlySet<ProblemCode> = new Set(['rules-invalid', 'sql-not-allowed']);

async function explainAlone(
  check: Check,
  session: Session,
  limits: ExplainOptions,
): Promise<Problem | Explained | undefined> {
  if (limits.signal.aborted || check.form === 'impossible') return undefined;
  if (check.form === 'catalog') return explainRequirements(check, session, limits);
  // Of a query the key may be wrong, which its samples alone would show; other keys come from the catalogue.
  const samples = check.form === 'query' ? sampleStatement(check, 1) : undefined;
  let inSamples = false;
  try {
    return await askAside(session, limits, check.operatorSchemas, async (query) => {
      const [row] = await query(explained(check));
      const { foreignTable, functions } = await readReached(query);
      limits.onFunctions(functions);
      inSamples = true;
      if (samples) await query(sql`explain (costs off) ${samples}`);
      const name = foreignTable ?? foreignPartition(check);
      return name ? readsForeignTable(check, name) : readExplained(row);
    });
  } catch (error) {
    const inAuthorSql = inSamples ? check.rule.locate(['key']) : inQuery(check, asProblem(error));
    return mistake(error, inAuthorSql ?? check.rule.locate(placeOf(check.rule)));
  }
}

/** What a schema rule has the server prove may be no condition on the table's columns. */
async function explainRequirements(
  { rule, relation, requirements, operatorSchemas }: CatalogCheck,
  session: Session,
  limits: VetOptions,
): Promise<Problem | undefined> {
  const asked = requirements.flatMap((each) => (each.state === 'ask' ? each.contradiction : []));
  try {
    for (const condition of asked)
      await askAside(session, limits, operatorSchemas, (query) =>
        query(sql`explain (costs off) select from ${relation.name} as ${ROW_ALIAS} where ${condition}`),
      );
    return undefined;
  } catch (error) {
    return mistake(error, rule.locate(['check']));
  }
}

/** The rule's mistake, at its place, where the error is one; else the error as it is. */
function mistake(error: unknown, at: Position): Problem {
  if (!(error instanceof Problem) || !isAuthorsMistake(error)) return asProblem(error);
  const { hint, sqlstate = '' } = error;
  if (sqlstate.startsWith('22')) {
    const message = `a value in this rule does not fit the type that it is compared with (SQLSTATE ${sqlstate})`;
    return new Problem('rules-invalid', message, { at, sqlstate, cause: error });
  }
  const message = `the server refuses this rule: ${error.message.replaceAll('pg_catalog.', '')}`;
  return new Problem('rules-invalid', message, { at, hint, sqlstate, cause: error });
}

const explained = (check: RowCheck | QueryCheck): Sql =>
  explain(check.form === 'rows' ? countStatement([check]) : countQueryStatement(check));

/** A partition whose bounds leave nothing to read is not locked, and on another server nothing keeps the bounds. */
function foreignPartition(check: Check): string | undefined {
  if (check.form !== 'rows') return undefined;
  const { relation, reference } = check;
  const relations = [relation, ...(reference ? [reference.parent] : [])];
  const found = relations
    .flatMap((each) => [each, ...each.descendants])
    .find(({ kind }) => kind === 'foreign table');
  return found && displayTable(found.name);
}

function readsForeignTable({ rule }: Check, name: string): Problem {
  const message = `it reads ${name}, a foreign table: those rows are on another server, outside of this run's snapshot and its read-only transaction`;
  return new Problem('not-measurable', message, {
    at: rule.locate([]),
    hint: 'Check the table on the server that holds it.',
  });
}

/** Syntax, names and types (42), values (22) and what SQL has not (0A) are the rule's; a missing privilege is the run's. */
function isAuthorsMistake({ code, sqlstate = '' }: Problem): boolean {
  return /^(42|22|0A)/.test(sqlstate) && sqlstate !== '42501' && code !== 'not-measurable';
}

/** The server's own error position, where it falls into the author's SELECT. */
function inQuery(check: RowCheck | QueryCheck, { sqlPosition }: Problem): Position | undefined {
  const author = check.rule.authorSql.get('query');
  if (check.form !== 'query' || !author || sqlPosition === undefined) return undefined;
  const { text } = compile(explained(check));
  // What runs is the beginning of what was written: a last semicolon is left out.
  const start = text.indexOf(author.qualified(ROW_ALIAS));
  const offset = sqlPosition - 1 - Array.from(text.slice(0, start)).length;
  return offset >= 0 && offset < Array.from(author.text).length ? author.locate(offset) : undefined;
}

function placeOf(rule: Rule): readonly (string | number)[] {
  if (rule.since) return ['since'];
  const key = ['on', 'parents', 'missing_values', 'when', 'query'].find((each) => each in rule.spec);
  return key ? [key] : rule.where ? ['where'] : [];
}
