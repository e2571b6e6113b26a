// The one place of a check that writes, and its transaction is never committed.
import type { Column } from '../postgres/catalog.ts';
import type { Session } from '../postgres/database.ts';
import type { Query } from '../postgres/snapshot.ts';
import { inRolledBackTransaction, type TransactionLimits } from '../postgres/transaction.ts';
import { ROW_ALIAS, type Check, type Reference, type RowCheck } from '../plan/plan.ts';
import { identifier } from '../sql/identifier.ts';
import { allOf, column, param, sql, type Sql } from '../sql/sql.ts';
import { asProblem, Problem } from '../support/problem.ts';
import type { CheckResult, Outcome } from './check-result.ts';
import { cancelled } from './run-checks.ts';

/** A write that a rule forbids, and how to see whether the row is so afterwards. */
type Attempt = {
  readonly name: 'accepts_unbound' | 'accepts_mismatch';
  readonly what: string;
  /** Changes one row, and gives its place; no row where there is none to try it with. */
  readonly write: Sql;
  /** What is true of a row, and of its joined parent where there is one, that the rule forbids. */
  readonly isWrong: Sql;
  readonly join: Sql;
};

type Answer =
  | { readonly attempt: Attempt; readonly answer: 'refused' | 'put right' | 'accepted'; readonly by: string }
  | { readonly attempt: Attempt; readonly answer: 'unknown'; readonly problem: Problem };

/**
 * Tries what each check forbids on one row of its table, in a transaction of its own that is rolled back whatever comes
 * of it. `held`: the database refused every write, or put the row right; `broken`: it took one. What could not be tried
 * is unknown.
 */
export async function probeAll(
  checks: readonly Check[],
  session: Session,
  limits: TransactionLimits & { readonly signal: AbortSignal },
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of checks) {
    const startMs = performance.now();
    const made = await probe(check, session, limits);
    results.push({ ...made, strategy: 'probe', elapsedMs: Math.round(performance.now() - startMs) });
  }
  return results;
}

type Probed = { readonly check: Check } & Outcome;

async function probe(
  check: Check,
  session: Session,
  { signal, ...limits }: TransactionLimits & { readonly signal: AbortSignal },
): Promise<Probed> {
  const unknown = (problem: Problem): Probed => ({ check, outcome: 'unknown', problem });
  if (check.form === 'impossible') return unknown(check.problem);
  if (check.form !== 'rows') return unknown(NOT_PROBEABLE);
  const attempts = attemptsOf(check);
  if (attempts === undefined) return unknown(NOT_PROBEABLE);
  const answers: Answer[] = [];
  for (const attempt of attempts) {
    if (signal.aborted) return unknown(cancelled(signal));
    if (!session.alive)
      return unknown(new Problem('connection-lost', 'the connection was lost before this was tried'));
    answers.push(await tryOne(attempt, check, session, limits));
  }
  return conclude(check, answers);
}

const NOT_PROBEABLE = new Problem(
  'not-measurable',
  'a probe needs a table, and a parent with one row for each key',
  {
    hint: 'Probes take no `where`, views, foreign tables or parents without a unique key.',
  },
);

function conclude(check: RowCheck, answers: readonly Answer[]): Probed {
  const accepted = answers.filter(({ answer }) => answer === 'accepted');
  const left = answers.flatMap((each) => (each.answer === 'unknown' ? [each] : []));
  const [first] = left;
  if (accepted.length === 0 && first)
    return {
      check,
      outcome: 'unknown',
      problem: new Problem(
        first.problem.code,
        `${first.attempt.what}: ${first.problem.message}`,
        first.problem,
      ),
    };
  const counts = answers.map(
    ({ attempt: { name } }) => [name, accepted.filter((each) => each.attempt.name === name).length] as const,
  );
  // The report names the classes that break a check.
  const probed = {
    ...check,
    classes: [...new Set(counts.map(([name]) => name))].map((name) => ({
      name,
      rows: sql`false`,
      breaks: true,
    })),
  };
  const measured = {
    check: probed,
    violations: { count: accepted.length, exact: true },
    classes: Object.fromEntries(counts),
  };
  if (accepted.length > 0) {
    const taken = accepted.map(({ attempt }) => attempt.what).join('; ');
    const untried =
      left.length === 0 ? '' : `; not known of: ${left.map(({ attempt }) => attempt.what).join('; ')}`;
    const reason = `the database took a write that the rule forbids: ${taken}${untried}`;
    return { ...measured, outcome: 'broken', reason, samples: [] };
  }
  const proof = answers.map(
    (each) => `${each.attempt.what}: ${each.answer}${'by' in each && each.by ? ` (${each.by})` : ''}`,
  );
  return { ...measured, outcome: 'held', proof: proof.join('; ') };
}

/** Refused by a constraint, by a view's or policy's own check, or by a trigger that says so; all else may have another reason. */
const isRefusal = (sqlstate = ''): boolean =>
  sqlstate.startsWith('23') || sqlstate === '44000' || sqlstate === 'P0001';

async function tryOne(
  attempt: Attempt,
  check: RowCheck,
  session: Session,
  limits: TransactionLimits,
): Promise<Answer> {
  try {
    return await inRolledBackTransaction(session, limits, (query) => write(attempt, check, query));
  } catch (error) {
    const problem = asProblem(error);
    if (isRefusal(problem.sqlstate))
      return { attempt, answer: 'refused', by: `SQLSTATE ${problem.sqlstate}` };
    return { attempt, answer: 'unknown', problem };
  }
}

async function write(attempt: Attempt, { relation }: RowCheck, query: Query): Promise<Answer> {
  const [row] = await query(attempt.write);
  if (row === undefined) {
    const problem = new Problem('not-measurable', 'there is no row to try it with', {
      hint: 'A probe needs a row that is in order, and for a mismatch a second parent; a test database needs some rows.',
    });
    return { attempt, answer: 'unknown', problem };
  }
  // What is deferred would only be asked at the commit, which never comes.
  await query(sql`set constraints all immediate`);
  const at = sql`${column(ROW_ALIAS, PART)} operator(pg_catalog.=) ${param(row['part'] ?? null, 'text')}::pg_catalog.oid
    and ${column(ROW_ALIAS, PLACE)} operator(pg_catalog.=) ${param(row['place'] ?? null, 'text')}::pg_catalog.tid`;
  const [left] = await query(sql`
    select pg_catalog.count(*)::text as wrong from ${relation.name} as ${ROW_ALIAS} ${attempt.join}
    where ${at} and ${attempt.isWrong}`);
  const isWrong = left?.['wrong'] !== '0';
  return { attempt, answer: isWrong ? 'accepted' : 'put right', by: isWrong ? '' : 'a trigger' };
}

const PART = identifier('tableoid');
const PLACE = identifier('ctid');
const OWN = identifier('template');
const PARENT = identifier('p');
const OTHER = identifier('q');

/** Undefined where nothing can be tried. */
function attemptsOf(check: RowCheck): readonly Attempt[] | undefined {
  const { rule, relation, reference, where } = check;
  if (where !== undefined || (relation.kind !== 'table' && relation.kind !== 'partitioned table'))
    return undefined;
  if (rule.kind === 'not_null') {
    const names = rule.spec.columns ?? [rule.spec.column ?? ''];
    const columns = names.flatMap((name) => relation.columns.get(name) ?? []);
    return columns.map((each) => unbound(check, each));
  }
  if (rule.kind !== 'matches_parent' || !reference?.isUnique) return undefined;
  const [pair] = reference.match;
  if (!pair) return undefined;
  const mayBeNull = rule.spec.nulls === 'ignore';
  return [mismatch(check, reference, pair), ...(mayBeNull ? [] : [unbound(check, pair.child)])];
}

const place = sql`${column(ROW_ALIAS, PART)} as part, ${column(ROW_ALIAS, PLACE)} as place`;
const lockedOne = sql`limit 1 for no key update of ${ROW_ALIAS} skip locked`;

const ofTemplate = sql`${column(ROW_ALIAS, PART)} operator(pg_catalog.=) ${OWN}.part
  and ${column(ROW_ALIAS, PLACE)} operator(pg_catalog.=) ${OWN}.place
  returning ${column(ROW_ALIAS, PART)}::text as part, ${column(ROW_ALIAS, PLACE)}::text as place`;

function unbound({ relation }: RowCheck, { name }: Column): Attempt {
  const value = column(ROW_ALIAS, name);
  return {
    name: 'accepts_unbound',
    what: `${name} set to NULL`,
    write: sql`
      with ${OWN} as (
        select ${place} from ${relation.name} as ${ROW_ALIAS} where ${value} is distinct from null ${lockedOne}
      )
      update ${relation.name} as ${ROW_ALIAS} set ${name} = null from ${OWN} where ${ofTemplate}`,
    isWrong: sql`${value} is not distinct from null`,
    join: sql``,
  };
}

function mismatch(
  { relation }: RowCheck,
  { parent: { name: parents }, on }: Reference,
  { child, parent }: Reference['match'][number],
): Attempt {
  const value = column(ROW_ALIAS, child.name);
  const linked = allOf(
    on.map((pair) =>
      equal(column(ROW_ALIAS, pair.child.name), column(PARENT, pair.parent.name), pair.parent),
    ),
  );
  const theirs = column(PARENT, parent.name);
  const other = column(OTHER, parent.name);
  return {
    name: 'accepts_mismatch',
    what: `${child.name} set to that of another row of ${String(parents.name)}`,
    write: sql`
      with ${OWN} as (
        select ${place}, ${theirs} as own
        from ${relation.name} as ${ROW_ALIAS} join ${parents} as ${PARENT} on ${linked}
        where ${value} is distinct from null and ${theirs} is distinct from null
        ${lockedOne}
      ), other as (
        select ${other} as value from ${parents} as ${OTHER}, ${OWN}
        where ${other} is distinct from null and not (${equal(other, sql`${OWN}.own`, parent)}) limit 1
      )
      update ${relation.name} as ${ROW_ALIAS} set ${child.name} = other.value from ${OWN}, other where ${ofTemplate}`,
    isWrong: sql`${value} is distinct from null and not (${equal(value, theirs, parent)})`,
    join: sql`join ${parents} as ${PARENT} on ${linked}`,
  };
}

/** By the equality of the parent's column. */
function equal(left: Sql, right: Sql, { operatorSchema = identifier('pg_catalog') }: Column): Sql {
  return sql`${left} operator(${operatorSchema}.=) ${right}`;
}
