import type { Plan } from '../../api/placement-plan.ts';
import { keepNewest } from '../../runtime/newest.ts';
import { type Judged, judgedNode, type World } from '../filter.ts';
import type { Claims } from '../placement/checks.ts';
import { zoneVerdict } from '../placement/checks.ts';
import type { Ledger } from '../placement/ledger.ts';
import { type Claim, type Room, roomOf } from '../placement/room.ts';
import type { Wanted } from '../placement/wanted.ts';

/** A VM that waits for a node on which room is being made for it (status.nominatedNodeName). */
export interface Nomination extends Omit<Claim, 'plan'> {
  readonly node: string;
  readonly priority: number;
}

/** Who was promised the room that evictions make, and how it was meant to lie there. */
export interface Nominations {
  /** What the watch says of a waiting pod; undefined = it waits for no node (any more). */
  set(uid: string, nomination: Nomination | undefined): void;
  /** Where a VM would lie on nodes that the scheduler may now choose from. */
  promise(uid: string, plans: ReadonlyMap<string, Plan | undefined>): void;
  /** Whether any VM waits so. */
  any(): boolean;
  /** Whether room is being made there for the VM. */
  isFor(uid: string, node: string): boolean;
  /** Claims of VMs that go before this one on the node, as the scheduler itself counts them: of its priority or above. */
  before(node: string, wanted: Pick<Wanted, 'uid' | 'priority'>): readonly Claim[];
}

/** Promises remembered; a VM whose promise was forgotten is counted where most is free. */
const MAX_PROMISES = 500;

/** None yet. */
export function createNominations(): Nominations {
  const nominated = new Map<string, Nomination>();
  const promised = new Map<string, ReadonlyMap<string, Plan | undefined>>();
  return {
    set: (uid, nomination) => {
      if (nomination === undefined) nominated.delete(uid);
      else nominated.set(uid, nomination);
    },
    promise: (uid, plans) => keepNewest(promised, uid, plans, MAX_PROMISES),
    any: () => nominated.size > 0,
    isFor: (uid, node) => nominated.get(uid)?.node === node,
    before: (node, { uid, priority }) => {
      if (nominated.size === 0) return [];
      const first = [...nominated.values()].filter((one) => one.node === node && one.uid !== uid && one.priority >= priority);
      return first.map((one) => ({ uid: one.uid, needs: one.needs, plan: promised.get(one.uid)?.get(node) }));
    },
  };
}

const NOBODY: ReadonlySet<string> = new Set();

/** What is free on a node for this VM once these pods have gone, and others that go before it have come; undefined = the node has no report. */
export function roomWithout(
  { ledger, nominations }: { ledger: Ledger; nominations: Nominations },
  node: string,
  wanted: Pick<Wanted, 'uid' | 'priority'>,
  gone: ReadonlySet<string> = NOBODY,
): Room | undefined {
  const report = ledger.report(node);
  if (report === undefined) return undefined;
  const there = [...ledger.claims(node)];
  const known = new Set(there.map(({ uid }) => uid));
  const claims = there.filter(({ uid }) => uid !== wanted.uid && !gone.has(uid));
  const before = nominations.before(node, wanted).filter(({ uid }) => !known.has(uid));
  return roomOf(report, [...claims, ...before], new Set([...ledger.ended(node), ...gone]));
}

/** The world, with the room kept free that was promised to VMs that go before. */
export function keepingRoom<T extends World>(world: T, ledger: Ledger, nominations: Nominations): T {
  const kept: T = { ...world, ...claimsOf(ledger, nominations), judged };
  /** Of VMs that go before this one, what was found out for all of its shape knows nothing. */
  function judged(names: readonly string[], guest: Wanted): readonly Judged[] {
    const list = world.judged(names, guest);
    if (!nominations.any()) return list;
    return list.map((one) => {
      if (nominations.before(one.name, guest).length === 0) return one;
      return judgedNode(one.name, world.node(one.name), guest, kept);
    });
  }
  return kept;
}

/** The ledger's answers, with the room kept free that was promised to VMs that go before. */
export function claimsOf(ledger: Ledger, nominations: Nominations): Pick<Claims, 'verdict' | 'siblings'> {
  return {
    verdict: (node, wanted) => {
      if (nominations.before(node, wanted).length === 0) return ledger.verdict(node, wanted);
      const room = roomWithout({ ledger, nominations }, node, wanted);
      return room === undefined ? undefined : zoneVerdict(wanted, room);
    },
    siblings: (node, owner, uid) => ledger.siblings(node, owner, uid),
  };
}

/** As {@link claimsOf}, once these pods have gone. Says no more of a refusal than that it is one. */
export function claimsWithout(
  books: { ledger: Ledger; nominations: Nominations },
  gone: ReadonlySet<string>,
): Pick<Claims, 'verdict' | 'siblings'> {
  return {
    verdict: (node, wanted) => {
      const room = roomWithout(books, node, wanted, gone);
      return room === undefined ? undefined : zoneVerdict(wanted, room);
    },
    siblings: (node, owner, uid) => {
      const others = [...books.ledger.claims(node)].filter((vm) => vm.owner === owner && vm.uid !== uid && !gone.has(vm.uid));
      return others.length;
    },
  };
}
