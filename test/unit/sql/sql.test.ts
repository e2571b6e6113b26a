import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parse } from 'libpg-query';
import { identifier, quoteIdentifier, tableName, typeName } from '../../../src/sql/identifier.ts';
import {
  allOf,
  anyOf,
  column,
  compile,
  constant,
  join,
  param,
  sql,
  textArray,
} from '../../../src/sql/sql.ts';

const r = identifier('r');

test('parameters are numbered in the order they stand, through pieces', () => {
  const inner = sql`x = ${param(1, 'integer')} or y = ${param(null, 'text')}`;
  const statement = sql`select ${param('a', 'text')} where (${inner}) and ${inner} limit ${param(2, 'bigint')}`;
  assert.deepEqual(compile(statement), {
    text: 'select $1::text where (x = $2::integer or y = $3::text) and x = $4::integer or y = $5::text limit $6::bigint',
    parameters: ['a', '1', null, '1', null, '2'],
  });
});

test('a parameter is cast to the type that the server spelled', () => {
  assert.deepEqual(compile(sql`${param(true, typeName('app."Odd Type"'))}`), {
    text: '$1::app."Odd Type"',
    parameters: ['true'],
  });
});

test('names are quoted, always', () => {
  const names = ['a', 'Order', 'user', 'a.b', 'a"b', '"', "it's", '$1', 'a b', 'ü😀', '--', '/*'];
  const written = names.map((name) => compile(column(r, identifier(name))).text);
  assert.deepEqual(written, [
    '"r"."a"', '"r"."Order"', '"r"."user"', '"r"."a.b"', '"r"."a""b"', '"r".""""', '"r"."it\'s"', '"r"."$1"',
    '"r"."a b"', '"r"."ü😀"', '"r"."--"', '"r"."/*"',
  ]); // prettier-ignore
  assert.equal(compile(sql`${tableName('My Schema', 'a.b')}`).text, '"My Schema"."a.b"');
});

test('any name comes back from the grammar as it was', async () => {
  const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => {
    return !text.includes('\0') && Buffer.byteLength(text) <= 63;
  });
  await fc.assert(
    fc.asyncProperty(names, names, async (schema, name) => {
      const { text } = compile(sql`select from ${tableName(schema, name)}`);
      const { stmts } = await parse(text);
      const statement = stmts?.[0]?.stmt;
      assert.ok(statement && 'SelectStmt' in statement);
      const from = statement.SelectStmt.fromClause?.[0];
      assert.ok(from && 'RangeVar' in from);
      assert.deepEqual([from.RangeVar.schemaname, from.RangeVar.relname], [schema, name]);
    }),
    { numRuns: 300 },
  );
});

test('what cannot be a name is refused', () => {
  assert.throws(() => identifier(''), { message: 'a name must not be empty' });
  assert.throws(() => identifier('a\0b'), { message: 'a name must not hold a NUL character' });
  assert.equal(identifier('x'.repeat(63)).length, 63);
  assert.throws(() => identifier('é'.repeat(32)), /has 64 bytes; a Postgres name has at most 63/);
});

test('conditions are bracketed when there are several, and of none have a meaning', () => {
  const text = (piece: ReturnType<typeof sql>) => compile(piece).text;
  const [a, b] = [sql`a or b`, sql`c`];
  assert.equal(text(allOf([a, b])), '(a or b) and (c)');
  assert.equal(text(anyOf([a, b])), '(a or b) or (c)');
  assert.equal(text(allOf([a])), 'a or b');
  assert.equal(text(allOf([])), 'true');
  assert.equal(text(anyOf([])), 'false');
  assert.equal(text(join([], sql`, `)), '');
  assert.equal(text(join([a, b], sql`, `)), 'a or b, c');
});

test('an array is one parameter, whatever its texts hold', () => {
  assert.deepEqual(compile(sql`${textArray(['a', '', 'NULL', 'x,y', '{}', '"', '\\'])}`), {
    text: '$1::text[]',
    parameters: [String.raw`{"a","","NULL","x,y","{}","\"","\\"}`],
  });
});

test('a constant that would need quoting is refused', () => {
  assert.equal(compile(constant('00000003-0000001B-1')).text, "'00000003-0000001B-1'");
  assert.throws(() => constant("a'b"), TypeError);
});

test('a quoted name never ends early', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('"', 'a', ' ', '\\', ';'), minLength: 1, maxLength: 30 }),
      (text) => {
        const quoted = quoteIdentifier(identifier(text));
        assert.equal(quoted.slice(1, -1).replaceAll('""', '').includes('"'), false);
        assert.equal(quoted.slice(1, -1).replaceAll('""', '"'), text);
      },
    ),
  );
});
