import { createHash } from 'node:crypto';
import { isKey, reindexHint, type Column, type Index, type Relation } from '../postgres/catalog.ts';
import type { Fill } from '../plan/fill.ts';
import { filledColumns } from '../plan/fill.ts';
import { displayTable } from '../sql/identifier.ts';
import { compile } from '../sql/sql.ts';
import { Problem } from '../support/problem.ts';

/** One fill on one table that holds rows itself: a plain table, or a leaf of a partitioned one. */
export type Lane = {
  readonly fill: Fill;
  readonly leaf: Relation;
  /** A unique key without NULLs; the lane is walked in its order. */
  readonly key: readonly [Column, ...Column[]];
  /** In how many passes each range of keys is filled; a power of two. */
  readonly passes: number;
  /** What must not change while it is walked. */
  readonly shapeHash: string;
};

/**
 * The tables that hold the rows of a fill, each with the key that it is walked by; or why it cannot be walked. `major` is
 * the server's version.
 */
export function makeLanes(
  fill: Fill,
  major: number,
): {
  readonly lanes: readonly Lane[];
  readonly problems: readonly Problem[];
} {
  const problems: Problem[] = [];
  const lanes = leavesOf(fill.relation).flatMap((leaf): Lane[] => {
    const key = leaf.kind === 'table' ? walkableKey(leaf) : undefined;
    if (key)
      return [{ fill, leaf, key, passes: passesOf(fill, leaf, major), shapeHash: shapeOf(fill, leaf, key) }];
    problems.push(leaf.kind === 'table' ? noKey(leaf) : notATable(leaf));
    return [];
  });
  return { lanes, problems };
}

function leavesOf(relation: Relation): Relation[] {
  return [relation, ...relation.descendants].filter(({ kind }) => kind !== 'partitioned table');
}

function walkableKey(leaf: Relation): [Column, ...Column[]] | undefined {
  const keys = leaf.indexes.filter((index) => isKey(index) && canWalk(index, leaf));
  const [best] = keys.toSorted(
    (a, b) => Number(b.primary) - Number(a.primary) || a.columns.length - b.columns.length,
  );
  const [first, ...rest] = best ? columnsOf(best, leaf).filter((each) => each !== undefined) : [];
  return first && [first, ...rest];
}

/** Whether every row is in it, in the order of its columns. */
function canWalk(index: Index, leaf: Relation): boolean {
  return (
    index.method === 'btree' && columnsOf(index, leaf).every((column) => column?.notNullValidated === true)
  );
}

function columnsOf({ columns }: Index, leaf: Relation): (Column | undefined)[] {
  return columns.map((name) => (name === undefined ? undefined : leaf.columns.get(name)));
}

/**
 * Each pass changes few rows of a page, and the next one finds the room that it left there: the table hardly grows, and
 * no index does where none has the column. Measured by npm run bench:backfill; docs/decisions/0037 has the figures.
 */
function passesOf(fill: Fill, leaf: Relation, major: number): number {
  if (major < FIRST_WITH_HASHED_PLACES) return 1;
  const filled = new Set(filledColumns(fill).map(({ name }) => name));
  const mayIndexIt = leaf.indexes.some(
    ({ columns, partial }) => partial || columns.some((name) => name === undefined || filled.has(name)),
  );
  return mayIndexIt ? 2 : 8;
}

/** `hashtid`, by which a pass knows its rows, came with it. */
const FIRST_WITH_HASHED_PLACES = 14;

function noKey(leaf: Relation): Problem {
  return new Problem(
    'backfill-refused',
    `${displayTable(leaf.name)} has no unique key without NULLs to walk it by`,
    {
      hint:
        reindexHint(leaf.indexes.filter((index) => canWalk(index, leaf))) ??
        'Give it one: a primary key, or a unique index over columns that are NOT NULL. Places of rows (ctid) change while writers work, and rows would be lost.',
    },
  );
}

function notATable({ name, kind }: Relation): Problem {
  return new Problem('backfill-refused', `${displayTable(name)} is a ${kind}: its rows are not its own`, {
    hint: 'Name the tables that hold the rows.',
  });
}

/** A table that is changed under a run, in what the run is about, is not the table that somebody looked at. */
function shapeOf(fill: Fill, leaf: Relation, key: readonly Column[]): string {
  const typed = (column: Column): string => `${column.name} ${column.type.type}`;
  const hops = fill.hops.map(({ relation, on }) => [
    displayTable(relation.name),
    ...on.flatMap(({ child, parent }) => [typed(child), typed(parent)]),
  ]);
  const set = fill.set.map(({ child, parent }) => [typed(child), typed(parent)]);
  return hashOf([displayTable(leaf.name), key.map(typed), hops, set]);
}

/** What a run is asked to do, in a form that is the same only for the same: rules that were edited meanwhile differ. */
export function specHashOf(fills: readonly Fill[]): string {
  return hashOf(
    fills.map((fill) => [
      fill.rule.id,
      displayTable(fill.relation.name),
      filledColumns(fill).map(({ name }) => name),
      compile(fill.candidate),
      fill.hops.map(({ relation, condition }) => [displayTable(relation.name), compile(condition)]),
      fill.set.map(({ value }) => compile(value)),
    ]),
  );
}

const hashOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32);
