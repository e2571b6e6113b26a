import type { CheckResult } from '../check/check-result.ts';
import type { Catalog, Relation } from '../postgres/catalog.ts';
import type { Rule } from '../rules/rule.ts';
import { displayTable } from '../sql/identifier.ts';

/** A column of a table that is being rolled out, and what became of every rule about it, in the order of the rules. */
export type Subject = {
  readonly relation: Relation;
  /** One column; several only where no rule is about one of them alone. */
  readonly columns: readonly string[];
  /** The phases of the rules' file, in order. */
  readonly phases: readonly string[];
  readonly results: readonly CheckResult[];
};

/** The columns that a rule rolls out, as far as it names any on its own. */
function ownColumns(rule: Rule): readonly string[] {
  if (rule.kind === 'not_null') return rule.spec.columns ?? [rule.spec.column ?? ''];
  if (rule.kind === 'matches_parent') return Object.keys(rule.spec.match);
  if (rule.kind === 'implies') {
    const [when, then] = ['when', 'then'].map((key) => namesIn(rule, key));
    return then?.length ? then : (when ?? []);
  }
  return rule.kind === 'schema' && rule.spec.column !== undefined ? [rule.spec.column] : [];
}

/** Every column of the rule's table that it names. */
export function namedColumns(rule: Rule): readonly string[] {
  const { spec, kind } = rule;
  const written = [...rule.authorSql.keys()].flatMap((key) => namesIn(rule, key));
  if (kind === 'schema') {
    const { column, foreign_key, unique, index } = spec;
    const named = [...(column === undefined ? [] : [column]), ...Object.keys(foreign_key?.on ?? {})];
    return [...named, ...(unique ?? []), ...(index ?? []), ...written];
  }
  if (kind === 'not_null') return [...ownColumns(rule), ...written];
  if (kind === 'matches_parent') return [...Object.keys(spec.on), ...Object.keys(spec.match), ...written];
  if (kind === 'references') return [...Object.keys(spec.on), ...written];
  if (kind === 'agrees') return [...spec.parents.flatMap(({ on }) => Object.keys(on)), ...written];
  return kind === 'exactly_one_of' ? [...spec.columns, ...written] : written;
}

function namesIn(rule: Rule, key: string): string[] {
  return rule.authorSql.get(key)?.columns.map(({ name }) => String(name)) ?? [];
}

/** The relation that a result is about, also where the check could not be asked. */
export function relationOf({ check }: CheckResult, catalog: Catalog): Relation | undefined {
  if (check.form === 'rows' || check.form === 'catalog') return check.relation;
  if (check.form === 'query') return undefined;
  return catalog.relations.find(({ name }) => displayTable(name) === check.table);
}

/** Puts every result where it belongs: each column that rules name on their own, with all rules that name it. */
export function makeSubjects(results: readonly CheckResult[], catalog: Catalog): Subject[] {
  const placed = results.flatMap((result) => {
    const relation = relationOf(result, catalog);
    return relation ? [{ result, relation }] : [];
  });
  const own = new Map<string, Set<string>>();
  for (const { result, relation } of placed) {
    const key = trackOf(result.check.rule, relation);
    for (const column of ownColumns(result.check.rule)) own.set(key, (own.get(key) ?? new Set()).add(column));
  }
  const subjects = new Map<string, Subject & { results: CheckResult[] }>();
  for (const { result, relation } of placed) {
    const { rule } = result.check;
    const track = trackOf(rule, relation);
    const named = [...new Set(namedColumns(rule))];
    const shared = named.filter((column) => own.get(track)?.has(column));
    const groups =
      shared.length > 0 ? shared.map((column) => [column]) : rule.kind === 'schema' ? [named] : [];
    for (const columns of groups) {
      const key = JSON.stringify([track, columns]);
      const subject = subjects.get(key) ?? { relation, columns, phases: rule.phases, results: [] };
      subject.results.push(result);
      subjects.set(key, subject);
    }
  }
  return [...subjects.values()];
}

/** Files with other phases are other rollouts, also of the same table. */
const trackOf = ({ phases }: Rule, { oid }: Relation): string => JSON.stringify([oid, phases]);

/** The place of a rule's phase among its file's; -1: it is always enforced. */
export const phaseIndex = ({ enforceFrom, phases }: Rule): number =>
  enforceFrom === undefined ? -1 : phases.indexOf(enforceFrom);
