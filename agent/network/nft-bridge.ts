import { POD_SIDE_ADDRESS } from './addresses.ts';

/** What the rules of a guest that owns the pod's address are made from. */
export interface BridgedPodFacts {
  /** The pod's own interface, now a port of the bridge. */
  readonly uplink: string;
  readonly bridge: string;
  readonly tap: string;
  readonly guestMac: string;
  /** The bridge's own. */
  readonly bridgeMac: string;
  readonly podIp: string;
}

/**
 * The guest speaks with its own address and MAC only, as the pod it replaces could; DHCP stays inside the pod; and what dials the pod's
 * loopback (port-forward, containers beside the guest) reaches the guest from an address that nobody else has and whose answers, wherever
 * the guest routes them, come back to the bridge.
 */
export function bridgedPodTables(facts: BridgedPodFacts): string {
  return [...frames(facts), ...packets(facts), ''].join('\n');
}

function frames({ uplink, tap, guestMac, bridgeMac, podIp }: BridgedPodFacts): string[] {
  return table('bridge', [
    ...chain('guest', 'filter hook prerouting priority -300', [
      `iifname "${tap}" ether saddr != ${guestMac} drop`,
      `iifname "${tap}" ether type != { ip, arp } drop`,
      `iifname "${tap}" ip saddr != { 0.0.0.0, ${podIp} } drop`,
      `iifname "${tap}" arp saddr ether != ${guestMac} drop`,
      `iifname "${tap}" arp saddr ip != { 0.0.0.0, ${podIp} } drop`,
      `iifname "${tap}" ip daddr ${POD_SIDE_ADDRESS} meta pkttype set host ether daddr set ${bridgeMac}`,
      `iifname "${uplink}" ip saddr ${POD_SIDE_ADDRESS} drop`,
      `iifname "${uplink}" ether saddr ${guestMac} drop`,
    ]),
    ...chain('through', 'filter hook forward priority 0', ['udp dport { 67, 68 } drop', `arp daddr ip ${POD_SIDE_ADDRESS} drop`]),
    ...chain('own', 'filter hook output priority 0', [`oifname "${uplink}" drop`]),
  ]);
}

function packets({ bridge, podIp }: BridgedPodFacts): string[] {
  return table('ip', [
    ...chain('loopback', 'nat hook output priority -100', [
      `ip daddr { 127.0.0.0/8, ${podIp} } oifname { "lo", "${bridge}" } meta l4proto { tcp, udp, sctp } dnat to ${podIp}`,
    ]),
    ...chain('outbound', 'nat hook postrouting priority srcnat', [
      // Not by the pod's address: under br_netfilter the guest's own packets pass here too.
      `oifname "${bridge}" ip saddr 127.0.0.0/8 snat to ${POD_SIDE_ADDRESS}`,
    ]),
  ]);
}

/** Every frame from one interface to the other and back, before anything else sees it. */
export function redirectTable(link: string, tap: string): string {
  const pass = (from: string, to: string): string[] =>
    chain(`from-${from}`, `filter hook ingress device "${from}" priority 0`, [`fwd to "${to}"`]);
  return [...table('netdev', [...pass(link, tap), ...pass(tap, link)], `-${tap}`), ''].join('\n');
}

/** A table that is replaced as one transaction (as in nft.ts). */
function table(family: string, chains: readonly string[], suffix = ''): string[] {
  const name = `${family} podvisor${suffix}`;
  return [`table ${name}`, `delete table ${name}`, `table ${name} {`, ...chains, '}'];
}

function chain(name: string, base: string, rules: readonly string[]): string[] {
  return [`  chain ${name} {`, `    type ${base}; policy accept;`, ...rules.map((rule) => `    ${rule}`), '  }'];
}
