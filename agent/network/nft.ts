import type { PodPort } from '../slot-types.ts';
import { BRIDGE_ADDRESS, GUEST_ADDRESS } from './addresses.ts';

/** What the rules are made from. */
export interface NftFacts {
  /** The pod's own interface. */
  readonly uplink: string;
  readonly podIps: readonly string[];
  readonly bridge: string;
  readonly guestPorts: readonly PodPort[];
  readonly otherPorts: readonly PodPort[];
  readonly alone: boolean;
}

const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;

/**
 * All packet rules of a masqueraded guest, in one table of ours that is replaced as one transaction (nft(8): a script is atomic; adding the table
 * first makes the delete succeed the first time). Only new connections pass the nat chains; replies follow conntrack.
 */
export function masqueradeTable(facts: NftFacts): string {
  const chains = [antiSpoof(facts), inbound(facts), loopback(facts), outbound(facts)];
  return ['table ip podvisor', 'delete table ip podvisor', 'table ip podvisor {', ...chains.flat(), '}', ''].join('\n');
}

/** The guest speaks for its own address only, and never with the pod's loopback (route_localnet would let it). */
function antiSpoof({ bridge }: NftFacts): string[] {
  return chain('spoof', 'filter hook prerouting priority raw', [
    `iifname "${bridge}" ip saddr != { 0.0.0.0, ${GUEST_ADDRESS} } drop`,
    `iifname "${bridge}" ip daddr 127.0.0.0/8 drop`,
  ]);
}

/** From outside, and from the guest to the pod's own address: everything is the guest's but what other containers declared. */
function inbound(facts: NftFacts): string[] {
  const own = set(facts.podIps);
  const from = [`iifname "${facts.uplink}" ip daddr ${own}`, `iifname "${facts.bridge}" ip daddr ${own}`];
  const rules = from.flatMap((match) => [
    ...portMatches(otherPorts(facts)).map((ports) => `${match} ${ports} accept`),
    `${match} dnat to ${GUEST_ADDRESS}`,
  ]);
  return chain('inbound', 'nat hook prerouting priority dstnat', rules);
}

/** From inside the pod: the kubelet's port-forward dials 127.0.0.1 in the pod's namespace, and so do containers beside the guest. */
function loopback(facts: NftFacts): string[] {
  const match = `oifname "lo" ip daddr ${set(['127.0.0.0/8', ...facts.podIps])}`;
  const ports = facts.alone ? ['meta l4proto { tcp, udp, sctp }'] : portMatches(facts.guestPorts);
  const rules = ports.map((which) => `${match} ${which} dnat to ${GUEST_ADDRESS}`);
  return chain('loopback', 'nat hook output priority -100', rules);
}

function outbound({ uplink, bridge, podIps }: NftFacts): string[] {
  return chain('outbound', 'nat hook postrouting priority srcnat', [
    `oifname "${uplink}" ip saddr ${GUEST_ADDRESS} masquerade`,
    // What came over loopback or out of the guest itself must come back this way.
    `oifname "${bridge}" ip saddr ${set(['127.0.0.0/8', GUEST_ADDRESS, ...podIps])} snat to ${BRIDGE_ADDRESS}`,
  ]);
}

/** A port that both declare is the guest's. */
function otherPorts({ otherPorts: others, guestPorts }: NftFacts): PodPort[] {
  return others.filter(({ protocol, port }) => !guestPorts.some((own) => own.protocol === protocol && own.port === port));
}

function portMatches(ports: readonly PodPort[]): string[] {
  return PROTOCOLS.flatMap((protocol) => {
    const numbers = [...new Set(ports.filter((port) => port.protocol === protocol).map(({ port }) => port))].sort(
      (a, b) => a - b,
    );
    return numbers.length === 0 ? [] : [`${protocol} dport ${set(numbers)}`];
  });
}

function set(values: readonly (string | number)[]): string {
  return `{ ${values.join(', ')} }`;
}

function chain(name: string, base: string, rules: readonly string[]): string[] {
  return [`  chain ${name} {`, `    type ${base}; policy accept;`, ...rules.map((rule) => `    ${rule}`), '  }'];
}
