import { execFileSync } from 'node:child_process';
import { arch, cpus, loadavg, release, totalmem, type } from 'node:os';
import type { Client } from 'pg';
import type { Machine } from './results.ts';

/** Settings that decide what is measured, with the server's own values. */
const SETTINGS = [
  'shared_buffers',
  'effective_cache_size',
  'work_mem',
  'random_page_cost',
  'max_parallel_workers_per_gather',
  'io_method',
  'jit',
  'autovacuum',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
];

/** What the results depend on, for the reader who wants to compare. */
export async function describeMachine(client: Client, root: string, command: string): Promise<Machine> {
  const [cpu] = cpus();
  const gibibytes = (totalmem() / 1024 ** 3).toFixed(1);
  const { rows } = await client.query<{ version: string; settings: string; jit: boolean }>(
    `select current_setting('server_version') as version, pg_jit_available() as jit, (
       select string_agg(name || ' ' || current_setting(name), ', ' order by array_position($1, name))
       from pg_settings where name = any ($1)
     ) as settings`,
    [SETTINGS],
  );
  const server = rows[0];
  return [
    ['Processor', `${cpu?.model.trim() ?? 'unknown'}, ${cpus().length} cores`],
    ['Memory', `${gibibytes} GiB`],
    ['System', `${type()} ${release()}, ${arch()}`],
    ['Node.js', process.version],
    ['PostgreSQL', `${server?.version}, from npm, on the same machine over TCP`],
    ['Settings', `${server?.settings}; JIT ${server?.jit ? 'available' : 'not in this build'}`],
    ['Rowgate', revision(root)],
    ['Date', new Date().toISOString().slice(0, 10)],
    ['Command', `\`${command}\``],
    ['Load before', load()],
  ];
}

/** How busy the machine is, as the system counts it: processes that run or want to, over 1, 5 and 15 minutes. */
export function load(): string {
  return loadavg()
    .map((each) => each.toFixed(2))
    .join(', ');
}

function revision(root: string): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  try {
    return `commit ${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', 'src', 'dist') === '' ? '' : ', with changes that are not committed'}`;
  } catch {
    return 'not from a clone';
  }
}
