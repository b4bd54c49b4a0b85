import { addClaim, boundClaim, dropClaim, type Pool, tell, toldRoom } from './pool.ts';
import { createPoolIndex, type PoolIndex } from './pool-index.ts';
import { createPromises, type Promises } from './promises.ts';
import type { Requirement, Topology } from './topology.ts';

/** A claim whose volume is being made, or was just made, where the scheduler said. */
export interface PlacedClaim {
  readonly group: string;
  readonly node: string;
  readonly bytes: number;
}

/** Free bytes for volumes of a group of classes. */
export interface GroupRoom {
  readonly group: string;
  readonly bytes: number;
}

/** Room that an object of the API server tells of. */
export interface ToldRoom extends GroupRoom {
  /** Nodes that can use it. */
  readonly nodes: readonly Requirement[];
}

/** What a node's pool of a group has for a VM; bytes. */
export interface PoolRoom {
  /** As told. */
  readonly told: number;
  /** Of that, promised to claims under way. */
  readonly promised: number;
  /** Of that, to VMs that passed a filter moments ago and may go elsewhere. */
  readonly tentative: number;
  /** Of `promised`, what is out of `told` already: known once the claims are seen bound. */
  readonly twice: number;
}

/** Pools of the cluster, and what is promised of them. */
export interface Pools extends Pick<Promises, 'promise' | 'others'> {
  /** undefined = the object tells nothing any more. */
  tell(object: string, room: ToldRoom | undefined): void;
  /** A claim's volume is to be made there; undefined = nowhere now. One that was made counts on until its time is over. */
  place(key: string, claim: PlacedClaim | undefined): void;
  /** Its volume was made. `at` in milliseconds since the epoch. */
  bound(key: string, at: number): void;
  /** Whether the claim is placed, or was bound a short time ago. */
  has(key: string): boolean;
  /** Its volume takes no room of a pool (any more). */
  forget(key: string): void;
  /** Room for this VM; undefined = nothing tells. */
  room(group: string, node: string, uid: string): PoolRoom | undefined;
  /** Drops what is older than its time. */
  expire(now: number): void;
}

/**
 * How long a volume that was made counts beside what is told, when that does not sink: drivers' provisioners ask for the room each minute
 * (`--capacity-poll-interval`), and after each volume.
 */
export const HOLD_MS = 70_000;

interface Placed {
  readonly claim: PlacedClaim;
  readonly pools: readonly Pool[];
  readonly boundAt: number | undefined;
}

interface Books {
  readonly index: PoolIndex;
  readonly told: Map<string, ToldRoom>;
  readonly placed: Map<string, Placed>;
  readonly promises: Promises;
  /** Of the index, when claims were last put into its pools. */
  version: number;
}

/** An empty {@link Pools}. It has identity because all requests look at, and add to, the same one. */
export function createPools(topology: Topology): Pools {
  const index = createPoolIndex(topology);
  const promises = createPromises(index);
  const books: Books = { index, told: new Map(), placed: new Map(), promises, version: -1 };
  return {
    tell: (object, room) => tellRoom(books, object, room),
    place: (key, claim) => {
      settle(books);
      if (claim !== undefined || books.placed.get(key)?.boundAt === undefined) place(books, key, claim);
      if (claim !== undefined) promises.placed(key, claim.node);
    },
    has: (key) => books.placed.has(key),
    forget: (key) => place(books, key, undefined),
    bound: (key, at) => {
      settle(books);
      bound(books, key, at);
      promises.placed(key, undefined);
    },
    room: (group, node, uid) => {
      settle(books);
      return roomiest(index.at(group, node), (pool) => promises.own(uid, pool));
    },
    promise: (uid, promise) => {
      settle(books);
      promises.promise(uid, promise);
    },
    others: (uid, since) => promises.others(uid, since),
    expire: (now) => {
      promises.expire(now);
      for (const [key, { boundAt }] of books.placed) if (boundAt !== undefined && now - boundAt >= HOLD_MS) place(books, key, undefined);
    },
  }; // prettier-ignore
}

function tellRoom({ index, told }: Books, object: string, room: ToldRoom | undefined): void {
  const before = told.get(object);
  if (before !== undefined && (room === undefined || JSON.stringify(before.nodes) !== JSON.stringify(room.nodes) || before.group !== room.group)) {
    const pool = index.pool(before.group, before.nodes);
    tell(pool, object, undefined);
    if (pool.told.size === 0) index.drop(before.group, before.nodes);
  }
  if (room === undefined) told.delete(object);
  else told.set(object, room);
  if (room !== undefined) tell(index.pool(room.group, room.nodes), object, room.bytes);
} // prettier-ignore

function place({ placed, index }: Books, key: string, claim: PlacedClaim | undefined): void {
  const before = placed.get(key);
  if (before !== undefined) {
    if (claim !== undefined && before.boundAt === undefined && isSame(before.claim, claim)) return;
    for (const pool of before.pools) dropClaim(pool, key);
    placed.delete(key);
  }
  if (claim === undefined) return;
  const pools = index.at(claim.group, claim.node);
  for (const pool of pools) addClaim(pool, key, claim.bytes);
  placed.set(key, { claim, pools, boundAt: undefined });
}

function isSame(a: PlacedClaim, b: PlacedClaim): boolean {
  return a.group === b.group && a.node === b.node && a.bytes === b.bytes;
}

function bound({ placed }: Books, key: string, at: number): void {
  const before = placed.get(key);
  if (before === undefined || before.boundAt !== undefined) return;
  for (const pool of before.pools) boundClaim(pool, key);
  placed.set(key, { ...before, boundAt: at });
}

/** Puts claims and promises into the pools of their nodes as they are now. There are few of them under way, and few such changes. */
function settle(books: Books): void {
  const { index, placed, promises } = books;
  if (books.version === index.version()) return;
  books.version = index.version();
  for (const [key, { claim, pools: before, boundAt }] of placed) {
    const pools = index.at(claim.group, claim.node);
    for (const pool of before) if (!pools.includes(pool)) dropClaim(pool, key);
    for (const pool of pools) {
      if (before.includes(pool)) continue;
      addClaim(pool, key, claim.bytes);
      if (boundAt !== undefined) boundClaim(pool, key);
    }
    placed.set(key, { claim, pools, boundAt });
  }
  promises.settle();
}

/** Of pools that tell, the one with most left. What the driver itself tells of the node is newer than CSIStorageCapacity, and less rough. */
function roomiest(pools: readonly Pool[], own: (pool: Pool) => number): PoolRoom | undefined {
  let best: PoolRoom | undefined;
  let bestIsOwn = false;
  for (const pool of pools) {
    const told = toldRoom(pool);
    if (told === undefined || (bestIsOwn && !pool.own)) continue;
    const room = { told, promised: pool.promised, tentative: pool.tentative - own(pool), twice: pool.credit };
    if (best === undefined || bestIsOwn !== pool.own || leftOf(room) > leftOf(best)) best = room;
    bestIsOwn = pool.own;
  }
  return best;
}

/** What is left of a room when all keep what they were promised; below 0 when more was promised. */
export function leftOf({ told, promised, tentative }: PoolRoom): number {
  return told - promised - tentative;
}
