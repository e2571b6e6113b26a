import { displayTable } from '../sql/identifier.ts';
import { checkedSql, sql } from '../sql/sql.ts';
import type { Column, ForeignKey, Index, Relation } from '../postgres/catalog.ts';
import { ROW_ALIAS, type Requirement } from '../plan/plan.ts';
import type { RuleOf } from '../rules/rule.ts';
import { nearest } from '../support/nearest.ts';
import type { Kind, Lookup } from './kind.ts';

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

function columnRequirements(spec: SchemaRule['spec'], relation: Relation): Requirement[] {
  if (spec.column === undefined) return [];
  const column = relation.columns.get(spec.column);
  const asked = [
    'column',
    ...(spec.type ? ['type'] : []),
    ...(spec.not_null ? ['not_null'] : []),
    ...(spec.default ? ['default'] : []),
  ];
  if (!column) {
    const guess = nearest(spec.column, relation.columns.keys());
    const reason = `there is no column ${spec.column}${guess ? ` (there is '${guess}')` : ''}`;
    return asked.map((name) => unmet(name, reason));
  }
  const requirements = [met('column', `column ${column.name} exists`)];
  if (spec.type) requirements.push(typeRequirement(spec.type, column));
  if (spec.not_null) requirements.push(notNullRequirement(column));
  if (spec.default) {
    requirements.push(
      column.hasDefault
        ? unmet('default', `${column.name} has a DEFAULT, which can hide a writer that forgets it`)
        : met('default', `${column.name} has no DEFAULT`),
    );
  }
  return requirements;
}

function notNullRequirement(column: Column): Requirement {
  if (!column.notNull) return unmet('not_null', `${column.name} is nullable`);
  if (!column.notNullValidated)
    return unmet(
      'not_null',
      `${column.notNullName ?? column.name} is NOT VALID: it says nothing of the rows there are`,
    );
  return met('not_null', column.notNullName ?? `${column.name} is NOT NULL`);
}

function typeRequirement(wanted: string, column: Column): Requirement {
  return spellType(wanted) === spellType(column.type.type)
    ? met('type', `${column.name} is ${column.type.type}`)
    : unmet('type', `${column.name} is ${column.type.type}, not ${wanted}`);
}

/** SQL's other spellings of the types that `format_type` writes out in full. */
const TYPE_SPELLINGS: Record<string, string> = {
  int: 'integer',
  int4: 'integer',
  int8: 'bigint',
  int2: 'smallint',
  bool: 'boolean',
  float4: 'real',
  float8: 'double precision',
  decimal: 'numeric',
  varchar: 'character varying',
  char: 'character',
  bpchar: 'character',
  timestamptz: 'timestamp with time zone',
  timestamp: 'timestamp without time zone',
  timetz: 'time with time zone',
  time: 'time without time zone',
  varbit: 'bit varying',
};

function spellType(text: string): string {
  const spelled = text.trim().toLowerCase();
  const array = /(\[\])*$/.exec(spelled)?.[0] ?? '';
  const modifier = /\([^)]*\)/.exec(spelled)?.[0] ?? '';
  const base = spelled
    .slice(0, spelled.length - array.length)
    .replace(modifier, ' ')
    .trim()
    .replaceAll(/\s+/g, ' ');
  return (TYPE_SPELLINGS[base] ?? base) + modifier.replaceAll(' ', '') + array;
}

function checkRequirement({ spec, authorSql }: SchemaRule, relation: Relation): Requirement[] {
  const author = authorSql.get('check');
  if (!author || spec.check === undefined) return [];
  const missing = author.columns.find(({ name }) => !relation.columns.has(name));
  if (missing) return [unmet('check', `there is no column ${missing.name}`)];
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
  const name = 'foreign_key';
  const parent = lookup.relation(wanted.parent, ['foreign_key', 'parent']);
  const pairs = Object.entries(wanted.on)
    .map(([child, key]) => `${child}=${key}`)
    .toSorted()
    .join();
  const same = relation.foreignKeys.filter(
    (key) =>
      displayTable(key.parent) === displayTable(parent.name) &&
      key.on
        .map((pair) => `${pair.child}=${pair.parent}`)
        .toSorted()
        .join() === pairs,
  );
  const good = same.find((key) => key.validated && key.enforced);
  if (good) return [met(name, good.name + letsThrough(good, relation))];
  const [first] = same;
  const columns = Object.keys(wanted.on).join(', ');
  if (!first)
    return [
      unmet(
        name,
        `no foreign key (${columns}) references ${displayTable(parent.name)} (${Object.values(wanted.on).join(', ')})`,
      ),
    ];
  return [
    unmet(
      name,
      first.enforced
        ? `${first.name} is NOT VALID: run VALIDATE CONSTRAINT`
        : `${first.name} is not enforced, or its triggers are disabled`,
    ),
  ];
}

/** A composite key with a NULL in it is checked by nobody (MATCH SIMPLE), which a reader of the proof must know. */
function letsThrough({ name, on }: ForeignKey, relation: Relation): string {
  const nullable = on
    .map(({ child }) => child)
    .filter((child) => !relation.columns.get(child)?.notNullValidated);
  return on.length > 1 && nullable.length > 0
    ? ` (rows with NULL in ${nullable.join(' or ')} are let through by ${name})`
    : '';
}

function uniqueRequirement({ unique: wanted }: SchemaRule['spec'], relation: Relation): Requirement[] {
  if (!wanted) return [];
  const key = wanted.toSorted().join();
  const candidates = relation.indexes.filter(
    (index) => index.unique && !index.partial && index.columns.toSorted().join() === key,
  );
  return [indexVerdict('unique', candidates, `no unique key over (${wanted.join(', ')})`)];
}

function indexRequirement({ index: wanted }: SchemaRule['spec'], relation: Relation): Requirement[] {
  if (!wanted) return [];
  const key = wanted.toSorted().join();
  const leads = (index: Index): boolean =>
    !index.partial && index.columns.slice(0, wanted.length).toSorted().join() === key;
  return [
    indexVerdict('index', relation.indexes.filter(leads), `no index leads with (${wanted.join(', ')})`),
  ];
}

function indexVerdict(name: string, candidates: readonly Index[], reason: string): Requirement {
  const good = candidates.find((index) => index.valid);
  if (good) return met(name, good.name);
  const [first] = candidates;
  return unmet(name, first ? `${first.name} is not valid: drop it and create it again` : reason);
}
