import { messageOf } from '../../runtime/errors.ts';
import type { PodResources } from '../pod-resources.ts';
import type { ZoneFacts } from '../report/zones.ts';
import type { LauncherId, VmFacts } from '../slot-types.ts';
import type { Cpusets } from './cpuset.ts';
import { idsOf, type MemoryDecision, type MemoryPlan, placeMemory, zonesText } from './plan.ts';

/** What binding memory needs of the node. */
export interface MemoryWorld extends Cpusets {
  /** The node's zones as they are now. */
  zones(): readonly ZoneFacts[];
}

/** Whether a guest may start, and what is to be told of its memory; '' = nothing. */
export type Bound = { readonly ok: true; readonly note: string } | { readonly ok: false; readonly reason: string };

/** Makes a guest's memory follow its plan, before QEMU takes any. Again for the same container it changes nothing. */
export async function bindMemory(
  { memory, resources }: { readonly memory: MemoryWorld; readonly resources: Pick<PodResources, 'holdings'> },
  { vm, launcher }: { readonly vm: VmFacts; readonly launcher: LauncherId },
  slot: string,
): Promise<Bound> {
  const plan = vm.memoryPlan;
  if (plan === undefined) return { ok: true, note: '' };
  const cpus = vm.guest.dedicatedCpus === undefined ? [] : (await resources.holdings(slot)).cpus;
  const decision = placeMemory(vm.guest, plan, { allowed: memory.allowed(launcher), zones: memory.zones(), cpus });
  return told(plan, decision.do === 'bind' ? written(memory, launcher, { plan, mems: decision.mems }) : decision);
}

function written(
  memory: MemoryWorld,
  launcher: LauncherId,
  { plan, mems }: { readonly plan: MemoryPlan; readonly mems: string },
): MemoryDecision {
  try {
    memory.bind(launcher, mems);
    return { do: 'bind', mems };
  } catch (error) {
    return { do: plan.required ? 'refuse' : 'leave', reason: `its cgroup does not take it (${messageOf(error)})` };
  }
}

function told(plan: MemoryPlan, decision: MemoryDecision): Bound {
  if (decision.do === 'bind' || decision.do === 'nothing') return { ok: true, note: '' };
  const planned = zonesText(idsOf(plan));
  if (decision.do === 'leave') return { ok: true, note: `Its memory is not bound to ${planned} as planned: ${decision.reason}.` };
  return { ok: false, reason: `the guest's memory must be in ${planned} as planned, and cannot: ${decision.reason}` };
}
