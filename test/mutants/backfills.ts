// What keeps a backfill from writing a wrong value, or losing one.
import type { Guard } from './guard.ts';

const FILL = 'src/backfill/lane-statements.ts';
const guardsTest = (title: string): Guard['test'] => ({ file: 'test/backfill/guards.test.ts', title });

export const backfills: readonly Guard[] = [
  {
    guard: 'a value that a writer has set meanwhile is not overwritten',
    // Asked three times over in the statement that writes, all from this one place.
    file: 'src/kinds/fill.ts',
    find: 'missing: missingValue(rule, child)',
    replace: 'missing: sql`true`',
    test: guardsTest('a value that a writer sets between two statements of a batch stays'),
  },
  {
    guard: 'a parent keeps its value until the rows that take it are committed',
    file: FILL,
    find: '      for share of ${hop.alias} skip locked\n',
    replace: '',
    test: guardsTest('a tenant that moves while its rows are being filled does not leave them behind'),
  },
  {
    guard: 'locks are asked for in the order of keys',
    file: FILL,
    find: '      order by ${list(keys)}\n',
    replace: '',
    test: guardsTest(
      'locks are asked for in the order of keys, parents before rows, and waited for by nobody',
    ),
  },
  {
    guard: 'a range is filled in passes',
    file: 'src/backfill/lane.ts',
    find: 'return mayIndexIt ? 2 : 8;',
    replace: 'return 1;',
    test: {
      file: 'test/backfill/shapes.test.ts',
      title: 'a table without making it, or an index that lacks the column, much larger',
    },
  },
  {
    guard: 'the last pass takes every row that is left',
    file: FILL,
    find: 'pass === 0 ? [] : [isOfPass(lane, pass)]',
    replace: 'lane.passes === 1 ? [] : [isOfPass(lane, pass)]',
    test: {
      file: 'test/backfill/backfill.test.ts',
      title: 'fills each row from its parent, records it, and is complete when the rule finds nothing',
    },
  },
  {
    guard: 'a value that a trigger made of it does not stay',
    file: FILL,
    find: 'if (altered !== 0)',
    replace: 'if (altered === -1)',
    test: {
      file: 'test/backfill/backfill.test.ts',
      title: "leaves a row alone of which a trigger would make another value than the parent's",
    },
  },
  {
    guard: 'triggers fire, whatever the role has set',
    file: 'src/postgres/transaction.ts',
    find: '${withTriggers} as origin, ',
    replace: '',
    test: {
      file: 'test/backfill/shapes.test.ts',
      title: 'with the triggers on that a setting of the role would keep from firing',
    },
  },
  {
    guard: 'rows that a policy hides are an error',
    file: 'src/postgres/transaction.ts',
    find: "    row_security: 'off',\n",
    replace: '',
    test: guardsTest(
      'a policy that hides rows is an error in a transaction that writes, and no row is passed over in silence',
    ),
  },
  {
    guard: 'rows are given out to workers once, and no more of them than the run may fill',
    file: 'src/backfill/allocate.ts',
    find: 'const rows = Math.min(pace.rows, run.left ?? pace.rows);',
    replace: 'const rows = pace.rows;',
    test: {
      file: 'test/backfill/backfill.test.ts',
      title: 'stops at its rows exactly, under eight workers, and goes on where it stopped',
    },
  },
  {
    guard: 'a chunk whose commit was not heard of is not filled again from memory',
    file: 'src/backfill/work-chunk.ts',
    find: "return sql`c.state = 'open' and c.reserved =",
    replace: 'return sql`c.reserved is not null or c.reserved =',
    test: {
      file: 'test/backfill/cuts.test.ts',
      title: 'cut after each commit, it fills each row once, and never more than it may',
    },
  },
  {
    guard: 'a run with a bound of rows keeps one when it is gone on with',
    file: 'src/backfill/runs.ts',
    find: 'case when r.max_rows > r.rows_allotted then r.max_rows else r.rows_allotted + r.rows_granted end',
    replace: 'null::bigint',
    test: {
      file: 'test/backfill/resume.test.ts',
      title: 'that has used it up gets as many again, and never loses its bound',
    },
  },
  {
    guard: 'a throttle that ends does not undo a pause',
    file: 'src/backfill/worker.ts',
    find: "[to === 'running' ? 'holding' : 'running']",
    replace: 'undefined',
    test: {
      file: 'test/backfill/resume.test.ts',
      title: 'stays paused where a throttle ends just after somebody has paused it',
    },
  },
];
