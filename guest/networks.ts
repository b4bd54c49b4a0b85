import { INTERFACE_NAME, UNICAST_MAC } from '../api/guest-spec.ts';
import { SLOT_PATH } from '../api/names.ts';
import { PCI_FUNCTION, PCI_SLOT, pciAddress } from './pci.ts';
import { option, type OptionValue } from './qemu-options.ts';

/** A tap interface in the pod's network namespace, made by the agent. */
export interface TapNic {
  /** Unicast MAC the guest sees, lower case. */
  readonly mac: string;
  readonly tap: string;
  /** Queue pairs of the tap; 1 when not given. */
  readonly queues?: number;
  /** MTU of the network, announced to the guest; left to the guest when not given. */
  readonly mtu?: number;
}

/** A unix socket on which a user-mode network (passt) waits for frames. */
export interface SocketNic {
  readonly mac: string;
  /** Path inside the launcher container. */
  readonly socket: string;
}

/** A PCI function handed through; its MAC is what the CNI plugin set on it. */
export interface FunctionNic {
  /** Address on the node: `0000:3b:02.6`. */
  readonly address: string;
}

/** What the agent made for one of the guest's networks. */
export type Nic = TapNic | SocketNic | FunctionNic;

/** Bridge and tap of the guest's network with this index. */
export function linkNames(index: number): { bridge: string; tap: string } {
  return { bridge: `pvbr${index}`, tap: `pvtap${index}` };
}

/** Directory in a VM's slot for sockets of helpers that run as QEMU's user. */
export const SOCKET_DIRECTORY = 'net';

/** Where QEMU dials the passt of the guest's network with this index. */
export function passtSocket(index: number): string {
  return `${SLOT_PATH}/${SOCKET_DIRECTORY}/passt${index}.sock`;
}

/** Queue pairs a guest's tap gets: one for each vCPU, as many as the kernel gives a tap (MAX_TAP_QUEUES in linux/if_tun.h). */
export function queuesFor(vcpus: number): number {
  return Math.min(vcpus, 256);
}

const MAC = new RegExp(UNICAST_MAC);
const TAP = new RegExp(INTERFACE_NAME);
const SOCKET = /^(\/[A-Za-z0-9._-]+)+$/;
/** Smallest MTU virtio-net accepts (IPv4's minimum) and the largest frame a tap carries. */
const MTU = { min: 68, max: 65_535 };

/** One NIC each, in order. Throws when the agent hands in something that is no MAC, interface name, path, address or MTU. */
export function networkArguments(nics: readonly Nic[], vhost: boolean): string[] {
  return nics.flatMap((nic, index) => {
    if ('address' in nic) return functionArguments(nic, index);
    return 'socket' in nic ? socketArguments(nic, index) : tapArguments(nic, index, vhost);
  });
}

function tapArguments({ mac, tap, queues = 1, mtu }: TapNic, index: number, vhost: boolean): string[] {
  if (!TAP.test(tap)) throw new Error(`not an interface name: ${JSON.stringify(tap)}`);
  if (mtu !== undefined && !(Number.isInteger(mtu) && mtu >= MTU.min && mtu <= MTU.max)) throw new Error(`not an MTU: ${mtu}`);
  const many = queues > 1;
  const netdev = { id: `net${index}`, ifname: tap, script: 'no', downscript: 'no', vhost, ...(many ? { queues } : {}) };
  const device = {
    // A vector for each direction of each queue, one for control and one for configuration changes.
    ...(many ? { mq: true, vectors: 2 * queues + 2 } : {}),
    ...(mtu === undefined ? {} : { host_mtu: mtu }),
  };
  return ['-netdev', option('tap', netdev), ...virtioNet(mac, index, device)];
}

function socketArguments({ mac, socket }: SocketNic, index: number): string[] {
  if (!SOCKET.test(socket)) throw new Error(`not a path: ${JSON.stringify(socket)}`);
  const netdev = { id: `net${index}`, server: false, 'addr.type': 'unix', 'addr.path': socket, 'reconnect-ms': 1000 };
  return ['-netdev', option('stream', netdev), ...virtioNet(mac, index, {})];
}

function virtioNet(mac: string, index: number, more: Readonly<Record<string, OptionValue>>): string[] {
  if (!MAC.test(mac)) throw new Error(`not a unicast MAC address: ${JSON.stringify(mac)}`);
  const device: Record<string, OptionValue> = {
    id: `nic${index}`,
    netdev: `net${index}`,
    mac,
    addr: pciAddress(PCI_SLOT.firstNetwork + index),
    'disable-legacy': true,
    romfile: '', // no network boot: it costs start time and a second boot path
    ...more,
  };
  return ['-device', option('virtio-net-pci', device)];
}

function functionArguments({ address }: FunctionNic, index: number): string[] {
  if (!PCI_FUNCTION.test(address)) throw new Error(`not a PCI address: ${JSON.stringify(address)}`);
  const device = { id: `nic${index}`, host: address, addr: pciAddress(PCI_SLOT.firstNetwork + index), rombar: 0 };
  return ['-device', option('vfio-pci', device)];
}
