import { LAUNCHER_UID } from '../../api/names.ts';
import type { GuestNetwork } from '../../api/guest-spec.ts';
import { deriveMac } from '../../guest/mac.ts';
import { linkNames } from '../../guest/networks.ts';
import type { Nic } from '../../guest/networks.ts';
import type { VmFacts } from '../slot-types.ts';
import { dhcpArguments } from './dhcp.ts';
import type { Link } from './facts.ts';
import { BRIDGE_ADDRESS } from './addresses.ts';
import { nftScript } from './nft.ts';
import type { DnsSettings } from './resolv.ts';

/** What the plan is made from. */
export interface NetworkFacts {
  readonly links: readonly Link[];
  /** The kernel has IPv6 (/proc/sys/net/ipv6 is there). */
  readonly ipv6: boolean;
  readonly dns: DnsSettings;
}

/** What to do in the pod's network namespace, in this order. Doing it again gives the same. */
export interface NetworkPlan {
  /** Lines for `ip -batch`. */
  readonly ip: readonly string[];
  /** Files below /proc/sys that get a `1`. */
  readonly sysctls: readonly string[];
  /** Script for `nft -f`. */
  readonly nft: string;
  /** Arguments of dnsmasq. */
  readonly dhcp: readonly string[];
  /** For QEMU, parallel to the guest's networks. */
  readonly nics: readonly Nic[];
}

export type PlanResult = { readonly ok: true; readonly plan: NetworkPlan } | { readonly ok: false; readonly reason: string };

interface Part {
  readonly ip: readonly string[];
  readonly sysctls: readonly string[];
  readonly nic: Nic;
}
type PartResult = { readonly ok: true; readonly part: Part } | { readonly ok: false; readonly reason: string };

/** Where an interface's own MAC is kept once the guest has it: in the kernel, so that no restart forgets it. */
const ALIAS_PREFIX = 'podvisor:';
const MAC = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/;

/** The plan for all networks of a guest, or why one of them cannot be had. */
export function networkPlan(vm: VmFacts, facts: NetworkFacts): PlanResult {
  const results = vm.guest.networks.map((network, index) => partOf(vm, network, index, facts));
  const refused = results.find((result) => !result.ok);
  if (refused?.ok === false) return refused;
  const parts = results.flatMap((result) => (result.ok ? [result.part] : []));
  const nics = parts.map(({ nic }) => nic);
  const pod = facts.links.find(({ name }) => name === vm.guest.networks[0]?.interface);
  const [first] = nics;
  if (pod === undefined || first === undefined) return { ok: false, reason: 'the guest has no pod network' };
  const { bridge } = linkNames(0);
  return {
    ok: true,
    plan: {
      ip: parts.flatMap(({ ip }) => ip),
      sysctls: ['net/ipv4/ip_forward', ...parts.flatMap(({ sysctls }) => sysctls)],
      nft: nftScript({ uplink: pod.name, podIps: pod.ipv4, bridge, ...vm }),
      dhcp: dhcpArguments({ bridge, mac: first.mac, mtu: pod.mtu, hostname: vm.hostname, dns: facts.dns }),
      nics,
    },
  };
}

function partOf(vm: VmFacts, network: GuestNetwork, index: number, facts: NetworkFacts): PartResult {
  const link = facts.links.find(({ name }) => name === network.interface);
  if (link === undefined) {
    return { ok: false, reason: `network '${network.name}': the pod has no interface '${network.interface}'` };
  }
  return network.binding === 'masquerade'
    ? masquerade(vm, network, index, { link, facts })
    : bridged(vm, network, index, { link, facts });
}

interface Place {
  readonly link: Link;
  readonly facts: NetworkFacts;
}

/** The pod keeps its address; the guest is behind it. */
function masquerade(vm: VmFacts, network: GuestNetwork, index: number, { link, facts }: Place): PartResult {
  if (link.ipv4.length === 0) {
    return {
      ok: false,
      reason: `network '${network.name}': interface '${link.name}' has no IPv4 address, which binding masquerade needs`,
    };
  }
  const { bridge, tap } = linkNames(index);
  return {
    ok: true,
    part: {
      ip: [...makeBridge(index, link.mtu, facts.links), `address add ${BRIDGE_ADDRESS}/24 dev ${bridge}`, ...up(index)],
      // route_localnet: port-forward dials 127.0.0.1 in the pod, and that goes on to the guest.
      sysctls: [`net/ipv4/conf/${bridge}/route_localnet`, ...noIpv6([bridge, tap], facts)],
      nic: { mac: network.mac ?? deriveMac(vm.namespace, vm.name, network.name), tap, mtu: link.mtu },
    },
  };
}

/** The guest takes the interface's place on its network, with its MAC; the interface itself goes on under another one. */
function bridged(vm: VmFacts, network: GuestNetwork, index: number, { link, facts }: Place): PartResult {
  if (link.kind !== 'veth') {
    const kind = link.kind === '' ? 'no kind' : link.kind;
    return { ok: false, reason: `network '${network.name}': interface '${link.name}' is ${kind}; binding bridge needs a veth` };
  }
  const own = link.alias.startsWith(ALIAS_PREFIX) ? link.alias.slice(ALIAS_PREFIX.length) : link.mac;
  const mac = network.mac ?? own;
  if (!MAC.test(mac))
    return { ok: false, reason: `network '${network.name}': interface '${link.name}' has no unicast MAC ('${mac}')` };
  const { bridge, tap } = linkNames(index);
  const other = deriveMac(vm.namespace, vm.name, `${network.name}\nuplink`);
  const takeOver = [
    `link set dev ${link.name} down`,
    `link set dev ${link.name} alias ${ALIAS_PREFIX}${own}`,
    `link set dev ${link.name} address ${other}`,
    // The address is the guest's to use: two answers to one ARP question would break it.
    `address flush dev ${link.name}`,
    `link set dev ${link.name} master ${bridge}`,
    `link set dev ${link.name} up`,
  ];
  return {
    ok: true,
    part: {
      ip: [...makeBridge(index, link.mtu, facts.links), ...takeOver, ...up(index)],
      sysctls: noIpv6([bridge, tap, link.name], facts),
      nic: { mac, tap, mtu: link.mtu },
    },
  };
}

/** What an earlier life of the container left is made anew: its tap belonged to a QEMU that is gone. */
function makeBridge(index: number, mtu: number, links: readonly Link[]): string[] {
  const { bridge, tap } = linkNames(index);
  const old = [tap, bridge].filter((name) => links.some((link) => link.name === name));
  return [
    ...old.map((name) => `link delete dev ${name}`),
    `link add name ${bridge} mtu ${mtu} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
    `tuntap add dev ${tap} mode tap user ${LAUNCHER_UID} group ${LAUNCHER_UID}`,
    `link set dev ${tap} mtu ${mtu} master ${bridge}`,
  ];
}

function up(index: number): string[] {
  const { bridge, tap } = linkNames(index);
  return [`link set dev ${tap} up`, `link set dev ${bridge} up`];
}

/** The kernel itself stays silent on the guest's links: no router solicitations, no link-local address of the pod. */
function noIpv6(names: readonly string[], facts: NetworkFacts): string[] {
  return facts.ipv6 ? names.map((name) => `net/ipv6/conf/${name}/disable_ipv6`) : [];
}
