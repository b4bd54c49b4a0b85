import type { Plan } from '../../api/placement-plan.ts';
import { bestFit } from '../../scheduler-plugin/placement/rules.ts';
import { claimsWithout, roomWithout } from '../../scheduler-plugin/preemption/nominations.ts';
import { choose } from '../../scheduler-plugin/preemption/preemptor.ts';
import { burst, BURST_ZONE_PAGES, type BurstStep } from '../../test/build/guide-burst.ts';
import { booksOf, PREEMPTOR, twoZones, ZONE_PAGES } from '../../test/build/guide-preemption.ts';
import type { Card, Meter, Part, Picture } from './cards.ts';
import { KEY, plannedIn } from './parts.ts';

/** Pictures of docs/placement.md that show one node at several moments. */

const MOMENTS_KEY: Picture['key'] = [KEY[0], ['other', 'other VMs'], KEY[1]];

/** Three VMs one right after the other, faster than any watch: each sees what those before it have reserved. */
export function reservations(): Picture {
  const steps = burst();
  const amounts = new Set(steps.map(({ guest: { amount } }) => amount));
  const title = `${steps.length} VMs of ${[...amounts].join(' and ')} pages are bound one right after the other`;
  return { title, cards: steps.map(reserved), key: MOMENTS_KEY };
}

function reserved({ guest, room, reason, claims }: BurstStep): Card {
  const own = claims.find(({ uid }) => uid === guest.uid);
  const others = claims.filter(({ uid }) => uid !== guest.uid);
  const place = own?.plan?.zones.map(({ id }) => `zone ${id}`).join(' and ');
  const meters = room.zones.map(({ id, memory }) => {
    const taken = others.flatMap(({ uid, plan }): readonly Part[] => {
      const amount = plannedIn(plan, id)?.amount ?? 0;
      return amount === 0 ? [] : [{ kind: 'other', amount, text: `${uid}: ${amount} reserved` }];
    });
    return zoneMeter({ id, others: taken, plan: own?.plan, free: memory['2Mi'], whole: BURST_ZONE_PAGES });
  });
  const title =
    place === undefined ? `${guest.uid} is refused` : `${guest.uid} is bound, ${guest.amount} pages of ${place} are reserved`;
  return { title, fits: reason === '', text: reason, meters };
}

/** Whom to evict so that a zone really becomes free. */
export function preemption(): Picture {
  const proposed = 'low';
  const chosen = choose(booksOf(twoZones()), PREEMPTOR, new Map([['a', { uids: [proposed], violations: 0 }]]));
  if (chosen === 'waits') throw new Error('the example of preemption evicts nobody');
  const victims = chosen.get('a')?.uids ?? [];
  const cards = [
    moment('now', []),
    moment(`if ${proposed} were evicted, as the scheduler alone would`, [proposed]),
    moment(`${victims.join(' and ')} is evicted instead`, victims),
  ];
  const { amount, priority } = PREEMPTOR.guest;
  const title = `A VM of priority ${priority} needs ${amount} pages in one zone`;
  return { title, cards, key: MOMENTS_KEY };
}

/** The node of the example once these VMs have gone, and the guest has come if it fits. */
function moment(title: string, gone: readonly string[]): Card {
  const books = booksOf(twoZones());
  const { guest } = PREEMPTOR;
  const without = new Set(gone);
  const reason = claimsWithout(books, without).verdict('a', guest)?.reason ?? '';
  const room = roomWithout(books, 'a', guest, without);
  const plan = room && bestFit(guest, room)?.plan;
  const meters = (room?.zones ?? []).map(({ id, memory }): Meter => {
    const others = [...books.ledger.claims('a')].flatMap((vm): readonly Part[] => {
      const amount = without.has(vm.uid) ? 0 : (plannedIn(vm.plan, id)?.amount ?? 0);
      const priority = 'standing' in vm ? vm.standing.priority : 0;
      return amount === 0 ? [] : [{ kind: 'other', amount, text: `${vm.uid}: ${amount}, priority ${priority}` }];
    });
    return zoneMeter({ id, others, plan, free: memory['2Mi'], whole: ZONE_PAGES });
  });
  const place = plan?.zones.map(({ id }) => `zone ${id}`).join(' and ') ?? '';
  return { title, fits: reason === '', text: reason === '' ? `the guest has room in ${place}` : reason, meters };
}

interface ZoneBar {
  readonly id: number;
  readonly others: readonly Part[];
  /** Of the guest. */
  readonly plan: Plan | undefined;
  /** Pages free for the guest. */
  readonly free: number;
  readonly whole: number;
}

function zoneMeter({ id, others, plan, free, whole }: ZoneBar): Meter {
  const taken = plannedIn(plan, id)?.amount ?? 0;
  const left = free - taken;
  const parts: readonly Part[] = [
    ...others,
    { kind: 'guest', amount: taken, text: `the guest: ${taken}` },
    { kind: 'free', amount: left, text: `${left} free` },
  ];
  return { label: `zone ${id}`, whole, parts, note: `${left} of ${whole} pages free` };
}
