// What else is going on on the server, and when a run waits for it. One table of signals; it reads better whole.
import type { Row } from '../postgres/database.ts';
import type { Query } from '../postgres/snapshot.ts';
import { sql, type Sql } from '../sql/sql.ts';
import { formatDurationMs } from '../support/duration.ts';
import { asProblem } from '../support/problem.ts';

/** One thing to watch. `limit` is the first value that holds a run. */
type Signal = {
  readonly says: string;
  readonly unit: 'ms' | 'bytes' | 'count';
  readonly limit: number;
  /** Of a counter that only ever grows: what counts is how much it grew in this time. */
  readonly overMs?: number;
  /** Without this right the statement fails; without `needs` it always may be asked. */
  readonly needs?: Sql;
  /** One row with `value`, and `is_visible`, false where the role may not see it. */
  readonly statement: Sql;
};

const mayReadStatistics = sql`pg_catalog.pg_has_role('pg_read_all_stats', 'usage')`;

/** Every signal by the name that `--throttle` calls it. Limits are starting points, and each can be set. */
export const SIGNALS = {
  'replica-lag': {
    says: 'a replica is behind in replaying',
    unit: 'ms',
    limit: 10_000,
    statement: sql`
      select coalesce(pg_catalog.max(extract(epoch from replay_lag)) * 1000, 0)::bigint::text as value,
        (pg_catalog.count(*) = 0 or ${mayReadStatistics}) as is_visible
      from pg_catalog.pg_stat_replication`,
  },
  'slot-lag': {
    says: 'a replication slot retains log that nobody has read',
    unit: 'bytes',
    limit: 4 * 1024 ** 3,
    statement: sql`
      select coalesce(pg_catalog.max(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn)), 0)::bigint::text as value,
        true as is_visible
      from pg_catalog.pg_replication_slots`,
  },
  blocking: {
    says: 'other sessions wait for locks of this backfill',
    unit: 'count',
    limit: 1,
    statement: sql`
      select pg_catalog.count(distinct l.pid)::text as value, true as is_visible
      from pg_catalog.pg_locks l
      where not l.granted and pg_catalog.pg_blocking_pids(l.pid) && array(
        select a.pid from pg_catalog.pg_stat_activity a
        where a.usename = current_user and a.application_name = pg_catalog.current_setting('application_name') and a.pid <> pg_catalog.pg_backend_pid()
      ) and l.pid not in (
        select a.pid from pg_catalog.pg_stat_activity a
        where a.usename = current_user and a.application_name = pg_catalog.current_setting('application_name')
      )`,
  },
  archiver: {
    says: 'log waits to be archived',
    unit: 'count',
    limit: 64,
    // The server asks for the right to call a function when a statement begins, whatever the statement makes of it.
    needs: sql`pg_catalog.has_function_privilege('pg_catalog.pg_ls_archive_statusdir()', 'execute')`,
    statement: sql`
      select pg_catalog.count(*)::text as value, true as is_visible
      from pg_catalog.pg_ls_archive_statusdir() as f where f.name operator(pg_catalog.~) '[.]ready$'`,
  },
  'xmin-age': {
    says: 'an old transaction or slot keeps vacuum from removing what the backfill leaves behind',
    unit: 'count',
    limit: 10_000_000,
    statement: sql`
      select coalesce(pg_catalog.max(pg_catalog.age(held.xmin)), 0)::text as value, ${mayReadStatistics} as is_visible
      from (
        select backend_xmin as xmin from pg_catalog.pg_stat_activity where backend_xmin is not null
        union all select xmin from pg_catalog.pg_replication_slots where xmin is not null
        union all select transaction from pg_catalog.pg_prepared_xacts
      ) as held`,
  },
  'wraparound-vacuum': {
    says: 'autovacuum works to prevent wraparound',
    unit: 'count',
    limit: 1,
    statement: sql`
      select pg_catalog.count(*)::text as value, ${mayReadStatistics} as is_visible
      from pg_catalog.pg_stat_activity
      where backend_type = 'autovacuum worker' and query operator(pg_catalog.~~) '%(to prevent wraparound)%'
        and datname = pg_catalog.current_database()`,
  },
  checkpoints: {
    says: 'log fills so fast that checkpoints are forced',
    unit: 'count',
    // In five minutes: one in 30 seconds is what the server itself warns of (`checkpoint_warning`).
    limit: 10,
    overMs: 300_000,
    // By what the server computes them from, as its counters also count DROP DATABASE and CHECKPOINT.
    statement: sql`
      select pg_catalog.floor(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0') * (1 + pg_catalog.current_setting('checkpoint_completion_target')::numeric)
          / pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_wal_size')))::bigint::text as value,
        true as is_visible`,
  },
} as const satisfies Record<string, Signal>;

export type SignalName = keyof typeof SIGNALS;

export const SIGNAL_NAMES = Object.keys(SIGNALS) as SignalName[];

/** How somebody wants the signals watched. */
export type Throttling = {
  /** Limits other than the usual; `off` does not look. */
  readonly limits: Partial<Record<SignalName, number | 'off'>>;
  /** Signals without which the run does not go on: one that cannot be read holds it. */
  readonly required: readonly (SignalName | 'query')[];
  /** A SELECT of somebody's own, through the grammar check: its first value holds the run while it is true, or above 0. */
  readonly query: Sql | undefined;
};

/** One signal as it was read. */
export type Reading = {
  readonly name: SignalName | 'query';
  /** Undefined where it cannot be seen. */
  readonly value: number | undefined;
  readonly limit: number;
  /** Why the run waits; undefined where it does not. */
  readonly holds: string | undefined;
};

/** What counters were, and when, in milliseconds of `performance.now()`. */
export type CounterHistory = Map<SignalName, readonly { readonly atMs: number; readonly value: number }[]>;

/** Reads every signal that is watched; `history` takes what counters are, for the next time. */
export async function readSignals(
  query: Query,
  { limits, required, query: own }: Throttling,
  history: CounterHistory,
): Promise<Reading[]> {
  const readings: Reading[] = [];
  for (const name of SIGNAL_NAMES) {
    const signal: Signal = SIGNALS[name];
    const limit = limits[name] ?? signal.limit;
    if (limit === 'off') continue;
    const read = await readOne(query, signal);
    const value = signal.overMs === undefined ? read : grownBy(history, name, read, signal.overMs);
    readings.push(judge(name, value, limit, required.includes(name)));
  }
  if (own) readings.push(await readOwn(query, own));
  return readings;
}

async function readOne(query: Query, signal: Signal): Promise<number | undefined> {
  const [may] = signal.needs ? await query(sql`select ${signal.needs} as granted`) : [];
  if (may?.['granted'] === 'f') return undefined;
  const [row] = await query(signal.statement);
  const value = Number(row?.['value'] ?? Number.NaN);
  return row?.['is_visible'] === 't' && Number.isFinite(value) ? value : undefined;
}

function grownBy(
  history: CounterHistory,
  name: SignalName,
  value: number | undefined,
  overMs: number,
): number | undefined {
  if (value === undefined) return undefined;
  const atMs = performance.now();
  const seen = [...(history.get(name) ?? []), { atMs, value }].filter((each) => each.atMs >= atMs - overMs);
  history.set(name, seen);
  // Counters begin again at 0 when the server's statistics are reset.
  return Math.max(0, value - Math.min(...seen.map((each) => each.value)));
}

function judge(name: SignalName, value: number | undefined, limit: number, isRequired: boolean): Reading {
  const { says, unit } = SIGNALS[name];
  if (value === undefined) {
    const holds = isRequired ? `${name} is required, and this role cannot see it` : undefined;
    return { name, value, limit, holds };
  }
  const amounts = `${describeAmount(value, unit)}, the limit is ${describeAmount(limit, unit)}`;
  return { name, value, limit, holds: value >= limit ? `${name}: ${says} (${amounts})` : undefined };
}

function describeAmount(value: number, unit: Signal['unit']): string {
  if (unit === 'ms') return formatDurationMs(value);
  return unit === 'bytes'
    ? `${Math.round(value / 1024 ** 2).toLocaleString('en-US')} MiB`
    : value.toLocaleString('en-US');
}

/** Its own query holds a run also when it fails or says nothing: a signal that is gone must not look like all is well. */
async function readOwn(query: Query, own: Sql): Promise<Reading> {
  const reading = { name: 'query', limit: 0 } as const;
  let row: Row | undefined;
  try {
    [row] = await query(sql`select * from (${own}) as q limit 1`);
  } catch (error) {
    return { ...reading, value: undefined, holds: `the throttle query failed: ${asProblem(error).message}` };
  }
  const [text = null] = Object.values(row ?? {});
  const value = text === 't' ? 1 : text === 'f' ? 0 : text === null ? Number.NaN : Number(text);
  if (!Number.isFinite(value))
    return { ...reading, value: undefined, holds: 'the throttle query gave no number and no truth' };
  return {
    ...reading,
    value,
    holds: value > 0 ? `the throttle query says ${text === 't' ? 'true' : value}` : undefined,
  };
}
