import { backfills } from './backfills.ts';
import { of, type Guard } from './guard.ts';
import { rulesAndReports } from './rules-and-reports.ts';
import { serverAndWorkflow } from './server-and-workflow.ts';

/** Every guard that stands between a rule, a server or a reader and harm, or between a fault and a false green. */
export const guards: readonly Guard[] = [
  ...rulesAndReports,
  ...backfills,
  ...serverAndWorkflow,
  ...of('src/check/changed-objects.ts', 'test/postgres/moved-tables.test.ts', [
    [
      'a table that was rewritten, truncated or swapped during the run is not taken for an empty one',
      '  if (!row) return;\n',
      '  if (row ?? true) return;\n',
      'a table that is truncated while the run goes on is unknown, not held (pg)',
    ],
  ]),
];
