import type { Clock } from '../../runtime/clock.ts';
import type { ClaimsOf, Wanted } from '../placement/wanted.ts';
import { askOf, type StorageAsk } from './ask.ts';
import type { StorageBooks } from './storage.ts';

/** What requests ask of storage. */
export interface StorageDesk {
  /** undefined = the VM has no claims. Made once while nothing changes. */
  ask(wanted: ClaimsOf): StorageAsk | undefined;
  /** The VM passed a filter on these nodes: what it is to be given there is not for others. Replaces what was said before. */
  promise(wanted: Wanted, nodes: readonly string[]): void;
  /** Why a VM that was refused everywhere should be asked about again soon, whatever happens in the cluster; '' = no reason. */
  waits(wanted: Wanted): string;
  /** Resolves when that has changed, or after a moment. */
  settle(wanted: Wanted): Promise<void>;
}

/** A watch shows a claim within milliseconds of the scheduler's write; one that takes longer is not waited for, since all other pods would wait too. */
const SETTLE_MS = 250;
const LOOK_MS = 10;
/** What was promised ends so much later at most, for a VM that is known already. */
const EXPIRE_MS = 1_000;

export function createStorageDesk(books: StorageBooks, clock: Clock): StorageDesk {
  let expiredAt = 0;
  let last: { readonly wanted: object; readonly version: number; readonly ask: StorageAsk | undefined } | undefined;
  const ask = (wanted: ClaimsOf): StorageAsk | undefined => {
    if (wanted.volumeClaims.length === 0) return undefined;
    const known = last?.wanted === wanted && last.version === books.version() ? last : undefined;
    const now = clock.now();
    // A VM that waits is looked at again and again; of one request, each node asks here.
    if (known === undefined || now - expiredAt >= EXPIRE_MS) {
      books.pools.expire(now);
      expiredAt = now;
    }
    if (known !== undefined) return known.ask;
    last = { wanted, version: books.version(), ask: askOf(wanted, books) };
    return last.ask;
  };
  return {
    ask,
    promise: (wanted, nodes) => {
      const wants = ask(wanted)?.wants;
      if (wants !== undefined) books.pools.promise(wanted.uid, { claims: wants, nodes, at: clock.now() });
    },
    waits: (wanted) => ask(wanted)?.passing() ?? '',
    settle: async (wanted) => {
      const since = clock.now() - SETTLE_MS;
      const isOpen = (): boolean =>
        wanted.volumeClaims.some((key) => books.claim(key) === undefined && wanted.hotplugged?.includes(key) !== true) ||
        books.pools.others(wanted.uid, since) > 0;
      for (let waited = 0; waited < SETTLE_MS && isOpen(); waited += LOOK_MS) await clock.sleep(LOOK_MS);
    },
  };
}
