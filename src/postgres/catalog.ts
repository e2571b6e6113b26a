// The catalogue as the rules see it: four queries, read once, before any table.
import { tableName, typeName, type Identifier, type TableName, type TypeName } from '../sql/identifier.ts';
import { sql, type Sql } from '../sql/sql.ts';
import { columnsQuery, foreignKeysQuery, indexesQuery, relationsQuery } from './catalog-queries.ts';
import type { Row, Session } from './database.ts';

type RelationKind = 'table' | 'partitioned table' | 'view' | 'materialized view' | 'foreign table';

export type Column = {
  readonly name: Identifier;
  /** The type with its modifier, such as `character varying(20)`. */
  readonly type: TypeName;
  /** The type without modifier and below any domain: what values are compared as. */
  readonly baseType: TypeName;
  /** Whether the base type has fields: `is null` then asks of each of them, and not of the value. */
  readonly isComposite: boolean;
  /** Columns that have this in common are compared with each other by the `=` of their own types, and not by a cast. */
  readonly equality: string;
  /** The schema of that `=` and of its `<>`, when it is not pg_catalog. */
  readonly operatorSchema: Identifier | undefined;
  /** The schema of the base type, where it brings operators of its own: of an extension's type, or an array of one. */
  readonly typeSchema: Identifier | undefined;
  /** The column's collation, where it takes texts for equal that are not the same (nondeterministic). */
  readonly looseCollation: TableName | undefined;
  readonly notNull: boolean;
  /** False for a NOT NULL that does not vouch for the rows there are (PostgreSQL 18: NOT VALID). */
  readonly notNullValidated: boolean;
  /** The name of the NOT NULL constraint where the server has one (PostgreSQL 18). */
  readonly notNullName: string | undefined;
  /** What gives the column a value that a writer leaves out; `type` is the default of a domain. */
  readonly filledBy: 'default' | 'type' | 'identity' | 'expression' | undefined;
};

/** A type to cast a text to. Without a length `character` and `bit` mean a length of 1, and would cut the value. */
export function uncut({ baseType }: Column): Sql {
  if (baseType.type === 'character') return sql`bpchar`;
  if (baseType.type === 'bit') return sql`"bit"`;
  return sql`${baseType}`;
}

export type ForeignKey = {
  readonly name: string;
  readonly parent: TableName;
  readonly on: readonly { readonly child: Identifier; readonly parent: Identifier }[];
  readonly validated: boolean;
  /** False when NOT ENFORCED (PostgreSQL 18) or when one of its triggers is disabled, also on a partition of the parent. */
  readonly enforced: boolean;
  /**
   * Whether rows may change behind its back: a subscription fires none of its triggers, and a trigger of the row may
   * undo what it cascades.
   */
  readonly bypassed: boolean;
  /** With MATCH FULL a row with a NULL in only some of the columns is refused; otherwise it is looked at by nobody. */
  readonly matchFull: boolean;
  /** PERIOD (PostgreSQL 18): no row of the parent need have the same last column. */
  readonly temporal: boolean;
};

export type Index = {
  readonly name: string;
  /** The access method, such as `btree`. */
  readonly method: string;
  /**
   * Key columns in order. Undefined stands for what is not compared by the column's own `=`: an expression, another
   * operator class, a stricter collation, a key that must not overlap.
   */
  readonly columns: readonly (Identifier | undefined)[];
  /** How many of them, from the first, a search for given values of the columns can use. */
  readonly searchable: number;
  readonly unique: boolean;
  readonly primary: boolean;
  /** Usable by queries: valid, ready and live, also for each partition. */
  readonly valid: boolean;
  /** Whether its text was sorted by another version of a collation than the system has now: what is in it may not be found. */
  readonly outdated: boolean;
  readonly partial: boolean;
  /** False for a deferrable constraint, which may be broken inside a transaction. */
  readonly immediate: boolean;
  /** When it was last vacuumed or analyzed; for estimates only. */
  readonly pages: number;
};

/** Whether no two rows can have the same columns of it, at any time: a unique index that can be believed. */
export function isKey({ unique, valid, outdated, immediate, partial }: Index): boolean {
  return unique && valid && !outdated && immediate && !partial;
}

/** What to do where one of these indexes would be a key, were it not outdated; undefined where none is. */
export function reindexHint(indexes: readonly Index[]): string | undefined {
  const old = indexes.filter((index) => index.outdated && isKey({ ...index, outdated: false }));
  if (old.length === 0) return undefined;
  const names = old.map(({ name }) => name).join(', ');
  return `Reindex ${names} first: text in it was sorted by another version of its collation than the system has now.`;
}

/** A CHECK constraint that is validated, with the columns that it names. */
type Check = {
  readonly name: string;
  readonly columns: readonly Identifier[];
  /** Whether it relies on functions or operators that somebody can replace, whatever rows are there. */
  readonly byCode: boolean;
};

export type Relation = {
  readonly oid: string;
  readonly name: TableName;
  readonly kind: RelationKind;
  readonly isPartition: boolean;
  /** All relations whose rows are read with its own: partitions, inheritance children, and theirs. */
  readonly descendants: readonly Relation[];
  /** Whether some of them are no partitions: its unique keys do not cover their rows. */
  readonly hasInheritors: boolean;
  readonly columns: ReadonlyMap<string, Column>;
  readonly foreignKeys: readonly ForeignKey[];
  readonly indexes: readonly Index[];
  readonly checks: readonly Check[];
  /** Whether functions that somebody can replace say which rows the bounds of this partition let in. */
  readonly boundsByCode: boolean;
  /** Whether text in it was sorted, or checked, by another version of a collation than the system has now. */
  readonly outdated: boolean;
  /** Pages and rows when the table was last vacuumed or analyzed, its own alone; for estimates only. */
  readonly pages: number;
  readonly rows: number;
};

export type Catalog = {
  readonly relations: readonly Relation[];
  /** The relation of exactly this schema and name. */
  find(schema: string, name: string): Relation | undefined;
};

/** Reads every relation outside of the system schemas, in the session's open transaction. Reads no table of the user. */
export async function readCatalog(session: Session): Promise<Catalog> {
  const columnRows = groupByRelation(await session.query(columnsQuery), (row) => row);
  const foreignKeys = groupByRelation(await session.query(foreignKeysQuery), readForeignKey);
  const indexes = groupByRelation(await session.query(indexesQuery), (row) =>
    readIndex(row, columnRows.get(text(row, 'relation')) ?? []),
  );
  const rows = new Map((await session.query(relationsQuery)).map((row) => [text(row, 'relation'), row]));
  const made = new Map<string, Relation>();
  const relationOf = (oid: string): Relation | undefined => {
    const row = rows.get(oid);
    const known = made.get(oid);
    if (known || !row) return known;
    const children = (JSON.parse(text(row, 'children')) as string[]).flatMap(
      (child) => relationOf(child) ?? [],
    );
    const descendants = [...new Set(children.flatMap((child) => [child, ...child.descendants]))];
    const relation: Relation = {
      oid,
      name: tableName(text(row, 'schema'), text(row, 'name')),
      kind: RELATION_KINDS[text(row, 'relkind')] ?? 'table',
      isPartition: flag(row, 'is_partition'),
      descendants,
      hasInheritors: descendants.some(({ isPartition }) => !isPartition),
      columns: new Map((columnRows.get(oid) ?? []).map(readColumn).map((column) => [column.name, column])),
      foreignKeys: foreignKeys.get(oid) ?? [],
      indexes: indexes.get(oid) ?? [],
      checks: readChecks(text(row, 'checks')),
      boundsByCode: flag(row, 'bounds_by_code'),
      outdated: flag(row, 'outdated'),
      pages: Number(text(row, 'pages')),
      rows: Number(text(row, 'rows')),
    };
    made.set(oid, relation);
    return relation;
  };
  const relations = [...rows.keys()].flatMap((oid) => relationOf(oid) ?? []);
  const byName = new Map(
    relations.map((relation) => [nameKey(relation.name.schema, relation.name.name), relation]),
  );
  return { relations, find: (schema, name) => byName.get(nameKey(schema, name)) };
}

/** A NUL cannot stand in a name, so that two pairs never share a key. */
const nameKey = (schema: string, name: string): string => `${schema}\0${name}`;

const RELATION_KINDS: Record<string, RelationKind> = {
  r: 'table',
  p: 'partitioned table',
  v: 'view',
  m: 'materialized view',
  f: 'foreign table',
};

function groupByRelation<Item>(rows: readonly Row[], read: (row: Row) => Item): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const row of rows) {
    const relation = text(row, 'relation');
    const group = groups.get(relation);
    if (group) group.push(read(row));
    else groups.set(relation, [read(row)]);
  }
  return groups;
}

function readColumn(row: Row): Column {
  return {
    name: text(row, 'name') as Identifier,
    type: typeName(text(row, 'type')),
    baseType: typeName(text(row, 'base_type')),
    isComposite: flag(row, 'is_composite'),
    equality: text(row, 'equality'),
    operatorSchema: (row['operator_schema'] ?? undefined) as Identifier | undefined,
    typeSchema: (row['type_schema'] ?? undefined) as Identifier | undefined,
    looseCollation: row['collation_name']
      ? tableName(text(row, 'collation_schema'), row['collation_name'])
      : undefined,
    notNull: flag(row, 'not_null'),
    notNullValidated: flag(row, 'not_null_validated'),
    notNullName: row['not_null_name'] ?? undefined,
    filledBy: (row['filled_by'] ?? undefined) as Column['filledBy'],
  };
}

function readChecks(json: string): Check[] {
  type Read = { name: string; columns: Identifier[]; by_code: boolean };
  return (JSON.parse(json) as Read[]).map(({ name, columns, by_code: byCode }) => ({
    name,
    columns,
    byCode,
  }));
}

function readForeignKey(row: Row): ForeignKey {
  const pairs = JSON.parse(text(row, 'pairs')) as [Identifier, Identifier][];
  return {
    name: text(row, 'name'),
    parent: tableName(text(row, 'parent_schema'), text(row, 'parent_name')),
    on: pairs.map(([child, parent]) => ({ child, parent })),
    validated: flag(row, 'validated'),
    enforced: flag(row, 'enforced'),
    bypassed: flag(row, 'bypassed'),
    matchFull: flag(row, 'match_full'),
    temporal: flag(row, 'temporal'),
  };
}

/** A key stands for its column where it is compared as the column is: by its `=`, and not by a stricter collation. */
function readIndex(row: Row, columns: readonly Row[]): Index {
  type Key = readonly [name: string | null, operator: string | null, collation: string];
  const keys = (JSON.parse(text(row, 'keys')) as Key[]).map(([name, operator, collation]) => {
    const column = columns.find((each) => each['name'] === name);
    const isCompared = operator !== null && operator === column?.['operator'];
    const hasItsCollation = collation === column?.['collation'];
    const isStricter = !hasItsCollation && column?.['collation_name'] !== null;
    return { name: isCompared && !isStricter ? (name as Identifier) : undefined, hasItsCollation };
  });
  const unfit = keys.findIndex(({ name, hasItsCollation }) => name === undefined || !hasItsCollation);
  return {
    name: text(row, 'name'),
    method: text(row, 'method'),
    columns: keys.map(({ name }) => name),
    searchable: unfit === -1 ? keys.length : unfit,
    unique: flag(row, 'is_unique'),
    primary: flag(row, 'is_primary'),
    valid: flag(row, 'valid'),
    outdated: flag(row, 'outdated'),
    partial: flag(row, 'partial'),
    immediate: flag(row, 'immediate'),
    pages: Number(text(row, 'pages')),
  };
}

function text(row: Row, key: string): string {
  const value = row[key];
  if (value === undefined || value === null) throw new TypeError(`the catalogue query gave no ${key}`);
  return value;
}

const flag = (row: Row, key: string): boolean => row[key] === 't';
