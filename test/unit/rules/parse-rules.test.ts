import assert from 'node:assert/strict';
import test from 'node:test';
import { findRepeatedIds, parseRules } from '../../../src/rules/parse-rules.ts';
import type { Rule } from '../../../src/rules/rule.ts';
import { identifier } from '../../../src/sql/identifier.ts';
import { describeProblem } from '../../../src/support/problem.ts';

const head = 'version: 1\nrules:\n';
/** A rule without a fault, on lines 3 to 6; what is appended stands from line 7 on. */
const rule = '  - id: a\n    kind: not_null\n    tables: [t]\n    column: c\n';
const implies = '  - id: a\n    kind: implies\n    tables: [t]\n    then: b is null\n';
const references = '  - id: a\n    kind: references\n    tables: [t]\n    parent: p\n';
const kinds =
  'not_null, matches_parent, implies, references, exactly_one_of, agrees, query, schema, coverage';
const column = "write the column's name alone: the rule's table is the only one in sight";
const noAnchors = 'anchors and aliases are not allowed';
const hidden = 'an invisible or control character stands here; remove it';
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

/** What a file holds, and each mistake in it as `line:column: message`. */
const bad: Record<string, [text: string, ...mistakes: string[]]> = {
  'an empty file': ['', '1:1: the file is empty'],
  'a file of comments': ['# rules\n', '1:1: a rules file is a map of keys'],
  'a list in place of a map': ['- a\n', '1:1: a rules file is a map of keys'],
  'a tab as indentation': [`${head}  - id: a\n\tkind: query\n`, '4:1: a tab cannot indent YAML; use spaces'],
  'an open quote': [`${head}  - id: "a\n`, '4:1: Missing closing "quote'],
  'a key twice': [`${head}${rule}    column: d\n`, "7:5: the key 'column' stands twice in one map"],
  'a key twice, once in quotes': [
    'version: 1\n"version": 1\n',
    "2:1: the key 'version' stands twice in one map",
  ],
  'a number and a text as one key': ['1: x\n"1": y\n', "2:1: the key '1' stands twice in one map"],
  'a ratchet beside a limit': [
    `${head}${rule}    ratchet: true\n    max_violations: 3\n`,
    "8:21: 'max_violations' does not go with `ratchet`, which allows what is recorded, and nothing else",
  ],
  'a ratchet of counts that end early': [
    `${head}${rule}    ratchet: true\n    count: { at_least: 3 }\n`,
    "8:12: 'count' does not go with `ratchet`, which needs exact counts",
  ],
  'a point that moves': [
    `${head}${rule}    since: { column: id, value: now }\n`,
    "7:33: 'value' must be a fixed point, such as 2026-01-01T00:00:00Z or 120000: it must hold a digit, and no word such as now",
  ],
  'a merge key': [`${head}${rule}    <<: {why: x}\n`, "7:5: unknown key '<<'"],
  'an alias': [`${head}${rule}    why: *x\n`, `7:10: ${noAnchors}`],
  'an anchor on a text': [`${head}${rule}    why: &x y\n`, `7:13: ${noAnchors}`],
  'an anchor on a list': [
    `${head}  - id: a\n    kind: not_null\n    tables: &t [t]\n    column: c\n`,
    `5:16: ${noAnchors}`,
  ],
  'an anchor on a map': [
    `${head}  - &rule\n    id: a\n    kind: not_null\n    tables: [t]\n    column: c\n`,
    `4:5: ${noAnchors}`,
  ],
  'an alias bomb': [
    `a: &a [x, x]\n${[...'bcdefghijklmnopqrstuvwxyz'].map((name, i) => `${name}: &${name} [*${String.fromCharCode(97 + i)}, *${String.fromCharCode(97 + i)}]\n`).join('')}`,
    ...Array.from({ length: 26 }, (_, i) => `${i + 1}:7: ${noAnchors}`),
  ],
  'a second document': [
    `${head}${rule}---\nversion: 1\n`,
    '7:1: one file holds one document; remove the `---` and what follows',
  ],
  'a tag of an application': [`${head}${rule}    why: !env SECRET\n`, '7:15: the tag !env is not allowed'],
  'a tag of a language': [
    `${head}${rule}    why: !!js/function x\n`,
    '7:24: the tag !!js/function is not allowed',
  ],
  'a tag of YAML itself': [
    `${head}${rule}    max_violations: !!int 5\n`,
    '7:27: the tag !!int is not allowed',
  ],
  'a tag on a map': [`${head}${rule}    why: !!set {a}\n`, '7:16: the tag !!set is not allowed'],
  'a version directive': [`%YAML 1.1\n---\n${head}${rule}`, '1:1: YAML directives are not allowed'],
  'a tag directive': [`%TAG ! tag:x,2000:\n---\n${head}${rule}`, '1:1: YAML directives are not allowed'],
  'a NUL': [`${head}${rule}    why: a\0b\n`, `7:11: ${hidden}`],
  'a bidi override': [`${head}${rule}    why: a\u202eb\n`, `7:11: ${hidden}`],
  'a zero-width space in a key': [`${head}${rule}    wh\u200by: x\n`, `7:7: ${hidden}`],
  'a zero-width space at the very start': [`\u200b${head}${rule}`, `1:1: ${hidden}`],
  'a NUL by escape': [
    `${head}${rule}    why: "a\\0b"\n`,
    '7:10: an escape makes an invisible or control character here; remove it',
  ],
  'half a surrogate pair by escape': [
    `${head}${rule}    why: "\\ud800"\n`,
    '7:10: an escape makes an invisible or control character here; remove it',
  ],
  'a number beyond 2^53': [
    `${head}${rule}    missing_values: [9007199254740993]\n`,
    '7:22: this number is too large to be kept exactly; put it in quotes',
  ],
  'a number without end': [
    `${head}${rule}    missing_values: [.inf]\n`,
    "7:22: 'missing_values' must be texts, numbers, true or false",
  ],
  'lists 1,000 deep': [`a: ${nested(1_000)}`, '1:35: nested deeper than 32 levels'],
  'lists 100,000 deep': ['['.repeat(100_000), '1:33: nested deeper than 32 levels'],
  'maps 1,000 deep': [
    Array.from({ length: 1_000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
    '33:33: nested deeper than 32 levels',
  ],
  'a __proto__ key': [`${head}${rule}    __proto__: x\n`, "7:5: the key '__proto__' is not allowed"],
  'a __proto__ column': [
    `${head}${references}    on: { tenant_id: id, __proto__: id }\n`,
    "7:26: the key '__proto__' is not allowed",
  ],
  '20,000 keys in one map': [
    Array.from({ length: 20_000 }, (_, i) => `k${i}: 1\n`).join(''),
    '1:1: this map has 20000 keys; at most 1000 are read',
  ],

  'no version': [`rules:\n${rule}`, "1:1: 'version' is missing here"],
  'another version': [`version: 2\nrules:\n${rule}`, "1:10: 'version' must be 1"],
  'no rules': ['version: 1\nrules: []\n', "2:8: 'rules' must have 1 or more items"],
  'an unknown key at the top': [
    `verson: 1\n${head}${rule}`,
    "1:1: unknown key 'verson' (did you mean 'version'?)",
  ],
  'an unknown key in a rule': [
    `${head}${rule}    sevrity: error\n`,
    "7:5: unknown key 'sevrity' (did you mean 'severity'?)",
  ],
  'an unknown key in a map of a rule': [
    `${head}${rule}    backfill: { fromm: p, on: {a: b}, set: {c: d} }\n`,
    "7:15: 'from' is missing here",
    "7:17: unknown key 'fromm' (did you mean 'from'?)",
  ],
  'a wrong type': [`${head}${rule}    max_violations: many\n`, "7:21: 'max_violations' must be a number"],
  'a negative number': [`${head}${rule}    max_violations: -1\n`, "7:21: 'max_violations' must be 0 or more"],
  'no kind': [`${head}  - id: a\n`, `3:5: this rule has no kind; it must be one of: ${kinds}`],
  'an unknown kind': [
    `${head}  - id: a\n    kind: notnull\n`,
    "4:11: unknown kind 'notnull' (did you mean 'not_null'?)",
  ],
  'a kind that every object has': [`${head}  - id: a\n    kind: toString\n`, "4:11: unknown kind 'toString'"],
  'an unknown phase': [
    `version: 1\nphases: [first, second]\nrules:\n${rule}    enforce_from: secnd\n`,
    "8:19: unknown phase 'secnd' (did you mean 'second'?)",
  ],
  'a phase where none is declared': [`${head}${rule}    enforce_from: "2"\n`, "7:19: unknown phase '2'"],
  'a phase twice': [
    `version: 1\nphases: ["1", "1"]\nrules:\n${rule}`,
    "2:9: 'phases' must not name a phase twice",
  ],
  'an unknown list': [
    'version: 1\nlists: { owned: [t] }\nrules:\n  - id: a\n    kind: not_null\n    tables: { list: ownd }\n    column: c\n',
    "6:21: unknown list 'ownd' (did you mean 'owned'?)",
  ],
  'a list that every object has': [
    `${head}  - id: a\n    kind: not_null\n    tables: { list: constructor }\n    column: c\n`,
    "5:21: unknown list 'constructor'",
  ],
  'one table for a list': [
    `${head}  - id: a\n    kind: not_null\n    tables: t\n    column: c\n`,
    "5:13: 'tables' must be a list of table names, { list: NAME }, or { with_column: COLUMN, except: [TABLE] }",
  ],
  'a table twice': [
    `${head}  - id: a\n    kind: not_null\n    tables: [t, u, t]\n    column: c\n`,
    "5:20: the table 't' stands twice in this list",
  ],
  'an id twice': [`${head}${rule}${rule}`, "7:9: the id 'a' is taken by the rule at rules.yml:3"],
  'an id in capitals': [
    `${head}  - id: A_b\n    kind: not_null\n    tables: [t]\n    column: c\n`,
    "3:9: 'id' must be kebab-case, such as 'orders-have-a-tenant'",
  ],
  'a bad duration': [
    `${head}${rule}    timeout: soon\n`,
    "7:14: 'timeout' must look like '500ms', '30s' or '5m'",
  ],
  'no time at all': [
    `${head}${rule}    timeout: 0s\n`,
    "7:14: 'timeout' must be at least 1ms and at most 596h",
  ],
  'a thousand years by default': [
    `version: 1\ndefaults: { timeout: 9000000h }\nrules:\n${rule}`,
    "2:22: 'timeout' must be at least 1ms and at most 596h",
  ],
  'a name of 64 bytes': [
    `${head}  - id: a\n    kind: not_null\n    tables: [t]\n    column: ${'é'.repeat(32)}\n`,
    `6:13: 'column' '${'é'.repeat(32)}' has 64 bytes; a Postgres name has at most 63`,
  ],
  'a name of 64 bytes as a key': [
    `${head}${references}    on: { ${'x'.repeat(64)}: id }\n`,
    `7:11: '${'x'.repeat(64)}' has 64 bytes; a Postgres name has at most 63`,
  ],
  'an empty name as a key': [`${head}${references}    on: { "": id }\n`, '7:11: a name must not be empty'],
  'a link of no columns': [
    `${head}${references}    on: {}\n`,
    "7:9: 'on' must name at least one pair of columns",
  ],
  'both `column` and `columns`': [
    `${head}${rule}    columns: [d]\n`,
    '3:5: a not_null rule names either `column` or `columns`',
  ],
  'neither `column` nor `columns`': [
    `${head}  - id: a\n    kind: not_null\n    tables: [t]\n`,
    '3:5: a not_null rule names either `column` or `columns`',
  ],
  'a column twice': [
    `${head}  - id: a\n    kind: exactly_one_of\n    tables: [t]\n    columns: [c, d, c]\n`,
    "6:14: 'columns' must not name a column twice",
  ],
  'a schema rule that asks for nothing': [
    `${head}  - id: a\n    kind: schema\n    tables: [t]\n`,
    '3:5: a schema rule asks for at least one thing, such as `column`, `index` or `foreign_key`',
  ],
  'a type of no column': [
    `${head}  - id: a\n    kind: schema\n    tables: [t]\n    type: text\n`,
    "3:5: 'type' is about a column; name it with `column`",
  ],
  'a filter on the catalogue': [
    `${head}  - id: a\n    kind: schema\n    tables: [t]\n    index: [c]\n    where: d\n`,
    "7:5: unknown key 'where'",
  ],
  'tables and a filter of a query': [
    `${head}  - id: a\n    kind: query\n    tables: [t]\n    query: select 1\n    where: d\n`,
    "5:5: unknown key 'tables'",
    "7:5: unknown key 'where'",
  ],
  'several mistakes': [
    'version: 2\nnam: x\nrules:\n  - id: A\n    kind: not_null\n    tables: [t]\n    colum: c\n    severity: fatal\n  - id: b\n    kind: nope\n',
    "1:10: 'version' must be 1",
    "2:1: unknown key 'nam' (did you mean 'name'?)",
    "4:9: 'id' must be kebab-case, such as 'orders-have-a-tenant'",
    "7:5: unknown key 'colum' (did you mean 'column'?)",
    "8:15: 'severity' must be one of: error, warning, notice",
    "10:11: unknown kind 'nope'",
  ],

  'two statements': [
    `${head}${implies}    when: a is null; drop table t\n`,
    "7:22: 'when': only one statement is allowed",
  ],
  'an expression that closes its brackets': [
    `${head}${implies}    when: true) or (true\n`,
    '7:15: \'when\': syntax error at or near ")"',
  ],
  'a sub-select in a condition': [
    `${head}${implies}    when: b in (select 1)\n`,
    "7:13: 'when': SubLink is not allowed here",
  ],
  'an aggregate in a condition': [
    `${head}${implies}    when: a and count(*) > 1\n`,
    "7:17: 'when': aggregates and window functions are not allowed in a condition on one row",
  ],
  'empty SQL': [`${head}${implies}    when: ""\n    where: " "\n`, "7:11: 'when' must not be empty"],
  'SQL that is too long': [
    `${head}${implies}    when: ${'a'.repeat(8_193)}\n`,
    "7:11: 'when': the SQL is longer than 8192 characters",
  ],
  'SQL that is too deep': [
    `${head}${implies}    when: 1${'+1'.repeat(4_000)} > 0\n`,
    "7:11: 'when': the SQL is nested too deeply",
  ],
  'a mistake in a filter': [`${head}${rule}    where: (a\n`, "7:14: 'where': syntax error at end of input"],
  'a mistake behind carriage returns': [
    `${head}${rule}    where: (a\n`.replaceAll('\n', '\r\n'),
    "7:14: 'where': syntax error at end of input",
  ],
  'a mistake in each of several SQL texts': [
    `${head}  - id: a\n    kind: implies\n    tables: [t]\n    when: x.y\n    then: $1\n    where: (\n`,
    "6:11: 'when': write the column's name alone: the rule's table is the only one in sight",
    "7:11: 'then': ParamRef is not allowed here",
    "8:13: 'where': syntax error at end of input",
  ],
  'a query that locks': [
    `${head}  - id: a\n    kind: query\n    query: |\n      select *\n      from t for update\n`,
    "6:7: 'query': FOR UPDATE and FOR SHARE are not allowed: a rule only reads",
  ],
  'a query of two statements': [
    `${head}  - id: a\n    kind: query\n    query: |\n      select 1;\n      delete from t\n`,
    "7:7: 'query': only one statement is allowed",
  ],
  'a query that deletes': [
    `${head}  - id: a\n    kind: query\n    query: delete from t\n`,
    "5:12: 'query': only a SELECT is allowed",
  ],

  // Columns count UTF-16 code units, as editors do; the grammar counts code points or bytes.
  'a place in a plain text': [`${head}${implies}    when: ü = '😀' and x.y\n`, `7:24: 'when': ${column}`],
  'a place in double quotes': [
    `${head}${implies}    when: "ü😀 = 1 and x.y = 2"\n`,
    `7:24: 'when': ${column}`,
  ],
  'a place behind escapes in double quotes': [
    `${head}${implies}    when: "b = \\"\\u00fc\\" and x.y = 2"\n`,
    `7:31: 'when': ${column}`,
  ],
  'a place behind doubled single quotes': [
    `${head}${implies}    when: 'b = ''ü'' and x.y = 2'\n`,
    `7:26: 'when': ${column}`,
  ],
  'a place in a block': [
    `${head}${implies}    when: |\n      b = 'ü😀'\n        and '😀' = x.y\n`,
    `9:20: 'when': ${column}`,
  ],
  'a place in a block behind a comment and an empty line': [
    `${head}${implies}    when: | # why\n\n      b = 'ü😀'\n        and '😀' = x.y\n`,
    `10:20: 'when': ${column}`,
  ],
  'a place in a block with an indentation indicator': [
    `${head}${implies}    when: |2\n          b = 'ü😀'\n        and '😀' = x.y\n`,
    `9:20: 'when': ${column}`,
  ],
  'the start of a folded text': [
    `${head}${implies}    when: >\n      b = 'ü😀'\n      and '😀' = x.y\n`,
    `7:11: 'when': ${column}`,
  ],
  'the start of a plain text over two lines': [
    `${head}${implies}    when: b = 1\n      and x.y = 2\n`,
    `7:11: 'when': ${column}`,
  ],
};

for (const [what, [text, ...mistakes]] of Object.entries(bad)) {
  test(`is refused at its place: ${what}`, async () => {
    const { rules, problems } = await parseRules('rules.yml', text);
    const firstLines = problems.map((problem) => describeProblem(problem).split('\n')[0]);
    assert.deepEqual(firstLines.toSorted(), mistakes.map((mistake) => `rules.yml:${mistake}`).toSorted());
    assert.deepEqual(rules, []);
  });
}

async function parse(text: string): Promise<readonly Rule[]> {
  const { rules, problems } = await parseRules('rules.yml', text);
  assert.deepEqual(problems.map(describeProblem), []);
  return rules;
}

test('an id that another file has is refused in the second file', async () => {
  const first = await parseRules('a.yml', head + rule);
  const second = await parseRules('b.yml', head + rule);
  const problems = findRepeatedIds([...first.rules, ...second.rules]);
  assert.deepEqual(problems.map(describeProblem), ["b.yml:3:9: the id 'a' is taken by the rule at a.yml:3"]);
});

test('words that YAML 1.1 takes for booleans and numbers stay texts', async () => {
  const [found] = await parse(
    `${head}  - id: no\n    kind: not_null\n    tables: [on, y]\n    column: yes\n    why: off\n    missing_values: [no, 1:30, 0o7, null_]\n`,
  );
  assert.deepEqual(
    [found?.id, found?.why, found?.spec],
    ['no', 'off', { column: 'yes', missing_values: ['no', '1:30', '0o7', 'null_'] }],
  );
});

test('a rule stands where it stands in its file', async () => {
  const rules = await parse(
    `\ufeff# first\n\n${head}${rule}    # a comment\n\n  -\n    id: b\n    kind: query\n    query: |\n      select 1\n      where false\n\n\n# the end\n`,
  );
  assert.deepEqual(
    rules.map(({ id, source }) => [id, source]),
    [
      ['a', { file: 'rules.yml', line: 5, column: 5, endLine: 8 }],
      ['b', { file: 'rules.yml', line: 12, column: 5, endLine: 16 }],
    ],
  );
  assert.deepEqual(rules[0]?.locate(['column']), { file: 'rules.yml', line: 8, column: 13 });
  assert.deepEqual(rules[0]?.locate(['nothing']), { file: 'rules.yml', line: 5, column: 5 });
});

test('what a rule does not say is filled in', async () => {
  const [found] = await parse(head + rule);
  assert.ok(found);
  const { locate: _locate, authorSql, source: _source, tables, ...rest } = found;
  assert.deepEqual(rest, {
    id: 'a',
    kind: 'not_null',
    spec: { column: 'c' },
    why: undefined,
    ratchet: undefined,
    since: undefined,
    remedy: undefined,
    phases: [],
    schema: 'public',
    severity: 'error',
    where: undefined,
    maxViolations: 0,
    countLimit: undefined,
    enforceFrom: undefined,
    paths: [],
    timeoutMs: undefined,
  });
  assert.deepEqual(tables, {
    by: 'name',
    tables: [{ written: 't', at: { file: 'rules.yml', line: 5, column: 14 } }],
  });
  assert.equal(authorSql.size, 0);
});

test("a rule's own words come before the file's defaults", async () => {
  const rules = await parse(
    `version: 1\ndefaults: { schema: app, severity: notice, timeout: 5s }\nrules:\n${rule}  - { id: b, kind: references, tables: [t], parent: p, on: { x: y }, schema: s, severity: warning, timeout: 1m }\n`,
  );
  assert.deepEqual(
    rules.map(({ schema, severity, timeoutMs }) => ({ schema, severity, timeoutMs })),
    [
      { schema: 'app', severity: 'notice', timeoutMs: 5_000 },
      { schema: 's', severity: 'warning', timeoutMs: 60_000 },
    ],
  );
});

test('lists and patterns select tables', async () => {
  const rules = await parse(
    'version: 1\nlists: { owned: [t, u.v] }\nrules:\n  - { id: a, kind: not_null, tables: { list: owned }, column: c }\n  - { id: b, kind: not_null, tables: { with_column: tenant_id, except: [w] }, column: c }\n',
  );
  assert.deepEqual(
    rules.map(({ tables }) => tables),
    [
      {
        by: 'name',
        tables: [
          { written: 't', at: { file: 'rules.yml', line: 2, column: 18 } },
          { written: 'u.v', at: { file: 'rules.yml', line: 2, column: 21 } },
        ],
      },
      {
        by: 'column',
        column: 'tenant_id',
        except: [{ written: 'w', at: { file: 'rules.yml', line: 5, column: 73 } }],
        at: { file: 'rules.yml', line: 5, column: 53 },
      },
    ],
  );
});

test('author SQL is kept with its columns and calls', async () => {
  const [found] = await parse(
    `${head}${implies}    when: lower(state) = 'done' and "Weird Name" is null\n    where: pg_catalog.length(state) > 0\n`,
  );
  const when = found?.authorSql.get('when');
  assert.deepEqual(when?.columns.map(({ name }) => name), ['state', 'Weird Name']); // prettier-ignore
  assert.deepEqual(when?.functions.map(({ name }) => name), ['lower']); // prettier-ignore
  assert.equal(when?.qualified(identifier('r')), 'lower("r".state) = \'done\' and "r"."Weird Name" is null');
  assert.equal(found?.where, found?.authorSql.get('where'));
  assert.deepEqual([...(found?.authorSql.keys() ?? [])].toSorted(), ['then', 'when', 'where']);
});
