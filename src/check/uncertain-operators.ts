import type { Session } from '../postgres/database.ts';
import { sql, textArray } from '../sql/sql.ts';
import type { Check, Plan } from '../plan/plan.ts';
import { Problem } from '../support/problem.ts';

/**
 * The checks whose author SQL might be answered by an operator that somebody added: one that takes the types of its
 * sides exactly is preferred, whatever stands before it on the search path. An extension's own are as good as Postgres's.
 */
export async function findUncertainOperators(
  plan: Plan,
  session: Session,
): Promise<ReadonlyMap<Check, Problem>> {
  const schemasOf = (check: Check) => ('operatorSchemas' in check ? check.operatorSchemas : []);
  const schemas = [...new Set(plan.checks.flatMap(schemasOf))];
  if (schemas.length === 0) return new Map();
  const rows = await session.query(sql`
    select n.nspname as schema, pg_catalog.min(o.oid::pg_catalog.regoperator::text) as operator
    from pg_catalog.pg_operator o
    join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
    where n.nspname = any (${textArray(schemas)}) and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass and d.objid = o.oid and d.deptype = 'e'
    )
    group by n.nspname`);
  const added = new Map(rows.map((row) => [row['schema'], row['operator']]));
  return new Map(
    plan.checks.flatMap((check) => {
      const schema = schemasOf(check).find((each) => added.has(each));
      return schema === undefined ? [] : [[check, uncertain(check, schema, added.get(schema) ?? '')]];
    }),
  );
}

function uncertain({ rule }: Check, schema: string, operator: string): Problem {
  const message = `it compares values of a type of the schema ${schema}, and somebody added operators there, such as ${operator}: which of them it would use is not certain`;
  return new Problem('not-measurable', message, {
    at: rule.locate([]),
    hint: `Move the extension to a schema where nobody else may create: alter extension ... set schema ...`,
  });
}
