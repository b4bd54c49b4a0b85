import type { DnsSettings } from './resolv.ts';

/** What the guest is told. Every text in it has been checked: commas would be options of dnsmasq. */
export interface DhcpFacts {
  readonly bridge: string;
  readonly mac: string;
  readonly mtu: number;
  readonly hostname: string;
  readonly dns: DnsSettings;
  /** The guest's address, its network's mask and its default gateway ('' = none). */
  readonly address: string;
  readonly netmask: string;
  readonly router: string;
}

/** Command line of a dnsmasq that does DHCP for one guest and nothing else: one lease, no DNS, no files, no ping. */
export function dhcpArguments(facts: DhcpFacts): string[] {
  const { bridge, mac, mtu, hostname, dns, address, netmask } = facts;
  return [
    '--conf-file=/dev/null',
    '--pid-file',
    '--log-facility=/dev/null',
    '--leasefile-ro', // the one lease is fixed: nothing to remember
    '--port=0',
    '--no-hosts',
    '--no-resolv',
    '--no-ping',
    '--quiet-dhcp',
    `--interface=${bridge}`,
    '--except-interface=lo',
    '--bind-interfaces',
    '--dhcp-authoritative', // a guest that lived longer than its DHCP server gets its address confirmed
    '--dhcp-ignore-clid', // firmware and system of one guest use different client ids
    '--dhcp-lease-max=4',
    `--dhcp-range=${address},static,${netmask},infinite`,
    `--dhcp-host=${mac},${address},${hostname},infinite`,
    ...routeOptions(facts),
    `--dhcp-option=option:mtu,${mtu}`,
    ...dnsOptions(dns),
  ];
}

function dnsOptions({ servers, searches }: DnsSettings): string[] {
  const [first] = searches;
  return [
    // Without a value the option is not sent; left out, dnsmasq would name itself.
    servers.length === 0 ? '--dhcp-option=option:dns-server' : `--dhcp-option=option:dns-server,${servers.join(',')}`,
    ...(first === undefined ? [] : [`--dhcp-option=option:domain-name,${first}`]),
    ...(first === undefined ? [] : [`--dhcp-option=option:domain-search,${searches.join(',')}`]),
  ];
}

/** A gateway outside the guest's own network (Calico's 169.254.1.1) is reached by a route of its own (RFC 3442). */
function routeOptions({ address, netmask, router }: DhcpFacts): string[] {
  if (router === '') return ['--dhcp-option=option:router'];
  const near = (numberOf(address) & numberOf(netmask)) === (numberOf(router) & numberOf(netmask));
  if (near) return [`--dhcp-option=option:router,${router}`];
  return [`--dhcp-option=option:classless-static-route,${router}/32,0.0.0.0,0.0.0.0/0,${router}`];
}

function numberOf(ipv4: string): number {
  return ipv4.split('.').reduce((sum, octet) => (sum << 8) | Number(octet), 0);
}

/** `24` as `255.255.255.0`. */
export function netmaskOf(bits: number): string {
  return [24, 16, 8, 0].map((shift) => (bits === 0 ? 0 : (-1 << (32 - bits)) >>> shift) & 255).join('.');
}
