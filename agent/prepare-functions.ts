import type { GuestNetwork } from '../api/guest-spec.ts';
import type { Log } from '../runtime/log.ts';
import { type DiskFileSystem, handOverCharacterDevices } from './disks.ts';
import { missingFunction } from './functions.ts';
import type { RunProgram } from './run-program.ts';
import type { Ending, LauncherId, VmFacts } from './slot-types.ts';
import { checkFunction, type CheckedFunction } from './vfio.ts';

/** What the node does for PCI functions; tests put their own. */
export interface Functions {
  check(address: string): CheckedFunction;
  /** Lets a process (and what it starts) lock this much memory. */
  allowLocked(launcher: LauncherId, bytes: number): Promise<void>;
}

/** The world {@link prepareFunctions} acts on. */
export interface FunctionWorld {
  readonly functions: Functions;
  readonly disks: DiskFileSystem;
  readonly log: Log;
}

/** The functions of this node. */
export function createFunctions(run: RunProgram, sysfs = '/sys'): Functions {
  return {
    check: (address) => checkFunction(address, sysfs),
    allowLocked: async ({ pid }, bytes) => {
      await run({ file: 'prlimit', args: [`--pid=${pid}`, `--memlock=${bytes}:${bytes}`] });
    },
  };
}

/** VFIO pins all guest RAM; device memory that it maps counts too. */
const DEVICE_MEMORY_BYTES = 1024 * 1024 * 1024;

/** Makes the guest's virtual functions ready for QEMU: checked, its nodes QEMU's, its memory lockable. Undefined = done, else why not. */
export async function prepareFunctions(world: FunctionWorld, vm: VmFacts, launcher: LauncherId): Promise<Ending | undefined> {
  const networks = vm.guest.networks.filter(({ binding }) => binding === 'sriov');
  if (networks.length === 0) return undefined;
  const missing = missingFunction(networks, vm.functions);
  if (missing !== undefined) return { reason: 'NetworkPending', message: pending(missing) };
  const checked = networks.map((network) => ({ network, result: world.functions.check(vm.functions?.[network.interface] ?? '') }));
  for (const { network, result } of checked) {
    const reason = result.ok ? handOver(world, launcher, result.facts.group) : result.reason;
    if (reason !== '') return { reason: 'FunctionUnavailable', message: `${called(network)}: ${reason}` };
  }
  warnOfDistance(world.log, vm, checked.flatMap(({ result }) => (result.ok ? (result.facts.numaNode ?? []) : [])));
  await world.functions.allowLocked(launcher, vm.guest.memoryBytes + DEVICE_MEMORY_BYTES);
  return undefined;
} // prettier-ignore

function called({ name, interface: link, resource = '' }: GuestNetwork): string {
  return `network '${name}' (${link}, ${resource})`;
}

function pending(network: GuestNetwork): string {
  return `${called(network)}: its PCI address is not in the pod's annotation k8s.v1.cni.cncf.io/network-status (device-info) yet; it comes from Multus and the device plugin`;
}

function handOver({ disks }: FunctionWorld, launcher: LauncherId, group: string): string {
  const reason = handOverCharacterDevices(launcher, ['/dev/vfio/vfio', `/dev/vfio/${group}`], disks);
  return reason === '' ? '' : `${reason}: the device plugin must hand out its functions for vfio-pci`;
}

function warnOfDistance(log: Log, { namespace, name }: VmFacts, numaNodes: readonly number[]): void {
  const different = [...new Set(numaNodes)];
  if (different.length < 2) return;
  log.warn({ pod: `${namespace}/${name}`, reason: `NUMA nodes ${different.join(', ')}` }, 'virtual functions are far apart');
}
