// Whichever way a check is answered, it says what reading every row says: on random tables with random constraints and indexes, some of
// which look as if they could be trusted and cannot.
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { Report } from '../../src/report/report.ts';
import { runGate, type GateOptions } from '../support/run-gate.ts';
import { createTemplate, testServer, type TestDatabase } from '../support/server.ts';

const { version } = await testServer();

/** Types that are compared with each other, and values of them; of texts some are equal in one type or collation and differ in another. */
const NUMBERS = ['int', 'bigint', 'numeric', 'smallint'];
const TEXTS = ['text', 'varchar(9)', 'code', 'char(3)', 'text collate "C"', 'text collate loose'];
const VALUES = { numbers: ['1', '2', '3', '40'], texts: ['a', 'A', 'b', 'a ', ''] };

type Family = keyof typeof VALUES;
/** A column of the rows, and the one of their parents that it is compared with. */
type Pair = { family: Family; child: string; parent: string };
type Row = Record<'a' | 'b' | 'v', number | null> & { w: string; s: string; f: string; half: 0 | 1 };
type Shape = 'plain' | 'partitioned' | 'inherited';
type World = {
  a: Pair;
  b: Pair;
  v: Pair;
  rowsAre: Shape;
  parentsAre: Shape;
  parents: Row[];
  rows: Row[];
  late: Row[];
  /** Of the rows that break something, which are put right before there are constraints. */
  mended: string[];
  sound: number;
  indexes: string[];
  keys: string[];
  constraints: string[];
  analyzed: boolean;
};

/** Two columns of which each has a collation of its own cannot be compared. */
const pairOf = (family: Family, child: string, parent: string): Pair => ({
  family,
  child,
  parent: child.includes('collate') && parent.includes('collate') ? child : parent,
});
const texts = fc.constantFrom(...TEXTS);
const numbers = fc.constantFrom(...NUMBERS);
const pair = fc.oneof(
  fc.tuple(numbers, numbers).map(([child, parent]) => pairOf('numbers', child, parent)),
  numbers.map((type) => pairOf('numbers', type, type)),
  fc.tuple(texts, texts).map(([child, parent]) => pairOf('texts', child, parent)),
  texts.map((type) => pairOf('texts', type, type)),
);

const place = fc.option(fc.nat(3), { freq: 6 });
const row: fc.Arbitrary<Row> = fc.record({
  a: place,
  b: place,
  v: place,
  w: fc.constantFrom('0', '1', '2', '3', 'null'),
  s: fc.constantFrom("'x'", 'null', 'null', "''"),
  f: fc.constantFrom('true', 'false', 'null'),
  half: fc.constantFrom(0, 1),
});

/** The first two values of texts, and the fourth, can be one key; of what is NULL there can be many. */
const isOnce = (at: number | null): unknown => (at === null ? {} : [0, 1, 3].includes(at) ? 0 : at);

/** What makes a rule's rows right, as an owner would before a constraint. */
const MENDED = {
  w: 'update rows set w = 1 where w is null or w = 0',
  s: 'update rows set s = case when w is null then coalesce(s, $$y$$) end',
  f: 'update rows set w = 2 where f and w is null',
  low: 'update rows set w = 2 where w > 2',
  a: 'delete from rows where a is null',
  v: 'delete from rows where v is null',
  orphans: 'delete from rows r where a is not null and not exists (select from parents p where p.a = r.a)',
  tenants:
    'delete from rows r where a is not null and not exists (select from parents p where p.a = r.a and p.v = r.v)',
  wide: 'delete from rows r where not exists (select from parents p where p.a = r.a and p.b = r.b)',
};

/** Made while the tables are empty: these know no row that comes later, as an index that failed to build. */
const blind = (name: string): string =>
  `update pg_index set indisvalid = false, indisready = false where indexrelid = '${name}'::regclass
    or indexrelid in (select inhrelid from pg_inherits where inhparent = '${name}'::regclass)`;
const BLIND = {
  'blind rows (a, v)': ['create index blind_av on rows (a, v)', blind('blind_av')],
  'blind rows (w) where w is null': ['create index blind_w on rows (w) where w is null', blind('blind_w')],
  'blind unique parents (a)': ['create unique index blind_a on parents (a)', blind('blind_a')],
};

const INDEXES = {
  ...BLIND,
  'rows (a)': ['create index on rows (a)'],
  'rows (a, v)': ['create index on rows (a, v)'],
  'rows (a desc, v desc)': ['create index on rows (a desc, v desc)'],
  'rows (a, v nulls first)': ['create index on rows (a, v nulls first)'],
  'rows (b, a)': ['create index on rows (b, a)'],
  'rows (v) include (a)': ['create index on rows (v) include (a)'],
  'rows (w)': ['create index on rows (w)'],
  'rows (w) where w is null': ['create index on rows (w) where w is null'],
  'rows (id) where f and w is null': ['create index on rows (id) where f and w is null'],
  'rows (w) where f': ['create index on rows (w) where f'],
  'rows (coalesce(w, 0))': ['create index on rows ((coalesce(w, 0)))'],
  'rows (f, w)': ['create index on rows (f, w)'],
  'rows using hash (a)': ['create index on rows using hash (a)'],
  'rows using brin (w)': ['create index on rows using brin (w)'],
  'only rows (w)': ['create index on only rows (w)'],
  'first half (w)': ['create index on rows_0 (w)'],
};

const KEYS = {
  'parents (a)': ['alter table parents add constraint parents_a unique (a)'],
  'parents primary': ['alter table parents add constraint parents_pk primary key (a)'],
  'parents (a, v)': ['alter table parents add constraint parents_av unique (a, v)'],
  'parents (b, a)': ['alter table parents add constraint parents_ab unique (b, a)'],
  'parents (a, b, v)': ['create unique index on parents (a, b, v)'],
  'parents (a) where v is not null': ['create unique index on parents (a) where v is not null'],
  'parents (a) deferrable': ['alter table parents add unique (a) deferrable initially deferred'],
  'parents (a collate "C")': ['create unique index on parents (a collate "C")'],
  'parents (lower(a))': ['create unique index on parents (lower(a::text), b)'],
  'parents (a) nulls not distinct': ['create unique index on parents (a) nulls not distinct'],
};

const check = (name: string, condition: string, more = ''): string[] => [
  `alter table rows add constraint "${name}" check (${condition}) ${more}`,
];
const key = (columns: string, more = ''): string[] => [
  `alter table rows add foreign key (${columns}) references parents (${columns}) ${more}`,
];
const CONSTRAINTS = {
  'w not null': ['alter table rows alter w set not null'],
  'a not null': ['alter table rows alter a set not null'],
  'v not null': ['alter table rows alter v set not null'],
  'only w not null': ['alter table only rows alter w set not null'],
  'w not null not valid': ['alter table rows add constraint late_w not null w not valid'],
  'w not null no inherit': ['alter table rows add constraint own_w not null w no inherit'],
  'check w': check('check w', 'w is not null'),
  'check w not valid': check('check w not valid', 'w is not null', 'not valid'),
  'check w not enforced': check('check w not enforced', 'w is not null', 'not enforced'),
  'check w no inherit': check('check w no inherit', 'w is not null', 'no inherit'),
  'check w of the first half': ['alter table rows_0 add constraint half_w check (w is not null)'],
  'check w > 0': check('check w > 0', 'w > 0'),
  'check w < 3': check('check w < 3', 'w < 3'),
  'check w < 3 not valid': check('check w < 3 not valid', 'w < 3', 'not valid'),
  'check one': check('check one', 'num_nonnulls(w, s) = 1'),
  'check some': check('check some', 'num_nonnulls(w, s) >= 1'),
  'check some no inherit': check('check some no inherit', 'num_nonnulls(w, s) >= 1', 'no inherit'),
  'check f': check('check f', 'not f or w is not null'),
  'check f not valid': check('check f not valid', 'f is not true or w is not null', 'not valid'),
  'key (a)': key('a'),
  'key (a) not valid': key('a', 'not valid'),
  'key (a) not enforced': key('a', 'not enforced'),
  'key (a) match full': key('a', 'match full'),
  'key (a, b)': key('a, b'),
  'key (a, b) not valid': key('a, b', 'not valid'),
  'key (a, v)': key('a, v'),
  'key (a, v) not valid': key('a, v', 'not valid'),
  'rows unguarded': ['alter table rows disable trigger all'],
  'half the rows unguarded': ['alter table rows_1 disable trigger all'],
  'parents unguarded': ['alter table parents disable trigger all'],
};

const some = (of: object, minLength = 0): fc.Arbitrary<string[]> =>
  fc.shuffledSubarray(Object.keys(of), { minLength });
const shape = fc.constantFrom<Shape>('plain', 'plain', 'partitioned', 'inherited');
const anyWorld: fc.Arbitrary<World> = fc.record({
  a: pair,
  b: pair,
  v: pair,
  rowsAre: shape,
  parentsAre: shape,
  parents: fc.oneof(
    fc.array(row, { maxLength: 6 }),
    fc.uniqueArray(row, { selector: ({ a }) => isOnce(a), maxLength: 6 }),
    fc.uniqueArray(row, { selector: ({ a }) => isOnce(a), maxLength: 6 }),
  ),
  rows: fc.array(row, { maxLength: 16 }),
  late: fc.array(row, { maxLength: 4 }),
  mended: some(MENDED),
  sound: fc.constantFrom(0, 2, 60),
  indexes: some(INDEXES, 4),
  keys: some(KEYS, 3),
  constraints: some(CONSTRAINTS, 6),
  analyzed: fc.constantFrom(true, true, true, false),
});

/** What a loose index scan needs, of which a random world seldom has all. */
const steppingWorld: fc.Arbitrary<World> = fc
  .tuple(
    anyWorld,
    fc.constantFrom('int', 'bigint', 'numeric', 'text', 'text collate "C"', 'code'),
    fc.uniqueArray(row, { selector: ({ a }) => isOnce(a), minLength: 2, maxLength: 6 }),
    fc.constantFrom('rows (a, v)', 'rows (a desc, v desc)', 'rows (a, v nulls first)'),
  )
  .map(([world, type, parents, index]) => {
    const same = pairOf(NUMBERS.includes(type) ? 'numbers' : 'texts', type, type);
    const indexes = [...new Set([index, ...world.indexes])];
    const keys = ['parents (a)', ...world.keys.filter((name) => name !== 'parents (a)')];
    return { ...world, a: same, v: same, rowsAre: 'plain', parents, indexes, keys, analyzed: true };
  });

const template = await createTemplate(`
  create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  create domain code as text;
  create table applied (what text);
  create function attempt(what text, variadic statements text[]) returns void language plpgsql as $$ begin
    for i in 1 .. cardinality(statements) loop execute statements[i]; end loop;
    insert into applied values (what);
  exception when others then null;
  end $$;`);

/** Statements of which some are not possible with the rows, types and server there are; then they are left out whole. */
const attempt = (what: string, statements: readonly string[]): string =>
  `select attempt(${[what, ...statements].map((each) => `$q$${each}$q$`).join(', ')});`;

function build(world: World): string {
  const { a, b, v, rowsAre, parentsAre } = world;
  const columns = (side: 'child' | 'parent'): string =>
    `id serial, a ${a[side]}, b ${b[side]}, v ${v[side]}, w int, s text, f boolean, half int`;
  const table = (name: string, is: Shape, side: 'child' | 'parent', by: string, parts: string[]): string => {
    const main = `create table ${name} (${columns(side)})`;
    if (is === 'plain') return `${main};`;
    if (is === 'inherited') return `${main}; create table ${name}_1 () inherits (${name});`;
    const partitions = parts.map((part, i) => `create table ${name}_${i} partition of ${name} ${part};`);
    return `${main} partition by ${by}; ${partitions.join(' ')}`;
  };
  const insert = (name: string, is: Shape, each: Row): string => {
    const literal = ({ family }: Pair, at: number | null): string =>
      at === null ? 'null' : `'${VALUES[family][at]}'`;
    const into = is === 'inherited' && each.half === 1 ? `${name}_1` : name;
    const values = [
      literal(a, each.a),
      literal(b, each.b),
      literal(v, each.v),
      each.w,
      each.s,
      each.f,
      each.half,
    ];
    return `insert into ${into} (a, b, v, w, s, f, half) values (${values.join(', ')})`;
  };
  const all = (from: Readonly<Record<string, readonly string[]>>, names: readonly string[]): string[] =>
    names.map((name) => attempt(name, from[name] ?? []));
  const isBlind = (name: string): boolean => name in BLIND;
  const mended: Readonly<Record<string, string>> = MENDED;
  return [
    table('parents', parentsAre, 'parent', 'hash (a)', ['for values with (modulus 2, remainder 0)', 'for values with (modulus 2, remainder 1)']), // prettier-ignore
    table('rows', rowsAre, 'child', 'list (half)', ['for values in (0)', 'default']),
    ...all(INDEXES, world.indexes.filter(isBlind)),
    ...world.parents.map((each) => `${insert('parents', parentsAre, each)};`),
    ...world.rows.map((each) => `${insert('rows', rowsAre, each)};`),
    `insert into rows (a, b, v, w, f, half) select a, b, v, 1, true, 0 from parents, generate_series(1, ${world.sound});`,
    ...world.mended.map((name) => `${mended[name]};`),
    ...all(KEYS, world.keys),
    ...all(INDEXES, world.indexes.filter((name) => !isBlind(name))), // prettier-ignore
    ...all(CONSTRAINTS, world.constraints),
    // A parent that goes, and rows that come: where no constraint that is at work keeps them from it.
    attempt('a parent goes', ['delete from parents where id = 1']),
    ...world.late.map((each) => attempt('rows come', [insert('rows', rowsAre, each)])),
    ...(world.analyzed ? ['analyze parents, rows;'] : []),
  ].join('\n');
}

type Rule = { rule: string; broken: (world: World) => string; limit?: number };

const REFERENCES = (on: string) => `kind: references, parent: parents, on: ${on}`;
const MATCHES = (on: string, match: string, nulls: string) =>
  `kind: matches_parent, parent: parents, on: ${on}, match: ${match}, nulls: ${nulls}`;

/** The same as one condition on a row `r`, as its words say. */
function links(on: readonly ('a' | 'b')[], match: readonly ('b' | 'v')[] = [], nulls = 'ignore') {
  return (world: World): string => {
    const is = (alias: string): string => on.map((name) => `${alias}.${name} = r.${name}`).join(' and ');
    const collate = (name: 'b' | 'v'): string =>
      world[name].child.endsWith('loose') ? ' collate loose' : '';
    const contradicts = match.map(
      (name) => `p.${name} <> (q.${name}${collate(name)}) or (p.${name} is null) <> (q.${name} is null)`,
    );
    const differs = match.flatMap((name) => [
      `p.${name} <> r.${name}`,
      ...(nulls === 'ignore' ? [] : [`r.${name} is null and p.${name} is not null`]),
      ...(nulls === 'differ' ? [`r.${name} is not null and p.${name} is null`] : []),
    ]);
    const any = [
      `not exists (select from parents p where ${is('p')})`,
      ...(match.length > 0
        ? [
            `exists (select from parents p, parents q where ${is('p')} and ${is('q')} and (${contradicts.join(' or ')}))`,
            `exists (select from parents p where ${is('p')} and (${differs.join(' or ')}))`,
          ]
        : []),
    ];
    return `${on.map((name) => `r.${name} is not null`).join(' and ')} and (${any.join(' or ')})`;
  };
}
const plainly = (condition: string) => () => condition;

const RULES: Rule[] = [
  { rule: 'kind: not_null, column: w', broken: plainly('w is null') },
  { rule: 'kind: not_null, column: w, count: { at_least: 2 }', broken: plainly('w is null'), limit: 2 },
  { rule: 'kind: not_null, column: w, missing_values: [0]', broken: plainly('w is null or w = 0') },
  { rule: 'kind: not_null, column: w, where: f', broken: plainly('f and w is null') },
  { rule: 'kind: not_null, column: a', broken: plainly('a is null') },
  { rule: 'kind: not_null, columns: [a, v, w]', broken: plainly('a is null or v is null or w is null') },
  { rule: 'kind: exactly_one_of, columns: [w, s]', broken: plainly('num_nonnulls(w, s) <> 1') },
  { rule: 'kind: exactly_one_of, columns: [w, s], at_least_one: true', broken: plainly('num_nonnulls(w, s) = 0') },
  { rule: 'kind: implies, when: f, then: w is not null', broken: plainly('f and w is null') },
  { rule: 'kind: implies, when: w > 0, then: w < 3', broken: plainly('w > 2') },
  { rule: "kind: implies, when: w = 1, then: s = 'x'", broken: plainly("w = 1 and s is distinct from 'x'") },
  { rule: REFERENCES('{ a: a }'), broken: links(['a']) },
  { rule: `${REFERENCES('{ a: a }')}, count: { at_least: 2 }`, broken: links(['a']), limit: 2 },
  { rule: `${REFERENCES('{ a: a }')}, where: f and w is null`, broken: (world) => `f and w is null and ${links(['a'])(world)}` },
  { rule: REFERENCES('{ a: a, b: b }'), broken: links(['a', 'b']) },
  { rule: MATCHES('{ a: a }', '{ v: v }', 'differ'), broken: links(['a'], ['v'], 'differ') },
  { rule: MATCHES('{ a: a }', '{ v: v }', 'shared'), broken: links(['a'], ['v'], 'shared') },
  { rule: MATCHES('{ a: a }', '{ v: v }', 'ignore'), broken: links(['a'], ['v']) },
  { rule: MATCHES('{ a: a }', '{ b: b, v: v }', 'ignore'), broken: links(['a'], ['b', 'v']) },
  { rule: MATCHES('{ a: a, b: b }', '{ v: v }', 'differ'), broken: links(['a', 'b'], ['v'], 'differ') },
]; // prettier-ignore

/** With a time limit of its own no rule shares a statement, so that each is answered by what is cheapest for it alone. */
const rulesFile = (isApart: boolean): string =>
  `version: 1\nrules:\n${RULES.map(
    ({ rule }, i) => `  - { id: r${i}, tables: [rows], ${rule}${isApart ? `, timeout: ${i + 60}s` : ''} }\n`,
  ).join('')}`;

/** By plain SQL that reads every row, of every parent too. */
async function expectedOf(database: TestDatabase, world: World): Promise<number[]> {
  const counts = RULES.map(({ broken }) => `(select count(*) from rows r where ${broken(world)})::int`);
  const [found] = await database.rows(`select array[${counts.join(',\n')}] as counts`);
  const all = (found?.['counts'] ?? []) as number[];
  return all.map((count, i) => Math.min(count, RULES[i]?.limit ?? count));
}

/** What is said of each check; of one that is proved no row was read, so that nothing is known but that none breaks it. */
const said = ({ problems, results }: Report, like: Report) => ({
  problems,
  results: results.map(({ rule, outcome, violations, classes, problem }, i) => {
    const isProved = like.results[i]?.strategy === 'proved';
    return { rule, outcome, violations, problem, classes: isProved ? {} : classes };
  }),
});

/** How often each way is taken, so that this file says something of it. */
const AT_LEAST = {
  proved: 300,
  'index probe': 100,
  'loose index scan': 30,
  'fused scan': 100,
  // Before PostgreSQL 14 the server would read the whole table for each part.
  'counts and samples in one': 30,
};

const SINCE = [
  { major: 15, what: ['parents (a) nulls not distinct'] },
  { major: 18, what: ['check w not enforced', 'key (a) not enforced', 'w not null no inherit', 'w not null not valid'] },
]; // prettier-ignore

/** All of them on the oldest and on the newest; between them a part, as they are much alike and this takes its time. */
const WORLDS = 40;
const worlds = version === 13 || version >= 18 ? WORLDS : 12;

/** A server for which reading a table is the last resort. */
const DEAR_SCANS = { seq_page_cost: 10_000, random_page_cost: 0.01, cpu_tuple_cost: 1 };

test('each strategy counts what a scan counts, and what plain SQL counts, whatever constraints and indexes there are', async (t) => {
  const met = new Map<string, number>();
  const meet = (what: string): void => void met.set(what, (met.get(what) ?? 0) + 1);

  const gate = async (url: string, isApart: boolean, options: Partial<GateOptions>): Promise<Report> => {
    const beforeQuery = (text: string): Promise<void> => {
      if (text.includes('as "is_cut"')) meet('counts and samples in one');
      if (text.startsWith('select') && /"[vc]0(_0)?"[^]*"[vc]1(_0)?"/.test(text)) meet('fused scan');
      return Promise.resolve();
    };
    const rules = rulesFile(isApart);
    const report = await runGate({ url, rules, samples: 0, maxConnections: 1, beforeQuery, ...options });
    for (const { strategy } of report.results) meet(strategy);
    return report;
  };

  const property = fc.asyncProperty(fc.oneof(anyWorld, anyWorld, steppingWorld), async (world) => {
    const script = build(world);
    const database = await template.createDatabase();
    const { url, name } = database;
    const set = (settings: object): Promise<void> =>
      database.run(Object.entries(settings).map(([key, value]) => `alter database ${name} set ${key} = ${value};`).join(' ')); // prettier-ignore
    await database.run(script);
    for (const { what } of await database.rows('select what from applied')) meet(String(what));

    const scanned = await gate(url, false, { strategy: 'scan', proofs: false });
    assert.deepEqual(scanned.problems, [], script);
    const counts = scanned.results.map(({ violations }) => violations?.count);
    assert.deepEqual(counts, await expectedOf(database, world), `plain SQL\n${script}`);
    const same = (report: Report, how: string): void =>
      assert.deepEqual(said(report, report), said(scanned, report), `${how}\n${script}`);

    same(await gate(url, false, {}), 'auto');
    await set(DEAR_SCANS);
    same(await gate(url, true, { proofs: false }), 'scans are dear');
    await set({ ...DEAR_SCANS, enable_indexscan: 'off', enable_indexonlyscan: 'off' });
    same(await gate(url, true, {}), 'scans are dear, and indexes are read by bitmaps');
    // As if they were large, so that the server lends workers for them.
    await set({ cpu_tuple_cost: 10_000, min_parallel_table_scan_size: 0 });
    await database.run(`update pg_class set relpages = 70000 where relname in ('rows', 'rows_0', 'rows_1')`);
    const byAll = await gate(url, false, { strategy: 'scan', proofs: false, maxConnections: 3, samples: 2 });
    same(byAll, 'by all, with samples');
    for (const { violations, samples } of byAll.results)
      assert.equal(samples.length, Math.min(2, violations?.count ?? 0), script);
    await database.drop();
  });
  await fc.assert(property, {
    numRuns: worlds,
    seed: 20_261_127,
    endOnFailure: true,
    includeErrorInReport: true,
  });

  for (const what of Object.keys(AT_LEAST)) t.diagnostic(`${what}: ${met.get(what)}`);
  const seldom = Object.entries(AT_LEAST).filter(
    ([what, times]) => (met.get(what) ?? 0) < (times * worlds) / WORLDS,
  );
  assert.deepEqual(seldom, []);
  if (worlds < WORLDS) return;
  const never = Object.keys({ ...INDEXES, ...KEYS, ...CONSTRAINTS }).filter((what) => !met.has(what));
  assert.deepEqual(never.toSorted(), SINCE.flatMap(({ major, what }) => (version < major ? what : [])).toSorted()); // prettier-ignore
});
