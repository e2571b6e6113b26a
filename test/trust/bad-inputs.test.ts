import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { parseOptions, type RawOptions } from '../../src/options.ts';
import { parseConnectionTarget } from '../../src/postgres/connection-string.ts';
import { loadRules } from '../../src/rules/load-rules.ts';
import { asProblem, type Problem, type ProblemCode } from '../../src/support/problem.ts';
import { runGate } from '../support/run-gate.ts';
import { createDatabase } from '../support/server.ts';

/** `line:column`, or '' where there is no place in a file; and a part of what is said, with its hint. */
type Expected = readonly [code: ProblemCode, place: string, says: RegExp];

const counts = { tried: 0, clear: 0 };

/** One of the problems is as expected; all of them are for people, and stand in the file that is wrong, where any is. */
function assertClear(
  problems: readonly Pick<Problem, 'code' | 'message' | 'hint' | 'at'>[],
  expected: Expected,
) {
  counts.tried += 1;
  const found = problems.map(({ code, message, hint, at }) => ({
    code,
    place: at ? `${at.line}:${at.column}` : '',
    text: [message, hint].filter(Boolean).join(' '),
  }));
  const [code, place, says] = expected;
  assert.ok(
    found.some((each) => each.code === code && each.place === place && says.test(each.text)),
    `expected ${code} ${place} ${says}, found ${JSON.stringify(found.slice(0, 5), null, 1)}`,
  );
  for (const { text, code: each } of found) {
    assert.notEqual(each, 'internal');
    assert.doesNotMatch(text, /undefined|\[object|Error:|\bE[A-Z]{3,}\b|\n\s+at /, text);
    assert.ok(text.length < 1_000, 'a message is short whatever was written');
  }
  counts.clear += 1;
}

// --- Texts of rules files

const head = 'version: 1\nrules:\n';
const rule = `${head}  - id: a\n    kind: not_null\n    tables: [t]\n    column: c\n`;
const when = (sql: string): string =>
  `${head}  - { id: a, kind: implies, tables: [t], then: b, when: ${JSON.stringify(sql)} }\n`;
const lines = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');
const invalid = (place: string, says: RegExp): Expected => ['rules-invalid', place, says];
const notAllowed = (place: string, says: RegExp): Expected => ['sql-not-allowed', place, says];

const texts: Record<string, readonly [text: string | Uint8Array, expected: Expected]> = {
  'nothing': ['', invalid('1:1', /empty.*version: 1/)],
  'comments alone': ['# rules\n', invalid('1:1', /map of keys/)],
  'a list': ['- a\n', invalid('1:1', /map of keys/)],
  'a word': ['rules', invalid('1:1', /map of keys/)],
  'JSON that is cut off': ['{"version": 1, "rules": [', invalid('1:26', /must end with a \]|flow/i)],
  'another format': ['<rules version="1"/>', invalid('1:1', /map of keys/)],
  'a tab': [`${head}\t- id: a\n`, invalid('3:1', /tab.*spaces/)],
  'bad indentation': [`${head}  - id: a\n   kind: query\n`, invalid('4:1', /- indicator/)],
  'an open quote': [`${head}  - id: "a\n`, invalid('4:1', /quote/)],
  'an open bracket': [`${head}  - { id: a\n`, invalid('4:1', /flow|\}/i)],
  'a colon in a text': [`${rule}    why: this: that\n`, invalid('7:10', /mapping/i)],
  'a key twice': [`${rule}    column: d\n`, invalid('7:5', /'column' stands twice/)],
  'a key twice, once in quotes': [`${rule}    "column": d\n`, invalid('7:5', /stands twice/)],
  'a number and a text as one key': ['1: x\n"1": y\n', invalid('2:1', /stands twice/)],
  'a list as a key': [`${rule}    ? [a]\n    : b\n`, invalid('7:7', /key must be text.*quotes/)],
  'a merge key': [`${rule}    <<: { why: x }\n`, invalid('7:5', /unknown key '<<'/)],
  'an anchor': [`${rule}    why: &x y\n`, invalid('7:13', /anchors and aliases.*lists/)],
  'an alias': [`${rule}    why: *x\n`, invalid('7:10', /anchors and aliases/)],
  'an alias bomb': [`a: &a [x]\n${lines(26, (i) => `b${i}: &b${i} [*a, *a]`)}\n`, invalid('1:7', /anchors and aliases/)],
  'a tag': [`${rule}    why: !env PASSWORD\n`, invalid('7:15', /tag !env/)],
  'a tag of JavaScript': [`${rule}    why: !!js/function x\n`, invalid('7:24', /tag !!js/)],
  'a tag of YAML': [`${rule}    max_violations: !!int 5\n`, invalid('7:27', /tag !!int/)],
  'binary': [`${rule}    why: !!binary aGk=\n`, invalid('7:19', /tag !!binary/)],
  'YAML 1.1 by directive': [`%YAML 1.1\n---\n${rule}`, invalid('1:1', /directives/)],
  'a tag directive': [`%TAG ! tag:x,2000:\n---\n${rule}`, invalid('1:1', /directives/)],
  'two documents': [`${rule}---\n${rule}`, invalid('7:1', /one document/)],
  'YAML 1.1 for true': [`${head}  - { id: a, kind: exactly_one_of, tables: [t], columns: [a, b], at_least_one: yes }\n`, invalid('3:80', /'at_least_one' must be true or false/)],
  'an octal of YAML 1.1': [`${rule}    max_violations: 0o17x\n`, invalid('7:21', /must be a number/)],
  'a date of YAML 1.1 as a version': ['version: 2026-01-01\nrules: []\n', invalid('1:10', /'version' must be 1/)],
  'a NUL': [`${rule}    why: a\0b\n`, invalid('7:11', /invisible or control/)],
  'an escape of a terminal': [`${rule}    why: a\x1b[31mb\n`, invalid('7:11', /invisible or control/)],
  'a right-to-left override in a name': [`${head}  - { id: a, kind: not_null, tables: [t], column: "c\u202ed" }\n`, invalid('3:53', /invisible or control/)],
  'a zero-width space in a key': [`${head}  - { id: a, ki\u200bnd: query }\n`, invalid('3:16', /invisible or control/)],
  'a zero-width joiner by escape': [`${rule}    why: "a\\u200db"\n`, invalid('7:10', /escape.*invisible/)],
  'a NUL by escape': [`${rule}    why: "a\\0b"\n`, invalid('7:10', /escape.*control/)],
  'half a surrogate pair by escape': [`${rule}    why: "\\ud800"\n`, invalid('7:10', /escape/)],
  'a no-break space before a key': [`${head}  - { id: a,\u00a0kind: query }\n`, invalid('3:5', /no kind/)],
  'a Cyrillic letter in a key': [`${head}  - { id: a, kind: query, quеry: select 1 }\n`, invalid('3:27', /unknown key 'quеry'/)],
  'a Cyrillic letter in an id': [`${head}  - { id: tenаnt, kind: query, query: select 1 }\n`, invalid('3:11', /kebab-case/)],
  'a byte that is not UTF-8': [Buffer.from('version: 1\nname: caf\xe9\n', 'latin1'), invalid('2:10', /UTF-8/)],
  'a byte that is not UTF-8 behind one that is its mark': [Buffer.concat([Buffer.from('# \ufffd ü\n'), Buffer.from([0x20, 0xff])]), invalid('2:2', /UTF-8/)],
  'UTF-16': [Buffer.from('\ufeffversion: 1\n', 'utf16le'), invalid('1:1', /UTF-8/)],
  'an overlong NUL': [Buffer.from([0x61, 0xc0, 0x80]), invalid('1:2', /UTF-8/)],
  'a program': [Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]), invalid('1:1', /invisible or control/)],
  'lists 40 deep': [`a: ${'['.repeat(40)}${']'.repeat(40)}`, invalid('1:35', /deeper than 32/)],
  'lists 100,000 deep': ['['.repeat(100_000), invalid('1:33', /deeper than 32/)],
  'maps 1,000 deep': [lines(700, (i) => `${' '.repeat(i)}a:`), invalid('33:33', /deeper than 32/)],
  '60,000 values': [`a: [${'x,'.repeat(60_000)}]`, invalid('1:1', /more than 50000/)],
  '2,000 keys in one map': [lines(2_000, (i) => `k${i}: 1`), invalid('1:1', /2000 keys; at most 1000/)],
  'a list of 10,000 tables for each of 10 rules': [`version: 1\nlists: { l: [${Array.from({ length: 10_000 }, (_, i) => `t${i}`).join()}] }\nrules:\n${lines(10, (i) => `  - { id: r${i}, kind: not_null, tables: { list: l }, column: c }`)}\n`, invalid('4:3', /100000 tables.*at most 50000/)],
  'a rule for each of 12,000 lines': [head + lines(12_000, () => '  - {}'), invalid('', /and 11500 more mistakes/)],
  'a huge whole number': [`${rule}    missing_values: [9007199254740993]\n`, invalid('7:22', /too large.*quotes/)],
  'a huge number of violations': [`${rule}    max_violations: 1e400\n`, invalid('7:21', /'max_violations' must be a number/)],
  'half a violation': [`${rule}    max_violations: 0.5\n`, invalid('7:21', /must be a whole number/)],
  'a negative number': [`${rule}    max_violations: -1\n`, invalid('7:21', /must be 0 or more/)],
  'a prototype': [`${rule}    __proto__: { severity: notice }\n`, invalid('7:5', /__proto__/)],
  'a constructor': [`${rule}    constructor: x\n`, invalid('7:5', /unknown key 'constructor'/)],
  'no version': [`rules:\n  - { id: a, kind: query, query: select 1 }\n`, invalid('1:1', /'version' is missing/)],
  'version 2': [`version: 2\n${rule.slice(11)}`, invalid('1:10', /'version' must be 1/)],
  'version one in quotes': [`version: "1"\n${rule.slice(11)}`, invalid('1:10', /'version' must be 1/)],
  'no rules': ['version: 1\n', invalid('1:1', /'rules' is missing/)],
  'an empty list of rules': ['version: 1\nrules: []\n', invalid('2:8', /'rules' must have 1 or more/)],
  'rules that are nothing': ['version: 1\nrules:\n', invalid('2:7', /'rules' is empty/)],
  'rules as a map': ['version: 1\nrules: { a: b }\n', invalid('2:8', /'rules' must be a list/)],
  'a rule that is a word': ['version: 1\nrules: [a]\n', invalid('2:9', /must be a map/)],
  'a misspelt key at the top': [`verson: 1\n${rule}`, invalid('1:1', /unknown key 'verson' \(did you mean 'version'/)],
  'a misspelt key of a rule': [`${rule}    sevrity: error\n`, invalid('7:5', /did you mean 'severity'/)],
  'a misspelt severity': [`${rule}    severity: eror\n`, invalid('7:15', /must be one of: error, warning, notice/)],
  'a misspelt kind': [`${head}  - { id: a, kind: notnull }\n`, invalid('3:20', /did you mean 'not_null'/)],
  'no kind': [`${head}  - id: a\n`, invalid('3:5', /no kind.*not_null/)],
  'no id': [`${head}  - { kind: query, query: select 1 }\n`, invalid('3:5', /'id' is missing/)],
  'an id with a workflow command': [`${head}  - { id: "::error::x", kind: query, query: select 1 }\n`, invalid('3:11', /kebab-case/)],
  'an id of 101 letters': [`${head}  - { id: ${'a'.repeat(101)}, kind: query, query: select 1 }\n`, invalid('3:11', /at most 100/)],
  'an id twice': [`${rule}  - { id: a, kind: query, query: select 1 }\n`, invalid('7:11', /taken by the rule at .*:3/)],
  'a column that is a number': [`${head}  - { id: a, kind: not_null, tables: [t], column: 7 }\n`, invalid('3:51', /'column' must be text.*quotes, "7"/)],
  'a column that is nothing': [`${head}  - { id: a, kind: not_null, tables: [t], column: }\n`, invalid('3:51', /'column' is empty/)],
  'a column of 64 bytes': [`${head}  - { id: a, kind: not_null, tables: [t], column: ${'é'.repeat(32)} }\n`, invalid('3:51', /64 bytes/)],
  'a column of no letters': [`${head}  - { id: a, kind: not_null, tables: [t], column: "" }\n`, invalid('3:51', /must not be empty/)],
  'phases that are numbers': [`phases: [1, 1.5]\n${rule}`, invalid('1:13', /'phases' must be text.*"1.5"/)],
  'a phase to enforce from that is a number': [`phases: ["1"]\n${rule}    enforce_from: 1\n`, invalid('8:19', /'enforce_from' must be text.*"1"/)],
  'a phase that is not declared': [`phases: [first]\n${rule}    enforce_from: fist\n`, invalid('8:19', /unknown phase.*did you mean 'first'/)],
  'a phase twice': [`phases: [a, a]\n${rule}`, invalid('1:9', /twice/)],
  'a duration without a unit': [`${rule}    timeout: 30\n`, invalid('7:14', /'timeout' must be text|must look like/)],
  'a duration of 1,000 years': [`${rule}    timeout: 9000000h\n`, invalid('7:14', /at most 596h/)],
  'a list that is not declared': [`${head}  - { id: a, kind: not_null, tables: { list: own }, column: c }\n`, invalid('3:46', /unknown list 'own'/)],
  'a list that every object has': [`${head}  - { id: a, kind: not_null, tables: { list: toString }, column: c }\n`, invalid('3:46', /unknown list/)],
  'a table alone': [`${head}  - { id: a, kind: not_null, tables: t, column: c }\n`, invalid('3:38', /must be a list of table names/)],
  'a table twice': [`${head}  - { id: a, kind: not_null, tables: [t, t], column: c }\n`, invalid('3:42', /stands twice/)],
  'both column and columns': [`${rule}    columns: [d]\n`, invalid('3:5', /either `column` or `columns`/)],
  'a filter where none can be': [`${head}  - { id: a, kind: query, query: select 1, where: b }\n`, invalid('3:44', /unknown key 'where'/)],
  'half a SELECT': [`${head}  - { id: a, kind: query, query: select from where }\n`, notAllowed('3:46', /syntax error.*where/)],
  'a second statement': [when('b; drop table t'), notAllowed('3:61', /only one statement/)],
  'SQL of nothing': [when(''), invalid('3:57', /'when' must not be empty/)],
  'a sub-select': [when('b in (select 1)'), notAllowed('3:60', /SubLink.*query/)],
  'another table': [when('x.b'), notAllowed('3:58', /column's name alone/)],
  'SQL of 9,000 letters': [when('b'.repeat(9_000)), notAllowed('3:58', /longer than 8192/)],
  'SQL that is nested too deep': [when(`1${'+1'.repeat(4_000)} > 0`), notAllowed('3:58', /nested too deeply/)],
}; // prettier-ignore

const root = mkdtempSync(path.join(tmpdir(), 'rowgate-bad-'));
after(() => rmSync(root, { recursive: true }));
let folders = 0;

/** A new folder, to be filled. */
function newFolder(): string {
  const folder = path.join(root, String((folders += 1)));
  mkdirSync(folder);
  return folder;
}

for (const [what, [text, expected]] of Object.entries(texts)) {
  test(`a rules file is refused with a clear message: ${what}`, async () => {
    const folder = newFolder();
    writeFileSync(path.join(folder, 'rules.yml'), text);
    const { problems, rules } = await loadRules(['rules.yml'], folder);
    assertClear(problems, expected);
    assert.deepEqual(rules.rules, []);
    const lineCount = Buffer.from(text).toString().split('\n').length;
    for (const { at } of problems) {
      if (at) assert.ok(at.file === 'rules.yml' && at.line >= 1 && at.line <= lineCount && at.column >= 1);
    }
  });
}

// --- Files that are none, or not ours to read

const good = `${head}  - { id: a, kind: query, query: select 1 }\n`;
const notFound = (says: RegExp): Expected => ['rules-not-found', '', says];

/** What is made in a folder, which patterns are asked for, and what is wrong. */
const files: Record<string, readonly [make: (folder: string) => void, patterns: readonly string[], expected: Expected]> = {
  'none': [() => {}, ['no.yml'], notFound(/no\.yml: there is no such file.*working directory/)],
  'a pattern that matches none': [() => {}, ['rules/*.yml'], notFound(/no file matches 'rules\/\*\.yml'.*below/)],
  'a folder': [(folder) => mkdirSync(path.join(folder, 'a')), ['a'], notFound(/a: is not a file/)],
  'a pipe': [(folder) => execFileSync('mkfifo', [path.join(folder, 'pipe')]), ['pipe'], notFound(/pipe: is not a file/)],
  'a pipe behind a link': [(folder) => { execFileSync('mkfifo', [path.join(folder, 'pipe')]); symlinkSync('pipe', path.join(folder, 'a.yml')); }, ['a.yml'], notFound(/a\.yml: is not a file/)],
  'an endless device': [() => {}, ['/dev/zero'], notFound(/is not a file/)],
  'an endless device behind a link': [(folder) => symlinkSync('/dev/zero', path.join(folder, 'a.yml')), ['a.yml'], notFound(/a\.yml: is a symbolic link that leaves/)],
  'a link that a pattern finds': [(folder) => { writeFileSync(path.join(folder, 'b.txt'), good); symlinkSync('b.txt', path.join(folder, 'a.yml')); }, ['*.yml'], notFound(/a\.yml: is a symbolic link, which no pattern follows/)],
  'a link that leaves': [(folder) => symlinkSync('/etc/passwd', path.join(folder, 'a.yml')), ['a.yml'], notFound(/leaves the working directory/)],
  'a link that leaves through a folder': [(folder) => symlinkSync('/etc', path.join(folder, 'sub')), ['sub/passwd'], notFound(/leaves the working directory/)],
  'a folder that leaves, by a pattern': [(folder) => symlinkSync('/etc', path.join(folder, 'sub')), ['sub/*', '**/passwd'], notFound(/no file matches/)],
  'a pattern that leaves': [() => {}, ['../../**/passwd'], notFound(/no file matches/)],
  'a pattern of another place': [() => {}, ['/etc/pass*'], notFound(/no file matches/)],
  'a link to nothing': [(folder) => symlinkSync('gone', path.join(folder, 'a.yml')), ['a.yml'], notFound(/no such file/)],
  'a link to itself': [(folder) => symlinkSync('a.yml', path.join(folder, 'a.yml')), ['a.yml'], notFound(/link to itself/)],
  'a socket': [() => {}, ['/dev/log/../null'], notFound(/is not a file|no such file/)],
  'a file of the kernel without a size': [() => {}, ['/proc/sys/kernel/ostype'], invalid('1:1', /map of keys/)],
  '10 MB': [(folder) => { writeFileSync(path.join(folder, 'a.yml'), ''); truncateSync(path.join(folder, 'a.yml'), 10_000_000); }, ['a.yml'], notFound(/has 10000000 bytes; a rules file has at most 262144/)],
  '1 TB of nothing': [(folder) => { writeFileSync(path.join(folder, 'a.yml'), ''); truncateSync(path.join(folder, 'a.yml'), 1e12); }, ['a.yml'], notFound(/has 1000000000000 bytes/)],
  '300 files': [(folder) => { for (let i = 0; i < 300; i += 1) writeFileSync(path.join(folder, `${i}.yml`), good); }, ['*.yml'], notFound(/match 300 files; at most 200/)],
  '2 MB in all': [(folder) => { for (let i = 0; i < 10; i += 1) writeFileSync(path.join(folder, `${i}.yml`), `# ${'x'.repeat(200_000)}\n${good}`); }, ['*.yml'], notFound(/more than 1048576 bytes in all/)],
  'a name with a NUL': [() => {}, ['a\0.yml'], notFound(/no such file/)],
  'a name of 5,000 letters': [() => {}, ['a'.repeat(500)], notFound(/no such file/)],
}; // prettier-ignore

const skip = process.platform === 'win32' && 'Windows has no such files';

for (const [what, [make, patterns, expected]] of Object.entries(files)) {
  test(
    `a rules file is refused with a clear message, and waited for by nobody: ${what}`,
    { skip, timeout: 20_000 },
    async () => {
      const folder = newFolder();
      make(folder);
      const { problems, rules } = await loadRules(patterns, folder);
      assertClear(problems, expected);
      assert.ok(!JSON.stringify(rules).includes('root:'), 'nothing of the file is told');
    },
  );
}

// --- Options and connections

const options: readonly (readonly [RawOptions, says: RegExp])[] = [
  [{ maxConnections: '0' }, /--maxConnections: '0' is not a whole number from 1 to 64/], [{ maxConnections: '65' }, /from 1 to 64/], [{ maxConnections: '1e1' }, /'1e1' is not a whole number/],
  [{ maxConnections: '' }, /'' is not a whole number/], [{ samples: '-1' }, /--samples: '-1' is not/], [{ samples: 'all' }, /from 0 to 100/], [{ statementTimeout: '30' }, /'30' is not a duration.*30s/],
  [{ statementTimeout: '0s' }, /at least 1ms/], [{ statementTimeout: '600h' }, /at most 596h/], [{ failOn: 'Error' }, /did you mean 'error'/], [{ format: 'xml' }, /not one of text, json/], [{ driver: 'postgress' }, /did you mean 'postgres'/],
]; // prettier-ignore

for (const [raw, says] of options) {
  test(`an option is refused with what is allowed: ${JSON.stringify(raw)}`, () => {
    assertClear([thrownBy(() => parseOptions(raw, (name) => `--${name}`))], ['options-invalid', '', says]);
  });
}

function thrownBy(work: () => unknown): Problem {
  try {
    work();
  } catch (error) {
    return asProblem(error);
  }
  return assert.fail('nothing was refused');
}

const SECRET = 'hunter2secret';
const urls: readonly (readonly [url: string, says: RegExp])[] = [
  ['', /empty.*unset secret/], [' \n', /empty/], ['localhost/app', /begin with postgres:\/\//], ['$DATABASE_URL', /begin with postgres:\/\//], [`mysql://u:${SECRET}@h/d`, /begin with postgres/],
  [`"postgres://u:${SECRET}@h/d"`, /begins with a quote/], [`host=h user=u password=${SECRET} dbname=d`, /list of keywords/], ['postgres:///d', /no host/], [`postgres://u:${SECRET}@h`, /names no database/],
  [`postgres://u:a@${SECRET}@h/d`, /more than one @.*%40/], [`postgres://u:a#${SECRET}@h/d`, /raw #.*%23/], [`postgres://u:a/${SECRET}@h/d`, /raw @ or \/.*%2F/], [`postgres://u:a?${SECRET}@h/d`, /%3F/],
  [`postgres://u:${SECRET}%@h/d`, /password.*raw %.*%25/], [`postgres://u:${SECRET}%zz@h/d`, /wrong %XX/], [`postgres://u:${SECRET} x@h/d`, /blank or a line break/], [`postgres://u:${SECRET}@h:99999/d`, /port is not/],
  [`postgres://u:${SECRET}@h,i/d`, /several hosts/], [`postgres://u:${SECRET}@[::1/d`, /IPv6.*\[::1\]/], [`postgres://u:${SECRET}@h/d?sslmode=verify`, /sslmode is none of/], [`postgres://u:${SECRET}@h/d?sslrootcert=/none.pem`, /cannot read '\/none\.pem'/],
  [`postgres://u:${SECRET}@h/d?pgbouncer=true`, /does not take: pgbouncer/], [`postgres://u:${SECRET}@h/d?options=-crow_security%3Don`, /does not take: options/], [`postgres://u:${SECRET}@h/d?sslmode=require&sslmode=disable`, /sslmode twice/],
]; // prettier-ignore

for (const [url, says] of urls) {
  test(`a database URL is refused with what to write, and not shown: ${JSON.stringify(url)}`, () => {
    const problem = thrownBy(() => parseConnectionTarget({ url, env: {} }));
    // A file that cannot be read is named with the system's own code.
    const shown = { ...problem, message: problem.message.replace('(ENOENT)', '') };
    assertClear([shown], ['connection-invalid', '', says]);
    assert.ok(!`${problem.message} ${problem.hint}`.includes(SECRET));
  });
}

// --- What only the server's catalogue can refuse

const database = await createDatabase(`
  create type mood as enum ('sad', 'ok');
  create table t (id int primary key, n int, name text, token uuid, mood mood, at timestamptz);
  insert into t values (1, 1, 'x', null, 'ok', now());
  create table parent (id uuid primary key);
  create materialized view unfilled as select 1 as id with no data`);

const onT = (body: object): object => ({ tables: ['t'], ...body });
const ruled: Record<string, readonly [rule: object, expected: Expected]> = {
  'a misspelt table': [{ kind: 'not_null', tables: ['tt'], column: 'id' }, ['table-unknown', '3:48', /unknown table 'tt' in schema public \(did you mean 't'/]],
  'a table of another schema': [{ kind: 'not_null', tables: ['t'], schema: 'app', column: 'id' }, ['table-unknown', '3:48', /in schema app/]],
  'a sequence': [{ kind: 'not_null', tables: ['t_id_seq'], column: 'id' }, ['table-unknown', '3:48', /unknown table/]],
  'a pattern of schemas that matches none': [{ kind: 'not_null', tables: ['t'], schema: 'tenant_*', column: 'id' }, ['table-unknown', '3:48', /tenant_\*/]],
  'a column that no table has': [{ kind: 'not_null', tables: { with_column: 'tenant' }, column: 'id' }, ['table-unknown', '3:62', /no table in schema public has a column 'tenant'/]],
  'an exception that is not there': [{ kind: 'not_null', tables: { with_column: 'n', except: ['x'] }, column: 'id' }, ['table-unknown', '3:76', /unknown table 'x'/]],
  'a misspelt column': [onT({ kind: 'not_null', column: 'idd' }), ['column-unknown', '3:62', /unknown column 'idd' in public\.t \(did you mean 'id'/]],
  'a column of the system': [onT({ kind: 'not_null', column: 'ctid' }), ['column-unknown', '3:62', /unknown column 'ctid'/]],
  'a misspelt column in a condition': [onT({ kind: 'implies', when: 'n > 0 and nam is null', then: 'true' }), ['column-unknown', '3:70', /unknown column 'nam'.*did you mean 'name'/]],
  'a misspelt parent': [onT({ kind: 'references', parent: 'parnt', on: { n: 'id' } }), ['table-unknown', '3:64', /did you mean 'parent'/]],
  'keys that cannot be compared': [onT({ kind: 'references', parent: 'parent', on: { n: 'id' } }), ['rules-invalid', '3:78', /integer/]],
  'a condition that is none': [onT({ kind: 'implies', when: 'n', then: 'true' }), ['rules-invalid', '3:59', /must be type boolean, not type integer/]],
  'an aggregate in a condition': [onT({ kind: 'implies', when: 'sum(n) > 1', then: 'true' }), ['rules-invalid', '3:59', /[Aa]ggregate functions are not allowed/]],
  'a set in a condition': [onT({ kind: 'implies', when: 'generate_series(1, n) = 1', then: 'true' }), ['rules-invalid', '3:59', /[Ss]et-returning functions are not allowed/]],
  'a text for a number': [onT({ kind: 'implies', when: "n = 'one'", then: 'true' }), ['rules-invalid', '3:59', /does not fit the type/]],
  'a date that there is not': [onT({ kind: 'implies', when: "at > '2026-13-01'", then: 'true' }), ['rules-invalid', '3:59', /does not fit the type/]],
  'a collation that there is not': [onT({ kind: 'implies', when: 'name collate "nope" = name', then: 'true' }), ['rules-invalid', '3:59', /ollation "nope"/]],
  'a schema check of the wrong type': [onT({ kind: 'schema', check: "n = 'one'" }), ['rules-invalid', '3:59', /does not fit the type/]],
  'a schema check that is no condition': [onT({ kind: 'schema', check: 'n' }), ['rules-invalid', '3:59', /must be type boolean/]],
  'a schema check that cannot be compared': [onT({ kind: 'schema', check: 'n > token' }), ['rules-invalid', '3:59', /operator does not exist/i]],
  'a missing value of another type': [onT({ kind: 'not_null', column: 'token', missing_values: ['0'] }), ['rules-invalid', '3:87', /./]],
  'a missing value that is no label': [onT({ kind: 'not_null', column: 'mood', missing_values: ['glad'] }), ['rules-invalid', '3:86', /./]],
  'a query of a table without its schema': [{ kind: 'query', query: 'select id from t' }, ['rules-invalid', '3:59', /[Rr]elation "t" does not exist/]],
  'a query of a column that is not there': [{ kind: 'query', query: 'select idd from public.t' }, ['rules-invalid', '3:51', /[Cc]olumn "idd" does not exist/]],
  'a query of a function that is not there': [{ kind: 'query', query: 'select nofunc(1)' }, ['sql-not-allowed', '3:51', /function nofunc may not be called/]],
  'a key that the query does not give': [{ kind: 'query', query: 'select 1 as id', key: ['idd'] }, ['rules-invalid', '3:66', /"idd" does not exist/]],
}; // prettier-ignore

/** What is wrong with names ends a run before the server is asked about the rest. */
const NAMES: readonly ProblemCode[] = ['table-unknown', 'column-unknown'];

for (const about of ['names', 'everything else']) {
  test(`rules are refused at their lines by what the server knows: ${about}`, async () => {
    const tried = Object.entries(ruled).filter(
      ([, [, [code]]]) => NAMES.includes(code) === (about === 'names'),
    );
    const lines = tried.map(([, [body]]) => `  - ${JSON.stringify({ id: 'a-rule', ...body })}\n`);
    // All have ids of one length, so that the columns are those of a rule alone.
    const named = lines.map((line, i) => line.replace('a-rule', `r-${1000 + i}`));
    const { exitCode, problems } = await runGate({ url: database.url, rules: `${head}${named.join('')}` });
    assert.equal(exitCode, 3);
    for (const [i, [what, [, expected]]] of tried.entries()) {
      const here = problems.filter(({ at }) => at?.line === 3 + i);
      const problem = here.map(({ code, message, hint, at }) => ({ code: code as ProblemCode, message, hint: hint ?? undefined, at: at ? { ...at, line: 3 } : undefined })); // prettier-ignore
      assert.ok(problem.length > 0, what);
      assertClear(problem, expected);
    }
  });
}

test('a materialized view that was never filled is unknown, and the message says what to do', async () => {
  const rules = `${head}  - { id: a, kind: not_null, tables: [unfilled], column: id }\n`;
  const { exitCode, results } = await runGate({ url: database.url, rules });
  const [{ outcome, problem } = assert.fail()] = results;
  assert.deepEqual([exitCode, outcome, problem?.code], [2, 'unknown', 'not-measurable']);
  assert.match(`${problem?.message} ${problem?.hint}`, /materialized view.*refresh/);
});

test('every bad input had its clear message', (t) => {
  t.diagnostic(`bad inputs: ${counts.tried} tried, ${counts.clear} clear message`);
  assert.ok(counts.tried > 150);
  assert.equal(counts.clear, counts.tried);
});
