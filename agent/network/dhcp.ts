import { BRIDGE_ADDRESS, GUEST_ADDRESS, NETMASK } from './addresses.ts';
import type { DnsSettings } from './resolv.ts';

/** What the guest is told. Every text in it has been checked: commas would be options of dnsmasq. */
export interface DhcpFacts {
  readonly bridge: string;
  readonly mac: string;
  readonly mtu: number;
  readonly hostname: string;
  readonly dns: DnsSettings;
}

/** Command line of a dnsmasq that does DHCP for one guest and nothing else: one lease, no DNS, no files, no ping. */
export function dhcpArguments({ bridge, mac, mtu, hostname, dns }: DhcpFacts): string[] {
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
    `--dhcp-range=${GUEST_ADDRESS},static,${NETMASK},infinite`,
    `--dhcp-host=${mac},${GUEST_ADDRESS},${hostname},infinite`,
    `--dhcp-option=option:router,${BRIDGE_ADDRESS}`,
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
