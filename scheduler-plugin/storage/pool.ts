/**
 * Room that volumes of one group of classes are made from, as one or more objects of the API server tell it, and what has been promised of it that
 * the objects do not show yet. All amounts are bytes.
 */
export interface Pool {
  /** What each object that tells its room said last; they tell of the same room, so the least counts. */
  readonly told: Map<string, number>;
  /** By claim: promised, and not yet out of what is told. */
  readonly claims: Map<string, PoolClaim>;
  /** Sum of `claims`. */
  promised: number;
  /** Promised to VMs that passed a filter, whichever nodes they go to. */
  tentative: number;
  /** Of claims under way, what seems to be out of the told room already: it sank before the claim was seen bound. */
  credit: number;
}

export interface PoolClaim {
  readonly bytes: number;
  /** When it was seen bound; undefined = its volume is still to be made. Milliseconds since the epoch. */
  readonly boundAt: number | undefined;
}

/** Volumes are a little larger, or the room is told in coarser steps, than what was asked for: an extent of LVM. */
const SLACK = 4 * 2 ** 20;

export function emptyPool(): Pool {
  return { told: new Map(), claims: new Map(), promised: 0, tentative: 0, credit: 0 };
}

/** What is told to be there; undefined = nothing tells. */
export function toldRoom({ told }: Pool): number | undefined {
  return told.size === 0 ? undefined : Math.min(...told.values());
}

/** A claim whose volume is to be made from the pool. */
export function addClaim(pool: Pool, key: string, bytes: number): void {
  dropClaim(pool, key);
  put(pool, key, { bytes, boundAt: undefined });
}

/** Its volume has been made: it is out of the told room already, or will be with one of the next changes. */
export function boundClaim(pool: Pool, key: string, now: number): void {
  const claim = pool.claims.get(key);
  if (claim === undefined || claim.boundAt !== undefined) return;
  take(pool, key, claim);
  if (pool.credit > 0 && pool.credit + SLACK >= claim.bytes) pool.credit = Math.max(0, pool.credit - claim.bytes);
  // Put anew, so that those that wait for a change stand in the order in which they were bound.
  else put(pool, key, { bytes: claim.bytes, boundAt: now });
  capCredit(pool);
}

export function dropClaim(pool: Pool, key: string): void {
  const claim = pool.claims.get(key);
  if (claim === undefined) return;
  take(pool, key, claim);
  capCredit(pool);
}

/**
 * What an object says now; undefined = it is gone. What sank since is taken for the oldest volumes made, and only for as many as it is large enough
 * for: a driver tells its room late, and then of the first of several volumes alone.
 */
export function tell(pool: Pool, object: string, bytes: number | undefined): void {
  const before = toldRoom(pool);
  if (bytes === undefined) pool.told.delete(object);
  else pool.told.set(object, bytes);
  const after = toldRoom(pool);
  if (before === undefined || after === undefined || after >= before) return;
  let sunk = before - after;
  for (const [key, { bytes: size, boundAt }] of pool.claims) {
    if (sunk === 0) break;
    if (boundAt === undefined || size > sunk + SLACK) continue;
    sunk = Math.max(0, sunk - size);
    dropClaim(pool, key);
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
  for (const { bytes, boundAt } of pool.claims.values()) if (boundAt === undefined) open += bytes;
  pool.credit = Math.min(pool.credit, open);
}
