import { compile, sql, textArray, type Sql } from '../sql/sql.ts';
import { askAside, type Limits, type Snapshot } from '../postgres/snapshot.ts';
import { ROW_ALIAS, type Check, type Plan, type QueryCheck, type RowCheck } from '../plan/plan.ts';
import { countStatement, sampleStatement } from '../plan/statements.ts';
import type { AuthorSql, Rule } from '../rules/rule.ts';
import { Problem, type Position } from '../support/problem.ts';

/** Functions of pg_catalog that read tables or write although the server calls them stable, or that eat memory. */
const DENIED_FUNCTIONS: Readonly<Record<string, string>> = {
  table_to_xml: 'reads a whole table',
  table_to_xmlschema: 'reads the catalogue',
  table_to_xml_and_xmlschema: 'reads a whole table',
  schema_to_xml: 'reads a whole schema',
  schema_to_xmlschema: 'reads a whole schema',
  schema_to_xml_and_xmlschema: 'reads a whole schema',
  database_to_xml: 'reads the whole database',
  database_to_xmlschema: 'reads the whole database',
  database_to_xml_and_xmlschema: 'reads the whole database',
  txid_current: 'takes a transaction id',
  pg_current_xact_id: 'takes a transaction id',
  repeat: 'can take any amount of memory',
};

/** Once the signal is given the server is asked no more; the run that follows then ends each check as cancelled. */
type VetOptions = Limits & { readonly signal: AbortSignal };

/**
 * Has the server look at every statement of a plan before any row is read: `explain` finds types that cannot be
 * compared, values that do not fit a column, and what is wrong in author SQL. Gives the plan and the mistakes, each
 * at its line; a mistake in a rule that is not enforced yet makes its check end `unknown` instead.
 */
export async function vetPlan(
  plan: Plan,
  snapshot: Snapshot,
  limits: VetOptions,
): Promise<{ plan: Plan; problems: Problem[] }> {
  const problems: Problem[] = [];
  const refused = await findRefusedCalls(plan, snapshot);
  const checks: Check[] = [];
  for (const check of plan.checks) {
    const problem = refused.get(check.rule) ?? (await explainProblem(check, snapshot, limits));
    if (!problem) checks.push(check);
    else if (check.enforced && problem.code !== 'not-measurable') problems.push(problem);
    else checks.push(impossible(check, problem));
  }
  return { plan: { checks }, problems };
}

function impossible(check: Check, problem: Problem): Check {
  const table = 'relation' in check ? `${check.relation.name.schema}.${check.relation.name.name}` : undefined;
  return { form: 'impossible', rule: check.rule, enforced: check.enforced, table, problem };
}

/** The first call of each rule that may not run: a function that is not pg_catalog's, is volatile, or is denied. */
async function findRefusedCalls(plan: Plan, { leader }: Snapshot): Promise<ReadonlyMap<Rule, Problem>> {
  const rules = [...new Set(plan.checks.map(({ rule }) => rule))];
  const names = rules.flatMap((rule) =>
    [...rule.authorSql.values()].flatMap(({ functions }) => functions.map(({ name }) => name)),
  );
  if (names.length === 0) return new Map();
  const schemas = [
    ...new Set(plan.checks.flatMap((check) => ('operatorSchemas' in check ? check.operatorSchemas : []))),
  ];
  // A function of a schema on the path can be preferred to pg_catalog's of the same name; an extension's is as good.
  const rows = await leader.query(sql`
    select p.proname as name
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where p.proname = any (${textArray([...new Set(names)])})
      and (n.nspname = 'pg_catalog' or n.nspname = any (${textArray(schemas)}))
    group by p.proname
    having bool_or(n.nspname = 'pg_catalog')
      and bool_and(p.provolatile in ('i', 's'))
      and bool_and(n.nspname = 'pg_catalog' or exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e'
      ))`);
  const steady = new Set(rows.map((row) => row['name']));
  const refusal = (name: string): string | undefined =>
    Object.hasOwn(DENIED_FUNCTIONS, name)
      ? DENIED_FUNCTIONS[name]
      : steady.has(name)
        ? undefined
        : 'is volatile, or is not one that comes with Postgres';
  return new Map(
    rules.flatMap((rule) => {
      const problem = [...rule.authorSql.values()]
        .map((author) => refuseCall(author, refusal))
        .find((each) => each !== undefined);
      return problem ? [[rule, problem] as const] : [];
    }),
  );
}

function refuseCall(
  { functions, locate }: AuthorSql,
  refusal: (name: string) => string | undefined,
): Problem | undefined {
  const call = functions.find(({ name }) => refusal(name) !== undefined);
  if (!call) return undefined;
  return new Problem(
    'sql-not-allowed',
    `the function ${call.name} may not be called in a rule: it ${refusal(call.name)}`,
    {
      at: locate(call.offset),
      hint: 'Rules may call the immutable and stable functions that come with Postgres.',
    },
  );
}

async function explainProblem(
  check: Check,
  { leader }: Snapshot,
  limits: VetOptions,
): Promise<Problem | undefined> {
  if (limits.signal.aborted || (check.form !== 'rows' && check.form !== 'query')) return undefined;
  // Of a query the key may be wrong, which its samples alone would show; other keys come from the catalogue.
  const samples = check.form === 'query' ? sampleStatement(check, 1) : undefined;
  let inSamples = false;
  try {
    const row = await askAside(leader, limits, check.operatorSchemas, async (query) => {
      const [first] = await query(explained(check));
      inSamples = true;
      if (samples) await query(sql`explain (costs off) ${samples}`);
      return first;
    });
    return row?.['QUERY PLAN']?.includes('"Foreign Scan"') ? readsForeignTable(check) : undefined;
  } catch (error) {
    if (!(error instanceof Problem) || !leader.alive || !isAuthorsMistake(error)) return undefined;
    const { hint, sqlstate = '' } = error;
    const inAuthorSql = inSamples ? check.rule.locate(['key']) : inQuery(check, error);
    const at = inAuthorSql ?? check.rule.locate(placeOf(check.rule));
    const message = sqlstate.startsWith('22')
      ? `a value in this rule does not fit the type that it is compared with (SQLSTATE ${sqlstate})`
      : `the server refuses this rule: ${error.message}`;
    return new Problem('rules-invalid', message, { at, hint, sqlstate, cause: error });
  }
}

const explained = (check: RowCheck | QueryCheck): Sql =>
  sql`explain (format json, costs off) ${countStatement(check)}`;

/** However it is reached: as the checked table, a parent, a partition, behind a view or in a query. */
function readsForeignTable({ rule }: Check): Problem {
  const message =
    "it reads a foreign table: those rows are on another server, outside of this run's snapshot and its read-only transaction";
  return new Problem('not-measurable', message, {
    at: rule.locate([]),
    hint: 'Check the table on the server that holds it.',
  });
}

/** Syntax, names and types (42) and values (22) are the rule's; a missing privilege is the run's, and is met again there. */
function isAuthorsMistake({ sqlstate = '' }: Problem): boolean {
  return (sqlstate.startsWith('42') && sqlstate !== '42501') || sqlstate.startsWith('22');
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
