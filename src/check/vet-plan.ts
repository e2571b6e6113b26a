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
import { explain, readExplained, type Explained } from '../plan/explained.ts';
import { sampleStatement } from '../plan/sample-statement.ts';
import type { Rule } from '../rules/rule.ts';
import { asProblem, Problem, type Position, type ProblemCode } from '../support/problem.ts';
import { findRefusedNames } from './refused-names.ts';
import { findUncertainOperators } from './uncertain-operators.ts';

/** Once the signal is given the server is asked no more; the run that follows then ends each check as cancelled. */
type VetOptions = Limits & { readonly signal: AbortSignal };

/** What is left of a plan, what is wrong with the rest, and what the planner says of each statement. */
type Vetted = {
  readonly plan: Plan;
  readonly problems: Problem[];
  readonly explained: ReadonlyMap<Check, Explained>;
};

/**
 * Has the server look at every statement of a plan before any row is read: `explain` finds types that cannot be
 * compared, values that do not fit a column, and what is wrong in author SQL. Gives the plan and the mistakes, each
 * at its line; a mistake in a rule that is not enforced yet makes its check end `unknown` instead.
 */
export async function vetPlan(plan: Plan, session: Session, limits: VetOptions): Promise<Vetted> {
  const problems: Problem[] = [];
  const refused = await findRefusedNames(plan, session);
  const uncertain = await findUncertainOperators(plan, session);
  const found = new Map<Check, Problem | Explained | undefined>();
  const vet = async (check: Check): Promise<void> => {
    found.set(check, await explainAlone(check, session, limits));
  };
  for (const check of plan.checks) found.set(check, refused.get(check.rule) ?? uncertain.get(check));
  for (const batch of batchesOf(plan.checks.filter((check) => !found.get(check)))) {
    const explained = await explainTogether(batch, session, limits);
    for (const check of batch) {
      if (explained) found.set(check, explained.get(check));
      else await vet(check);
    }
  }
  // A lock that a migration held may be free by now; nothing runs that was not explained.
  for (const check of plan.checks) {
    const problem = found.get(check);
    if (problem instanceof Problem && problem.code === 'lock-timeout') await vet(check);
  }
  const checks = plan.checks.flatMap((check) => {
    const problem = found.get(check);
    if (!(problem instanceof Problem)) return check;
    const isMistake = MISTAKES.has(problem.code) && problem.at !== undefined;
    if (!check.enforced || !isMistake) return impossible(check, problem);
    problems.push(problem);
    return [];
  });
  const explained = [...found].flatMap(([check, each]) =>
    each === undefined || each instanceof Problem ? [] : [[check, each] as const],
  );
  return { plan: { checks }, problems, explained: new Map(explained) };
}

/** So few that their locks, all held until the last is explained, are no burden on the server's table of locks. */
const BATCH = 20;

/** Checks that can be explained one after the other, with the same settings; a check that is special is alone. */
function batchesOf(checks: readonly Check[]): Check[][] {
  const isEasy = (check: Check): boolean => check.form === 'rows' && check.operatorSchemas.length === 0;
  const easy = checks.filter(isEasy);
  const batches = Array.from({ length: Math.ceil(easy.length / BATCH) }, (_, i) =>
    easy.slice(i * BATCH, (i + 1) * BATCH),
  );
  return [...batches, ...checks.filter((check) => !isEasy(check)).map((check) => [check])];
}

/** What the planner says of each; undefined where something is wrong with one of them, which is then found one by one. */
async function explainTogether(
  checks: readonly Check[],
  session: Session,
  limits: VetOptions,
): Promise<ReadonlyMap<Check, Explained> | undefined> {
  const rows = checks.filter((check) => check.form === 'rows');
  if (
    checks.length < 2 ||
    rows.length < checks.length ||
    rows.some(foreignPartition) ||
    limits.signal.aborted
  )
    return undefined;
  return askAside(session, limits, [], async (query) => {
    const found = new Map<Check, Explained>();
    for (const check of rows) found.set(check, readExplained((await query(explained(check)))[0]));
    const [foreign] = await query(foreignTables);
    return foreign ? undefined : found;
  }).catch(() => undefined);
}

/** What is wrong with a rule itself, at its place; any other problem is the run's, as of a view that would write. */
const MISTAKES: ReadonlySet<ProblemCode> = new Set(['rules-invalid', 'sql-not-allowed']);

async function explainAlone(
  check: Check,
  session: Session,
  limits: VetOptions,
): Promise<Problem | Explained | undefined> {
  if (limits.signal.aborted || check.form === 'impossible') return undefined;
  if (check.form === 'catalog') return explainRequirements(check, session, limits);
  // Of a query the key may be wrong, which its samples alone would show; other keys come from the catalogue.
  const samples = check.form === 'query' ? sampleStatement(check, 1) : undefined;
  let inSamples = false;
  try {
    return await askAside(session, limits, check.operatorSchemas, async (query) => {
      const [row] = await query(explained(check));
      const [foreign] = await query(foreignTables);
      inSamples = true;
      if (samples) await query(sql`explain (costs off) ${samples}`);
      const name = foreign?.['name'] ?? foreignPartition(check);
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

/**
 * Foreign tables that the statement just explained would read, however it reaches them: as a parent, behind a view, in
 * a query. By the locks, since the planner takes a foreign table's constraints for true and may leave it out.
 */
const foreignTables = sql`
  select c.oid::pg_catalog.regclass::text as name
  from pg_catalog.pg_locks l join pg_catalog.pg_class c on c.oid = l.relation
  where l.locktype = 'relation' and l.pid = pg_catalog.pg_backend_pid() and c.relkind = 'f'
  limit 1`;

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
  const key = ['on', 'parents', 'missing_values', 'when', 'query'].find((each) => each in rule.spec);
  return key ? [key] : rule.where ? ['where'] : [];
}
