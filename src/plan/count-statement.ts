import type { Row } from '../postgres/database.ts';
import { identifier } from '../sql/identifier.ts';
import { allOf, anyOf, column, compile, join, param, sql, type Sql } from '../sql/sql.ts';
import { Problem } from '../support/problem.ts';
import { ROW_ALIAS, type QueryCheck, type RowCheck } from './plan.ts';
import { readSortedCounts, sortedCountStatement, type Counted } from './sorted-count.ts';

/** What was counted for one check. */
export type Counts = {
  readonly violations: number;
  /** False where counting stopped: there are at least this many. */
  readonly isExact: boolean;
  readonly classes: Readonly<Record<string, number>>;
  /** Whether the table has no row at all, where that was asked. */
  readonly tableIsEmpty: boolean;
};

/** The output column that says whether the table has any row. */
const HAS_ROWS = 'has_rows';

/** The output columns of a check, by its place among those that are counted together. */
const violationsColumn = (check: number): string => `v${check}`;
const classColumn = (check: number, name: number): string => `c${check}_${name}`;

/**
 * Counts the rows of every class of several checks of one relation in one pass over it, or over `from`, which stands in
 * its place. The parents of all are joined, each once; rows that can be in no class are left out before anything is
 * counted.
 */
export function countStatement(checks: readonly [RowCheck, ...RowCheck[]], from?: Sql): Sql {
  const counted = checks.flatMap(countedOf);
  if (areMany(checks)) return sortedCountStatement(counted, source(checks, from), hasRows(checks[0]), keyOf);
  const outputs = counted.map(
    ({ name, rows }) => sql`(count(*) filter (where ${rows}))::text as ${identifier(name)}`,
  );
  return sql`select ${join([...outputs, ...hasRows(checks[0])], sql`,\n  `)}\nfrom ${source(checks, from)}\nwhere ${suspicious(checks)}`;
}

/** From here on sorting rows by what they are suspected of is cheaper than a filter for each count. */
const MANY = 50;

/** Whether so much is counted that rows are sorted. A join would have to be made before a row is known to be worth it. */
export function areMany(checks: readonly RowCheck[]): boolean {
  const counts = checks.reduce((sum, check) => sum + countsFor(check), 0);
  return counts >= MANY && checks.every(({ joins }) => joins.length === 0);
}

/** How many things are counted for a check. */
export function countsFor(check: RowCheck): number {
  return check.classes.length + (countsApart(check) ? 1 : 0);
}

/** Counts what an author's own SELECT returns. */
export function countQueryStatement({ select }: QueryCheck): Sql {
  return sql`select count(*)::text as ${identifier(violationsColumn(0))} from (${select}) as ${ROW_ALIAS}`;
}

/** Counts the rows that break a check, of whatever class, and stops at `limit`: for rules that need to know no more. */
export function limitedCountStatement(check: RowCheck | QueryCheck, limit: number): Sql {
  const rows =
    check.form === 'query'
      ? sql`from (${check.select}) as ${ROW_ALIAS}`
      : sql`from ${source([check])}\nwhere ${filtered(check, breaking(check))}`;
  const outputs = [
    sql`count(*)::text as ${identifier(violationsColumn(0))}`,
    ...(check.form === 'rows' ? hasRows(check) : []),
  ];
  return sql`select ${join(outputs, sql`, `)}\nfrom (select ${rows} limit ${param(limit, 'bigint')}) as broken`;
}

/** What a count statement answered for the check at this place. A count that is missing is a fault, never zero. */
export function readCounts(check: RowCheck | QueryCheck, row: Row | undefined, place = 0): Counts {
  const { countLimit } = check.rule;
  const tableIsEmpty = row?.[HAS_ROWS] === 'false';
  if (countLimit !== undefined) {
    const violations = countOf(row, violationsColumn(0));
    return { violations, isExact: violations < countLimit, classes: {}, tableIsEmpty };
  }
  const names = check.form === 'rows' ? check.classes : [];
  const counted = names.map(({ name }, i) => [name, countOf(row, classColumn(place, i))] as const);
  return {
    violations: countsApart(check)
      ? countOf(row, violationsColumn(place))
      : counted.reduce((sum, [, count], i) => sum + (names[i]?.breaks ? count : 0), 0),
    isExact: true,
    classes: Object.fromEntries(counted),
    tableIsEmpty,
  };
}

/** What a count statement answered, for each of its checks. */
export function readAllCounts(checks: readonly (RowCheck | QueryCheck)[], row: Row | undefined): Counts[] {
  const names = checks.flatMap((check, place) =>
    check.form === 'rows' ? countedOf(check, place).map(({ name }) => name) : [],
  );
  const counted = row && (readSortedCounts(row, names) ?? row);
  return checks.map((check, place) => readCounts(check, counted, place));
}

/** A row can be in several classes of a check, and is one violation all the same; of one breaking class the count is both. */
function countsApart(check: RowCheck | QueryCheck): boolean {
  return check.form === 'query' || check.classes.filter(({ breaks }) => breaks).length !== 1;
}

/** What is counted for a check: each of its classes, and where that is something else, the rows that break it. */
export function countedOf(check: RowCheck, place: number): Counted[] {
  const { classes } = check;
  const suspectOf = (some: RowCheck['classes']): Sql =>
    anyOf(some.map(({ rows, suspect }) => suspect ?? rows));
  const counts = classes.map((each, i) => ({
    name: classColumn(place, i),
    rows: filtered(check, each.rows),
    suspect: suspectOf([each]),
  }));
  if (!countsApart(check)) return counts;
  const rows = filtered(check, breaking(check));
  const suspect = suspectOf(classes.filter(({ breaks }) => breaks));
  return [{ name: violationsColumn(place), rows, suspect }, ...counts];
}

/** The rows that break a check, whatever class they are in. */
export function breaking({ classes }: RowCheck): Sql {
  return anyOf(classes.filter(({ breaks }) => breaks).map(({ rows }) => rows));
}

/** Of the rows that a condition is true for, those that the rule's own filter lets through. */
export function filtered({ where }: RowCheck, condition: Sql): Sql {
  return where ? allOf([sql`(${where}) is true`, condition]) : condition;
}

/**
 * What makes a row worth a look: one cheap condition where the kind knows one, which is asked of every row, the classes
 * only of what is left.
 */
function rowsToLookAt(check: RowCheck): Sql[] {
  const { sound, contradictions = [], classes, joins } = check;
  if (sound) return [filtered(check, sql`(${sound}) is not true`)];
  // As the server's planner can use it for an index: it does not look into `is true`.
  const [plain, ...more] = joins.length === 0 && classes.length === 1 ? contradictions : [];
  if (plain && more.length === 0) return [filtered(check, plain)];
  return classes.map(({ rows }) => filtered(check, rows));
}

/** What a row has to be like to be in any class of these checks. */
export function suspicious(checks: readonly RowCheck[]): Sql {
  return anyOf(distinct(withoutCovered(checks)));
}

/** Without asking for a NULL of a column that another check compares with its parent: there no row with one is sound. */
function withoutCovered(checks: readonly RowCheck[]): Sql[] {
  const compared = checks.flatMap(({ where, sound, reference }) =>
    sound && !where ? (reference?.match ?? []).map(({ child }) => child) : [],
  );
  const covered = compared
    .filter(({ isComposite, operatorSchema }) => !isComposite && operatorSchema === undefined)
    .map(({ name }) => keyOf(sql`${column(ROW_ALIAS, name)} is null`));
  return checks.flatMap(rowsToLookAt).filter((condition) => !covered.includes(keyOf(condition)));
}

/** Of a view the first row can cost as much as all of them. */
export function hasRows({ relation }: RowCheck): Sql[] {
  if (relation.kind === 'view') return [];
  return [sql`exists (select from ${relation.name})::text as ${identifier(HAS_ROWS)}`];
}

/** The checked relation, or what stands in its place, and every parent that the checks join. */
export function source(checks: readonly [RowCheck, ...RowCheck[]], from?: Sql): Sql {
  const different = new Map(checks.flatMap(({ joins }) => joins).map((each) => [each.alias, each]));
  const joins = Array.from(
    different.values(),
    ({ from, alias, on }) => sql`\nleft join ${from} as ${alias} on ${on}`,
  );
  return sql`${from ?? sql`${checks[0].relation.name}`} as ${ROW_ALIAS}${join(joins, sql``)}`;
}

/** Conditions that read the same are asked once for each row. */
function distinct(conditions: readonly Sql[]): Sql[] {
  return [...new Map(conditions.map((condition) => [keyOf(condition), condition])).values()];
}

const keyOf = (condition: Sql): string => JSON.stringify(compile(condition));

function countOf(row: Row | undefined, name: string): number {
  const count = Number(row?.[name] ?? Number.NaN);
  if (!Number.isSafeInteger(count))
    throw new Problem('query-failed', `the server's answer holds no count '${name}'`);
  return count;
}
