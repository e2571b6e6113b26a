import type { Brand } from '../support/brand.ts';
import { quoteIdentifier, type Identifier, type TableName, type TypeName } from './identifier.ts';

/** A value that travels beside the statement, with the type it is cast to. */
export type Parameter = { readonly value: string | null; readonly cast: TypeName | BuiltInType };

/** Types of pg_catalog that our own statements cast parameters to. */
type BuiltInType =
  | 'text'
  | 'text[]'
  | 'bigint'
  | 'integer'
  | 'boolean'
  | 'oid'
  | 'oid[]'
  | 'name'
  | 'float8'
  | 'tid[]'
  | 'jsonb'
  | 'interval';

/** Repository SQL that the grammar check has let through (`sql/grammar.ts` alone makes it). */
export type CheckedSql = Brand<string, 'CheckedSql'>;

/** What may stand in a `sql` template. A bare string does not compile. */
type Part = Sql | Identifier | TableName | TypeName | Parameter;

/** One SQL statement, or a piece of one, as data. {@link compile} makes the text that a driver sends. */
export class Sql {
  readonly strings: readonly string[];
  readonly parts: readonly Part[];

  constructor(strings: readonly string[], parts: readonly Part[]) {
    this.strings = strings;
    this.parts = parts;
  }
}

/** What a driver sends: one statement and its parameters, in order. */
export type CompiledSql = { readonly text: string; readonly parameters: readonly (string | null)[] };

/** The only way to write SQL: names are quoted, values become parameters, pieces nest. */
export function sql(strings: TemplateStringsArray, ...parts: Part[]): Sql {
  return new Sql(strings, parts);
}

/** A value for the tag: sent as a parameter, cast in the text. */
export function param(value: string | number | boolean | null, cast: Parameter['cast']): Parameter {
  return { value: value === null ? null : String(value), cast };
}

/** A list of texts as one array parameter. */
export function textArray(values: readonly string[]): Parameter {
  const quoted = values.map((value) => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`);
  return { value: `{${quoted.join(',')}}`, cast: 'text[]' };
}

/** Repository SQL on lines of its own, so that a trailing comment cannot swallow what follows. */
export function checkedSql(text: CheckedSql): Sql {
  return new Sql([`\n${text}\n`], []);
}

/** A string constant, for the few statements that take no parameter; only characters that need no quoting. */
export function constant(text: string): Sql {
  if (!/^[\w.:-]*$/.test(text)) throw new TypeError('this constant would need quoting');
  return new Sql([`'${text}'`], []);
}

/** `alias.column`. */
export function column(alias: Identifier, name: Identifier): Sql {
  return sql`${alias}.${name}`;
}

/** Pieces with a separator between them; `empty` when there are none. */
export function join(pieces: readonly Sql[], separator: Sql, empty: Sql = sql``): Sql {
  if (pieces.length === 0) return empty;
  const parts = pieces.flatMap((piece, i) => (i === 0 ? [piece] : [separator, piece]));
  // All side by side: one within the other, a thousand would be written a thousand times.
  return new Sql([...parts.map(() => ''), ''], parts);
}

/** All of the conditions; true of no conditions. */
export function allOf(conditions: readonly Sql[]): Sql {
  return bracketed(conditions, sql` and `, sql`true`);
}

/** Any of the conditions; false of no conditions. */
export function anyOf(conditions: readonly Sql[]): Sql {
  return bracketed(conditions, sql` or `, sql`false`);
}

function bracketed(conditions: readonly Sql[], separator: Sql, empty: Sql): Sql {
  const [only] = conditions;
  if (only !== undefined && conditions.length === 1) return only;
  return join(
    conditions.map((condition) => sql`(${condition})`),
    separator,
    empty,
  );
}

/** The text and parameters of a statement; parameters are numbered in the order they stand. */
export function compile(statement: Sql): CompiledSql {
  const parameters: (string | null)[] = [];
  const write = (part: Part): string => {
    if (part instanceof Sql) {
      return part.strings
        .map((text, i) => text + (i < part.parts.length ? write(part.parts[i] as Part) : ''))
        .join('');
    }
    if (typeof part === 'string') return quoteIdentifier(part);
    if ('schema' in part) return `${quoteIdentifier(part.schema)}.${quoteIdentifier(part.name)}`;
    if ('type' in part) return part.type;
    parameters.push(part.value);
    return `$${parameters.length}::${typeof part.cast === 'string' ? part.cast : part.cast.type}`;
  };
  return { text: write(statement), parameters };
}
