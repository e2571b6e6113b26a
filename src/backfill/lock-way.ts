import type { Query } from '../postgres/snapshot.ts';
import type { KeyText } from './backfill-run.ts';
import { lockParents, readLockedParents, type Filling, type KeyRange } from './lane-statements.ts';
import type { Lane } from './lane.ts';

/** What is to be filled, and from what: none of it changes until the transaction ends. */
export type LockedWay = {
  /** Rows that lack a value, at most as many as were asked for. */
  readonly candidates: number;
  /** The key of the last of them; undefined where there are none. */
  readonly last: KeyText | undefined;
} & Pick<Filling, 'places' | 'lockedKeys'>;

/** Locks the rows that values come from, the farthest first: an application edits a tenant, and then its rows. */
export async function lockWay(query: Query, lane: Lane, range: KeyRange, most: number): Promise<LockedWay> {
  const lockedKeys: (readonly (string | null)[])[] = [];
  let found: LockedWay = { candidates: 0, last: undefined, places: '{}', lockedKeys };
  for (let hop = lane.fill.hops.length - 1; hop >= 0; hop -= 1) {
    const [row] = await query(lockParents(lane, range, most, hop));
    const locked = readLockedParents(lane, hop, row);
    lockedKeys[hop] = locked.keys;
    found = { candidates: locked.candidates, last: locked.last, places: locked.places, lockedKeys };
    if (locked.candidates === 0) break;
  }
  return found;
}
