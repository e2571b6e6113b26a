import type { Brand } from '../support/brand.ts';
import { Problem } from '../support/problem.ts';

/** A name as it stands in the catalogue: case kept, not quoted. Only {@link identifier} makes one. */
export type Identifier = Brand<string, 'Identifier'>;

/** A relation's full name. */
export type TableName = { readonly schema: Identifier; readonly name: Identifier };

/** A type as the server's `format_type` spells it, quoted by the server. Only the catalogue makes one. */
export type TypeName = { readonly type: Brand<string, 'TypeName'> };

/** Postgres keeps 63 bytes of a name and drops the rest without a word (NAMEDATALEN - 1). */
const MAX_IDENTIFIER_BYTES = 63;

/** Reads a name exactly as the catalogue spells it; refuses what cannot be one. */
export function identifier(text: string): Identifier {
  const bytes = Buffer.byteLength(text, 'utf8');
  if (bytes === 0) throw new Problem('rules-invalid', 'a name must not be empty');
  if (text.includes('\0')) throw new Problem('rules-invalid', 'a name must not hold a NUL character');
  if (bytes > MAX_IDENTIFIER_BYTES) {
    throw new Problem(
      'rules-invalid',
      `'${text}' has ${bytes} bytes; a Postgres name has at most ${MAX_IDENTIFIER_BYTES}`,
    );
  }
  return text as Identifier;
}

/** A name as the server spells it, which needs no check. */
export function tableName(schema: string, name: string): TableName {
  return { schema: identifier(schema), name: identifier(name) };
}

/** Marks text that came out of the server's own `format_type`. */
export function typeName(formatted: string): TypeName {
  return { type: formatted as TypeName['type'] };
}

/** A name for SQL, always quoted, so that case and reserved words keep their meaning. */
export function quoteIdentifier(name: Identifier): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `schema.table` for people and reports; not for SQL. */
export function displayTable(table: TableName): string {
  return `${table.schema}.${table.name}`;
}
