// The one place that writes DDL: whole statements as data, for people to run. Nothing here is ever sent to a server.
import { identifier, type Identifier, type TableName, type TypeName } from './identifier.ts';
import { compile, join, Sql, sql } from './sql.ts';

/** `alter table T add column C type`: without a default, so that no row is written. */
export const addColumn = (table: TableName, column: Identifier, type: TypeName): Sql =>
  sql`alter table ${table} add column ${column} ${type}`;

export const dropColumn = (table: TableName, column: Identifier): Sql =>
  sql`alter table ${table} drop column ${column}`;

export const dropDefault = (table: TableName, column: Identifier): Sql =>
  sql`alter table ${table} alter column ${column} drop default`;

/** `expression` is the server's own spelling of the default. */
export const setDefault = (table: TableName, column: Identifier, expression: string): Sql =>
  sql`alter table ${table} alter column ${column} set default ${written(expression)}`;

type IndexShape = {
  /** Without one the server makes one up. */
  readonly name?: Identifier;
  readonly table: TableName;
  readonly columns: readonly Identifier[];
  readonly unique?: boolean;
  /** Not for a partitioned table, which takes no CONCURRENTLY. */
  readonly how: 'concurrently' | 'only';
  readonly where?: Sql;
};

export function createIndex({ name, table, columns, unique, how, where }: IndexShape): Sql {
  const create = unique ? sql`create unique index` : sql`create index`;
  const named = how === 'concurrently' ? sql`${create} concurrently` : create;
  const withName = name === undefined ? named : sql`${named} ${name}`;
  const on = how === 'only' ? sql`on only ${table}` : sql`on ${table}`;
  const filter = where ? sql` where ${where}` : sql``;
  return sql`${withName} ${on} (${listOf(columns)})${filter}`;
}

export const dropIndex = (index: TableName, how: 'concurrently' | 'at once'): Sql =>
  how === 'concurrently'
    ? sql`drop index concurrently if exists ${index}`
    : sql`drop index if exists ${index}`;

export const attachIndex = (parent: TableName, index: TableName): Sql =>
  sql`alter index ${parent} attach partition ${index}`;

export const addUniqueUsingIndex = (table: TableName, name: Identifier): Sql =>
  sql`alter table ${table} add constraint ${name} unique using index ${name}`;

export const addCheck = (table: TableName, name: Identifier, condition: Sql): Sql =>
  sql`alter table ${table} add constraint ${name} check (${condition}) not valid`;

/** PostgreSQL 18: a NOT NULL that binds new rows at once and is validated later. */
export const addNotNull = (table: TableName, name: Identifier, column: Identifier): Sql =>
  sql`alter table ${table} add constraint ${name} not null ${column} not valid`;

type ForeignKeyShape = {
  readonly table: TableName;
  readonly name: Identifier;
  readonly columns: readonly Identifier[];
  readonly parent: TableName;
  readonly parentColumns: readonly Identifier[];
  /** Such as ` on delete cascade`; with the blank before it. */
  readonly actions?: Sql;
  /** False where every partition has the same key already, validated: then no row is read either. */
  readonly notValid: boolean;
};

export function addForeignKey(key: ForeignKeyShape): Sql {
  const { table, name, columns, parent, parentColumns, actions, notValid } = key;
  const references = sql`foreign key (${listOf(columns)}) references ${parent} (${listOf(parentColumns)})`;
  return sql`alter table ${table} add constraint ${name} ${references}${actions ?? sql``}${notValid ? sql` not valid` : sql``}`;
}

export const validateConstraint = (table: TableName, name: Identifier): Sql =>
  sql`alter table ${table} validate constraint ${name}`;

export const dropConstraint = (table: TableName, name: Identifier): Sql =>
  sql`alter table ${table} drop constraint if exists ${name}`;

export const setNotNull = (table: TableName, column: Identifier): Sql =>
  sql`alter table ${table} alter column ${column} set not null`;

export const dropNotNull = (table: TableName, column: Identifier): Sql =>
  sql`alter table ${table} alter column ${column} drop not null`;

/** The name that Postgres itself would give; short enough for it not to cut the name, whatever the characters. */
export function nameFor({ name }: TableName, parts: readonly string[]): Identifier {
  const whole = Buffer.from([name, ...parts].join('_').replaceAll(/\s+/g, '_'));
  // A character that is cut in half becomes a replacement character of three bytes.
  return identifier(whole.subarray(0, 60).toString('utf8').replaceAll('\ufffd', ''));
}

/** A condition that an author wrote, in brackets of ours. A comment at its end must not swallow what follows. */
export function written(text: string): Sql {
  return /--/.test(text) ? new Sql([`\n${text.trim()}\n`], []) : new Sql([text.trim()], []);
}

/** The statement as a person would run it, with its semicolon. None of these statements has parameters. */
export function statementText(statement: Sql): string {
  return `${compile(statement).text};`;
}

export const listOf = (names: readonly Identifier[]): Sql =>
  join(
    names.map((name) => sql`${name}`),
    sql`, `,
  );
