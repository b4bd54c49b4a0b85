import { GUEST_LIMITS, type GuestSpec } from '../api/guest-spec.ts';
import { type HostDeviceAddress, MEDIATED_DEVICE } from '../guest/host-devices.ts';
import { PCI_FUNCTION } from '../guest/pci.ts';
import type { ClaimedDevice, Holdings } from './pod-resources.ts';

/** What is known of a container's devices. */
export interface DeviceFacts {
  readonly holdings: Pick<Holdings, 'devices' | 'claimed'>;
  /** The container's environment: some device plugins say addresses there alone. The tenant's to write. */
  readonly environment: ReadonlyMap<string, string>;
  /** PCI address of a device of dynamic resource allocation; undefined = its driver published none. */
  readonly addressOf: (device: ClaimedDevice) => string | undefined;
}

/** A device of the node that is to be a guest's. */
export interface GivenDevice {
  /** What it was asked for as, for messages. */
  readonly from: string;
  readonly address: HostDeviceAddress;
}

export type HostDevices =
  { readonly ok: true; readonly devices: readonly GivenDevice[] } | { readonly ok: false; readonly reason: string };

/**
 * Addresses of the devices a guest was given, in the order of the GuestSpec: by the kubelet's device ids where these are addresses, else by
 * the environment variables of common device plugins. Neither makes a device reachable: the container can open what its device cgroup
 * allows and nothing else, so a wrong address only stops its own QEMU.
 */
export function hostDevicesOf({ hostDevices = [], claims = [] }: GuestSpec, facts: DeviceFacts): HostDevices {
  const found = [
    ...hostDevices.map(({ resource, count }) => resourceDevices(resource, count, facts)),
    ...(claims.length === 0 ? [] : facts.holdings.claimed.map((device) => claimedDevice(device, facts))),
  ];
  if (claims.length > 0 && facts.holdings.claimed.length === 0)
    found.push(refused('the kubelet names no device of the ResourceClaims'));
  const reason = found.flatMap((one) => (one.ok ? [] : [one.reason]))[0];
  if (reason !== undefined) return refused(reason);
  const devices = found.flatMap((one) => (one.ok ? one.devices : []));
  const most = GUEST_LIMITS.hostDevices;
  return devices.length > most
    ? refused(`${devices.length} devices, more than the ${most} a guest can have`)
    : { ok: true, devices };
}

function resourceDevices(resource: string, count: number, { holdings, environment }: DeviceFacts): HostDevices {
  const from = `resource ${resource}`;
  const ids = holdings.devices.get(resource) ?? [];
  const byId = ids.flatMap(addressesIn);
  if (byId.length === count) return given(from, byId);
  const byName = variablesOf(resource).flatMap((name) => addressesIn(environment.get(name) ?? ''));
  if (byName.length === count) return given(from, byName);
  const reason =
    `${from}: neither the device ids (${ids.slice(0, 4).join(', ') || 'none'}) nor the variables ${variablesOf(resource).join(', ')} ` +
    `are ${count} PCI addresses or mediated devices; is it a device plugin for vfio-pci?`;
  return refused(reason);
}

/** SR-IOV network device plugin; plugins made for virtual machines (PCI and mediated). */
function variablesOf(resource: string): readonly string[] {
  const suffix = resource.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
  return [`PCIDEVICE_${suffix}`, `PCI_RESOURCE_${suffix}`, `MDEV_PCI_RESOURCE_${suffix}`];
}

function addressesIn(text: string): HostDeviceAddress[] {
  const parts = text.toLowerCase().split(',').map((part) => part.trim()); // prettier-ignore
  const addresses = parts.flatMap((part): HostDeviceAddress[] => {
    if (PCI_FUNCTION.test(part)) return [{ pci: part }];
    return MEDIATED_DEVICE.test(part) ? [{ mediated: part }] : [];
  });
  return addresses.length === parts.length ? addresses : [];
}

function claimedDevice(device: ClaimedDevice, { addressOf }: DeviceFacts): HostDevices {
  const address = addressOf(device)?.toLowerCase() ?? '';
  const from = `device ${device.driver}/${device.pool}/${device.device} of a ResourceClaim`;
  if (PCI_FUNCTION.test(address)) return given(from, [{ pci: address }]);
  return refused(`${from} has no PCI address (attribute resource.kubernetes.io/pciBusID of its ResourceSlice)`);
}

function given(from: string, addresses: readonly HostDeviceAddress[]): HostDevices {
  return { ok: true, devices: addresses.map((address) => ({ from, address })) };
}

function refused(reason: string): HostDevices {
  return { ok: false, reason };
}
