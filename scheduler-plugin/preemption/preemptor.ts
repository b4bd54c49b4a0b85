import type { Plan } from '../../api/placement-plan.ts';
import type { Clock } from '../../runtime/clock.ts';
import { judgedNode, judgeNodes, type World } from '../filter.ts';
import { nodeReason } from '../node-reason.ts';
import type { BoundVm, Ledger } from '../placement/ledger.ts';
import { bestFit } from '../placement/rules.ts';
import type { Wanted } from '../placement/wanted.ts';
import type { Budget } from './budgets.ts';
import { claimsWithout, type Nominations, roomWithout } from './nominations.ts';
import type { Requests } from './standing.ts';
import { chooseVictims, type VictimAnswer, type Victims } from './victims.ts';

/** What choosing victims needs to know. Caches only. */
export interface PreemptionBooks {
  readonly ledger: Ledger;
  readonly nominations: Nominations;
  readonly world: World;
  readonly budgets: () => readonly Budget[];
  readonly clock: Pick<Clock, 'now'>;
}

/** A VM that wants room, and what the scheduler knows of it beyond our wishes. */
export interface Preemptor {
  readonly guest: Wanted;
  /** What the scheduler counts for it. */
  readonly requests: Requests;
  /** See {@link VictimQuestion.isChoosy}. */
  readonly isChoosy: boolean;
}

const NOTHING: Victims = { uids: [], violations: 0 };

/** Whom to evict from one node for this VM. */
export function victimsOn(
  books: PreemptionBooks,
  { guest, requests, isChoosy }: Preemptor,
  node: string,
  proposed = NOTHING,
): VictimAnswer {
  const facts = books.world.node(node);
  const answer = chooseVictims({
    priority: guest.priority,
    requests,
    proposed,
    isChoosy,
    there: [...books.ledger.claims(node)].filter((claim): claim is BoundVm => 'ended' in claim),
    lost: books.nominations.isFor(guest.uid, node) ? lostOn(books.ledger, node) : [],
    budgets: books.budgets(),
    now: books.clock.now(),
    fits: (gone) => nodeReason(guest, facts, worldWithout(books, gone)) === '',
  });
  return typeof answer === 'string' || isMovable(books, guest, node, answer) ? answer : 'hopeless';
}

/**
 * A victim's pod may go before its node's report says so. On the node that is kept for the VM that is waited for, or another would be evicted; elsewhere
 * a VM without a pod may run on for ever.
 */
function lostOn(ledger: Ledger, node: string): readonly string[] {
  const claimed = new Set([...ledger.claims(node)].map(({ uid }) => uid));
  return [...(ledger.report(node)?.vms.keys() ?? [])].filter((uid) => !claimed.has(uid));
}

function worldWithout(books: PreemptionBooks, gone: ReadonlySet<string>): World {
  const { world } = books;
  const without: World = { ...world, ...claimsWithout(books, gone), judged };
  function judged(names: readonly string[], guest: Wanted): ReturnType<World['judged']> {
    return names.map((name) => judgedNode(name, world.node(name), guest, without));
  }
  return without;
}

/** A VM that requires to stay movable is judged by other nodes too, which is dear: once, at the end. */
function isMovable(books: PreemptionBooks, guest: Wanted, node: string, { uids }: Victims): boolean {
  if (guest.wishes.mobility.mode !== 'require') return true;
  const request = { pod: {}, names: [node] };
  const [verdict] = judgeNodes(request, { ok: true, guest }, worldWithout(books, new Set(uids)));
  return verdict?.reason === '';
}

/** Remembers how the VM is to lie on each of these nodes, so that nobody of a lower priority takes that room before it comes. */
export function promise({ ledger, nominations }: PreemptionBooks, guest: Wanted, chosen: ReadonlyMap<string, Victims>): void {
  const plans = [...chosen].map(([node, { uids }]): [string, Plan | undefined] => {
    const room = roomWithout({ ledger, nominations }, node, guest, new Set(uids));
    return [node, room && bestFit(guest, room)?.plan];
  });
  nominations.promise(guest.uid, new Map(plans));
}

/** Work is begun on no further node after so long; the scheduler gives up after 2 s. */
const BUDGET_MS = 500;

/**
 * Answers the scheduler's question about these nodes. `waits`: on one of them what is leaving by itself is enough, so nobody is to be evicted anywhere.
 * Empty: it would not help.
 */
export function choose(
  books: PreemptionBooks,
  preemptor: Preemptor,
  nodes: ReadonlyMap<string, Victims>,
): ReadonlyMap<string, Victims> | 'waits' {
  const until = books.clock.now() + BUDGET_MS;
  const chosen = new Map<string, Victims>();
  for (const [node, proposed] of nodes) {
    if (books.clock.now() > until) break;
    const answer = victimsOn(books, preemptor, node, proposed);
    if (answer === 'waits') return 'waits';
    if (answer !== 'hopeless') chosen.set(node, answer);
  }
  promise(books, preemptor.guest, chosen);
  return chosen;
}
