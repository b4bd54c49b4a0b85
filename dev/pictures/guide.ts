import type { Plan } from '../../api/placement-plan.ts';
import { zoneVerdict } from '../../scheduler-plugin/placement/checks.ts';
import type { Room } from '../../scheduler-plugin/placement/room.ts';
import { DISKS, NAMES, NEW_DISKS, type Outcome, outcome, POOLS, ROOMS } from '../../test/build/guide.ts';
import type { Card, Meter, Part, Picture } from './cards.ts';
import { preemption, reservations } from './moments.ts';
import { KEY, plannedIn } from './parts.ts';

/** The pictures of docs/placement.md by name: of the examples its tests follow, decided by the code that decides in a cluster. */
export const GUIDE_PICTURES: Readonly<Record<string, () => Picture>> = {
  hugepages,
  cells,
  numa,
  sriov,
  storage,
  pools,
  reservations,
  preemption,
};

/** Pages and CPUs of the largest zone. */
const SCALE = zoneScale();

function hugepages(): Picture {
  const said = outcome('BIG', {});
  const { amount } = said.guest;
  return {
    title: `BIG needs ${amount} huge pages in one zone (no annotation)`,
    cards: zoneCards(said, pageMeters(amount)),
    key: KEY,
  };
}

function cells(): Picture {
  const said = outcome('WIDE', {});
  const { amount, cells: count } = said.guest;
  const each = amount / count;
  const title = `WIDE needs ${each} huge pages for each of its ${count} cells (podvisor.dev/numa: cells=${count})`;
  return { title, cards: zoneCards(said, pageMeters(each)), key: KEY.slice(0, 2) };
}

/** Pages by zone; `needed` is what one zone would have to have. */
function pageMeters(needed: number): (room: Room, plan: Plan | undefined) => readonly Meter[] {
  return (room, plan) =>
    room.zones.map(({ id, memory }) =>
      amountMeter(`zone ${id}`, 'pages', { free: memory['2Mi'], taken: plannedIn(plan, id)?.amount ?? 0, whole: SCALE.pages, ...neededIf(plan, needed) }),
    ); // prettier-ignore
}

function numa(): Picture {
  const said = outcome('PINNED', { numa: 'require' });
  const { amount, cpus } = said.guest;
  const meters = (room: Room, plan: Plan | undefined): readonly Meter[] =>
    room.zones.flatMap((zone) => {
      const planned = plannedIn(plan, zone.id);
      return [
        amountMeter(`zone ${zone.id}: pages`, 'pages', { free: zone.memory['2Mi'], taken: planned?.amount ?? 0, whole: SCALE.pages, ...neededIf(plan, amount) }),
        amountMeter(`zone ${zone.id}: CPUs`, 'CPUs', { free: zone.cpus, taken: planned?.cpus ?? 0, whole: SCALE.cpus, ...neededIf(plan, cpus) }),
      ];
    }); // prettier-ignore
  return { title: `PINNED needs ${amount} pages and ${cpus} CPUs in one zone (numa: require)`, cards: zoneCards(said, meters), key: KEY };
} // prettier-ignore

function sriov(): Picture {
  const said = outcome('BOND', { sriov: 'require' });
  const meters = (room: Room, plan: Plan | undefined): readonly Meter[] =>
    room.functions.map(({ address, zone, vfs }) => {
      const taken = (plan?.functions ?? []).filter((one) => one === address).length;
      const parts = Array.from({ length: vfs }, (_, index): Part =>
        index < taken ? { kind: 'guest', amount: 1, text: 'BOND' } : { kind: 'free', amount: 1, text: 'VF' },
      );
      return { label: address, whole: 4, parts, note: `zone ${zone ?? ''}, ${vfs - taken} of ${vfs} left` };
    });
  const title = `BOND needs ${said.guest.functions.length} VFs, each on a physical function of its own (sriov: require)`;
  return { title, cards: zoneCards(said, meters), key: KEY.slice(0, 2) };
}

function storage(): Picture {
  const said = outcome('PARTED', { storage: 'prefer=10' });
  const disks = Object.entries(DISKS);
  const whole = disks.reduce((sum, [, { gib }]) => sum + gib, 0);
  const cards = said.best.map(({ name, total }): Card => {
    const parts = disks.map(([disk, { gib, nodes }]): Part => {
      return { kind: nodes.includes(name) ? 'guest' : 'free', amount: gib, text: `${disk} ${gib} GiB` };
    });
    const share = said.shares?.[NAMES.findIndex((one) => one === name)] ?? 0;
    const has = `${Math.round(share * whole)} of ${whole} GiB`;
    return {
      title: `${name} has ${has}, score ${total} of 10`,
      fits: true,
      text: '',
      meters: [{ label: 'disks', whole, parts, note: has }],
    };
  });
  const title = "PARTED prefers the node that has most of its disks' bytes (storage: prefer=10)";
  return { title, cards, key: [['guest', 'a copy is there'], ['free', 'no copy there']] }; // prettier-ignore
}

function pools(): Picture {
  const said = outcome('FRESH', {});
  const disks = Object.entries(NEW_DISKS);
  const due = disks.reduce((sum, [, gib]) => sum + gib, 0);
  const meter = (name: string, fits: boolean): Meter => {
    const free = POOLS[name] ?? 0;
    const made = fits ? disks.map(([disk, gib]): Part => ({ kind: 'guest', amount: gib, text: `${disk} ${gib} GiB` })) : [];
    const left = fits ? free - due : free;
    return {
      label: 'pool of class fast',
      whole: due * 2,
      parts: [...made, { kind: 'free', amount: left, text: `${left} GiB free` }],
      note: fits ? `${left} of ${free} GiB left` : `${free} GiB, needs ${due}`,
      ...(fits ? {} : { needed: due }),
    };
  };
  const cards = NAMES.map((name): Card => {
    const card = nodeCard(said, name);
    const isTold = POOLS[name] !== undefined;
    return isTold ? { ...card, meters: [meter(name, card.fits)] } : { ...card, text: 'nobody tells the room of its pool' };
  });
  const title = `FRESH needs ${disks.map(([, gib]) => `${gib} GiB`).join(' and ')} of new disks from one pool together (no annotation)`;
  return { title, cards, key: KEY };
}

/** A card for each node: with bars of what it has, where a report tells. */
function zoneCards(said: Outcome, meters: (room: Room, plan: Plan | undefined) => readonly Meter[]): readonly Card[] {
  return NAMES.map((name) => {
    const card = nodeCard(said, name);
    const room = ROOMS[name];
    if (room === undefined) return card.fits ? { ...card, text: 'no NodeReport tells its zones' } : card;
    return { ...card, meters: meters(room, zoneVerdict(said.guest, room).fit?.plan) };
  });
}

function nodeCard({ refused, best }: Outcome, name: string): Card {
  const reason = refused.find((one) => one.name === name)?.reason ?? '';
  const score = best.find((one) => one.name === name)?.total ?? 0;
  const fits = reason === '';
  return { title: fits ? `${name} will do, score ${score} of 10` : `${name} is refused`, fits, text: reason, meters: [] };
}

interface Amount {
  readonly free: number;
  /** Of it by the guest. */
  readonly taken: number;
  readonly whole: number;
  readonly needed?: number;
}

function amountMeter(label: string, unit: string, { free, taken, whole, needed }: Amount): Meter {
  const left = free - taken;
  const parts: readonly Part[] = [
    { kind: 'guest', amount: taken, text: `${taken} ${unit}` },
    { kind: 'free', amount: left, text: `${left} free` },
  ];
  const note = needed === undefined ? `${left} ${unit} left` : `${free}, needs ${needed}`;
  return { label, whole, parts, note, ...(needed === undefined ? {} : { needed }) };
}

/** What is lacking is shown where the guest has no plan. */
function neededIf(plan: Plan | undefined, needed: number): { readonly needed?: number } {
  return plan === undefined ? { needed } : {};
}

function zoneScale(): { readonly pages: number; readonly cpus: number } {
  const zones = Object.values(ROOMS).flatMap((room) => room?.zones ?? []);
  return { pages: Math.max(...zones.map(({ memory }) => memory['2Mi'])), cpus: Math.max(...zones.map(({ cpus }) => cpus)) };
}
