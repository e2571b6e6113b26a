import type { Query } from '../postgres/snapshot.ts';
import { displayTable } from '../sql/identifier.ts';
import { param, sql } from '../sql/sql.ts';
import { Problem } from '../support/problem.ts';
import type { Lane } from './lane.ts';

/** A lane and its row in the ledger. */
export type LaneRecord = { readonly id: string; readonly lane: Lane };

/**
 * The lanes of a run as the ledger has them, each with what the rules and the catalogue say of it now. Throws where they
 * do not fit each other: the table was changed in what the run is about.
 */
export async function readLaneRecords(
  query: Query,
  runId: string,
  lanes: readonly Lane[],
): Promise<LaneRecord[]> {
  const rows = await query(sql`
    select id::text as id, rule, relation_name, shape_hash from rowgate.lane
    where run_id = ${param(runId, 'bigint')} order by id`);
  return rows.map((row) => {
    const lane = lanes.find(
      ({ fill, leaf }) => fill.rule.id === row['rule'] && displayTable(leaf.name) === row['relation_name'],
    );
    if (!lane || lane.shapeHash !== row['shape_hash'])
      throw new Problem(
        'object-changed',
        `${row['relation_name']} is not as it was when run ${runId} began: a column, its type, the key or a parent has changed`,
        {
          hint: `Cancel it with rowgate runs cancel ${runId}, and start a new run: what was filled stays filled.`,
        },
      );
    return { id: row['id'] ?? '', lane };
  });
}
