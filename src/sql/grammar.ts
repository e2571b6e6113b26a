// One walk of the real grammar's tree serves all questions about author SQL; it reads better whole.
import { setFlagsFromString } from 'node:v8';
import type { Node, SelectStmt } from '@pgsql/types';
import { HIDDEN_CHARACTER } from '../support/hidden.ts';
import { identifier, quoteIdentifier, type Identifier } from './identifier.ts';
import { nullSourcesOf } from './null-sources.ts';
import { isPlainPredicate } from './plain-predicate.ts';
import type { CheckedSql } from './sql.ts';

/** What is wrong with author SQL. `offset` counts code points of the author's text from 0. */
export type GrammarError = {
  readonly ok: false;
  readonly message: string;
  readonly hint?: string;
  readonly offset: number;
};

/** A name in author SQL, to be looked up in the server's catalogue before the SQL may run. */
export type NameUse = {
  readonly name: string;
  readonly offset: number;
  /** Of a function that is not pg_catalog's, and that the rule names as one it may call. */
  readonly schema?: string;
};

/** What author SQL names beside tables, and what could be code of somebody's. */
type Uses = {
  readonly functions: readonly NameUse[];
  /** Types that are written without a schema; those of pg_catalog by SQL's own words, such as `int`, are not among them. */
  readonly types: readonly NameUse[];
  /** What stands behind a dot, as in `t.f`: a column, or else a call of `f(t)`. Only a SELECT has any. */
  readonly attributes: readonly NameUse[];
};

/** A column that an expression names. */
export type ColumnUse = { readonly name: Identifier; readonly offset: number };

export type CheckedExpression = Uses & {
  readonly ok: true;
  readonly columns: readonly ColumnUse[];
  /** Whether it is made of columns, constants and comparisons alone, and calls nothing. */
  readonly isPlain: boolean;
  /** For a plain predicate, the columns one of which is NULL wherever it is; undefined where that is not known. */
  readonly nullFrom: readonly Identifier[] | undefined;
  /** The expression with every column written as `alias.column`. */
  qualified(alias: Identifier): CheckedSql;
};

export type CheckedSelect = Uses & { readonly ok: true; readonly text: CheckedSql };

/** As `schema.function`: what a rule may call beside functions of pg_catalog. */
type OwnFunctions = ReadonlySet<string>;
const NONE: OwnFunctions = new Set();
const OWN_FUNCTIONS_HINT =
  'A function of the database that only reads may be called by a rule that names it under `functions`, as schema.function.';

/** Longer author SQL than this is refused before it is parsed: a deep tree would overflow the walk. */
const MAX_AUTHOR_SQL_CHARACTERS = 8_192;

/** Node types that an expression over one row can be made of. What is not listed is refused. */
const EXPRESSION_NODES = new Set([
  'A_Expr',
  'BoolExpr',
  'NullTest',
  'BooleanTest',
  'ColumnRef',
  'A_Const',
  'TypeCast',
  'FuncCall',
  'CaseExpr',
  'CaseWhen',
  'CoalesceExpr',
  'MinMaxExpr',
  'A_ArrayExpr',
  'A_Indirection',
  'A_Indices',
  'RowExpr',
  'List',
  'SQLValueFunction',
  'CollateClause',
  'String',
  'Integer',
  'Float',
  'JsonIsPredicate',
]);

/** Node types that a SELECT may add to those. No data-modifying statement is among them. */
const SELECT_NODES = new Set([
  ...EXPRESSION_NODES,
  'SelectStmt',
  'ResTarget',
  'RangeVar',
  'JoinExpr',
  'RangeSubselect',
  'RangeFunction',
  'SubLink',
  'CommonTableExpr',
  'SortBy',
  'WindowDef',
  'GroupingSet',
  'GroupingFunc',
  'A_Star',
  'Alias',
  'NamedArgExpr',
]);

/** The only clauses that the parser sets on `select <expression>`. */
const BARE_SELECT_KEYS = new Set(['targetList', 'limitOption', 'op']);

/**
 * Checks that a text is one expression over the columns of one row, and stays one when it is wrapped in brackets.
 * Sub-selects, parameters, qualified names, aggregates and window functions are refused.
 */
export async function checkExpression(
  text: string,
  ownFunctions: OwnFunctions = NONE,
): Promise<CheckedExpression | GrammarError> {
  return unlessTooDeep(() => readExpression(text, ownFunctions));
}

/** Checks that a text is exactly one SELECT that writes nothing, locks nothing and creates nothing. */
export async function checkSelect(
  text: string,
  ownFunctions: OwnFunctions = NONE,
): Promise<CheckedSelect | GrammarError> {
  return unlessTooDeep(() => readSelect(text, ownFunctions));
}

/**
 * One expression as a text that is the same for every way to write it that the grammar reads alike, to compare an
 * author's with the server's; undefined where it is not one expression.
 */
export async function expressionShape(text: string): Promise<string | undefined> {
  try {
    const alone = await parseOne(text, 'select\n');
    const target = 'ok' in alone ? undefined : bareTarget(alone.select);
    return target && shape(target);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** A tree may be too deep for the parser, for the comparison or for the walk: all of them recurse. */
async function unlessTooDeep<Checked>(check: () => Promise<Checked>): Promise<Checked | GrammarError> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof RangeError) return refuse('the SQL is nested too deeply', 0);
    throw error;
  }
}

async function readExpression(text: string, own: OwnFunctions): Promise<CheckedExpression | GrammarError> {
  const unfit = checkText(text);
  if (unfit) return unfit;
  const alone = await parseOne(text, 'select\n');
  if ('ok' in alone) return alone;
  const target = bareTarget(alone.select);
  if (!target)
    return refuse(
      'this must be one expression and nothing more',
      0,
      'Write a condition such as: deleted_at is null',
    );
  const wrapped = await parseOne(text, 'select 1 where (\n', '\n)');
  if ('ok' in wrapped || shape(wrapped.select.whereClause) !== shape(target)) {
    return refuse('this is not one closed expression', 0, 'Check the brackets, quotes and comments.');
  }
  const found = collect(text, target, 'select\n'.length, EXPRESSION_NODES, own);
  if (!found.ok) return found;
  const isPlain = isPlainPredicate(target);
  return { ...found, isPlain, nullFrom: isPlain ? nullSourcesOf(target) : undefined };
}

async function readSelect(text: string, own: OwnFunctions): Promise<CheckedSelect | GrammarError> {
  const unfit = checkText(text);
  if (unfit) return unfit;
  const parsed = await parseOne(text, '');
  if ('ok' in parsed) return parsed;
  const found = collect(text, { SelectStmt: parsed.select }, 0, SELECT_NODES, own);
  if (!found.ok) return found;
  // Without the semicolon, and what may follow it: the statement is going to stand in brackets.
  const statement = Buffer.from(text, 'utf8').subarray(0, parsed.end).toString('utf8');
  const { functions, types, attributes } = found;
  return { ok: true, functions, types, attributes, text: statement as CheckedSql };
}

function refuse(message: string, offset: number, hint?: string): GrammarError {
  return { ok: false, message, offset, ...(hint === undefined ? {} : { hint }) };
}

function checkText(text: string): GrammarError | undefined {
  if (text.trim() === '') return refuse('the SQL is empty', 0);
  if ([...text].length > MAX_AUTHOR_SQL_CHARACTERS) {
    return refuse(
      `the SQL is longer than ${MAX_AUTHOR_SQL_CHARACTERS} characters`,
      0,
      'Put it into a view, or split the rule.',
    );
  }
  const hidden = HIDDEN_CHARACTER.exec(text); // a NUL, too, which ends the parser's text but not the server's
  if (hidden)
    return refuse(
      'the SQL holds an invisible or control character',
      Array.from(text.slice(0, hidden.index)).length,
    );
  return undefined;
}

/** `end` is the byte behind the statement; undefined where that is the end of the text. */
type Parsed = { readonly select: SelectStmt; readonly end: number | undefined };

/** Loaded only when there is SQL to read: the grammar takes about 50 ms to start. Once, as every import looks at each of its names. */
export function loadGrammar() {
  if (!loading) {
    // Optimising the module takes V8 longer than a run parses; the first, simple compilation is fast enough.
    setFlagsFromString('--liftoff-only');
    loading = importGrammar();
  }
  return loading;
}

const importGrammar = () => import('libpg-query');
let loading: ReturnType<typeof importGrammar> | undefined;

async function parseOne(text: string, before: string, after = ''): Promise<Parsed | GrammarError> {
  const grammar = await loadGrammar();
  try {
    const { stmts = [] } = await grammar.parse(before + text + after);
    const [first, second] = stmts;
    if (second)
      return refuse(
        'only one statement is allowed',
        byteToCodePoint(text, (second.stmt_location ?? 0) - before.length),
      );
    const statement = first?.stmt;
    const length = first?.stmt_len;
    const end = length === undefined ? undefined : (first?.stmt_location ?? 0) + length;
    if (statement && 'SelectStmt' in statement) return { select: statement.SelectStmt, end };
    return refuse('only a SELECT is allowed', 0);
  } catch (error) {
    if (error instanceof RangeError) throw error;
    const details = grammar.hasSqlDetails(error) ? error.sqlDetails : undefined;
    const offset = Math.min(Math.max(0, (details?.cursorPosition ?? 0) - before.length), [...text].length);
    return refuse(error instanceof Error ? error.message : 'the SQL cannot be parsed', offset);
  }
}

/** The expression of `select <expression>`, when the statement is nothing but that. */
function bareTarget(select: SelectStmt): Node | undefined {
  const [only, ...more] = select.targetList ?? [];
  const bare = Object.keys(select).every((key) => BARE_SELECT_KEYS.has(key)) && select.op === 'SETOP_NONE';
  if (!bare || more.length > 0 || only === undefined || !('ResTarget' in only)) return undefined;
  return only.ResTarget.name === undefined ? only.ResTarget.val : undefined;
}

/** A tree as text without its positions, to compare two parses. */
export function shape(tree: unknown): string {
  return JSON.stringify(tree, (key, value: unknown) =>
    key === 'location' || key.endsWith('_start') || key.endsWith('_end') ? undefined : value,
  );
}

type Fields = Record<string, unknown>;

function collect(
  text: string,
  tree: unknown,
  shift: number,
  allowed: ReadonlySet<string>,
  ownFunctions: OwnFunctions,
): Omit<CheckedExpression, 'isPlain' | 'nullFrom'> | GrammarError {
  const columns: (ColumnUse & { byte: number })[] = [];
  const functions: NameUse[] = [];
  const types: NameUse[] = [];
  const attributes: NameUse[] = [];
  const inRow = allowed === EXPRESSION_NODES;
  let refused: GrammarError | undefined;
  const at = (fields: Fields): number => byteToCodePoint(text, Number(fields['location'] ?? shift) - shift);

  const enterNode = (type: string, fields: Fields): void => {
    if (!allowed.has(type)) refused ??= refuse(`${type} is not allowed here`, at(fields), hintFor(type));
    // `(x).f` may be a field or a call of the function f, and only the server could tell.
    if (type === 'A_Indirection' && namesOf(fields['indirection']).some((name) => name !== '*')) {
      refused ??= refuse('a field or function written behind a dot is not allowed: write f(x)', at(fields));
    }
    if (type === 'ColumnRef' && inRow) {
      const [name, ...more] = namesOf(fields['fields']);
      if (name === undefined || more.length > 0) {
        refused ??= refuse(
          "write the column's name alone: the rule's table is the only one in sight",
          at(fields),
        );
      } else
        columns.push({
          name: identifier(name),
          offset: at(fields),
          byte: Number(fields['location']) - shift,
        });
    }
    if (type === 'ColumnRef' && !inRow) {
      const names = namesOf(fields['fields']);
      const last = names.at(-1) ?? '*';
      if (names.length > 1 && last !== '*') attributes.push({ name: last, offset: at(fields) });
    }
    if (type === 'FuncCall') enterCall(fields);
    if (type === 'SelectStmt') {
      if (fields['intoClause']) refused ??= refuse('SELECT INTO is not allowed: a rule only reads', 0);
      if (fields['lockingClause'])
        refused ??= refuse('FOR UPDATE and FOR SHARE are not allowed: a rule only reads', 0);
    }
    if (type === 'CollateClause' && !isBuiltIn(fields['collname'])) {
      refused ??= refuse('a collation of another schema than pg_catalog is not allowed', at(fields));
    }
    const operators = [type === 'A_Expr' ? fields['name'] : undefined, fields['operName'], fields['useOp']];
    if (operators.some((each) => !isBuiltIn(each))) {
      refused ??= refuse('an operator of another schema than pg_catalog is not allowed', at(fields));
    }
  };
  /** Types stand in fields of their own, without a node's name around them. */
  const enterType = (fields: Fields): void => {
    const names = namesOf(fields['names']);
    const name = names.at(-1) ?? '';
    if (names.length === 1) types.push({ name, offset: at(fields) });
    if (!isBuiltIn(fields['names']))
      refused ??= refuse('a type of another schema than pg_catalog is not allowed', at(fields));
    // Their input looks into the catalogue, and their errors quote the value.
    else if (name.startsWith('reg')) refused ??= refuse(`the type ${name} is not allowed`, at(fields));
  };
  const enterCall = (fields: Fields): void => {
    const [first = '', second, ...more] = namesOf(fields['funcname']);
    const inCatalog = second === undefined || (first === 'pg_catalog' && more.length === 0);
    const isOwn = !inCatalog && more.length === 0 && ownFunctions.has(`${first}.${second}`);
    if (!inCatalog && !isOwn)
      refused ??= refuse('only functions of pg_catalog are allowed', at(fields), OWN_FUNCTIONS_HINT);
    if (
      inRow &&
      (fields['over'] ||
        fields['agg_star'] ||
        fields['agg_filter'] ||
        fields['agg_order'] ||
        fields['agg_distinct'])
    ) {
      refused ??= refuse(
        'aggregates and window functions are not allowed in a condition on one row',
        at(fields),
      );
    }
    functions.push({ name: second ?? first, offset: at(fields), ...(isOwn ? { schema: first } : {}) });
  };
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(walk);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner === 'object') {
        // A field of one fixed type has no node's name: the sides of a UNION, and types.
        if (/^[A-Z]/.test(key)) enterNode(key, inner as Fields);
        else if (key === 'larg' || key === 'rarg') enterNode('SelectStmt', inner as Fields);
        else if (key === 'typeName') enterType(inner as Fields);
      }
      walk(inner);
    }
  };

  walk(tree);
  if (refused) return refused;
  return {
    ok: true,
    columns,
    functions,
    types,
    attributes,
    qualified: (alias) => qualify(text, columns, alias),
  };
}

/** Whether a name has no schema, or that of pg_catalog. */
function isBuiltIn(list: unknown): boolean {
  const names = namesOf(list);
  return names.length <= 1 || (names.length === 2 && names[0] === 'pg_catalog');
}

function namesOf(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  return list.map((node: { String?: { sval?: string } }) => node.String?.sval ?? '*');
}

function hintFor(type: string): string | undefined {
  if (type === 'SubLink') return 'Use a rule of kind `query` for conditions that look at other tables.';
  if (/^(Insert|Update|Delete|Merge)Stmt$/.test(type)) return 'A rule only reads.';
  return undefined;
}

function qualify(text: string, columns: readonly { byte: number }[], alias: Identifier): CheckedSql {
  const bytes = Buffer.from(text, 'utf8');
  const starts = columns.map(({ byte }) => byte).toSorted((a, b) => a - b);
  const pieces = [...starts, bytes.length].map((end, i) =>
    bytes.subarray(starts[i - 1] ?? 0, end).toString('utf8'),
  );
  return pieces.join(`${quoteIdentifier(alias)}.`) as CheckedSql;
}

/** The tree counts bytes; people and the server count code points. */
function byteToCodePoint(text: string, byte: number): number {
  return [...Buffer.from(text, 'utf8').subarray(0, Math.max(0, byte)).toString('utf8')].length;
}
