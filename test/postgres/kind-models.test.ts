// What the kinds count, against their words in plain code: small random tables with NULLs, orphans, duplicates, composite
// keys, domains, arrays and composite values, in plain, keyed, partitioned and inherited tables.
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { runGate } from '../support/run-gate.ts';
import { createDatabase } from '../support/server.ts';

type Text = string | null;
/** A row of a parent: its key, and what it holds. `half` says which of a table's two parts it lies in. */
type Parent = { a: Text; b: Text; x: Text; y: Text; half: string };
/** A row with two links, `a` and `b` to one parent, `c` and `d` to another. */
type Row = Parent & { c: Text; d: Text };
type Counts = Record<string, number>;

const PARENTS = ['plain', 'keyed', 'parted', 'inherited'] as const;
type World = { parents: Record<(typeof PARENTS)[number], Parent[]>; rows: Row[] };

const columns = 'a int, b tag, x int[], y pair';
const tables = `
  create domain tag as text; create type pair as (m int, n int);
  create table plain (${columns}, half int);
  create table keyed (${columns}, half int, unique (b, a));
  create table parted (${columns}, half int) partition by list (half);
  create table parted_0 partition of parted for values in (0); create table parted_1 partition of parted for values in (1);
  create table inherited (${columns}, half int, unique (a, b)); create table inherited_1 () inherits (inherited);
  create table rows (${columns}, c bigint, d varchar(3), half int) partition by list (half);
  create table rows_0 partition of rows for values in (0); create table rows_1 partition of rows for values in (1);
  create table heirs (${columns}, c bigint, d varchar(3), half int); create table heirs_1 () inherits (heirs);`;

const number = fc.constantFrom('1', '1', '1', '2', '2', null);
const tag = fc.constantFrom('t', 't', 't', 'u', null);
const held = { x: fc.constantFrom('{1}', '{1,NULL}', '{}', null), y: fc.constantFrom('(1,)', '(,)', null) };
const half = fc.constantFrom('0', '1');
const parent = fc.record({ a: number, b: tag, ...held, half });
const row = fc.record({ a: number, b: tag, ...held, c: number, d: tag, half });
const parents = fc.array(parent, { maxLength: 6 });
const world: fc.Arbitrary<World> = fc.record({
  parents: fc.record({
    plain: parents,
    keyed: parents.map((rows) => oneOfEachKey(rows)),
    parted: parents,
    inherited: parents.map((rows) => [
      ...oneOfEachKey(rows.filter((each) => each.half === '0')),
      ...rows.filter((each) => each.half === '1'),
    ]),
  }),
  rows: fc.array(row, { maxLength: 16 }),
});

function oneOfEachKey(rows: Parent[]): Parent[] {
  const isFirst = ({ a, b }: Parent, i: number) =>
    a === null || b === null || rows.findIndex((each) => each.a === a && each.b === b) === i;
  return rows.filter(isFirst);
}

function insert(table: string, names: readonly string[], rows: readonly Record<string, Text>[]): string {
  const literal = (value: Text = null) => (value === null ? 'null' : `'${value}'`);
  return rows
    .map((each) => {
      const into = each['half'] === '1' && ['inherited', 'heirs'].includes(table) ? `${table}_1` : table;
      return `insert into ${into} (${names.join(', ')}) values (${names.map((name) => literal(each[name])).join(', ')});`;
    })
    .join('\n');
}

type State = 'no_link' | 'orphan' | 'ambiguous' | { found: Parent };

/** What a link finds; `compared` are the columns by which several parents can contradict each other. */
function follow(a: Text, b: Text, rows: readonly Parent[], compared: readonly ('x' | 'y')[]): State {
  if (a === null || b === null) return 'no_link';
  const [found, ...more] = rows.filter((each) => each.a === a && each.b === b);
  if (!found) return 'orphan';
  const contradicts = (each: Parent) => compared.some((name) => each[name] !== found[name]);
  return more.some(contradicts) ? 'ambiguous' : { found };
}

function matchesParent({ a, b, x, y }: Row, rows: readonly Parent[]): string | undefined {
  const state = follow(a, b, rows, ['x', 'y']);
  if (typeof state === 'string') return state;
  const pairs: [Text, Text][] = [
    [x, state.found.x],
    [y, state.found.y],
  ];
  if (pairs.some(([mine, theirs]) => mine !== null && theirs !== null && mine !== theirs)) return 'different';
  if (pairs.some(([mine, theirs]) => mine === null && theirs !== null)) return 'child_null';
  return pairs.some(([mine, theirs]) => mine !== null && theirs === null) ? 'parent_null' : undefined;
}

function agrees(
  { a, b, c, d }: Row,
  lefts: readonly Parent[],
  rights: readonly Parent[],
): string | undefined {
  const [left, right] = [follow(a, b, lefts, ['x']), follow(c, d, rights, ['x'])];
  for (const gravest of ['ambiguous', 'orphan', 'no_link'])
    if (left === gravest || right === gravest) return gravest;
  if (typeof left === 'string' || typeof right === 'string') return undefined;
  if (left.found.x === right.found.x) return undefined;
  return left.found.x === null || right.found.x === null ? 'one_null' : 'different';
}

/** A rule as a flow map's inside, the class of each row by its words, and the classes that break it. */
type Model = { rule: string; classOf(row: Row, world: World): string | undefined; breaks: readonly string[] };

const BREAKING = [
  'different',
  'one_null',
  'orphan',
  'ambiguous',
  'null',
  'missing_value',
  'none',
  'several',
  'not_implied',
];

const models: Model[] = [
  ...PARENTS.flatMap((name, i) => [
    ...(['ignore', 'shared', 'differ'] as const).map((nulls): Model => ({
      rule: `kind: matches_parent, parent: ${name}, on: { a: a, b: b }, match: { x: x, y: y }, nulls: ${nulls}`,
      classOf: (each, { parents }) => matchesParent(each, parents[name]),
      breaks: [
        ...BREAKING,
        ...(nulls === 'ignore' ? [] : ['child_null']),
        ...(nulls === 'differ' ? ['parent_null'] : []),
      ],
    })),
    {
      rule: `kind: references, parent: ${name}, on: { c: a, d: b }`,
      classOf: ({ c, d }: Row, { parents }: World) => {
        const state = follow(c, d, parents[name], []);
        return typeof state === 'string' ? state : undefined;
      },
      breaks: BREAKING,
    },
    {
      rule: `kind: agrees, parents: [{ parent: ${name}, on: { a: a, b: b }, column: x }, { parent: ${PARENTS[(i + 1) % 4]}, on: { c: a, d: b }, column: x }], orphans: ignore`,
      classOf: (each: Row, { parents }: World) =>
        agrees(each, parents[name], parents[PARENTS[(i + 1) % 4] ?? name]),
      breaks: BREAKING.filter((each) => each !== 'orphan'),
    },
  ]),
  {
    rule: "kind: not_null, column: x, missing_values: ['{}', '{1,NULL}']",
    classOf: ({ x }) => (x === null ? 'null' : x === '{1}' ? undefined : 'missing_value'),
    breaks: BREAKING,
  },
  {
    rule: 'kind: not_null, column: y',
    classOf: ({ y }) => (y === null ? 'null' : undefined),
    breaks: BREAKING,
  },
  {
    rule: 'kind: exactly_one_of, columns: [x, y]',
    classOf: ({ x, y }) => {
      const set = [x, y].filter((each) => each !== null).length;
      return set === 0 ? 'none' : set > 1 ? 'several' : undefined;
    },
    breaks: BREAKING,
  },
  {
    rule: 'kind: implies, when: a = 1, then: c > a',
    classOf: ({ a, c }) => (a === '1' && c !== '2' ? 'not_implied' : undefined),
    breaks: BREAKING,
  },
];

function count({ classOf, breaks }: Model, each: World): { classes: Counts; violations: number } {
  const names = each.rows.flatMap((row) => classOf(row, each) ?? []);
  const classes = Object.fromEntries(
    [...new Set(names)].map((name) => [name, names.filter((other) => other === name).length]),
  );
  return { classes, violations: names.filter((name) => breaks.includes(name)).length };
}

test('the kinds count what their words say, and each row once, on any rows', async () => {
  const { url, run } = await createDatabase(tables);
  const rules = models.map(({ rule }, i) => `  - { id: r${i}, tables: [rows, heirs], ${rule} }\n`);
  const met = new Set<string>();
  const truncate = `truncate ${[...PARENTS, 'rows', 'heirs'].join(', ')};`;
  await fc.assert(
    fc.asyncProperty(world, async (each) => {
      const names = ['a', 'b', 'x', 'y', 'half'];
      await run(
        [
          truncate,
          ...PARENTS.map((name) => insert(name, names, each.parents[name])),
          ...['rows', 'heirs'].map((name) => insert(name, [...names, 'c', 'd'], each.rows)),
        ].join('\n'),
      );
      const report = await runGate({ url, rules: `version: 1\nrules:\n${rules.join('')}`, samples: 0 });
      assert.deepEqual(report.problems, []);
      const found = report.results.map(({ violations, classes }) => ({
        classes: Object.fromEntries(Object.entries(classes).filter(([, rows]) => rows > 0)),
        violations: violations?.count,
      }));
      const expected = models.flatMap((model) => [count(model, each), count(model, each)]);
      expected.forEach(({ classes }) => Object.keys(classes).forEach((name) => met.add(name)));
      assert.deepEqual(found, expected);
    }),
    { seed: 20261124, numRuns: 15 },
  );
  assert.deepEqual([...met].toSorted(), [...BREAKING, 'child_null', 'no_link', 'parent_null'].toSorted());
});
