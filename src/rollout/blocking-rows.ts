// The rows that would make a step fail, as checks of the same run: asked of the same snapshot, fused with the others.
import { askKind } from '../kinds/index.ts';
import type { Lookup } from '../kinds/kind.ts';
import { ROW_ALIAS, type CatalogCheck, type Check, type Plan } from '../plan/plan.ts';
import type { Catalog, Relation } from '../postgres/catalog.ts';
import type { Rule, RuleOf } from '../rules/rule.ts';
import { listOf } from '../sql/ddl.ts';
import { identifier } from '../sql/identifier.ts';
import { allOf, checkedSql, column, sql } from '../sql/sql.ts';
import { hasUniqueKey } from './foreign-key-drafts.ts';

/** What a step needs of the rows before it can succeed. */
export type Need = { readonly of: CatalogCheck; readonly requirement: string; readonly check: Check };

/** What a foreign key asks of the parent: a unique key over the columns that it points at. */
export const PARENT_KEY = 'parent key';

/** A check for each requirement that is not met and that some row could stand in the way of. Reads nothing. */
export function makeNeeds({ checks }: Plan, catalog: Catalog): Need[] {
  return checks.flatMap((of) => {
    if (of.form !== 'catalog' || of.rule.kind !== 'schema') return [];
    const { rule } = of;
    return of.requirements
      .filter(({ state }) => state !== 'met')
      .flatMap(({ name }) => (name === 'foreign_key' ? [name, PARENT_KEY] : [name]))
      .flatMap((requirement) => {
        const check = blockingRows(requirement, rule, of, catalog);
        return check ? [{ of, requirement, check }] : [];
      });
  });
}

function blockingRows(
  requirement: string,
  rule: RuleOf<'schema'>,
  { relation, operatorSchemas }: CatalogCheck,
  catalog: Catalog,
): Check | undefined {
  const { spec } = rule;
  if (requirement === 'not_null' && spec.column !== undefined)
    return asRule(rule, relation, catalog, { kind: 'not_null', spec: { column: spec.column } });
  if (requirement === 'foreign_key' && spec.foreign_key)
    return asRule(rule, relation, catalog, { kind: 'references', spec: spec.foreign_key });
  const author = rule.authorSql.get('check');
  if (requirement === 'check' && author) {
    const condition = checkedSql(author.qualified(ROW_ALIAS));
    // A CHECK lets NULL through.
    const refused = { name: 'refused', rows: sql`(${condition}) is false`, breaks: true };
    const contradictions = [sql`not (${condition})`];
    return { ...rowsOf(rule, relation), operatorSchemas, classes: [refused], contradictions };
  }
  if (requirement === 'unique' && spec.unique) return duplicates(spec.unique, rule, relation);
  const key = spec.foreign_key;
  const parent = requirement === PARENT_KEY && key && findParent(rule, relation, key.parent, catalog);
  if (!parent || !key || hasUniqueKey(parent, Object.values(key.on))) return undefined;
  return duplicates(Object.values(key.on), rule, parent);
}

const base = (rule: Rule) => ({
  rule: {
    ...rule,
    where: undefined,
    maxViolations: 0,
    countLimit: undefined,
    ratchet: undefined,
    since: undefined,
  } as Rule,
  enforced: false,
});

const rowsOf = (rule: Rule, relation: Relation) =>
  ({
    ...base(rule),
    form: 'rows',
    relation,
    joins: [],
    where: undefined,
    sound: undefined,
    contradictions: undefined,
    reference: undefined,
    key: [],
    operatorSchemas: [],
  }) as const;

/** The same question as a rule of another kind would ask; undefined where a column of it is not there yet. */
function asRule(
  rule: Rule,
  relation: Relation,
  catalog: Catalog,
  other: Pick<RuleOf<'not_null'>, 'kind' | 'spec'> | Pick<RuleOf<'references'>, 'kind' | 'spec'>,
): Check | undefined {
  const parent =
    other.kind === 'references' ? findParent(rule, relation, other.spec.parent, catalog) : undefined;
  const names = other.kind === 'references' ? Object.keys(other.spec.on) : [other.spec.column ?? ''];
  const keys = other.kind === 'references' ? Object.values(other.spec.on) : [];
  if (names.some((name) => !relation.columns.has(name))) return undefined;
  if (keys.some((name) => !parent?.columns.has(name))) return undefined;
  const lookup: Lookup = {
    catalog,
    column: (name, _, of = relation) => of.columns.get(name) ?? missing(name),
    relation: (name) => parent ?? missing(name),
  };
  const asked = { ...rule, ...other, authorSql: new Map() } as unknown as Rule;
  const question = askKind(asked, relation, lookup);
  return question.form === 'rows'
    ? { ...rowsOf(rule, relation), ...question, operatorSchemas: schemasOf(relation, names) }
    : undefined;
}

function missing(name: string): never {
  throw new TypeError(`no ${name}`);
}

const schemasOf = ({ columns }: Relation, names: readonly string[]) => [
  ...new Set(names.flatMap((name) => columns.get(name)?.typeSchema ?? [])),
];

/** Groups of rows that a unique key would refuse; none where a narrower key makes them different already. */
function duplicates(names: readonly string[], rule: Rule, relation: Relation): Check | undefined {
  if (names.some((name) => !relation.columns.has(name))) return undefined;
  const isDistinct =
    !relation.hasInheritors &&
    relation.indexes.some(({ columns }) => {
      const key = columns.flatMap((name) => name ?? []);
      const isAmong = key.length === columns.length && key.every((name) => names.includes(name));
      return isAmong && key.length > 0 && hasUniqueKey(relation, key);
    });
  const columns = names.map(identifier);
  const set = allOf(columns.map((name) => sql`${column(ROW_ALIAS, name)} is not null`));
  const nobody = isDistinct ? sql` and false` : sql``;
  const select = sql`select from ${relation.name} as ${ROW_ALIAS} where ${set}${nobody} group by ${listOf(columns)} having count(*) > 1`;
  return { ...base(rule), form: 'query', select, key: [], operatorSchemas: schemasOf(relation, names) };
}

/** A rule's other table: in the schema of the checked one, else in the rule's own, else as it is written. */
export function findParent(
  { schema }: Rule,
  relation: Relation,
  written: string,
  { find }: Catalog,
): Relation | undefined {
  const dot = written.indexOf('.');
  return (
    find(relation.name.schema, written) ??
    find(schema, written) ??
    (dot > 0 ? find(written.slice(0, dot), written.slice(dot + 1)) : undefined)
  );
}
