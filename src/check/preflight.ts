import type { Session } from '../postgres/database.ts';
import { readRolePowers } from '../postgres/role.ts';
import type { Standby, StandbyState } from '../postgres/standby.ts';
import type { Snapshot, SnapshotTarget } from '../postgres/snapshot.ts';
import { displayTable } from '../sql/identifier.ts';
import { sql, textArray } from '../sql/sql.ts';
import { checkedTable, type Plan } from '../plan/plan.ts';
import { formatDurationMs } from '../support/duration.ts';
import { listed } from '../support/listed.ts';
import { Problem } from '../support/problem.ts';
import type { CheckResult } from './check-result.ts';
import { uncheckedSchemas } from './unchecked-schemas.ts';

/**
 * What a person should know about the role, the server and the plan before they trust the answers. Nothing of it
 * changes a verdict: what it makes impossible to measure ends `unknown` by itself. Reads the catalogue alone.
 */
export async function preflight(plan: Plan, { leader, target }: Snapshot): Promise<Problem[]> {
  const powers = await readRolePowers(leader);
  const hidden = await tablesWithHiddenRows(plan, leader);
  return [
    ...(powers.length > 0 ? [roleCanWrite(target.role, powers)] : []),
    ...(hidden.length > 0 ? [rowsHidden(target.role, hidden)] : []),
    ...serverWarnings(target),
    ...planWarnings(plan),
    ...(await uncheckedSchemas(plan, leader)),
  ];
}

function roleCanWrite(role: string, powers: readonly string[]): Problem {
  return new Problem('role-can-write', `the role ${role} can do more than read: it ${powers.join(', ')}`, {
    hint: 'Everything here runs read-only, but the role is the real wall: use one that can only select. The README has its SQL.',
  });
}

/** Of the checked tables, those of which a policy hides rows from this role; `row_security = off` refuses to read them. */
async function tablesWithHiddenRows(plan: Plan, leader: Session): Promise<string[]> {
  const relations = plan.checks.flatMap((check) => ('relation' in check ? [check.relation] : []));
  const names = new Map(relations.map(({ oid, name }) => [oid, displayTable(name)]));
  if (names.size === 0) return [];
  const rows = await leader.query(sql`
    select c.oid::text as relation from pg_catalog.pg_class c
    where c.oid = any (${textArray([...names.keys()])}::oid[]) and c.relrowsecurity
      and pg_catalog.row_security_active(c.oid)
    order by c.oid`);
  return rows.flatMap((row) => names.get(row['relation'] ?? '') ?? []);
}

function rowsHidden(role: string, tables: readonly string[]): Problem {
  return new Problem(
    'row-security',
    `row-level security hides rows of ${listed(tables)} from the role ${role}`,
    {
      hint: `Their checks end unknown, as do those that compare with these tables. Let the gate see all rows: alter role ${role} bypassrls.`,
    },
  );
}

const STANDBY_STATES: Record<StandbyState, string> = {
  applied: 'all that it received is applied',
  behind: 'it has received more than it has applied',
  paused: 'its replay is paused',
  disconnected: 'it receives nothing from its primary',
  unknown: 'it does not say how far it has come',
};

function standbyWarning({ state, maxAgeMs }: Standby): Problem {
  const age = maxAgeMs === undefined ? 'of unknown age' : `at most ${formatDurationMs(maxAgeMs)} old`;
  const message = `this server is a standby, and its rows are ${age}: ${STANDBY_STATES[state]}`;
  return new Problem('reads-standby', message, {
    hint: 'What the primary has written since is not in the answers. Gate a deploy on the primary.',
  });
}

function serverWarnings({ standby, pooled, sharesSnapshot }: SnapshotTarget): Problem[] {
  const warnings = standby ? [standbyWarning(standby)] : [];
  if (pooled)
    warnings.push(
      new Problem('reads-through-pooler', 'a pooler stands between Rowgate and the server', {
        hint: 'One transaction keeps one server connection, so the answers are of one snapshot; a direct connection can also be cancelled for certain.',
      }),
    );
  if (!sharesSnapshot)
    warnings.push(
      new Problem(
        'reads-in-one-session',
        'this server does not share snapshots, so one session does all the work',
        {
          hint: 'The answers are as good; they only come one by one.',
        },
      ),
    );
  return warnings;
}

function planWarnings({ checks }: Plan): Problem[] {
  if (checks.length === 0 || checks.some(({ enforced }) => enforced)) return [];
  return [
    new Problem('nothing-enforced', 'no rule is enforced in this phase: nothing here can fail the run', {
      hint: 'Give the phase that the database is in; rules count from their enforce_from on.',
    }),
  ];
}

/** Says which checked tables hold no row: a rule on such a table holds, and has shown nothing. */
export function emptyTables(results: readonly CheckResult[]): Problem[] {
  const empty = results.filter((result) => result.outcome !== 'unknown' && result.tableIsEmpty);
  const names = new Set(
    empty.flatMap(({ check }) => checkedTable(check) ?? []).map((table) => displayTable(table)),
  );
  if (names.size === 0) return [];
  return [
    new Problem(
      'tables-empty',
      `no row in ${listed([...names])}: their rules hold because there is nothing to break them`,
      {
        hint: 'Look whether this is the database that you mean.',
      },
    ),
  ];
}
