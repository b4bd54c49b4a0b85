import type { GuestNetwork } from '../../api/guest-spec.ts';
import { LAUNCHER_UID } from '../../api/names.ts';
import type { Nic } from '../../guest/networks.ts';
import { linkNames } from '../../guest/networks.ts';
import type { VmFacts } from '../slot-types.ts';
import type { Link } from './facts.ts';
import type { DnsSettings } from './resolv.ts';

/** What the plan is made from. */
export interface NetworkFacts {
  readonly links: readonly Link[];
  /** Where the pod's default route leads; undefined = it has none. */
  readonly gateway?: string | undefined;
  /** The kernel has IPv6 (/proc/sys/net/ipv6 is there). */
  readonly ipv6: boolean;
  readonly dns: DnsSettings;
  /** Directory for sockets that QEMU dials, on the node; in the launcher it is below its slot. */
  readonly sockets: string;
  /** PCI addresses of virtual functions by interface, as the network status says them. */
  readonly functions?: Readonly<Record<string, string>> | undefined;
}

/** A process of the pod's own that serves one of its networks. */
export interface Helper {
  readonly program: 'dnsmasq' | 'passt';
  readonly args: readonly string[];
  /** Where it starts; its user cannot get there by itself. */
  readonly directory?: string;
  /** What QEMU dials, as it is bound: below `directory`. */
  readonly socket?: string;
}

/** What one network needs. */
export interface Part {
  /** Lines for `ip -batch`. */
  readonly ip?: readonly string[];
  /** Files below /proc/sys that get a `1`. */
  readonly sysctls?: readonly string[];
  /** Whole tables for `nft -f`, each beginning with its own removal. */
  readonly nft?: string;
  readonly helpers?: readonly Helper[];
  readonly nic: Nic;
}

export type PartResult = { readonly ok: true; readonly part: Part } | { readonly ok: false; readonly reason: string };

/** One network of a guest, where it stands and what is known. */
export interface Place {
  readonly vm: VmFacts;
  readonly network: GuestNetwork;
  readonly index: number;
  readonly link: Link;
  readonly facts: NetworkFacts;
}

/** A refusal that names the network. */
export function refused({ network }: Pick<Place, 'network'>, reason: string): PartResult {
  return { ok: false, reason: `network '${network.name}': ${reason}` };
}

/** A tap of QEMU's own user. What an earlier life of the container left is made anew: its tap belonged to a QEMU that is gone. */
export function makeTap({ index, link, facts }: Place, queues: number): string[] {
  const { bridge, tap } = linkNames(index);
  const old = [tap, bridge].filter((name) => facts.links.some((one) => one.name === name));
  const many = queues > 1 ? ' multi_queue' : '';
  return [
    ...old.map((name) => `link delete dev ${name}`),
    `tuntap add dev ${tap} mode tap${many} user ${LAUNCHER_UID} group ${LAUNCHER_UID}`,
    `link set dev ${tap} mtu ${link.mtu}`,
  ];
}

/** A tap in a bridge. `address` is the bridge's own MAC; without one it takes that of a port. */
export function makeBridge(place: Place, queues: number, address = ''): string[] {
  const { bridge, tap } = linkNames(place.index);
  const mac = address === '' ? '' : ` address ${address}`;
  return [
    ...makeTap(place, queues),
    `link add name ${bridge}${mac} mtu ${place.link.mtu} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
    `link set dev ${tap} master ${bridge}`,
  ];
}

/** Brings tap and bridge up. */
export function bridgeUp(index: number): string[] {
  const { bridge, tap } = linkNames(index);
  return [`link set dev ${tap} up`, `link set dev ${bridge} up`];
}

/** The kernel itself stays silent on the guest's links: no router solicitations, no link-local address of the pod. */
export function noIpv6(names: readonly string[], facts: NetworkFacts): string[] {
  return facts.ipv6 ? names.map((name) => `net/ipv6/conf/${name}/disable_ipv6`) : [];
}
