import { displayTable, type TableName } from '../sql/identifier.ts';
import { checkedSql, sql } from '../sql/sql.ts';
import type { Column, ForeignKey, Index, Relation } from '../postgres/catalog.ts';
import { ROW_ALIAS, type Requirement } from '../plan/plan.ts';
import type { RuleOf } from '../rules/rule.ts';
import { nearest } from '../support/nearest.ts';
import type { Kind, Lookup } from './kind.ts';
import { spellType } from './type-spelling.ts';

type SchemaRule = RuleOf<'schema'>;

/** Breaks when the catalogue lacks what the rule asks for, or has it in a form that proves nothing. */
export const schema: Kind<'schema'> = {
  name: 'schema',
  ask(rule, relation, lookup) {
    const requirements = [
      ...columnRequirements(rule.spec, relation),
      ...checkRequirement(rule, relation),
      ...foreignKeyRequirement(rule.spec, relation, lookup),
      ...uniqueRequirement(rule.spec, relation),
      ...indexRequirement(rule.spec, relation),
    ];
    return { form: 'catalog', requirements };
  },
};

const met = (name: string, proof: string): Requirement => ({ name, state: 'met', proof });
const unmet = (name: string, reason: string): Requirement => ({ name, state: 'unmet', reason });

/** Asks the same of a relation and of all whose rows are read with its own: a constraint need not be theirs too. */
function ofAll(relation: Relation, judge: (each: Relation) => Requirement): Requirement {
  const verdict = judge(relation);
  if (verdict.state !== 'met') return verdict;
  for (const each of relation.descendants) {
    const other = judge(each);
    if (other.state === 'unmet') return unmet(other.name, `${displayTable(each.name)}: ${other.reason}`);
  }
  return verdict;
}

function columnRequirements(spec: SchemaRule['spec'], relation: Relation): Requirement[] {
  const { column: name, type, not_null, default: none } = spec;
  if (name === undefined) return [];
  const column = relation.columns.get(name);
  if (!column) {
    const guess = nearest(name, relation.columns.keys());
    const reason = `there is no column ${name}${guess ? ` (there is '${guess}')` : ''}`;
    const asked = ['column', type && 'type', not_null && 'not_null', none && 'default'];
    return asked.flatMap((each) => (each ? unmet(each, reason) : []));
  }
  const requirements = [met('column', `column ${name} exists`)];
  if (type) requirements.push(typeRequirement(type, column));
  if (not_null) requirements.push(ofAll(relation, (each) => notNullRequirement(each, column)));
  if (none) requirements.push(ofAll(relation, (each) => defaultRequirement(each, column)));
  return requirements;
}

function notNullRequirement({ kind, columns }: Relation, { name }: Column): Requirement {
  const column = columns.get(name);
  if (kind === 'foreign table') return unmet('not_null', NOT_CHECKED);
  if (!column?.notNull) return unmet('not_null', `${name} is nullable`);
  const constraint = column.notNullName;
  if (!column.notNullValidated)
    return unmet('not_null', `${constraint ?? name} is NOT VALID: it says nothing of the rows there are`);
  return met('not_null', constraint ?? `${name} is NOT NULL`);
}

const NOT_CHECKED = 'the constraints of a foreign table are checked by nobody';

function defaultRequirement({ columns }: Relation, { name }: Column): Requirement {
  const filledBy = columns.get(name)?.filledBy;
  return filledBy
    ? unmet('default', `${name} ${FILLED_BY[filledBy]}, which can hide a writer that forgets it`)
    : met('default', `${name} has no DEFAULT`);
}

const FILLED_BY = {
  default: 'has a DEFAULT',
  type: 'has the DEFAULT of its type',
  identity: 'is an identity column',
  expression: 'is generated',
};

function typeRequirement(wanted: string, column: Column): Requirement {
  return spellType(wanted) === spellType(column.type.type)
    ? met('type', `${column.name} is ${column.type.type}`)
    : unmet('type', `${column.name} is ${column.type.type}, not ${wanted}`);
}

function checkRequirement({ spec, authorSql }: SchemaRule, relation: Relation): Requirement[] {
  const author = authorSql.get('check');
  if (!author || spec.check === undefined) return [];
  const missing = author.columns.find(({ name }) => !relation.columns.has(name));
  if (missing) return [unmet('check', `there is no column ${missing.name}`)];
  // The planner would look through a view, and take the word of any foreign table behind it.
  if (relation.kind === 'view') return [unmet('check', 'a view has no constraints: ask it of its tables')];
  if ([relation, ...relation.descendants].some(({ kind }) => kind === 'foreign table'))
    return [unmet('check', NOT_CHECKED)];
  const contradiction = sql`not (${checkedSql(author.qualified(ROW_ALIAS))})`;
  return [
    {
      name: 'check',
      state: 'ask',
      contradiction,
      reason: `no validated constraint guarantees: ${spec.check.trim()}`,
    },
  ];
}

function foreignKeyRequirement(
  { foreign_key: wanted }: SchemaRule['spec'],
  relation: Relation,
  lookup: Lookup,
): Requirement[] {
  if (!wanted) return [];
  const parent = lookup.relation(wanted.parent, ['foreign_key', 'parent']);
  const pairs = Object.entries(wanted.on);
  const isWanted = (key: ForeignKey): boolean =>
    isSameTable(key.parent, parent.name) &&
    key.on.length === pairs.length &&
    pairs.every(([child, name]) => key.on.some((pair) => pair.child === child && pair.parent === name));
  const columns = `(${Object.keys(wanted.on).join(', ')})`;
  const missing = `no foreign key ${columns} references ${displayTable(parent.name)} (${Object.values(wanted.on).join(', ')})`;
  return [ofAll(relation, (each) => foreignKeyVerdict(each.foreignKeys.filter(isWanted), missing, each))];
}

function isSameTable(one: TableName, other: TableName): boolean {
  return one.schema === other.schema && one.name === other.name;
}

function foreignKeyVerdict(found: readonly ForeignKey[], missing: string, relation: Relation): Requirement {
  const name = 'foreign_key';
  const good = found.find((key) => key.validated && key.enforced && !key.temporal);
  if (good) return met(name, good.name + letsThrough(good, relation));
  const [first] = found;
  if (!first) return unmet(name, missing);
  if (!first.enforced) return unmet(name, `${first.name} is not enforced, or its triggers are disabled`);
  if (!first.validated) return unmet(name, `${first.name} is NOT VALID: run VALIDATE CONSTRAINT`);
  return unmet(name, `${first.name} is for a PERIOD: no parent need have the same columns`);
}

/** A composite key with a NULL in it is checked by nobody (MATCH SIMPLE), which a reader of the proof must know. */
function letsThrough({ name, on, matchFull }: ForeignKey, relation: Relation): string {
  const children = on.map(({ child }) => child);
  const isNullable = (column: string): boolean =>
    [relation, ...relation.descendants].some(({ columns }) => !columns.get(column)?.notNullValidated);
  const nullable = children.filter(isNullable);
  return on.length > 1 && nullable.length > 0 && !matchFull
    ? ` (rows with NULL in ${nullable.join(' or ')} are let through by ${name})`
    : '';
}

function uniqueRequirement({ unique: wanted }: SchemaRule['spec'], relation: Relation): Requirement[] {
  if (!wanted) return [];
  const candidates = relation.indexes.filter(
    ({ unique, partial, columns }) => unique && !partial && isSameSet(columns, wanted),
  );
  const missing = `no unique key over (${wanted.join(', ')})`;
  const verdict = indexVerdict('unique', candidates, missing);
  const heir = relation.descendants.find(({ isPartition }) => !isPartition);
  if (verdict.state !== 'met' || !heir) return [verdict];
  return [unmet('unique', `${verdict.proof} does not cover the rows of ${displayTable(heir.name)}`)];
}

/** An index is there to find rows by given values of the columns, so that they must be its first, and comparable as such. */
function indexRequirement({ index: wanted }: SchemaRule['spec'], relation: Relation): Requirement[] {
  if (!wanted) return [];
  const leads = ({ partial, columns, searchable }: Index): boolean =>
    !partial && searchable >= wanted.length && isSameSet(columns.slice(0, wanted.length), wanted);
  const missing = `no index leads with (${wanted.join(', ')})`;
  return [ofAll(relation, ({ indexes }) => indexVerdict('index', indexes.filter(leads), missing))];
}

/** Whether two lists hold the same names, in any order; no name stands twice in `wanted`. */
function isSameSet(names: readonly (string | undefined)[], wanted: readonly string[]): boolean {
  return names.length === wanted.length && wanted.every((each) => names.includes(each));
}

function indexVerdict(name: string, candidates: readonly Index[], reason: string): Requirement {
  const usable = candidates.filter((index) => index.valid);
  const good = usable.find((index) => !index.outdated);
  if (good) return met(name, good.name);
  const [old] = usable;
  if (old) return unmet(name, `${old.name} was sorted by another version of its collation: reindex it`);
  const [first] = candidates;
  return unmet(name, first ? `${first.name} is not valid: drop it and create it again` : reason);
}
