import { messageOf } from '../runtime/errors.ts';
import type { NetworkApplier } from './network/apply.ts';
import { networkPlan, type PlanResult } from './network/plan.ts';
import { guestDns, type NodeDns } from './network/resolv.ts';
import { kernelHas, type Processes } from './proc.ts';
import type { SlotPaths } from './slot-files.ts';
import type { LauncherId, SlotEvent, VmFacts } from './slot-types.ts';

/** What a guest's networks are made in. */
export interface NetworkWorld {
  readonly processes: Processes;
  readonly network: NetworkApplier;
  nodeDns(): NodeDns;
}

/** A guest, and the container it runs in. */
export interface Launched {
  readonly vm: VmFacts;
  readonly launcher: LauncherId;
}

/** What the guest's networks need, from what is in the pod's network namespace now. */
export async function planNetwork(
  world: NetworkWorld,
  { vm, launcher }: Launched,
  { sockets }: Pick<SlotPaths, 'sockets'>,
): Promise<PlanResult> {
  const { network } = world;
  const links = await network.links(launcher);
  const gateway = ownsPodAddress(vm) ? await network.gateway(launcher) : undefined;
  const dns = guestDns(vm.dns, vm.namespace, world.nodeDns());
  return networkPlan(vm, { links, gateway, ipv6: kernelHas('net/ipv6'), dns, sockets, functions: vm.functions });
}

/** Only then the guest has to be told the way out of the pod. */
function ownsPodAddress({ guest }: VmFacts): boolean {
  return guest.networks[0]?.binding === 'bridge';
}

/** Starts again what QEMU dials and nobody answers; QEMU tries once a second. A launcher that is gone lacks nothing. */
export async function checkNetwork(
  world: NetworkWorld,
  { vm, launcher }: Launched,
  paths: Pick<SlotPaths, 'sockets'>,
): Promise<SlotEvent> {
  try {
    const result = await planNetwork(world, { vm, launcher }, paths);
    if (!result.ok) return { type: 'network-lost', message: result.reason };
    const listening = await world.network.listening(launcher);
    const ended = result.plan.helpers.filter(({ socket }) => socket !== undefined && !listening.includes(socket));
    await world.network.startHelpers(launcher, ended);
    return { type: 'network-served', revived: ended.length > 0 };
  } catch (error) {
    if (!world.processes.isAlive(launcher)) return { type: 'network-served', revived: false };
    return { type: 'network-lost', message: messageOf(error) };
  }
}
