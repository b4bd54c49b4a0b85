import type { GuestNetwork } from '../api/guest-spec.ts';
import type { HostDeviceAddress } from '../guest/host-devices.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import { type DiskFileSystem, handOverCharacterDevices } from './disks.ts';
import { missingFunction } from './functions.ts';
import type { GivenDevice } from './host-devices.ts';
import type { RunProgram } from './run-program.ts';
import type { Ending, LauncherId, VmFacts } from './slot-types.ts';
import { checkFunction, type CheckedFunction } from './vfio.ts';

/** What the node does for PCI functions and mediated devices; tests put their own. */
export interface Functions {
  check(device: HostDeviceAddress): CheckedFunction;
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
    check: (device) => checkFunction(device, sysfs),
    allowLocked: async ({ pid }, bytes) => {
      await run({ file: 'prlimit', args: [`--pid=${pid}`, `--memlock=${bytes}:${bytes}`] });
    },
  };
}

/** VFIO pins all guest RAM; device memory that it maps counts too. */
const DEVICE_MEMORY_BYTES = 1024 * 1024 * 1024;

/** A device and the reason to give when it cannot be had. */
interface WantedDevice extends GivenDevice {
  readonly unavailable: string;
}

/**
 * Makes the virtual functions of the guest's networks and the devices `given` to it ready for QEMU: checked, their nodes QEMU's, its memory
 * lockable. Undefined = done, else why not.
 */
export async function prepareFunctions(
  world: FunctionWorld,
  vm: VmFacts,
  launcher: LauncherId,
  given: readonly GivenDevice[],
): Promise<Ending | undefined> {
  const missing = missingFunction(vm.guest.networks, vm.functions);
  if (missing !== undefined) return { reason: 'NetworkPending', message: pending(missing) };
  const wanted = [...networkFunctions(vm), ...given.map((device) => ({ ...device, unavailable: 'DeviceUnavailable' }))];
  if (wanted.length === 0) return undefined;
  const checked = wanted.map((device) => ({ device, result: world.functions.check(device.address) }));
  for (const { device, result } of checked) {
    const reason = result.ok ? handOver(world, launcher, result.facts.group) : result.reason;
    if (reason !== '') return { reason: device.unavailable, message: `${device.from}: ${reason}` };
  }
  warnOfDistance(
    world.log,
    vm,
    checked.flatMap(({ result }) => (result.ok ? (result.facts.numaNode ?? []) : [])),
  );
  return lockable(world, vm, launcher, wanted);
}

async function lockable(
  { functions }: FunctionWorld,
  { guest }: VmFacts,
  launcher: LauncherId,
  [first]: readonly WantedDevice[],
): Promise<Ending | undefined> {
  try {
    await functions.allowLocked(launcher, guest.memoryBytes + DEVICE_MEMORY_BYTES);
    return undefined;
  } catch (error) {
    const message = `${first?.from ?? ''}: the guest's RAM cannot be locked, which VFIO needs: ${messageOf(error)}`;
    return { reason: first?.unavailable ?? '', message };
  }
}

function networkFunctions({ guest, functions = {} }: VmFacts): WantedDevice[] {
  return guest.networks.flatMap((network) => {
    const pci = network.binding === 'sriov' ? functions[network.interface] : undefined;
    return pci === undefined ? [] : [{ from: called(network), address: { pci }, unavailable: 'FunctionUnavailable' }];
  });
}

function called({ name, interface: link, resource = '' }: GuestNetwork): string {
  return `network '${name}' (${link}, ${resource})`;
}

function pending(network: GuestNetwork): string {
  return `${called(network)}: its PCI address is not in the pod's annotation k8s.v1.cni.cncf.io/network-status (device-info) yet; it comes from Multus and the device plugin`;
}

function handOver({ disks }: FunctionWorld, launcher: LauncherId, group: string): string {
  const reason = handOverCharacterDevices(launcher, ['/dev/vfio/vfio', `/dev/vfio/${group}`], disks);
  return reason === '' ? '' : `${reason}: its device plugin or driver must hand it out for vfio-pci`;
}

function warnOfDistance(log: Log, { namespace, name }: VmFacts, numaNodes: readonly number[]): void {
  const different = [...new Set(numaNodes)];
  if (different.length < 2) return;
  log.warn({ pod: `${namespace}/${name}`, reason: `NUMA nodes ${different.join(', ')}` }, 'devices of a guest are far apart');
}
