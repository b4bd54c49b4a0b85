import { PCI_FUNCTION, PCI_SLOT, pciAddress } from './pci.ts';
import { option } from './qemu-options.ts';

/** A device of the node, as VFIO knows it. */
export type HostDeviceAddress = { readonly pci: string } | { readonly mediated: string };

/** A mediated device (UUID). */
export const MEDIATED_DEVICE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Each device behind a PCI Express root port of its own: drivers of GPUs expect one, and a device can be reset alone. The ports are functions
 * of one slot, the first of which makes the guest look for the others. Throws when handed something that is no address.
 */
export function hostDeviceArguments(devices: readonly HostDeviceAddress[]): string[] {
  return devices.flatMap((device, index) => {
    const port = { id: `port${index}`, bus: 'pcie.0', chassis: index + 1, addr: `${pciAddress(PCI_SLOT.hostDevices)}.${index}` };
    const many = index === 0 && devices.length > 1 ? { multifunction: true } : {};
    return [
      ...['-device', option('pcie-root-port', { ...port, ...many })],
      ...['-device', option('vfio-pci', { id: `host${index}`, ...sourceOf(device), bus: `port${index}` })],
    ];
  });
}

function sourceOf(device: HostDeviceAddress): { host: string } | { sysfsdev: string } {
  if ('pci' in device) {
    if (!PCI_FUNCTION.test(device.pci)) throw new Error(`not a PCI address: ${JSON.stringify(device.pci)}`);
    return { host: device.pci };
  }
  if (!MEDIATED_DEVICE.test(device.mediated)) throw new Error(`not a mediated device: ${JSON.stringify(device.mediated)}`);
  return { sysfsdev: `/sys/bus/mdev/devices/${device.mediated}` };
}
