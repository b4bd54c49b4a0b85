import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { HostDeviceAddress } from '../guest/host-devices.ts';

/** What a PCI function or mediated device needs to be handed to a guest. */
export interface FunctionFacts {
  /** Name of its node in /dev/vfio. */
  readonly group: string;
  /** NUMA node of its slot; undefined where the machine has none. */
  readonly numaNode: number | undefined;
}

export type CheckedFunction =
  { readonly ok: true; readonly facts: FunctionFacts } | { readonly ok: false; readonly reason: string };

/** Drivers under which the kernel calls a group viable beside VFIO's own (drivers/vfio/vfio_iommu, vfio_dev_driver_allowed). */
const HARMLESS_DRIVERS: readonly string[] = ['', 'pci-stub', 'pcieport'];

/** Whether a device can go to a guest, by what sysfs (below `root`) says of it; the reason is for the pod's owner and the node's. */
export function checkFunction(device: HostDeviceAddress, root = '/sys'): CheckedFunction {
  return 'pci' in device ? checkPci(device.pci, root) : checkMediated(device.mediated, root);
}

/** Its driver is VFIO's by nature, and its group its own (Documentation/driver-api/vfio-mediated-device.rst). */
function checkMediated(uuid: string, root: string): CheckedFunction {
  const device = join(root, 'bus/mdev/devices', uuid);
  if (lstatSync(device, { throwIfNoEntry: false }) === undefined) return refused(`the node has no mediated device ${uuid}`);
  const group = groupOf(device);
  if (group === undefined) return refused(`mediated device ${uuid} is in no IOMMU group: it is bound to no driver`);
  return { ok: true, facts: { group, numaNode: numaNode(join(realpathSync(device), '../numa_node')) } };
}

function checkPci(address: string, root: string): CheckedFunction {
  const device = join(root, 'bus/pci/devices', address);
  if (lstatSync(device, { throwIfNoEntry: false }) === undefined) return refused(`the node has no PCI function ${address}`);
  const driver = linkName(join(device, 'driver'));
  if (!isVfio(driver)) {
    const bound = driver === '' ? 'bound to no driver' : `bound to driver ${driver}`;
    return refused(`PCI function ${address} is ${bound}; it must be vfio-pci, which the administrator of the device plugin sets`);
  }
  const group = groupOf(device);
  if (group === undefined) {
    return refused(`PCI function ${address} is in no IOMMU group: the node's IOMMU is off (firmware, or intel_iommu=on)`);
  }
  const others = occupants(join(root, 'kernel/iommu_groups', group, 'devices'), root);
  if (others !== '') return refused(`IOMMU group ${group} of PCI function ${address} is not free for a guest: ${others}`);
  return { ok: true, facts: { group, numaNode: numaNode(join(device, 'numa_node')) } };
}

function groupOf(device: string): string | undefined {
  const group = linkName(join(device, 'iommu_group'));
  return /^\d+$/.test(group) ? group : undefined;
}

function isVfio(driver: string): boolean {
  return /^([a-z0-9_]+[-_])?vfio[-_]pci$/.test(driver);
}

/** Devices of a group that the host itself uses. */
function occupants(directory: string, root: string): string {
  const others = list(directory).flatMap((name) => {
    const driver = linkName(join(root, 'bus/pci/devices', name, 'driver'));
    return isVfio(driver) || HARMLESS_DRIVERS.includes(driver) ? [] : [`${name} is bound to ${driver}`];
  });
  return others.join(', ');
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function linkName(path: string): string {
  try {
    return basename(readlinkSync(path));
  } catch {
    return '';
  }
}

/** -1 is how the kernel says none. */
function numaNode(path: string): number | undefined {
  try {
    const node = Number(readFileSync(path, 'utf8').trim());
    return Number.isInteger(node) && node >= 0 ? node : undefined;
  } catch {
    return undefined;
  }
}

function refused(reason: string): CheckedFunction {
  return { ok: false, reason };
}
