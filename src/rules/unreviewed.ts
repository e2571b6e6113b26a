import { Problem } from '../support/problem.ts';
import type { LoadedRules } from './load-rules.ts';
import { holdsRawSql, type Rule, type TableSelector } from './rule.ts';

/**
 * The rules that hold raw SQL which the base does not have as it is, each with the problem that keeps it from running.
 * What could not be read of the base counts as not there. Rules of plain predicates are never among them.
 */
export function findUnreviewed(
  rules: readonly Rule[],
  { rules: base, problems }: LoadedRules,
): ReadonlyMap<Rule, Problem> {
  const reviewed = new Set(base.rules.map(question));
  const known = new Set(base.rules.map(({ id }) => id));
  const held = rules.filter((rule) => holdsRawSql(rule) && !reviewed.has(question(rule)));
  const commit = base.origin.from === 'base' ? (base.origin.commit ?? '') : '';
  const unread = problems.find(({ code }) => code === 'base-unreadable') ?? problems[0];
  return new Map(
    held.map((rule) => {
      const isKnown = known.has(rule.id);
      return [rule, notReviewed(rule, { isKnown, commit, reason: isKnown ? undefined : unread })];
    }),
  );
}

/** All that decides what a rule asks the server and what it makes of the answer; not where it stands, nor its comments. */
function question(rule: Rule): string {
  const { id, kind, tables, schema, where, spec, timeoutMs, maxViolations, since, ratchet } = rule;
  const selected = { ...selection(tables), schema, where: where?.text };
  return JSON.stringify([id, kind, selected, spec, timeoutMs, maxViolations, since, ratchet]);
}

function selection(tables: TableSelector) {
  if (tables.by === 'none') return {};
  if (tables.by === 'name') return { names: tables.tables.map(({ written }) => written) };
  return { column: tables.column, except: tables.except.map(({ written }) => written) };
}

type Finding = {
  readonly isKnown: boolean;
  readonly commit: string;
  /** Why the rule may be in the base and was not found there. */
  readonly reason: Problem | undefined;
};

function notReviewed(rule: Rule, { isKnown, commit, reason }: Finding): Problem {
  const [key] = Array.from(rule.authorSql).find(([, { isPlain }]) => !isPlain) ?? ['id'];
  const message = reason
    ? `its SQL was not run, as it is not known to be reviewed: ${reason.message}`
    : `its SQL was not run, as it is ${isKnown ? 'changed' : 'new'} against the base commit ${commit.slice(0, 8)}`;
  const way =
    'Merge it after a review; or run the job in an environment with required reviewers, with `raw-sql: run`.';
  return new Problem('sql-not-reviewed', message, {
    at: rule.locate([key]),
    hint: reason?.hint ? `${reason.hint} ${way}` : way,
    cause: reason,
  });
}
