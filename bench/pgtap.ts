import { dirname } from 'node:path';
import type { Client } from 'pg';
import { glob } from 'tinyglobby';
import type { Subject } from './measure.ts';
import type { Counts, Statement } from './seed-statements.ts';
import { countingSubject } from './subjects.ts';

/** Whether pgTAP could be installed in a database, or why not. */
export type Pgtap = { readonly available: true } | { readonly available: false; readonly reason: string };

/** Where Debian's packages put it, for whichever major: it is SQL alone. Gives a folder with an `extension/`, if there is one. */
export async function findPgtap(): Promise<string | undefined> {
  const found = await glob('/usr/share/postgresql/*/extension/pgtap.control', { absolute: true });
  const [newest] = found.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  return newest === undefined ? undefined : dirname(dirname(newest));
}

/** Installs pgTAP in a schema of its own, where the server has it. */
export async function installPgtap(client: Client): Promise<Pgtap> {
  try {
    await client.query('create schema tap; create extension pgtap schema tap');
    return { available: true };
  } catch (error) {
    return { available: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** The same counts as pgTAP tests, each of which expects 0, in one transaction that is rolled back. */
export function pgtapSubject(
  name: string,
  client: Client,
  statements: readonly Statement[],
  expected: Counts,
): Subject {
  return countingSubject(name, expected, async () => {
    await client.query('begin; set local search_path to public, tap; select no_plan()');
    const counts: [string, number][] = [];
    for (const { counts: counted, text } of statements) {
      const test = `select is((${text}), 0::bigint, '${counted}') as said`;
      const { rows } = await client.query<{ said: string }>(test);
      counts.push([counted, countIn(rows[0]?.said ?? '')]);
    }
    await client.query('select * from finish(); rollback');
    return Object.fromEntries(counts);
  });
}

/** `ok`, or a failure that says what it found instead of 0. */
function countIn(said: string): number {
  if (said.startsWith('ok ')) return 0;
  return Number(/^#\s+have: (\d+)$/m.exec(said)?.[1] ?? Number.NaN);
}
