import type { Selection } from '../kinds/kind.ts';
import type { Relation } from '../postgres/catalog.ts';
import type { Rule } from '../rules/rule.ts';
import type { Pair, Proposal, ProposedBody, Want } from './proposal.ts';

/** The part of a proposal that no rule asks yet; undefined where all of it is asked. */
export function stillOpen(
  proposal: Proposal,
  rules: readonly Rule[],
  selections: readonly Selection[],
): Proposal | undefined {
  const { body } = proposal;
  if (body.kind === 'coverage') {
    const isThere = rules.some(
      (rule) => rule.kind === 'coverage' && (rule.schema === body.schema || rule.schema === '*'),
    );
    return isThere ? undefined : proposal;
  }
  const tables = proposal.tables.filter(
    (table) => !selections.some(({ rule, relation }) => relation === table && says(rule, body)),
  );
  return tables.length > 0 ? { ...proposal, tables } : undefined;
}

/** Whether a rule says what a proposal says, perhaps with more; how it is called, filtered or enforced is its author's. */
export function says(rule: Rule, body: ProposedBody): boolean {
  switch (body.kind) {
    case 'not_null':
      return rule.kind === 'not_null' && (rule.spec.columns ?? [rule.spec.column]).includes(body.column);
    case 'references':
      return (
        (rule.kind === 'references' || (rule.kind === 'matches_parent' && rule.spec.orphans === 'report')) &&
        isNamed(rule.spec.parent, body.parent) &&
        isSameLink(rule.spec.on, body.on)
      );
    case 'matches_parent':
      return (
        rule.kind === 'matches_parent' &&
        isNamed(rule.spec.parent, body.parent) &&
        isSameLink(rule.spec.on, body.on) &&
        rule.spec.match[body.match.child] === body.match.parent
      );
    case 'implies':
      return rule.kind === 'implies' && readsAll(rule, [...body.links, body.then]);
    case 'exactly_one_of':
      return rule.kind === 'exactly_one_of' && isSameSet(rule.spec.columns, body.columns);
    case 'agrees':
      return (
        rule.kind === 'agrees' &&
        body.parents.every(({ parent, on, column }) =>
          rule.spec.parents.some(
            (each) => isNamed(each.parent, parent) && isSameLink(each.on, on) && each.column === column,
          ),
        )
      );
    case 'schema':
      return rule.kind === 'schema' && wants(rule, body.want);
    case 'coverage':
      return false;
  }
}

function wants(rule: Extract<Rule, { kind: 'schema' }>, want: Want): boolean {
  const { column, not_null, foreign_key, unique } = rule.spec;
  if ('not_null' in want) return not_null === true && column === want.not_null;
  if ('unique' in want) return unique !== undefined && isSameSet(unique, want.unique);
  if ('check' in want)
    return rule.authorSql.has('check') && readsAll(rule, [...want.check.links, want.check.then]);
  const { parent, on } = want.foreign_key;
  return foreign_key !== undefined && isNamed(foreign_key.parent, parent) && isSameLink(foreign_key.on, on);
}

/** Whether a name that an author wrote can mean the table. */
const isNamed = (written: string, { name }: Relation): boolean =>
  written === name.name || written === `${name.schema}.${name.name}`;

function isSameLink(written: Readonly<Record<string, string>>, on: readonly Pair[]): boolean {
  return (
    Object.keys(written).length === on.length && on.every(({ child, parent }) => written[child] === parent)
  );
}

const isSameSet = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && other.every((each) => one.includes(each));

function readsAll(rule: Rule, columns: readonly { readonly name: string }[]): boolean {
  const read = [...rule.authorSql.values()].flatMap((author) =>
    author.columns.map(({ name }) => name as string),
  );
  return columns.every(({ name }) => read.includes(name));
}
