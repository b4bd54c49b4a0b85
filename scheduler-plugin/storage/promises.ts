import type { PoolIndex } from './pool-index.ts';
import type { Pool } from './pool.ts';

/** What a VM's new disks want, and the nodes that may be asked for it. */
export interface PoolPromise {
  /** By key of the claim: its group of classes, and bytes. */
  readonly claims: ReadonlyMap<string, { readonly group: string; readonly bytes: number }>;
  readonly nodes: readonly string[];
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/**
 * Room promised to VMs that passed a filter, until their claims show the node the scheduler chose. The scheduler tells nobody which one it was
 * before it has written that to the claims, and asks about the next VM meanwhile; so each pool that may be asked counts.
 */
export interface Promises {
  /** Replaces what the VM was promised before; undefined, no claims or no nodes: it is promised nothing. */
  promise(uid: string, promise: PoolPromise | undefined): void;
  /** A claim shows its node, or (undefined) needs none any more: the rest of its VM goes there too. */
  placed(claim: string, node: string | undefined): void;
  /** Pools came or went, or nodes changed theirs: what was promised is promised where it is now. */
  settle(): void;
  /** Of what pools have promised so, the part of this VM; bytes. */
  own(uid: string, pool: Pool): number;
  /** VMs other than this one that were promised something after `since` (milliseconds since the epoch) and have no node yet. */
  others(uid: string, since: number): number;
  expire(now: number): void;
}

/**
 * The scheduler writes its choice to claims at 50 requests a second by default, and a burst queues there. A VM that fits nowhere after all holds what
 * it was promised so long.
 */
export const PROMISE_MS = 15_000;

/** What of a group of classes a VM was promised: so much of each of these pools. */
interface Share {
  readonly pools: ReadonlySet<Pool>;
  readonly bytes: number;
}
interface Kept extends PoolPromise {
  readonly shares: readonly Share[];
}

/** Nothing promised yet. */
export function createPromises(index: Pick<PoolIndex, 'at'>): Promises {
  const kept = new Map<string, Kept>();
  const owners = new Map<string, string>();
  let poolsOf = createFinder(index);
  const forget = (uid: string): void => {
    const { shares = [], claims = new Map<string, unknown>() } = kept.get(uid) ?? {};
    kept.delete(uid);
    add(shares, -1);
    for (const claim of claims.keys()) if (owners.get(claim) === uid) owners.delete(claim);
  };
  const keep = (uid: string, promise: PoolPromise): void => {
    forget(uid);
    if (promise.claims.size === 0 || promise.nodes.length === 0) return;
    const shares = sharesOf(promise, poolsOf);
    add(shares, 1);
    for (const claim of promise.claims.keys()) owners.set(claim, uid);
    kept.set(uid, { ...promise, shares });
  };
  return {
    promise: (uid, promise) => (promise === undefined ? forget(uid) : keep(uid, promise)),
    placed: (claim, node) => {
      const uid = owners.get(claim);
      const before = uid === undefined ? undefined : kept.get(uid);
      if (uid === undefined || before === undefined) return;
      const claims = new Map([...before.claims].filter(([key]) => key !== claim));
      keep(uid, { ...before, claims, nodes: node === undefined ? before.nodes : [node] });
    },
    settle: () => {
      poolsOf = createFinder(index);
      for (const [uid, promise] of [...kept]) keep(uid, promise);
    },
    own: (uid, pool) => shareOf(kept.get(uid)?.shares ?? [], pool),
    others: (uid, since) => Array.from(kept).filter(([other, { at }]) => other !== uid && at > since).length,
    expire: (now) => {
      for (const [uid, { at }] of kept) {
        // In the order of their times, all but those whose first claim was placed, which are soon done.
        if (now - at >= PROMISE_MS) forget(uid);
      }
    },
  };
}

function sharesOf({ claims, nodes }: PoolPromise, poolsOf: Finder): readonly Share[] {
  const wants = new Map<string, number>();
  for (const { group, bytes } of claims.values()) wants.set(group, (wants.get(group) ?? 0) + bytes);
  return Array.from(wants, ([group, bytes]) => ({ pools: poolsOf(group, nodes), bytes }));
}

function shareOf(shares: readonly Share[], pool: Pool): number {
  return shares.reduce((sum, { pools, bytes }) => sum + (pools.has(pool) ? bytes : 0), 0);
}

/** Adds so many times of what it was promised: 1, or -1 to take it back. */
function add(shares: readonly Share[], times: number): void {
  for (const { pools, bytes } of shares) for (const pool of pools) pool.tentative += times * bytes;
}

type Finder = (group: string, nodes: readonly string[]) => ReadonlySet<Pool>;

/** A pool that many of the nodes share is found once. VMs that were promised the same list share what was found: after a start these may be thousands. */
function createFinder(index: Pick<PoolIndex, 'at'>): Finder {
  const known = new WeakMap<readonly string[], Map<string, ReadonlySet<Pool>>>();
  return (group, nodes) => {
    const byGroup = known.get(nodes) ?? new Map<string, ReadonlySet<Pool>>();
    known.set(nodes, byGroup);
    const pools = byGroup.get(group) ?? new Set(nodes.flatMap((node) => index.at(group, node)));
    byGroup.set(group, pools);
    return pools;
  };
}
