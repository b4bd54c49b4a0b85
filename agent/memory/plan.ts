import type { GuestSpec } from '../../api/guest-spec.ts';
import { PAGE_BYTES } from '../../api/huge-pages.ts';
import { parsePlan, type Plan } from '../../api/placement-plan.ts';
import type { ZoneFacts } from '../report/zones.ts';

const MIB = 1024 * 1024;

/** Where a guest's memory is to be taken from. */
export interface MemoryPlan {
  /** Zones with memory of the guest; amounts are bytes of plain memory, or pages. */
  readonly zones: Plan['zones'];
  /** The pod would rather not run than have its memory elsewhere. */
  readonly required: boolean;
}

/** What is so on the node when a guest is about to start. */
export interface MemoryFacts {
  /** Zones that the container may take memory from now: all of the node's, or what the kubelet's memory manager gave it. None = nobody says. */
  readonly allowed: readonly number[];
  readonly zones: readonly ZoneFacts[];
  /** CPUs that the container has for itself. */
  readonly cpus: readonly number[];
}

/** What to do about a guest's memory before it starts. */
export type MemoryDecision =
  /** Take it from the zones of this list of the kernel's alone. */
  | { readonly do: 'bind'; readonly mems: string }
  /** It can be nowhere else. */
  | { readonly do: 'nothing' }
  /** It may lie anywhere. */
  | { readonly do: 'leave'; readonly reason: string }
  /** Not start. */
  | { readonly do: 'refuse'; readonly reason: string };

/**
 * The scheduler's plan as far as memory is to follow it; undefined = it goes where the kernel puts it. Whoever may edit the pod may have
 * written the plan: what is not exactly the guest's memory, each zone once, is none. Pure.
 */
export function memoryPlan(guest: GuestSpec, annotation: string | undefined): MemoryPlan | undefined {
  const zones = (follows(guest) ? parsePlan(annotation)?.zones : undefined)?.filter(({ amount }) => amount > 0) ?? [];
  const total = zones.reduce((sum, { amount }) => sum + amount, 0);
  const isOnce = new Set(zones.map(({ id }) => id)).size === zones.length;
  return isOnce && total === amountOf(guest) ? { zones, required: isRequired(guest) } : undefined;
}

/**
 * Whether memory is to follow a plan. Plain memory only where `numa` is required: nothing can be bound softly, and a guest that nobody wanted
 * there would be killed when others fill its zone.
 */
function follows({ hugepages, placement }: GuestSpec): boolean {
  return hugepages === undefined ? placement?.numa === 'require' : placement?.hugepages !== 'ignore';
}

function isRequired({ hugepages, placement }: GuestSpec): boolean {
  return placement?.numa === 'require' || (hugepages !== undefined && placement?.hugepages === 'require');
}

/** In the plan's unit. */
function amountOf({ hugepages, memoryBytes }: GuestSpec): number {
  return hugepages === undefined ? memoryBytes : memoryBytes / PAGE_BYTES[hugepages];
}

/** Whether memory can follow the plan now. What the kubelet has decided stays: it is never widened, nor are CPUs left alone in another zone. Pure. */
export function placeMemory(guest: GuestSpec, plan: MemoryPlan, facts: MemoryFacts): MemoryDecision {
  const allowed = facts.allowed.length > 0 ? facts.allowed : facts.zones.map(({ zone }) => zone.id);
  const elsewhere = kubeletsChoice(plan, { ...facts, allowed });
  if (elsewhere !== '') return { do: 'leave', reason: elsewhere };
  const short = shortage(guest, plan, facts);
  if (short !== '') return { do: plan.required ? 'refuse' : 'leave', reason: short };
  const planned = idsOf(plan);
  return allowed.every((id) => planned.includes(id)) ? { do: 'nothing' } : { do: 'bind', mems: planned.join(',') };
}

/** Ids of the plan's zones, as a list of the kernel's. */
export function idsOf({ zones }: MemoryPlan): readonly number[] {
  return zones.map(({ id }) => id).sort((a, b) => a - b);
}

/** What the kubelet has decided otherwise; '' = nothing. */
function kubeletsChoice(plan: MemoryPlan, { allowed, zones, cpus }: MemoryFacts): string {
  const planned = idsOf(plan);
  if (!planned.every((id) => allowed.includes(id))) return `the container may have memory of ${zonesText(allowed)} only`;
  const given = zones.filter(({ cpuIds }) => cpuIds.some((cpu) => cpus.includes(cpu))).map(({ zone }) => zone.id);
  const isApart = plan.zones.some((zone) => zone.cpus > 0) && !given.some((id) => planned.includes(id));
  return isApart && given.length > 0 ? `the kubelet gave the guest CPUs of ${zonesText(given)}` : '';
}

/** What the planned zones lack; '' = nothing. */
function shortage({ hugepages }: GuestSpec, plan: MemoryPlan, { zones }: MemoryFacts): string {
  const shown = (amount: number): string =>
    hugepages === undefined ? `${Math.floor(amount / MIB)} MiB` : `${amount} ${hugepages} pages`;
  const lacking = plan.zones.flatMap(({ id, amount }) => {
    const zone = zones.find((one) => one.zone.id === id)?.zone;
    const free = (hugepages === undefined ? zone?.memory.freeBytes : zone?.hugepages[hugepages]?.free) ?? 0;
    return free >= amount ? [] : [`zone ${id} has ${shown(free)} free, ${shown(amount)} were planned there`];
  });
  return lacking.join('; ');
}

/** `zone 0`, `zones 0,2`, `no zone`. */
export function zonesText(ids: readonly number[]): string {
  if (ids.length === 0) return 'no zone';
  return `${ids.length === 1 ? 'zone' : 'zones'} ${ids.join(',')}`;
}
