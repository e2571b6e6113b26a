import { identifier } from '../sql/identifier.ts';
import { checkExpression, checkSelect, type GrammarError } from '../sql/grammar.ts';
import { parseDurationMs } from '../support/duration.ts';
import { didYouMean } from '../support/nearest.ts';
import { Problem, type Position } from '../support/problem.ts';
import { makeAuthorSql } from './author-sql.ts';
import type { AuthorSql, NamedTable, Rule, TableSelector } from './rule.ts';
import {
  KIND_NAMES,
  ruleKeys,
  ruleSchema,
  rulesFileSchema,
  SQL_KEYS,
  type KindName,
  type RulesFile,
} from './rule-schema.ts';
import { readYaml, type Path, type YamlDocument } from './yaml-document.ts';

export type ParsedRules = { readonly rules: readonly Rule[]; readonly problems: readonly Problem[] };

/** Keys of the format outside of rules, for suggestions. */
const OUTER_KEYS = [
  'version',
  'name',
  'defaults',
  'phases',
  'lists',
  'rules',
  'list',
  'with_column',
  'except',
];
const EXEMPTION_KEYS = ['table', 'reason', 'owner', 'expires'];
const NESTED_KEYS = [
  'parent',
  'on',
  'column',
  'from',
  'via',
  'table',
  'set',
  'schema',
  'severity',
  'timeout',
  'value',
  'stall',
  ...EXEMPTION_KEYS,
];

/** Turns one file's text into rules, or into every mistake that it holds; never into some of its rules. Reads nothing. */
export async function parseRules(path: string, text: string): Promise<ParsedRules> {
  const yaml = readYaml(path, text);
  if ('problems' in yaml) return { rules: [], problems: yaml.problems };
  const { document } = yaml;
  const checked = rulesFileSchema.safeParse(document.value);
  const mistakes = checked.success
    ? []
    : checked.error.issues.flatMap((issue) => explainIssue(document, issue));
  const file = checked.success
    ? (checked.data as ReadableFile)
    : soundParts(document.value, checked.error.issues);
  const tooMany = tooManyTables(document, file);
  if (tooMany.length > 0) return { rules: [], problems: tooMany };
  const made = await Promise.all(
    file.rules.map((rule, index) => (rule ? makeRule(document, file, rule, index) : { problems: [] })),
  );
  const rules = made.flatMap((each) => ('rule' in each ? each.rule : []));
  const problems = [...mistakes, ...made.flatMap((each) => each.problems), ...findRepeatedIds(rules)];
  return { rules: problems.length > 0 ? [] : rules, problems };
}

/** More tables than this in the rules of one file, lists counted for each rule that uses them, is a mistake or an attack. */
const MAX_TABLE_NAMES = 50_000;

function tooManyTables(document: YamlDocument, { rules, lists = {} }: ReadableFile): Problem[] {
  const count = (tables: RuleInput['tables']): number => {
    if (Array.isArray(tables)) return tables.length;
    return tables && 'list' in tables && Object.hasOwn(lists, tables.list)
      ? (lists[tables.list] ?? []).length
      : 0;
  };
  const total = rules.reduce((sum, rule) => sum + count(rule?.tables), 0);
  if (total <= MAX_TABLE_NAMES) return [];
  const message = `the rules name ${total} tables in all; at most ${MAX_TABLE_NAMES} are read of a file`;
  return [new Problem('rules-invalid', message, { at: document.locate(['rules']) })];
}

/** A file of which some rules may not fit the format: those that do are looked at further, so that all mistakes show at once. */
type ReadableFile = Omit<RulesFile, 'rules'> & { readonly rules: readonly (RuleInput | undefined)[] };

function soundParts(value: unknown, issues: readonly Issue[]): ReadableFile {
  const file = value as RulesFile;
  if (issues.some(({ path }) => path[0] !== 'rules' || path.length === 1)) return { version: 1, rules: [] };
  const broken = new Set(issues.map(({ path }) => path[1]));
  return {
    ...file,
    rules: file.rules.map((rule, index) =>
      broken.has(index) ? undefined : (ruleSchema.parse(rule) as RuleInput),
    ),
  };
}

/** A problem for each rule whose id another rule has already. */
export function findRepeatedIds(rules: readonly Rule[]): Problem[] {
  const first = new Map<string, Rule>();
  return rules.flatMap((rule) => {
    const earlier = first.get(rule.id);
    first.set(rule.id, earlier ?? rule);
    if (!earlier || earlier === rule) return [];
    const place = `${earlier.source.file}:${earlier.source.line}`;
    return [
      new Problem('rules-invalid', `the id '${rule.id}' is taken by the rule at ${place}`, {
        at: rule.locate(['id']),
      }),
    ];
  });
}

type Issue = {
  readonly code: string;
  readonly message: string;
  readonly expected?: string;
  readonly origin?: string;
  readonly minimum?: number | bigint;
  readonly maximum?: number | bigint;
  readonly values?: readonly unknown[];
  readonly path: readonly PropertyKey[];
  readonly keys?: readonly string[];
  /** What is wrong with a key of a map that the author names freely. */
  readonly issues?: readonly { readonly message: string }[];
};

function explainIssue(document: YamlDocument, issue: Issue): Problem[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  const say = (message: string, at: Position): Problem => new Problem('rules-invalid', message, { at });
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(document, path);
    return (issue.keys ?? []).map((key) =>
      say(`unknown key '${key}'${didYouMean(key, known)}`, document.locateKey([...path, key])),
    );
  }
  if (issue.path.at(-1) === 'kind' && issue.code === 'invalid_union') {
    const kind = valueAt(document.value, path);
    if (kind === undefined)
      return [
        say(`this rule has no kind; it must be one of: ${KIND_NAMES.join(', ')}`, document.locate(path)),
      ];
    return [
      new Problem('rules-invalid', `unknown kind '${String(kind)}'${didYouMean(String(kind), KIND_NAMES)}`, {
        at: document.locate(path),
        hint: `The kinds are: ${KIND_NAMES.join(', ')}.`,
      }),
    ];
  }
  if (issue.code === 'invalid_key')
    return [say(issue.issues?.[0]?.message ?? issue.message, document.locateKey(path))];
  const value = valueAt(document.value, path);
  const key = path.filter((step) => typeof step === 'string').at(-1) ?? 'the file';
  if (value === undefined) return [say(`'${key}' is missing here`, document.locate(path))];
  return [say(`'${key}' ${phrase(issue, value)}`, document.locate(path))];
}

const NOUNS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'a map',
  record: 'a map',
};

/** What the schema library found, as the end of a sentence of ours. */
function phrase(
  { code, message, expected = '', origin, minimum, maximum, values = [] }: Issue,
  value: unknown,
): string {
  const isList = origin === 'array' || origin === 'tuple';
  if (code === 'invalid_type') {
    const found = value === null ? 'is empty' : `must be ${NOUNS[expected] ?? expected}`;
    const isScalar = typeof value === 'number' || typeof value === 'boolean';
    return expected === 'string' && isScalar ? `${found}: write it in quotes, "${String(value)}"` : found;
  }
  if (code === 'too_small' && origin === 'string') return 'must not be empty';
  if (code === 'too_small')
    return isList ? `must have ${minimum} or more items` : `must be ${minimum} or more`;
  if (code === 'too_big' && origin === 'string') return `must have at most ${maximum} characters`;
  if (code === 'too_big') return isList ? `must have at most ${maximum} items` : `must be ${maximum} or less`;
  if (code === 'invalid_value') return `must be ${values.length === 1 ? '' : 'one of: '}${values.join(', ')}`;
  return message;
}

function knownKeys(document: YamlDocument, path: Path): readonly string[] {
  if (path[0] !== 'rules') return OUTER_KEYS;
  if (path.length > 2) return [...NESTED_KEYS, ...OUTER_KEYS];
  const kind = valueAt(document.value, [...path, 'kind']);
  return ruleKeys(KIND_NAMES.find((each) => each === kind));
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, step) => (inner as Record<string | number, unknown> | undefined | null)?.[step],
    value,
  );
}

async function makeRule(
  document: YamlDocument,
  file: ReadableFile,
  input: RuleInput,
  index: number,
): Promise<{ rule: Rule; problems: Problem[] } | { problems: Problem[] }> {
  const path: Path = ['rules', index];
  const { kind, id, tables, schema, where, severity, functions = [], ...rest } = input;
  const { max_violations, count, ratchet, since, enforce_from, remedy, paths, timeout, why, ...spec } = rest;
  const problems: Problem[] = [];
  const at = (inner: Path): Position => document.locate([...path, ...inner]);
  const phases = file.phases ?? [];
  if (enforce_from !== undefined && !phases.includes(enforce_from)) {
    const declared =
      phases.length > 0 ? `the phases are: ${phases.join(', ')}` : 'this file declares no `phases`';
    problems.push(
      new Problem('rules-invalid', `unknown phase '${enforce_from}'${didYouMean(enforce_from, phases)}`, {
        at: at(['enforce_from']),
        hint: declared,
      }),
    );
  }
  const timeoutText = timeout ?? file.defaults?.timeout;
  const selector = selectTables(document, file, path, tables, problems);
  const authorSql = await readAuthorSql(
    document,
    path,
    { where, ...spec },
    ['where', ...SQL_KEYS[kind]],
    new Set(functions),
    problems,
  );
  problems.push(
    ...checkSpec(kind, spec, at),
    ...checkRatchet(input, at),
    ...checkBackfill(kind, spec, authorSql, at),
  );
  if (problems.length === 0) problems.push(...uncalled(functions, authorSql, at));
  if (problems.length > 0) return { problems };
  const rule = {
    id,
    kind,
    spec: asWritten(document, path, spec),
    why,
    remedy,
    phases,
    authorSql,
    tables: selector,
    schema: schema ?? file.defaults?.schema ?? 'public',
    severity: severity ?? file.defaults?.severity ?? 'error',
    where: authorSql.get('where'),
    maxViolations: max_violations ?? 0,
    countLimit: typeof count === 'object' ? Math.max(count.at_least, (max_violations ?? 0) + 1) : undefined,
    ratchet: ratchet && {
      stallDays: ratchet === true ? undefined : Number.parseInt(ratchet.stall, 10),
    },
    since: since && {
      column: since.column,
      value: document.textOf([...path, 'since', 'value']) ?? String(since.value),
    },
    enforceFrom: enforce_from,
    paths: paths ?? [],
    timeoutMs: timeoutText === undefined ? undefined : parseDurationMs(timeoutText),
    source: { ...document.locate(path), endLine: document.endLine(path) },
    locate: at,
  } as unknown as Rule;
  return { rule, problems };
}

/** Whether it stands in quotes must not change a value: of a column of text, 007 is three characters. */
function asWritten(
  document: YamlDocument,
  path: Path,
  spec: Record<string, unknown>,
): Record<string, unknown> {
  const values = spec['missing_values'];
  if (!Array.isArray(values)) return spec;
  const written = values.map((value, i) => document.textOf([...path, 'missing_values', i]) ?? String(value));
  return { ...spec, missing_values: written };
}

type RuleInput = {
  kind: KindName;
  id: string;
  why?: string;
  tables?: string[] | { list: string } | { with_column: string; except: string[] };
  schema?: string;
  where?: string;
  functions?: string[];
  severity?: Rule['severity'];
  max_violations?: number;
  count?: 'exact' | { at_least: number };
  ratchet?: true | { stall: string };
  since?: { column: string; value: string | number };
  enforce_from?: string;
  remedy?: string;
  paths?: string[];
  timeout?: string;
} & Record<string, unknown>;

/** What a kind's schema cannot say by itself. */
function checkSpec(kind: KindName, spec: Record<string, unknown>, at: (path: Path) => Position): Problem[] {
  const refuse = (message: string): Problem[] => [new Problem('rules-invalid', message, { at: at([]) })];
  if (kind === 'not_null' && (spec['column'] === undefined) === (spec['columns'] === undefined)) {
    return refuse('a not_null rule names either `column` or `columns`');
  }
  if (kind === 'coverage' && ['roots', 'columns'].every((key) => (spec[key] as unknown[]).length === 0))
    return refuse('a coverage rule names `roots`, `columns` or both');
  if (kind === 'schema') {
    if (Object.keys(spec).length === 0)
      return refuse('a schema rule asks for at least one thing, such as `column`, `index` or `foreign_key`');
    const needsColumn = ['type', 'not_null', 'default'].find(
      (key) => spec[key] !== undefined && spec['column'] === undefined,
    );
    if (needsColumn) return refuse(`'${needsColumn}' is about a column; name it with \`column\``);
  }
  return [];
}

/** A ratchet allows what was recorded, and needs every class counted to the end. */
function checkRatchet(
  { ratchet, count, max_violations }: RuleInput,
  at: (path: Path) => Position,
): Problem[] {
  if (ratchet === undefined) return [];
  const other =
    typeof count === 'object' ? 'count' : max_violations === undefined ? undefined : 'max_violations';
  if (other === undefined) return [];
  const reason = other === 'count' ? 'needs exact counts' : 'allows what is recorded, and nothing else';
  return [
    new Problem('rules-invalid', `'${other}' does not go with \`ratchet\`, which ${reason}`, {
      at: at([other]),
    }),
  ];
}

/** What a backfill may set, and by which conditions rows may be chosen for a write. */
function checkBackfill(
  kind: KindName,
  spec: Record<string, unknown>,
  authorSql: ReadonlyMap<string, AuthorSql>,
  at: (path: Path) => Position,
): Problem[] {
  const backfill = spec['backfill'] as { readonly set: Readonly<Record<string, string>> } | undefined;
  if (!backfill) return [];
  const judged = judgedColumns(kind, spec);
  const unasked = Object.keys(backfill.set).filter((name) => judged && !judged.includes(name));
  const notPlain = ['where', 'when'].filter((key) => authorSql.get(key)?.isPlain === false);
  return [
    ...unasked.map(
      (name) =>
        new Problem(
          'rules-invalid',
          `the backfill sets '${name}', which this rule does not ask about; it asks about ${judged?.join(', ')}`,
          { at: at(['backfill', 'set', name]) },
        ),
    ),
    ...notPlain.map(
      (key) =>
        new Problem(
          'sql-not-allowed',
          `'${key}' chooses the rows that the backfill writes: only plain comparisons may`,
          {
            at: at([key]),
            hint: 'Use columns, constants, comparisons, null tests, lists, and, or, not.',
          },
        ),
    ),
  ];
}

/** The columns that a rule asks about; undefined where an expression says it. */
function judgedColumns(kind: KindName, spec: Record<string, unknown>): string[] | undefined {
  if (kind === 'not_null') return (spec['columns'] as string[] | undefined) ?? [String(spec['column'])];
  return kind === 'matches_parent' ? Object.keys(spec['match'] as object) : undefined;
}

/** A name that is left over would let a later change of the SQL call the function without a word. */
function uncalled(
  functions: readonly string[],
  authorSql: ReadonlyMap<string, AuthorSql>,
  at: (path: Path) => Position,
): Problem[] {
  const uses = [...authorSql.values()].flatMap((author) => author.functions);
  const called = new Set(uses.map(({ schema, name }) => `${schema}.${name}`));
  return functions.flatMap((name, i) =>
    called.has(name)
      ? []
      : new Problem('rules-invalid', `'functions' names ${name}, which the SQL of this rule does not call`, {
          at: at(['functions', i]),
          hint: 'Take it out. In SQL it is written with its schema, and in capitals only between quotes.',
        }),
  );
}

function selectTables(
  document: YamlDocument,
  file: ReadableFile,
  path: Path,
  tables: RuleInput['tables'],
  problems: Problem[],
): TableSelector {
  const named = (names: readonly string[], where: Path): NamedTable[] =>
    names.map((written, index) => ({ written, at: document.locate([...where, index]) }));
  if (tables === undefined) return { by: 'none' };
  if (Array.isArray(tables))
    return { by: 'name', tables: distinct(named(tables, [...path, 'tables']), problems) };
  if ('list' in tables) {
    const list = file.lists?.[tables.list];
    if (list) return { by: 'name', tables: distinct(named(list, ['lists', tables.list]), problems) };
    const known = Object.keys(file.lists ?? {});
    const message = `unknown list '${tables.list}'${didYouMean(tables.list, known)}`;
    problems.push(
      new Problem('rules-invalid', message, { at: document.locate([...path, 'tables', 'list']) }),
    );
    return { by: 'none' };
  }
  const at = document.locate([...path, 'tables', 'with_column']);
  const except = named(tables.except, [...path, 'tables', 'except']);
  return { by: 'column', column: identifier(tables.with_column), except, at };
}

function distinct(tables: NamedTable[], problems: Problem[]): NamedTable[] {
  const seen = new Set<string>();
  for (const { written, at } of tables) {
    if (seen.has(written))
      problems.push(new Problem('rules-invalid', `the table '${written}' stands twice in this list`, { at }));
    seen.add(written);
  }
  return tables;
}

async function readAuthorSql(
  document: YamlDocument,
  path: Path,
  texts: Record<string, unknown>,
  keys: readonly string[],
  functions: ReadonlySet<string>,
  problems: Problem[],
): Promise<ReadonlyMap<string, AuthorSql>> {
  const found = new Map<string, AuthorSql>();
  for (const key of keys) {
    const text = texts[key];
    if (typeof text !== 'string') continue;
    const checked = await (key === 'query' ? checkSelect(text, functions) : checkExpression(text, functions));
    const locate = (offset: number): Position => document.locateInText([...path, key], offset);
    if (checked.ok) found.set(key, makeAuthorSql(text, checked, locate));
    else problems.push(grammarProblem(checked, key, locate));
  }
  return found;
}

function grammarProblem(error: GrammarError, key: string, locate: (offset: number) => Position): Problem {
  return new Problem('sql-not-allowed', `'${key}': ${error.message}`, {
    at: locate(error.offset),
    hint: error.hint,
  });
}
