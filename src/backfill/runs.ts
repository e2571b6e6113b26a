import type { Row } from '../postgres/database.ts';
import type { Query } from '../postgres/snapshot.ts';
import { param, sql, textArray, type Sql } from '../sql/sql.ts';
import { didYouMean } from '../support/nearest.ts';
import { Problem } from '../support/problem.ts';
import { displayTable } from '../sql/identifier.ts';
import { filledColumns } from '../plan/fill.ts';
import {
  RUN_STATES,
  sourcesOf,
  type BackfillRun,
  type RunBounds,
  type RunSettings,
  type RunState,
} from './backfill-run.ts';
import type { Lane } from './lane.ts';

/** What a new run is made of. */
export type NewRun = {
  readonly lanes: readonly Lane[];
  readonly specHash: string;
  readonly settings: RunSettings;
  readonly bounds: RunBounds;
  readonly rowsAtStart: number | undefined;
  readonly requestedBy: string | undefined;
  readonly runUrl: string | undefined;
};

const now = sql`pg_catalog.clock_timestamp()`;
const runId = (id: string): Sql => sql`${param(id, 'bigint')}`;

/** Records a run that no worker has taken up yet; throws `run-busy` where another one is live on the same column. */
export async function createRun(query: Query, run: NewRun): Promise<string> {
  const rules = [...new Set(run.lanes.map(({ fill }) => fill.rule.id))];
  const [row] = await query(sql`
    insert into rowgate.run (state, rules, spec_hash, batch_target_ms, nice, max_rows, rows_granted, max_duration_ms, rows_at_start, server_id, requested_by, run_url)
    values ('planned', ${textArray(rules)}, ${param(run.specHash, 'text')}, ${param(run.settings.batchTargetMs, 'integer')},
      ${param(run.settings.nice, 'float8')}, ${param(run.bounds.maxRows ?? null, 'bigint')}, ${param(run.bounds.maxRows ?? null, 'bigint')},
      ${param(run.bounds.maxDurationMs ?? null, 'bigint')}, ${param(run.rowsAtStart ?? null, 'bigint')},
      ${param(await readServerId(query), 'text')}, ${param(run.requestedBy ?? null, 'text')}, ${param(run.runUrl ?? null, 'text')})
    returning id::text as id`);
  const id = row?.['id'] ?? '';
  for (const lane of run.lanes) await insertLane(query, id, lane);
  await addEvent(query, id, { kind: 'planned', detail: `${run.lanes.length} tables` });
  return id;
}

async function insertLane(query: Query, id: string, lane: Lane): Promise<void> {
  const relation = displayTable(lane.leaf.name);
  const columns = filledColumns(lane.fill).map(({ name }) => name as string);
  const [busy] = await query(sql`
    select run_id::text as id from rowgate.lane
    where is_live and relation_name = ${param(relation, 'text')} and column_names && ${textArray(columns)}`);
  if (busy) throw busyProblem(relation, columns, busy['id'] ?? '');
  const inserted = await query(sql`
    insert into rowgate.lane (run_id, rule, stage, table_name, relation_name, column_names, shape_hash)
    values (${runId(id)}, ${param(lane.fill.rule.id, 'text')}, ${param(lane.fill.stage, 'integer')},
      ${param(displayTable(lane.fill.relation.name), 'text')}, ${param(relation, 'text')}, ${textArray(columns.toSorted())},
      ${param(lane.shapeHash, 'text')})
    on conflict do nothing returning id`);
  if (inserted.length === 0) throw busyProblem(relation, columns, '');
}

function busyProblem(relation: string, columns: readonly string[], id: string): Problem {
  const which = id === '' ? 'another run' : `run ${id}`;
  return new Problem(
    'run-busy',
    `${which} is filling ${columns.join(', ')} of ${relation}, and is not over`,
    {
      hint:
        id === ''
          ? 'See: rowgate runs'
          : `Work on it: rowgate backfill --run ${id} --execute. Or end it: rowgate runs cancel ${id}.`,
    },
  );
}

/** Which server this is, as far as the role may know: the same for a physical copy. */
export async function readServerId(query: Query): Promise<string | null> {
  const [may] = await query(sql`
    select pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute') as granted`);
  if (may?.['granted'] !== 't') return null;
  const [row] = await query(sql`select system_identifier::text as id from pg_catalog.pg_control_system()`);
  return row?.['id'] ?? null;
}

/** Nobody who is at work is silent for longer: a worker looks at its run before and after each batch. */
const MOST_SILENT_MS = 60_000;

/** Milliseconds of work since they were last counted: none while nobody is meant to work, or where nobody was heard of for long. */
export const workedSince = sql`case
    when state in ('running', 'holding', 'verifying') and ${now} - counted_at < ${param(MOST_SILENT_MS, 'bigint')} * interval '1 millisecond'
    then (extract(epoch from (${now} - counted_at)) * 1000)::bigint else 0 end`;

const runColumns = sql`
  r.id::text as id, r.state, r.reason, pg_catalog.array_to_json(r.rules)::text as rules, r.spec_hash, r.batch_target_ms::text as batch_target_ms,
  r.nice::text as nice, r.max_rows::text as max_rows, r.rows_at_start::text as rows_at_start,
  r.rows_remaining::text as rows_remaining, r.requested_by, r.run_url, r.server_id,
  pg_catalog.to_char(r.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as created_at,
  pg_catalog.to_char(r.started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as started_at,
  pg_catalog.to_char(r.finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as finished_at,
  pg_catalog.to_char(r.deadline at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as deadline,
  (extract(epoch from (${now} - r.worked_at)) * 1000)::bigint::text as idle_ms,
  case when r.started_at is not null then (r.worked_ms + ${workedSince})::text end as elapsed_ms,
  (select coalesce(pg_catalog.sum(c.rows_updated), 0) from rowgate.chunk c where c.run_id = r.id)::text as rows_updated`;

/** A run by its id; throws `run-unknown`. `lock` holds it against everybody who would change it. */
export async function readRun(query: Query, id: string, lock = false): Promise<BackfillRun> {
  if (!/^[1-9]\d{0,17}$/.test(id))
    throw new Problem('run-unknown', `'${id}' is not a run's id, which is a number`, {
      hint: 'See: rowgate runs',
    });
  const [row] = await query(sql`
    select ${runColumns} from rowgate.run r where r.id = ${runId(id)} ${lock ? sql`for update` : sql``}`);
  if (row) return readRunRow(row);
  const others = (await readRuns(query, 20)).map((run) => run.id);
  throw new Problem('run-unknown', `there is no run ${id} in this database${didYouMean(id, others)}`, {
    hint: 'See: rowgate runs',
  });
}

/** The latest runs, newest first. */
export async function readRuns(query: Query, most: number): Promise<BackfillRun[]> {
  const rows = await query(
    sql`select ${runColumns} from rowgate.run r order by r.id desc limit ${param(most, 'bigint')}`,
  );
  return rows.map(readRunRow);
}

function readRunRow(row: Row): BackfillRun {
  const number = (name: string): number | null =>
    row[name] === null || row[name] === undefined ? null : Number(row[name]);
  const state = RUN_STATES.find((each) => each === row['state']);
  if (!state)
    throw new Problem('ledger-missing', `the ledger has a run in an unknown state, ${row['state']}`);
  return {
    id: row['id'] ?? '',
    state,
    reason: row['reason'] ?? null,
    rules: JSON.parse(row['rules'] ?? '[]') as string[],
    specHash: row['spec_hash'] ?? '',
    settings: { batchTargetMs: Number(row['batch_target_ms']), nice: Number(row['nice']) },
    maxRows: number('max_rows'),
    rowsUpdated: number('rows_updated') ?? 0,
    rowsAtStart: number('rows_at_start'),
    rowsRemaining: number('rows_remaining'),
    serverId: row['server_id'] ?? null,
    requestedBy: row['requested_by'] ?? null,
    runUrl: row['run_url'] ?? null,
    createdAt: row['created_at'] ?? '',
    startedAt: row['started_at'] ?? null,
    finishedAt: row['finished_at'] ?? null,
    deadline: row['deadline'] ?? null,
    idleMs: number('idle_ms'),
    elapsedMs: number('elapsed_ms'),
  };
}

/** Changes a run's state where that may follow on the one it is in, which `from` can narrow; false where it may not. */
export async function changeState(
  query: Query,
  id: string,
  to: RunState,
  reason?: string,
  from: readonly RunState[] = sourcesOf(to),
): Promise<boolean> {
  const isOver = to === 'completed' || to === 'completed_with_residue' || to === 'cancelled';
  const rests = isOver || to === 'stopped_at_bound' || to === 'failed';
  const changed = await query(sql`
    update rowgate.run set state = ${param(to, 'text')}, reason = ${param(reason ?? null, 'text')},
      started_at = ${to === 'running' ? sql`coalesce(started_at, ${now})` : sql`started_at`},
      finished_at = ${rests ? now : sql`null`}, worked_ms = worked_ms + ${workedSince}, counted_at = ${now}
    where id = ${runId(id)} and state = any(${textArray(from)})
    returning id`);
  if (changed.length === 0) return false;
  if (isOver) await query(sql`update rowgate.lane set is_live = false where run_id = ${runId(id)}`);
  await addEvent(query, id, { kind: to, detail: reason ?? null });
  return true;
}

/** Something that happened to a run, for `rowgate runs show`. */
export type NewEvent = { readonly kind: string; readonly detail?: string | null; readonly worker?: string };

/** Records it. */
export async function addEvent(query: Query, id: string, { kind, detail, worker }: NewEvent): Promise<void> {
  await query(sql`
    insert into rowgate.event (run_id, kind, detail, worker)
    values (${runId(id)}, ${param(kind, 'text')}, ${param(detail ?? null, 'text')}, ${param(worker ?? null, 'text')})`);
}

/**
 * Sets a run to work: gives it its time, and the rows that it may fill from here on. Without a number of rows what is
 * left of its bound stays, and where nothing is left it gets as many again as it was given last: a run that has a bound
 * never loses it. Without a time it keeps the one it was recorded with.
 */
export async function startRun(query: Query, run: BackfillRun, bounds: RunBounds): Promise<void> {
  await takeBack(query, run.id);
  const more = param(bounds.maxRows ?? null, 'bigint');
  const lasts = sql`coalesce(${param(bounds.maxDurationMs ?? null, 'bigint')}, r.max_duration_ms)`;
  await query(sql`
    update rowgate.run as r set
      rows_granted = coalesce(${more}, r.rows_granted),
      max_rows = coalesce(
        r.rows_allotted + ${more},
        case when r.max_rows > r.rows_allotted then r.max_rows else r.rows_allotted + r.rows_granted end
      ),
      max_duration_ms = ${lasts},
      deadline = ${now} + ${lasts} * interval '1 millisecond'
    where r.id = ${runId(run.id)}`);
  await changeState(query, run.id, 'running', run.state === 'planned' ? undefined : 'it was started again');
}

/** Lets a run fill at most so many rows from here on, or fewer where it has fewer left: a bound of others is not widened. */
export async function narrowRows(query: Query, id: string, rows: number): Promise<void> {
  await takeBack(query, id);
  const most = param(rows, 'bigint');
  await query(sql`
    update rowgate.run set rows_granted = ${most}, max_rows = rows_allotted + ${most}
    where id = ${runId(id)} and coalesce(max_rows > rows_allotted + ${most}, true)`);
}

/** What a worker that is gone had reserved is given back; one that has not begun yet finds that its chunk is not its own any more. */
async function takeBack(query: Query, id: string): Promise<void> {
  await query(sql`
    update rowgate.chunk set reserved = 0, refund = 0 where id in (
      select id from rowgate.chunk where run_id = ${runId(id)} and (reserved > 0 or refund > 0)
      for update skip locked
    )`);
  // A chunk that is locked by now gives back later what it does not need.
  await query(sql`
    update rowgate.run set rows_allotted = (
      select coalesce(pg_catalog.sum(rows_updated + reserved + refund), 0) from rowgate.chunk where run_id = ${runId(id)}
    )
    where id = ${runId(id)}`);
}

/** Ends a run whose time was over before anybody noticed, as where its last process was interrupted; true where that was so. */
export async function endLate(query: Query, id: string): Promise<boolean> {
  const [late] = await query(
    sql`select from rowgate.run where id = ${runId(id)} and state in ('running', 'holding') and deadline <= ${now}`,
  );
  if (!late) return false;
  return changeState(query, id, 'stopped_at_bound', 'the time that it was given was over');
}

/** Changes how workers go about a run that is not over, from their next batch on. */
export async function tuneRun(query: Query, id: string, settings: Partial<RunSettings>): Promise<void> {
  await query(sql`
    update rowgate.run set
      batch_target_ms = coalesce(${param(settings.batchTargetMs ?? null, 'integer')}, batch_target_ms),
      nice = coalesce(${param(settings.nice ?? null, 'float8')}, nice)
    where id = ${runId(id)}`);
  await addEvent(query, id, { kind: 'tuned', detail: JSON.stringify(settings) });
}

/** Records how many rows still lack their value, counted afresh. */
export async function recordRemaining(query: Query, id: string, rows: number): Promise<void> {
  await query(sql`update rowgate.run set rows_remaining = ${param(rows, 'bigint')} where id = ${runId(id)}`);
}
