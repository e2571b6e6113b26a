import type { Catalog, Relation } from '../postgres/catalog.ts';
import type { TableState } from '../postgres/table-state.ts';
import { statementText } from '../sql/ddl.ts';
import { displayTable, identifier, type Identifier } from '../sql/identifier.ts';
import type { Sql } from '../sql/sql.ts';
import { estimateMs, sizeOf } from './estimate.ts';
import type { RolloutStatement } from './phase.ts';

/** A step as one requirement asks for it, before anybody has asked whether it may be run now. */
export type Draft = {
  readonly table: string;
  readonly title: string;
  readonly statements: readonly RolloutStatement[];
  readonly undo: readonly string[];
  readonly notes?: readonly string[];
  /** Why no statement can be given; a person has to decide something. */
  readonly byHand?: string;
  /** Why it cannot be run now, whatever the rows are. */
  readonly blockedBy?: string;
  /** What it brings, by {@link keyOfColumns}. */
  readonly brings?: string;
  /** What has to be there before it. */
  readonly needs?: readonly Prerequisite[];
};

type Prerequisite = { readonly key: string; readonly isThere: boolean; readonly what: string };

/** The columns that a step is about: there, brought by another step, or a mistake. */
export function columnsNeeded(relation: Relation, columns: readonly string[]): Prerequisite[] {
  return columns.map((column) => ({
    key: keyOfColumns('column', relation, [column]),
    isThere: relation.columns.has(column),
    what: `a column ${column} in ${displayTable(relation.name)}`,
  }));
}

/** All that drafts are made from; nothing in it is a row of the user's. */
export type DraftContext = {
  readonly catalog: Catalog;
  readonly states: ReadonlyMap<string, TableState>;
  /** The server's major version. */
  readonly major: number;
  /** An expression's shape, where it was asked for, by its text. */
  readonly shapes: ReadonlyMap<string, string>;
};

/** What one step brings and another waits for: a column, or a unique key over some. */
export function keyOfColumns(
  what: 'column' | 'unique',
  relation: Relation,
  columns: readonly string[],
): string {
  return JSON.stringify([what, relation.oid, columns.toSorted()]);
}

type Lock = RolloutStatement['lock']['mode'];

type Held = {
  readonly lock: Lock;
  readonly held?: RolloutStatement['held'];
  /** Beside the relation and all below it. */
  readonly alsoOn?: readonly Relation[];
  /** The relation alone, without those below it. */
  readonly alone?: boolean;
};

/** A statement about a relation, with the strongest lock that it takes on any table. */
export function statementOn(relation: Relation, statement: Sql, how: Held): RolloutStatement {
  const tables = [relation, ...(how.alone ? [] : relation.descendants), ...(how.alsoOn ?? [])];
  const held = how.held ?? 'moment';
  return {
    sql: statementText(statement),
    lock: { mode: how.lock, on: [...new Set(tables.map(({ name }) => displayTable(name)))] },
    held,
    estimatedMs: estimateMs(sizeOf(relation), held),
    // An index that is built concurrently waits for older transactions, and would be left invalid by a timeout.
    lockTimeout: held !== 'build',
  };
}

/** `wanted`, or with a number behind it where the table or the schema has something of that name already. */
export function freeName(
  wanted: Identifier,
  relation: Relation,
  { catalog, states }: DraftContext,
): Identifier {
  const inSchema = catalog.relations.filter(({ name }) => name.schema === relation.name.schema);
  const taken = new Set<string>([
    ...inSchema.flatMap(({ name, indexes }) => [name.name, ...indexes.map((index) => index.name)]),
    ...(states.get(relation.oid)?.constraints ?? []).map(({ name }) => name),
  ]);
  for (let i = 1; ; i += 1) {
    const name = i === 1 ? wanted : identifier(`${wanted}${i}`);
    if (!taken.has(name)) return name;
  }
}
