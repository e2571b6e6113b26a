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
  ...of('src/postgres/catalog.ts', 'test/postgres/index-trust.test.ts', [
    [
      'an index of an older collation makes no key unique',
      'valid && !outdated &&',
      'valid &&',
      'a unique index whose collation has changed makes no key of a parent unique',
    ],
  ]),
  ...of('src/backfill/lane.ts', 'test/postgres/index-trust.test.ts', [
    [
      'no table is walked by an index of an older collation',
      'isKey(index) && canWalk',
      'index.unique && canWalk',
      'a backfill neither walks by a key whose collation has changed, nor takes values by one',
    ],
  ]),
  ...of('src/backfill/preflight.ts', 'test/postgres/index-trust.test.ts', [
    [
      'no value is taken by a key of an older collation',
      'ofLink.some(isKey)',
      'ofLink.some(({ unique }) => unique)',
      'a backfill neither walks by a key whose collation has changed, nor takes values by one',
    ],
  ]),
  ...of('src/kinds/schema.ts', 'test/postgres/index-trust.test.ts', [
    [
      'an index of an older collation is no proof',
      'usable.find((index) => !index.outdated)',
      'usable[0]',
      'a schema rule is met by no index whose collation has changed',
    ],
  ]),
];
