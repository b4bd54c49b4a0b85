import { PAGE_SIZES } from '../../api/huge-pages.ts';
import type { Plan } from '../../api/placement-plan.ts';
import type { MemoryKind, Needs } from './wanted.ts';

/** What is known of a zone's memory, by kind: bytes of plain memory, pages of huge ones. */
export type Amounts = Readonly<Record<MemoryKind, number>>;

/** A NUMA zone and what is free, or taken, in it. */
export interface ZoneAmounts {
  readonly id: number;
  readonly cpus: number;
  readonly memory: Amounts;
}

/** A physical function under one of its resources. */
export interface FunctionFacts {
  /** PCI address; one that offers VFs under two resources is listed twice. */
  readonly address: string;
  /** undefined: the firmware names no zone, so it is near to all. */
  readonly zone: number | undefined;
  readonly resource: string | undefined;
  readonly network: string | undefined;
  readonly linkUp: boolean;
  /** Free VFs. */
  readonly vfs: number;
}

/** What a running VM holds, as its node's agent saw it. */
export interface Held {
  readonly zones: readonly ZoneAmounts[];
  /** The physical function of each of its VFs. */
  readonly functions: readonly string[];
}

/** The part of a NodeReport that says what is free. */
export interface ReportedRoom {
  /** `cpus` are all of the zone; memory is what was free. */
  readonly zones: readonly ZoneAmounts[];
  readonly functions: readonly FunctionFacts[];
  /** By pod UID. */
  readonly vms: ReadonlyMap<string, Held>;
  /** However little VMs take, no more than this is free; by zone, in the order of `zones`. */
  readonly most?: readonly ZoneAmounts[];
}

/** What a VM takes of its node, from the moment the scheduler chose it. */
export interface Claim {
  readonly uid: string;
  readonly needs: Needs;
  /** undefined: nobody planned it (another scheduler bound it, or the node had no report then). */
  readonly plan: Plan | undefined;
}

/** What is free for the next VM. Nothing in it is below 0. */
export interface Room {
  readonly zones: readonly ZoneAmounts[];
  readonly functions: readonly FunctionFacts[];
}

interface OpenZone {
  readonly id: number;
  cpus: number;
  readonly memory: Record<MemoryKind, number>;
}
interface OpenRoom {
  readonly zones: OpenZone[];
  readonly functions: (FunctionFacts & { vfs: number })[];
}

/**
 * What is free: what the report saw free, less what claims have not taken yet, plus what VMs held that have ended since. A VM the report
 * lists has its part out of the free amounts already, so only the rest of its claim counts: never twice, never not at all. The agent
 * reads VMs before free amounts, so a VM that starts between the two counts too often for one report, not too seldom. Pure.
 */
export function roomOf(report: ReportedRoom, claims: Iterable<Claim>, ended: ReadonlySet<string>): Room {
  const room: OpenRoom = {
    zones: report.zones.map(({ id, cpus, memory }) => ({ id, cpus, memory: { ...memory } })),
    functions: report.functions.map((one) => ({ ...one })),
  };
  for (const [uid, held] of report.vms) {
    if (ended.has(uid)) giveBack(room, held);
    else for (const { id, cpus } of held.zones) takeFrom(room, id, { cpus });
  }
  const unplanned: Rest[] = [];
  for (const claim of claims) {
    const rest = restOf(claim, report.vms.get(claim.uid));
    takePlanned(room, rest);
    if (rest.amount > 0 || rest.cpus > 0) unplanned.push(rest);
  }
  // Last, so that they take what plans have left.
  for (const rest of unplanned) takeAnywhere(room, rest);
  return closed(report.most === undefined ? room : capped(room, report.most));
}

function capped({ zones, functions }: OpenRoom, most: readonly ZoneAmounts[]): OpenRoom {
  const least = (zone: OpenZone, at: number): OpenZone => {
    const cap = most[at] ?? zone;
    const memory = Object.fromEntries(KINDS.map((kind) => [kind, Math.min(zone.memory[kind], cap.memory[kind])]));
    return { id: zone.id, cpus: Math.min(zone.cpus, cap.cpus), memory: memory as OpenZone['memory'] };
  };
  return { zones: zones.map(least), functions };
}

interface Rest {
  readonly memory: MemoryKind;
  /** Not in any plan, and not held. */
  readonly amount: number;
  readonly cpus: number;
  readonly planned: Plan['zones'];
  readonly functions: readonly { readonly resource: string; readonly address: string | undefined }[];
}

/** What a claim has still to take. */
function restOf({ needs, plan }: Claim, held: Held | undefined): Rest {
  const left = {
    amount: needs.amount - sum(held?.zones ?? [], ({ memory }) => memory[needs.memory]),
    cpus: needs.cpus - sum(held?.zones ?? [], ({ cpus }) => cpus),
  };
  const planned = (plan?.zones ?? []).map(({ id, cpus, amount }) => {
    const there = held?.zones.find((zone) => zone.id === id);
    const take = {
      amount: clamp(amount - (there?.memory[needs.memory] ?? 0), left.amount),
      cpus: clamp(cpus - (there?.cpus ?? 0), left.cpus),
    };
    left.amount -= take.amount;
    left.cpus -= take.cpus;
    return { id, ...take };
  });
  return { memory: needs.memory, ...left, planned, functions: restOfFunctions(needs, plan, held) };
}

function restOfFunctions({ functions }: Needs, plan: Plan | undefined, held: Held | undefined): Rest['functions'] {
  const arrived = [...(held?.functions ?? [])];
  const wanted = functions.map(({ resource }, index) => ({ resource, address: plan?.functions[index] }));
  const open = wanted.filter(({ address }) => {
    const at = address === undefined ? -1 : arrived.indexOf(address);
    if (at >= 0) arrived.splice(at, 1);
    return at < 0;
  });
  // The device plugin may have given others than were planned.
  return open.slice(0, Math.max(0, open.length - arrived.length));
}

function takePlanned(room: OpenRoom, { memory, planned, functions }: Rest): void {
  for (const { id, cpus, amount } of planned) takeFrom(room, id, { cpus, memory, amount });
  for (const { resource, address } of functions) {
    const offers = room.functions.filter((one) => one.resource === resource);
    const chosen = offers.find((one) => one.address === address) ?? most(offers, ({ vfs }) => vfs);
    if (chosen !== undefined) chosen.vfs -= 1;
  }
}

/** What nobody planned is thought to be where most is free: the kernel and the kubelet can put it there. */
function takeAnywhere(room: OpenRoom, { memory, amount, cpus }: Rest): void {
  for (let left = amount; left > 0;) {
    const zone = most(room.zones, (one) => one.memory[memory]);
    if (zone === undefined || zone.memory[memory] <= 0) break;
    const part = Math.min(left, zone.memory[memory]);
    zone.memory[memory] -= part;
    left -= part;
  }
  const zone = cpus > 0 ? most(room.zones, (one) => one.cpus) : undefined;
  if (zone !== undefined) zone.cpus -= cpus;
}

function giveBack(room: OpenRoom, held: Held): void {
  for (const { id, memory } of held.zones) {
    const zone = room.zones.find((one) => one.id === id);
    if (zone !== undefined) for (const kind of KINDS) zone.memory[kind] += memory[kind];
  }
  for (const address of held.functions) {
    const [offer, another] = room.functions.filter((one) => one.address === address);
    // Under which resource it was is not known when there are several; the next report tells.
    if (offer !== undefined && another === undefined) offer.vfs += 1;
  }
}

const KINDS: readonly MemoryKind[] = ['plain', ...PAGE_SIZES];

function takeFrom(room: OpenRoom, id: number, taken: { cpus: number; memory?: MemoryKind; amount?: number }): void {
  const zone = room.zones.find((one) => one.id === id);
  if (zone === undefined) return;
  zone.cpus -= taken.cpus;
  if (taken.memory !== undefined) zone.memory[taken.memory] -= taken.amount ?? 0;
}

function closed({ zones, functions }: OpenRoom): Room {
  return {
    zones: zones.map(({ id, cpus, memory }) => ({
      id,
      cpus: Math.max(0, cpus),
      memory: { plain: Math.max(0, memory.plain), '2Mi': Math.max(0, memory['2Mi']), '1Gi': Math.max(0, memory['1Gi']) },
    })),
    functions: functions.map((one) => ({ ...one, vfs: Math.max(0, one.vfs) })),
  };
}

function clamp(value: number, max: number): number {
  return Math.max(0, Math.min(value, max));
}

function sum<T>(list: readonly T[], value: (one: T) => number): number {
  return list.reduce((total, one) => total + value(one), 0);
}

function most<T>(list: readonly T[], value: (one: T) => number): T | undefined {
  return list.reduce<T | undefined>((best, one) => (best === undefined || value(one) > value(best) ? one : best), undefined);
}
