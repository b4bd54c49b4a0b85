import type { Plan } from '../../api/placement-plan.ts';
import { planIn, type Rules } from './plan.ts';
import type { Room } from './room.ts';
import type { Wanted, WantedFunction } from './wanted.ts';

/** What a VM must have of a node, by its wishes. Of hugepages a zone is the default: a guest over two zones is a slow one nobody asked for. */
export function rulesOf(wanted: Wanted, room: Room): Rules {
  return { memory: memoryRule(wanted), aligned: wanted.wishes.numa.mode === 'require', functions: functionRule(wanted, room) };
}

function memoryRule({ memory, wishes: { hugepages, numa } }: Wanted): Rules['memory'] {
  if (memory === 'plain') return numa.mode === 'require' ? 'zone' : 'any';
  if (hugepages.mode === 'ignore') return 'any';
  return hugepages.mode === 'prefer' && hugepages.said && numa.mode !== 'require' ? 'total' : 'zone';
}

/**
 * A resource that the report gives to no physical function is the scheduler's alone to count, unless the VM requires to know, or its network says
 * what to be plugged into.
 */
function functionRule({ functions, wishes: { sriov } }: Wanted, room: Room): Rules['functions'] {
  if (sriov.mode === 'require') return 'distinct';
  if (sriov.mode === 'ignore') return 'any';
  const isOffered = ({ resource }: WantedFunction): boolean => room.functions.some((offer) => offer.resource === resource);
  const isKnown = functions.every(isOffered) || functions.some(({ network }) => network !== undefined);
  return isKnown ? 'free' : 'any';
}

/** Whether it matters to the VM where in a node it is. */
export function concernsZones({ memory, cpus, functions, wishes }: Wanted): boolean {
  return memory !== 'plain' || cpus > 0 || functions.length > 0 || (wishes.numa.said && wishes.numa.mode !== 'ignore');
}

/** How well a VM would lie in a node. */
export interface Grade {
  /** All of it in the zones of its cells. */
  readonly aligned: boolean;
  /** Each cell's memory in one zone. */
  readonly whole: boolean;
  /** Of the VM's kind of memory, what its largest zone has left. */
  readonly left: number;
  /** It is known where its VFs would be. */
  readonly hasFunctions: boolean;
  /** Its VFs on distinct physical functions with carrier. */
  readonly distinct: boolean;
}

/** Where a VM would lie in a node, and how well. */
export interface Fit extends Grade {
  readonly plan: Plan;
}

/** What scores read of a fit: of thousands of nodes the plans alone would be megabytes. */
export function gradeOf({ aligned, whole, left, hasFunctions, distinct }: Fit): Grade {
  return { aligned, whole, left, hasFunctions, distinct };
}

/** The best way for a VM to lie in a node, undefined when it cannot be there. */
export function bestFit(wanted: Wanted, room: Room): Fit | undefined {
  const required = rulesOf(wanted, room);
  for (const rules of wishLists(wanted, required)) {
    const plan = planIn(wanted, room, rules);
    if (plan === undefined) continue;
    const left = leftOf(wanted, room, plan);
    const { aligned, memory, functions } = rules;
    const hasFunctions = plan.functions.length > 0;
    return { plan, aligned, whole: memory !== 'total', left, hasFunctions, distinct: functions === 'distinct' };
  }
  return undefined;
}

function leftOf({ memory }: Wanted, { zones }: Room, plan: Plan): number {
  return plan.zones.reduce((most, { id, amount }) => {
    const free = zones.find((zone) => zone.id === id)?.memory[memory] ?? 0;
    return Math.max(most, free - amount);
  }, 0);
}

/** From all wishes together to what is required alone. Where functions near and functions apart are at odds, the weights decide. */
function* wishLists({ memory, wishes }: Wanted, required: Rules): Generator<Rules> {
  const zone = memory !== 'plain' && wishes.hugepages.mode === 'ignore' ? 'any' : 'zone';
  const apart = required.functions === 'any' ? 'any' : 'distinct';
  const near: Rules[] = wishes.numa.mode === 'ignore' ? [] : [{ ...required, memory: zone, aligned: true }];
  const far: Rules[] = required.aligned ? [] : [{ ...required, functions: apart }];
  yield* near.map((rules): Rules => ({ ...rules, functions: apart }));
  if (required.memory === 'total') yield* far.map((rules): Rules => ({ ...rules, memory: 'zone' }));
  yield* wishes.sriov.weight > wishes.numa.weight ? [...far, ...near] : [...near, ...far];
  yield required;
}
