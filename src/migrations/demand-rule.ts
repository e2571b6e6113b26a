import { ROW_ALIAS } from '../plan/plan.ts';
import type { Relation } from '../postgres/catalog.ts';
import { makeAuthorSql } from '../rules/author-sql.ts';
import type { AuthorSql, Rule } from '../rules/rule.ts';
import { checkExpression } from '../sql/grammar.ts';
import { displayTable, identifier, quoteIdentifier } from '../sql/identifier.ts';
import type { Demand } from '../sql/migration-statements.ts';
import type { CheckedSql } from '../sql/sql.ts';
import { Problem, type Position } from '../support/problem.ts';
import type { Migrations } from './migration.ts';

/** Where a statement stands; each rule that is made of it has an id of its own. */
export type Place = {
  readonly file: string;
  readonly line: number;
  readonly endLine: number;
  nextId(): string;
};

type Question = Pick<Rule, 'kind' | 'spec'> & {
  readonly why?: string;
  readonly authorSql?: ReadonlyMap<string, AuthorSql>;
};

/** A rule that stands at a statement of a migration; `table` is what the statement names. */
export function ruleAt({ file, line, endLine, nextId }: Place, question: Question, table?: string): Rule {
  const at: Position = { file, line, column: 1 };
  return {
    id: nextId(),
    why: undefined,
    severity: 'error',
    tables:
      table === undefined || question.kind === 'query'
        ? { by: 'none' }
        : { by: 'name', tables: [{ written: table, at }] },
    schema: 'public',
    where: undefined,
    maxViolations: 0,
    countLimit: undefined,
    ratchet: undefined,
    since: undefined,
    enforceFrom: undefined,
    phases: [],
    remedy: 'Mend these rows before this statement runs, or have it bind new rows alone first (NOT VALID).',
    migration: { table },
    paths: [],
    timeoutMs: undefined,
    source: { ...at, endLine },
    locate: () => at,
    authorSql: new Map(),
    ...question,
  } as Rule;
}

type Measurable = Exclude<Demand, { needs: 'unclear' | 'constraint' }>;

/** The rule that asks what a demand needs, and why it may not be asked where it may not. */
export async function makeDemandRule(
  demand: Measurable,
  relation: Relation,
  place: Place,
  conditions: Migrations['conditions'],
): Promise<{ rule: Rule; problem?: Problem | undefined }> {
  const table = displayTable(relation.name);
  const at = { file: place.file, line: place.line, column: 1 };
  const rule = (question: Question): Rule => ruleAt(place, question, table);
  const refused = (message: string, hint?: string) => ({
    rule: rule({ kind: 'query', spec: { query: '' } }),
    problem: new Problem('sql-not-reviewed', message, { at, hint }),
  });
  const author = async (text: string): Promise<AuthorSql | Problem> => {
    const checked = await checkExpression(text);
    if (!checked.ok) return new Problem('sql-not-allowed', `its condition: ${checked.message}`, { at });
    return makeAuthorSql(text, checked, () => at);
  };
  const mayAsk = ({ isPlain }: AuthorSql, isOfServer = false): boolean =>
    isOfServer || conditions === 'all' || (conditions === 'plain' && isPlain);
  const NOT_REVIEWED = 'its condition was not asked of the rows, as nobody has reviewed it';
  const HINT =
    'Run the job once the pull request is reviewed, in an environment with required reviewers, with `raw-sql: run`.';
  const unfit = (problem: Problem) => ({ rule: rule({ kind: 'query', spec: { query: '' } }), problem });
  const from = `${quoteIdentifier(relation.name.schema)}.${quoteIdentifier(relation.name.name)} as ${quoteIdentifier(ROW_ALIAS)}`;

  if (demand.needs === 'not_null')
    return {
      rule: rule({
        kind: 'not_null',
        spec: { column: demand.column },
        why: `This statement fails while ${demand.column} is NULL in any row.`,
      }),
    };
  if (demand.needs === 'no_rows')
    return {
      rule: rule({
        ...queryOf(`select from ${from}`),
        why: 'The new column is NULL in every row that is there, and may not be.',
      }),
    };
  if (demand.needs === 'parents') {
    const { schema, name } = demand.parent;
    const on = Object.fromEntries(demand.columns.map((column, i) => [column, demand.keys[i] ?? '']));
    const spec = { parent: schema === undefined ? name : `${schema}.${name}`, on };
    return {
      rule: rule({ kind: 'references', spec, why: 'This statement fails while any row has no parent.' }),
    };
  }
  if (demand.needs === 'condition') {
    const then = await author(`(\n${demand.text}\n) is not false`);
    if (then instanceof Problem) return unfit(then);
    if (!mayAsk(then, demand.isOfServer)) return refused(NOT_REVIEWED, HINT);
    const spec = { when: 'true', then: then.text };
    const authorSql = new Map([['then', then]]);
    return {
      rule: rule({
        kind: 'implies',
        spec,
        authorSql,
        why: 'This statement fails while the condition is false for any row.',
      }),
    };
  }
  const where = demand.where === undefined ? undefined : await author(demand.where);
  if (where instanceof Problem) return unfit(where);
  if (where && !mayAsk(where)) return refused(NOT_REVIEWED, HINT);
  const unknown = [...demand.columns.map(identifier), ...(where?.columns.map(({ name }) => name) ?? [])].find(
    (name) => !relation.columns.has(name),
  );
  if (unknown !== undefined)
    return unfit(new Problem('not-measurable', `there is no column ${unknown} in ${table}`, { at }));
  const columns = demand.columns.map(
    (name) => `${quoteIdentifier(ROW_ALIAS)}.${quoteIdentifier(identifier(name))}`,
  );
  const conditionsOf = [
    ...(demand.nullsDiffer ? columns.map((column) => `${column} is not null`) : []),
    ...(where ? [`(\n${where.qualified(ROW_ALIAS)}\n)`] : []),
  ];
  const filter = conditionsOf.length > 0 ? ` where ${conditionsOf.join(' and ')}` : '';
  const groups = `select pg_catalog.count(*) as n from ${from}${filter} group by ${columns.join(', ')} having pg_catalog.count(*) > 1`;
  // All but one row of a group would have to go.
  const query = queryOf(`select from (${groups}) as d, pg_catalog.generate_series(2, d.n)`, where);
  return {
    rule: rule({ ...query, why: `This statement fails while rows share ${demand.columns.join(', ')}.` }),
  };
}

/** A query of ours, of quoted names and of a condition that was checked; the server looks at it as at an author's. */
function queryOf(text: string, where?: AuthorSql): Question {
  const none = { columns: [], functions: [], types: [], attributes: [], nullFrom: undefined, isPlain: true };
  const locate = where?.locate ?? (() => ({ file: '', line: 1, column: 1 }));
  const { functions = [], types = [], isPlain = true } = where ?? {};
  const author: AuthorSql = {
    ...none,
    functions,
    types,
    isPlain,
    text,
    qualified: () => text as CheckedSql,
    locate,
  };
  return { kind: 'query', spec: { query: text }, authorSql: new Map([['query', author]]) };
}
