import { deriveMac } from '../../guest/mac.ts';
import { linkNames, queuesFor } from '../../guest/networks.ts';
import { BRIDGE_ADDRESS, GUEST_ADDRESS, NETMASK } from './addresses.ts';
import { dhcpArguments } from './dhcp.ts';
import { masqueradeTable } from './nft.ts';
import { bridgeUp, makeBridge, noIpv6, type PartResult, type Place, refused } from './part.ts';

/** The pod keeps its address; the guest is behind it. */
export function masquerade(place: Place): PartResult {
  const { vm, network, index, link, facts } = place;
  if (link.ipv4.length === 0) {
    return refused(place, `interface '${link.name}' has no IPv4 address, which binding masquerade needs`);
  }
  const { bridge, tap } = linkNames(index);
  const queues = queuesFor(vm.guest.vcpus);
  const mac = network.mac ?? deriveMac(vm.namespace, vm.name, network.name);
  const lease = { address: GUEST_ADDRESS, netmask: NETMASK, router: BRIDGE_ADDRESS };
  return {
    ok: true,
    part: {
      ip: [...makeBridge(place, queues), `address add ${BRIDGE_ADDRESS}/24 dev ${bridge}`, ...bridgeUp(index)],
      // route_localnet: port-forward dials 127.0.0.1 in the pod, and that goes on to the guest.
      sysctls: ['net/ipv4/ip_forward', `net/ipv4/conf/${bridge}/route_localnet`, ...noIpv6([bridge, tap], facts)],
      nft: masqueradeTable({ uplink: link.name, podIps: link.ipv4, bridge, ...vm }),
      helpers: [
        {
          program: 'dnsmasq',
          args: dhcpArguments({ bridge, mac, mtu: link.mtu, hostname: vm.hostname, dns: facts.dns, ...lease }),
        },
      ],
      nic: { mac, tap, queues, mtu: link.mtu },
    },
  };
}
