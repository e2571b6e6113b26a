import type { Session } from '../postgres/database.ts';
import { sql } from '../sql/sql.ts';
import type { Plan } from '../plan/plan.ts';
import type { Rule } from '../rules/rule.ts';
import { listed } from '../support/listed.ts';
import { Problem } from '../support/problem.ts';
import { matchesWildcard } from '../support/wildcard.ts';

/**
 * Schemas that a rule's pattern matches and in which the rule checks nothing: they hold no relation, or none that the
 * rule selects. A tenant's schema that was made and never filled would else be passed over without a word.
 */
export async function uncheckedSchemas({ checks }: Plan, session: Session): Promise<Problem[]> {
  const reached = new Map<Rule, Set<string>>();
  for (const check of checks) {
    if (!isPattern(check.rule.schema) || check.rule.tables.by === 'none') continue;
    const schemas = reached.get(check.rule) ?? new Set<string>();
    reached.set(check.rule, 'relation' in check ? schemas.add(check.relation.name.schema) : schemas);
  }
  if (reached.size === 0) return [];
  const rows = await session.query(sql`
    select n.nspname as name
    from pg_catalog.pg_namespace n
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    order by 1`);
  const names = rows.map((row) => row['name'] ?? '');
  return Array.from(reached).flatMap(([rule, schemas]) => {
    const missed = names.filter((name) => matchesWildcard(rule.schema, name) && !schemas.has(name));
    // A rule of which nothing could be planned is unknown as a whole, and says why.
    return missed.length === 0 || schemas.size === 0 ? [] : [unchecked(rule, missed)];
  });
}

const isPattern = (schema: string): boolean => /[*?]/.test(schema);

function unchecked(rule: Rule, schemas: readonly string[]): Problem {
  return new Problem(
    'schemas-unchecked',
    `the rule ${rule.id} checks nothing in ${listed(schemas)}, which its schema '${rule.schema}' matches`,
    {
      at: rule.locate(['schema']),
      hint: 'There is no table for it there. Look whether the schema is complete, or narrow the pattern.',
    },
  );
}
