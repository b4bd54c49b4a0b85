/**
 * Room that volumes of one group of classes are made from, as one or more objects of the API server tell it, and what has been promised of it that
 * the objects do not show yet. All amounts are bytes.
 */
export interface Pool {
  /** Told by the driver itself of one node, not by CSIStorageCapacity. */
  readonly own: boolean;
  /** What each object that tells its room said last; they tell of the same room, so the least counts. */
  readonly told: Map<string, number>;
  /** By claim: promised, and not yet out of what is told. Those that were bound stand in the order in which they were. */
  readonly claims: Map<string, PoolClaim>;
  /** Sum of `claims`. */
  promised: number;
  /** Promised to VMs that passed a filter, whichever nodes they go to. */
  tentative: number;
  /** By how much the told room sank for claims that are not seen bound yet. */
  credit: number;
}

/** What of a claim is not out of the told room. */
interface PoolClaim {
  readonly bytes: number;
  /** False: its volume is still to be made, for all we know. */
  readonly bound: boolean;
}

export function emptyPool(own: boolean): Pool {
  return { own, told: new Map(), claims: new Map(), promised: 0, tentative: 0, credit: 0 };
}

/** What is told to be there; undefined = nothing tells. */
export function toldRoom({ told }: Pool): number | undefined {
  return told.size === 0 ? undefined : Math.min(...told.values());
}

/** A claim whose volume is to be made from the pool. */
export function addClaim(pool: Pool, key: string, bytes: number): void {
  dropClaim(pool, key);
  put(pool, key, { bytes, bound: false });
}

/** Its volume has been made: it is out of the told room already, or will be with one of the next changes. */
export function boundClaim(pool: Pool, key: string): void {
  const claim = pool.claims.get(key);
  if (claim?.bound !== false) return;
  take(pool, key, claim);
  const gone = Math.min(claim.bytes, pool.credit);
  pool.credit -= gone;
  // Put anew, for the order.
  if (gone < claim.bytes) put(pool, key, { bytes: claim.bytes - gone, bound: true });
  capCredit(pool);
}

export function dropClaim(pool: Pool, key: string): void {
  const claim = pool.claims.get(key);
  if (claim === undefined) return;
  take(pool, key, claim);
  capCredit(pool);
}

/**
 * What an object says now; undefined = it is gone. What the room sank by since is for the volumes made first, and for no more than it covers: a
 * driver tells its room late, and then after several volumes perhaps the first of them alone.
 */
export function tell(pool: Pool, object: string, bytes: number | undefined): void {
  const before = toldRoom(pool);
  if (bytes === undefined) pool.told.delete(object);
  else pool.told.set(object, bytes);
  const after = toldRoom(pool);
  if (before === undefined || after === undefined || after >= before) return;
  let sunk = before - after;
  for (const [key, claim] of [...pool.claims]) {
    if (!claim.bound || sunk === 0) continue;
    const gone = Math.min(claim.bytes, sunk);
    sunk -= gone;
    pool.promised -= gone;
    // In its place, so that the order stays.
    if (gone < claim.bytes) pool.claims.set(key, { ...claim, bytes: claim.bytes - gone });
    else pool.claims.delete(key);
  }
  pool.credit += sunk;
  capCredit(pool);
}

function put(pool: Pool, key: string, claim: PoolClaim): void {
  pool.claims.set(key, claim);
  pool.promised += claim.bytes;
}

function take(pool: Pool, key: string, claim: PoolClaim): void {
  pool.claims.delete(key);
  pool.promised -= claim.bytes;
}

/** More can have sunk than for claims we know: then it was for others. */
function capCredit(pool: Pool): void {
  if (pool.credit === 0) return;
  let open = 0;
  for (const { bytes, bound } of pool.claims.values()) if (!bound) open += bytes;
  pool.credit = Math.min(pool.credit, open);
}
