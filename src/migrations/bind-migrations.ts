import type { Catalog, Relation } from '../postgres/catalog.ts';
import type { Session } from '../postgres/database.ts';
import type { Rule } from '../rules/rule.ts';
import { displayTable } from '../sql/identifier.ts';
import {
  readMigration,
  type Demand,
  type MigrationStep,
  type WrittenTable,
} from '../sql/migration-statements.ts';
import { Problem } from '../support/problem.ts';
import { readCheckConstraint } from './check-constraint.ts';
import { judge, mayBeSame, note, nothingYet, type SoFar } from './made-so-far.ts';
import { makeDemandRule, ruleAt, type Place } from './demand-rule.ts';
import type { Migration, Migrations } from './migration.ts';

/** Rules that the migrations ask for, in their order, and those of them that cannot be measured, each with the reason. */
export type BoundMigrations = { readonly rules: readonly Rule[]; readonly held: ReadonlyMap<Rule, Problem> };

/**
 * What each changed statement of the migrations needs of the rows that are there now, as rules for the ordinary planner.
 * Nothing of a migration is run. What its text does not tell becomes a rule that ends `unknown`. Reads the catalogue alone.
 */
export async function bindMigrations(
  { files, conditions }: Migrations,
  catalog: Catalog,
  session: Session,
): Promise<BoundMigrations> {
  const so = nothingYet();
  const bound: Bound[] = [];
  const ids = new Map<string, number>();
  for (const migration of files) {
    const steps = await stepsOf(migration);
    for (const step of steps) {
      const place = placeOf(migration, step, ids);
      if (step.endLine >= (migration.changedFrom ?? 1))
        bound.push(...(await bindStep(step, place, so, { catalog, session, conditions })));
      note(
        step,
        `line ${step.line} of ${migration.file}`,
        so,
        (table) => findAll(table, so, catalog).length > 0,
      );
    }
  }
  const held = bound.flatMap(({ rule, problem }) => (problem ? [[rule, problem] as const] : []));
  return { rules: bound.map(({ rule }) => rule), held: new Map(held) };
}

type Bound = { readonly rule: Rule; readonly problem?: Problem | undefined };

type Context = Pick<Migrations, 'conditions'> & { readonly catalog: Catalog; readonly session: Session };

async function stepsOf({ content }: Migration): Promise<readonly MigrationStep[]> {
  const unread = (line: number, reason: string): MigrationStep[] => [
    { does: 'anything', line, endLine: Number.MAX_SAFE_INTEGER, reason },
  ];
  if (content instanceof Problem) return unread(1, content.message);
  const read = await readMigration(content);
  return read.ok ? read.steps : unread(read.line, `the file cannot be parsed: ${read.message}`);
}

/** A second demand of the same line has a number of its own. */
function placeOf({ file }: Migration, { line, endLine }: MigrationStep, ids: Map<string, number>): Place {
  const id = `migration:${file}:${line}`;
  return {
    file,
    line,
    endLine: endLine === Number.MAX_SAFE_INTEGER ? line : endLine,
    nextId: () => {
      const count = (ids.get(id) ?? 0) + 1;
      ids.set(id, count);
      return count === 1 ? id : `${id}:${count}`;
    },
  };
}

async function bindStep(
  step: MigrationStep,
  place: Place,
  so: SoFar,
  context: Context,
): Promise<readonly Bound[]> {
  const unclear = (reason: string, table?: string): Bound[] => [unmeasurable(place, reason, table)];
  if (step.does === 'anything') return unclear(`what it does to rows is not known: ${step.reason}`);
  if (step.does !== 'demand') return [];
  const declared = so.declared.find(
    ({ table, name }) =>
      step.demand.needs === 'constraint' && name === step.demand.name && mayBeSame(table, step.table),
  );
  const demand = declared?.demand ?? step.demand;
  const verdict = judge(step.table, demand, so);
  const written = [step.table.schema, step.table.name].filter((part) => part !== undefined).join('.');
  if (verdict === 'nothing') return [];
  if (typeof verdict === 'object') return unclear(verdict.unclear, written);
  const relation = find(step.table, so, context.catalog);
  if (typeof relation === 'string') return unclear(relation, written);
  const table = displayTable(relation.name);
  if (relation.kind !== 'table' && relation.kind !== 'partitioned table')
    return unclear(`${table} is a ${relation.kind}`, table);
  const needed = await resolve(verdict === 'no_rows' ? NO_ROWS : demand, relation, so, context);
  if (needed === 'nothing') return [];
  if (needed.needs === 'unclear') return unclear(needed.reason, table);
  if (needed.needs === 'constraint') return unclear(`the constraint ${needed.name} is not known`, table);
  const { rule, problem } = await makeDemandRule(needed, relation, place, context.conditions);
  return [{ rule, problem }];
}

const NO_ROWS: Demand = { needs: 'no_rows', column: '' };

const unclearly = (reason: string): Demand => ({ needs: 'unclear', reason });

/** A demand with its parent and its constraint looked up in the catalogue. */
async function resolve(
  demand: Demand,
  relation: Relation,
  so: SoFar,
  { catalog, session }: Context,
): Promise<Demand | 'nothing'> {
  if (demand.needs === 'no_duplicates' && relation.hasInheritors)
    return unclearly('tables inherit from it, whose rows the index does not see');
  if (demand.needs === 'parents') {
    const parent = find(demand.parent, so, catalog);
    if (typeof parent === 'string') return unclearly(parent);
    const primary = parent.indexes.find((index) => index.primary)?.columns ?? [];
    const keys = demand.keys.length > 0 ? demand.keys : primary.flatMap((name) => name ?? []);
    if (keys.length !== demand.columns.length)
      return unclearly(`${displayTable(parent.name)} has no key of so many columns`);
    return { ...demand, parent: parent.name, keys };
  }
  if (demand.needs !== 'constraint') return demand;
  const { name } = demand;
  const key = relation.foreignKeys.find((each) => each.name === name);
  if (key?.temporal || (key?.matchFull && key.on.length > 1))
    return unclearly('rows under MATCH FULL or PERIOD are not measured');
  if (key)
    return {
      needs: 'parents',
      columns: key.on.map(({ child }) => child),
      parent: key.parent,
      keys: key.on.map((pair) => pair.parent),
    };
  const notNull = [...relation.columns.values()].find(({ notNullName }) => notNullName === name);
  if (notNull) return { needs: 'not_null', column: notNull.name };
  const text = await readCheckConstraint(relation, name, session);
  return text === undefined
    ? unclearly(`${displayTable(relation.name)} has no constraint ${name} in the target database`)
    : { needs: 'condition', text, isOfServer: true };
}

/** What a name without a schema means is decided by the search path of the role that migrates, which nobody here knows. */
function find(table: WrittenTable, so: SoFar, catalog: Catalog): Relation | string {
  const [only, ...more] = findAll(table, so, catalog);
  const name = table.schema === undefined ? table.name : `${table.schema}.${table.name}`;
  if (!only)
    return `there is no table ${name} in the target database, and no statement before it that makes one`;
  if (more.length === 0) return only;
  return `${name} may be any of ${[only, ...more].map((each) => displayTable(each.name)).join(', ')}: write its schema`;
}

function findAll({ schema, name }: WrittenTable, { path }: SoFar, { relations, find }: Catalog): Relation[] {
  const inPath = path?.map((each) => find(each, name)).find((each) => each !== undefined);
  if (schema !== undefined) return [find(schema, name) ?? []].flat();
  if (path) return [inPath ?? []].flat();
  return relations.filter((each) => each.name.name === name);
}

const HINT =
  'Nothing of a migration is run here. Put what changes rows into an earlier migration; what then remains can be measured.';

function unmeasurable(place: Place, reason: string, table?: string): Bound {
  const at = { file: place.file, line: place.line, column: 1 };
  const problem = new Problem('not-measurable', reason, { at, hint: HINT });
  return { rule: ruleAt(place, { kind: 'query', spec: { query: '' } }, table), problem };
}
