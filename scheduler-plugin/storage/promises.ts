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

interface Kept extends PoolPromise {
  readonly pools: ReadonlyMap<Pool, number>;
}

/** Nothing promised yet. `poolsAt`: pools of a group of classes that a node can use. */
export function createPromises(poolsAt: (group: string, node: string) => readonly Pool[]): Promises {
  const kept = new Map<string, Kept>();
  const owners = new Map<string, string>();
  const forget = (uid: string): void => {
    const before = kept.get(uid);
    if (before === undefined) return;
    kept.delete(uid);
    for (const [pool, bytes] of before.pools) pool.tentative -= bytes;
    for (const claim of before.claims.keys()) if (owners.get(claim) === uid) owners.delete(claim);
  };
  const keep = (uid: string, promise: PoolPromise): void => {
    forget(uid);
    if (promise.claims.size === 0 || promise.nodes.length === 0) return;
    const pools = poolsOf(promise, poolsAt);
    for (const [pool, bytes] of pools) pool.tentative += bytes;
    for (const claim of promise.claims.keys()) owners.set(claim, uid);
    kept.set(uid, { ...promise, pools });
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
    own: (uid, pool) => kept.get(uid)?.pools.get(pool) ?? 0,
    others: (uid, since) => Array.from(kept).filter(([other, { at }]) => other !== uid && at > since).length,
    expire: (now) => {
      for (const [uid, { at }] of kept) {
        // In the order of their times, all but those whose first claim was placed, which are soon done.
        if (now - at >= PROMISE_MS) forget(uid);
      }
    },
  };
}

/** A pool that many of the nodes share is asked once. */
function poolsOf({ claims, nodes }: PoolPromise, poolsAt: (group: string, node: string) => readonly Pool[]): ReadonlyMap<Pool, number> {
  const wants = new Map<string, number>();
  for (const { group, bytes } of claims.values()) wants.set(group, (wants.get(group) ?? 0) + bytes);
  const pools = new Map<Pool, number>();
  for (const [group, bytes] of wants) {
    const asked = new Set(nodes.flatMap((node) => poolsAt(group, node)));
    for (const pool of asked) pools.set(pool, (pools.get(pool) ?? 0) + bytes);
  }
  return pools;
} // prettier-ignore
