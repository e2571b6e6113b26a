import { completePhase3 } from '../test/support/seed-tables.ts';
import { mendThreeRows, spoilThreeRows, type Planted } from './build-tables.ts';
import { CHECKED_TABLES } from './seed-statements.ts';

/** A state of the database that the gate may find; the states of one build follow each other. */
export type State = {
  readonly id: 'bare' | 'spoilt' | 'indexed' | 'enforced' | 'broken';
  readonly title: string;
  /** Which build it begins from. */
  readonly planted: Planted;
  /** SQL that leads from the state before to this one. */
  readonly prepare: string;
};

const addIndexes = CHECKED_TABLES.map(
  (table) => `create index on ${table} (workspace_id); create index on ${table} (tenant_id, workspace_id);`,
).join('\n');

/** In the order of a rollout. */
export const STATES: readonly State[] = [
  { id: 'bare', title: 'No indexes', planted: 'nothing', prepare: '' },
  {
    id: 'spoilt',
    title: 'No indexes, three bad rows a table',
    planted: 'nothing',
    prepare: spoilThreeRows,
  },
  {
    id: 'indexed',
    title: "The rollout's indexes",
    planted: 'nothing',
    prepare: `${mendThreeRows} ${addIndexes}`,
  },
  { id: 'enforced', title: 'Phase 3 validated', planted: 'nothing', prepare: completePhase3 },
  { id: 'broken', title: 'Many violations, with indexes', planted: 'many', prepare: addIndexes },
];
