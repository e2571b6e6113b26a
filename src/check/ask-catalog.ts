import { askAside, excludeByConstraints, type Limits } from '../postgres/snapshot.ts';
import type { Session } from '../postgres/database.ts';
import { ROW_ALIAS, type CatalogCheck } from '../plan/plan.ts';
import { sql, type Sql } from '../sql/sql.ts';
import { expectUnchanged } from './changed-objects.ts';
import type { Outcome } from './check-result.ts';

/** Answers a question that the catalogue, or the server's own prover, can answer. Reads no row. */
export async function askCatalog(check: CatalogCheck, session: Session, limits: Limits): Promise<Outcome> {
  const unmet: string[] = [];
  const proofs: string[] = [];
  const classes: Record<string, number> = {};
  for (const requirement of check.requirements) {
    const proof = requirement.state === 'met' ? requirement.proof : undefined;
    const proved =
      requirement.state === 'ask' && (await refutes(check, requirement.contradiction, session, limits));
    const isMet = proof !== undefined || proved;
    classes[requirement.name] = isMet ? 0 : 1;
    if (isMet) proofs.push(proof ?? 'constraints that the server itself takes for proof');
    else if (requirement.state !== 'met') unmet.push(requirement.reason);
  }
  const measured = { violations: { count: unmet.length, exact: true }, classes };
  if (unmet.length <= check.rule.maxViolations)
    return { ...measured, outcome: 'held', proof: proofs.join('; ') };
  return { ...measured, outcome: 'broken', reason: [...new Set(unmet)].join('; '), samples: [] };
}

/** Whether the server's planner knows from validated constraints that no row can be like this. Reads no row. */
async function refutes(
  { relation, operatorSchemas }: CatalogCheck,
  contradiction: Sql,
  session: Session,
  limits: Limits,
): Promise<boolean> {
  const isEmpty = (condition: Sql): Promise<boolean> =>
    askAside(session, limits, operatorSchemas, async (query) => {
      await query(excludeByConstraints('on'));
      // A bound says which rows a partition takes, and the next partition has another: it guards nothing of its table.
      await query(sql`select pg_catalog.set_config('enable_partition_pruning', 'off', true)`);
      const statement = sql`explain (format json, costs off) select from ${relation.name} as ${ROW_ALIAS} where ${condition}`;
      const [row] = await query(statement);
      await expectUnchanged(query);
      const [explained] = JSON.parse(row?.['QUERY PLAN'] ?? '[]') as {
        Plan?: { 'Node Type'?: string; 'One-Time Filter'?: string };
      }[];
      return explained?.Plan?.['Node Type'] === 'Result' && explained.Plan['One-Time Filter'] === 'false';
    });
  // A partitioned table without partitions has no row of any kind, which proves nothing of those to come.
  return (
    (await isEmpty(contradiction)) && !(relation.kind === 'partitioned table' && (await isEmpty(sql`true`)))
  );
}
