import { INTERFACE_NAME } from '../api/guest-spec.ts';
import { PCI_SLOT, pciAddress } from './pci.ts';
import { option, type OptionValue } from './qemu-options.ts';

/** What the agent made for one of the guest's networks. */
export interface Nic {
  /** Unicast MAC the guest sees, lower case. */
  readonly mac: string;
  /** Tap interface in the pod's network namespace. */
  readonly tap: string;
  /** MTU of the network, announced to the guest; left to the guest when not given. */
  readonly mtu?: number;
}

/** Bridge and tap of the guest's network with this index. */
export function linkNames(index: number): { bridge: string; tap: string } {
  return { bridge: `pvbr${index}`, tap: `pvtap${index}` };
}

const MAC = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/;
const TAP = new RegExp(INTERFACE_NAME);
/** Smallest MTU virtio-net accepts (IPv4's minimum) and the largest frame a tap carries. */
const MTU = { min: 68, max: 65_535 };

/** One tap and one virtio NIC each, in order. Throws when the agent hands in something that is no MAC, interface name or MTU. */
export function networkArguments(nics: readonly Nic[], vhost: boolean): string[] {
  return nics.flatMap((nic, index) => nicArguments(checkedNic(nic), index, vhost));
}

function checkedNic(nic: Nic): Nic {
  if (!MAC.test(nic.mac)) throw new Error(`not a unicast MAC address: ${JSON.stringify(nic.mac)}`);
  if (!TAP.test(nic.tap)) throw new Error(`not an interface name: ${JSON.stringify(nic.tap)}`);
  const { mtu } = nic;
  if (mtu !== undefined && !(Number.isInteger(mtu) && mtu >= MTU.min && mtu <= MTU.max)) throw new Error(`not an MTU: ${mtu}`);
  return nic;
}

function nicArguments(nic: Nic, index: number, vhost: boolean): string[] {
  const netdev = { id: `net${index}`, ifname: nic.tap, script: 'no', downscript: 'no', vhost };
  const device: Record<string, OptionValue> = {
    id: `nic${index}`,
    netdev: `net${index}`,
    mac: nic.mac,
    addr: pciAddress(PCI_SLOT.firstNetwork + index),
    'disable-legacy': true,
    romfile: '', // no network boot: it costs start time and a second boot path
    ...(nic.mtu === undefined ? {} : { host_mtu: nic.mtu }),
  };
  return ['-netdev', option('tap', netdev), '-device', option('virtio-net-pci', device)];
}
