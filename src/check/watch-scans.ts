import { setTimeout as sleep } from 'node:timers/promises';
import type { Relation } from '../postgres/catalog.ts';
import type { Session } from '../postgres/database.ts';
import { askAside } from '../postgres/snapshot.ts';
import { identifier } from '../sql/identifier.ts';
import { join, sql, type Sql } from '../sql/sql.ts';
import { LARGE_PAGES } from './count-steps.ts';
import type { CountStep } from '../plan/step.ts';

/** How far the server is with the large tables that it is reading whole. */
export type ScanWatch = {
  /** Tells of a step that begins; what it gives is called when the step ends. */
  begin(step: CountStep): () => void;
  /** Pages read of all that are under way, as far as is known. */
  pagesRead(): number;
  /** Whether there is something to watch that nobody watches. */
  canWatch(): boolean;
  /** Watches, in a session that has nothing else to do, until all that can be watched has ended. Never rejects. */
  watch(session: Session, signal: AbortSignal): Promise<void>;
};

/** How often to ask. One question reads one page, which has just been read. */
const INTERVAL_MS = 1_000;

/** Watching must not wait for anybody. */
const LIMITS = { statementTimeoutMs: 500, lockTimeoutMs: 100, useIndexes: true };

/**
 * A scan of a table of more than a quarter of shared_buffers notes every 128 KiB where it is, so that others begin
 * there and share its reads (synchronize_seqscans): the first row that another scan finds says how far it has come. Of
 * smaller tables nothing is heard. `onMoved` is told of each step that has moved.
 */
export function watchScans(onMoved: (step: CountStep) => void): ScanWatch {
  /** Pages read of each relation of each step that is under way. */
  const underWay = new Map<CountStep, Map<Relation, number>>();
  let isWatched = false;
  let allEnded = new AbortController();

  const end = (step: CountStep): void => {
    underWay.delete(step);
    if (underWay.size === 0) allEnded.abort();
  };
  const look = async (session: Session): Promise<void> => {
    for (const [step, read] of underWay) {
      const relations = [...read.keys()];
      const places = await askWhere(relations, session);
      for (const [i, relation] of relations.entries()) {
        const before = read.get(relation) ?? 0;
        const page = places[i] ?? 0;
        // It has begun anew at the end, where the next one is to begin.
        read.set(relation, page < before ? relation.pages : Math.min(page, relation.pages));
      }
      if (underWay.has(step)) onMoved(step);
    }
  };
  return {
    begin: (step) => {
      const large = relationsOf(step).filter(({ pages }) => pages >= LARGE_PAGES);
      if (large.length === 0 || step.pages === 0) return () => undefined;
      if (underWay.size === 0) allEnded = new AbortController();
      underWay.set(step, new Map(large.map((relation) => [relation, 0])));
      return () => end(step);
    },
    pagesRead: () =>
      [...underWay.values()].flatMap((read) => [...read.values()]).reduce((sum, pages) => sum + pages, 0),
    canWatch: () => underWay.size > 0 && !isWatched,
    watch: async (session, signal) => {
      if (underWay.size === 0 || isWatched) return;
      isWatched = true;
      const ended = AbortSignal.any([signal, allEnded.signal]);
      while (session.alive && !ended.aborted) {
        await sleep(INTERVAL_MS, undefined, { signal: ended }).catch(() => undefined);
        if (!ended.aborted) await look(session).catch(() => undefined);
      }
      isWatched = false;
    },
  };
}

function relationsOf({ checks: [check] }: CountStep): Relation[] {
  if (check.form !== 'rows') return [];
  const { relation } = check;
  const isStored = ({ kind }: Relation): boolean => kind === 'table' || kind === 'materialized view';
  return [relation, ...relation.descendants].filter(isStored);
}

/** The page of the first row that a scan finds that begins now; undefined where there is none. */
async function askWhere(relations: readonly Relation[], session: Session): Promise<(number | undefined)[]> {
  const places = relations.map(
    ({ name }, i): Sql => sql`(select ctid::text from only ${name} limit 1) as ${identifier(`p${i}`)}`,
  );
  const [row] = await askAside(session, LIMITS, [], (query) => query(sql`select ${join(places, sql`, `)}`));
  return relations.map((_, i) => {
    const page = /^\((\d+),/.exec(row?.[`p${i}`] ?? '')?.[1];
    return page === undefined ? undefined : Number(page);
  });
}
