import type { Relation } from '../postgres/catalog.ts';
import type { Rule } from '../rules/rule.ts';
import type { KindName } from '../rules/rule-schema.ts';
import { agrees } from './agrees.ts';
import { coverage } from './coverage.ts';
import { exactlyOneOf } from './exactly-one-of.ts';
import { implies } from './implies.ts';
import type { Kind, Lookup, Question, TableQuestion, WideKind, WideLookup } from './kind.ts';
import { matchesParent } from './matches-parent.ts';
import { notNull } from './not-null.ts';
import { query } from './query.ts';
import { references } from './references.ts';
import { schema } from './schema.ts';

/** Every kind by its name. A kind of the format that has no implementation does not compile. */
const kinds: { readonly [Name in KindName]: Kind<Name> | WideKind<Name> } = {
  not_null: notNull,
  matches_parent: matchesParent,
  implies,
  references,
  exactly_one_of: exactlyOneOf,
  agrees,
  query,
  schema,
  coverage,
};

/** What a rule asks about one of its tables; throws a `Problem` at the rule's line where its names do not fit. */
export function askKind(rule: Rule, relation: Relation, lookup: Lookup): Question {
  const kind = kinds[rule.kind] as Kind<KindName> | WideKind<KindName>;
  if ('askAll' in kind) throw new TypeError(`the kind ${rule.kind} finds its tables itself`);
  return kind.ask(rule as never, relation, lookup);
}

/** What a rule asks about the tables that its kind finds; undefined for a kind that is told its tables. Throws as `askKind`. */
export function askWideKind(rule: Rule, lookup: WideLookup): readonly TableQuestion[] | undefined {
  const kind = kinds[rule.kind] as Kind<KindName> | WideKind<KindName>;
  return 'askAll' in kind ? kind.askAll(rule as never, lookup) : undefined;
}
