// npm run new:kind NAME: the files and lines that a new kind of rule begins with. It compiles at once; its test fails.
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { ROOT } from './root.ts';

const INDEX = 'src/kinds/index.ts';
const SCHEMA = 'src/rules/rule-schema.ts';

/** One kind's name as the format, the file and the code spell it. */
type Names = { readonly snake: string; readonly kebab: string; readonly camel: string };

function namesOf(snake: string): Names {
  return {
    snake,
    kebab: snake.replaceAll('_', '-'),
    camel: snake.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
  };
}

/** What speaks against a name; undefined when nothing does. */
function refusal({ snake, kebab, camel }: Names): string | undefined {
  if (!/^[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*$/.test(snake))
    return 'a kind is named in snake_case, such as not_null';
  if (!canBeDeclared(camel) || ['column', 'sql'].includes(camel)) return 'the code could not use this name';
  if (new RegExp(`(const|function) ${camel}\\b`).test(read(INDEX))) return `${INDEX} uses this name already`;
  return [`src/kinds/${kebab}.ts`, `test/kinds/${snake}`]
    .find((path) => existsSync(join(ROOT, path)))
    ?.concat(' exists');
}

function canBeDeclared(name: string): boolean {
  try {
    return new Script(`'use strict'; const ${name} = 0;`) instanceof Script && name !== 'await';
  } catch {
    return false;
  }
}

/** Every file that a new kind makes or changes, by its path from the root. Writes nothing. */
function newFiles(names: Names): Map<string, string> {
  const { snake, kebab } = names;
  const fixture = (name: string): string => `test/kinds/${snake}/${name}`;
  return new Map([
    [`src/kinds/${kebab}.ts`, kindSource(names)],
    [fixture('rule.yml'), ruleFixture(names)],
    [fixture('bad.sql'), sqlFixture('(1, null), (2, 7)')],
    [fixture('good.sql'), sqlFixture('(1, 6), (2, 7)')],
    [fixture('expected.json'), expectedFixture(names)],
    [INDEX, withKind(read(INDEX), names)],
    [SCHEMA, withKeys(read(SCHEMA), names)],
  ]);
}

function kindSource({ snake, camel }: Names): string {
  return `import { ROW_ALIAS } from '../plan/plan.ts';
import { column, sql } from '../sql/sql.ts';
import type { Kind } from './kind.ts';

/** Breaks on rows that TODO: say which rows, and which it leaves alone. */
export const ${camel}: Kind<'${snake}'> = {
  name: '${snake}',
  ask({ spec }, relation, lookup) {
    const value = column(ROW_ALIAS, lookup.column(spec.column, ['column'], relation).name);
    // TODO: each class is a condition on one row, true or false and never NULL. Remove \`and false\`: no row meets it.
    const classes = [{ name: 'todo', rows: sql\`\${value} is null and false\`, breaks: true }];
    return { form: 'rows', classes };
  },
};
`;
}

function ruleFixture({ snake, kebab }: Names): string {
  return `version: 1
rules:
  - id: things-keep-${kebab}
    kind: ${snake}
    tables: [things]
    column: value
`;
}

function sqlFixture(rows: string): string {
  return `create table things (id bigint primary key, value bigint);\ninsert into things values ${rows};\n`;
}

function expectedFixture({ kebab }: Names): string {
  const result = (outcome: string, violations: number) => [
    {
      rule: `things-keep-${kebab}`,
      table: 'public.things',
      outcome,
      violations,
      classes: { todo: violations },
    },
  ];
  return `${JSON.stringify({ bad: result('broken', 1), good: result('held', 0) }, null, 2)}\n`;
}

/** The table of kinds with one more: its import in the order of the files, its entry at the end. */
function withKind(text: string, { snake, kebab, camel }: Names): string {
  const imports = [...text.matchAll(/^import .* from '\.\/([\w-]+)\.ts';\n/gm)];
  const next = imports.find(([, file = '']) => file > kebab);
  const last = imports.at(-1);
  const at = next?.index ?? (last ? last.index + last[0].length : 0);
  const imported = `${text.slice(0, at)}import { ${camel} } from './${kebab}.ts';\n${text.slice(at)}`;
  const entry = snake === camel ? `  ${camel},\n` : `  ${snake}: ${camel},\n`;
  return insertInto(imported, 'const kinds: ', '\n};', entry);
}

/** The rules format with one more kind, which has one key and no SQL of the author's. */
function withKeys(text: string, { snake }: Names): string {
  const shape = `  ${snake}: {\n    column: name.describe('TODO: what this column is.'),\n  },\n`;
  const withShape = insertInto(text, 'const kindShapes = ', '\n} as const satisfies', shape);
  return insertInto(withShape, 'export const SQL_KEYS: ', '\n};', `  ${snake}: [],\n`);
}

/** Puts lines before the first line that begins with `end` after `start`. */
function insertInto(text: string, start: string, end: string, lines: string): string {
  const at = text.indexOf(end, text.indexOf(start));
  if (!text.includes(start) || at === -1)
    throw new Error(`cannot find the end of '${start.trim()}': add its line by hand`);
  return `${text.slice(0, at + 1)}${lines}${text.slice(at + 1)}`;
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

function nextSteps({ snake, kebab }: Names): string {
  return `
What to edit next:
  1. ${SCHEMA}: the keys of ${snake} in kindShapes; in SQL_KEYS those that hold the author's SQL.
  2. src/kinds/${kebab}.ts: the rows that break the rule.
  3. test/kinds/${snake}/: rows for every class, and what is to be found in them.
  4. docs/rules.md: its keys and classes.
Then: npm test -- kinds, and npm run generate.
`;
}

const names = namesOf(process.argv[2] ?? '');
const problem = refusal(names);
if (problem !== undefined) {
  process.stderr.write(`npm run new:kind NAME: '${names.snake}': ${problem}\n`);
  process.exitCode = 1;
} else {
  for (const [path, content] of newFiles(names)) {
    await mkdir(dirname(join(ROOT, path)), { recursive: true });
    await writeFile(join(ROOT, path), content);
    process.stdout.write(`${path}\n`);
  }
  process.stdout.write(nextSteps(names));
}
