import { UNICAST_MAC } from '../../api/guest-spec.ts';
import { deriveMac } from '../../guest/mac.ts';
import { linkNames, queuesFor } from '../../guest/networks.ts';
import { POD_SIDE_ADDRESS } from './addresses.ts';
import { dhcpArguments, netmaskOf } from './dhcp.ts';
import { bridgedPodTables } from './nft-bridge.ts';
import { aliasOf, type OwnAddress, ownAddress } from './own-address.ts';
import { bridgeUp, makeBridge, noIpv6, type PartResult, type Place, refused } from './part.ts';

const MAC = new RegExp(UNICAST_MAC);

/** The guest takes the interface's place on a secondary network; the interface itself goes on under another MAC. */
export function bridged(place: Place): PartResult {
  const { vm, network, index, link, facts } = place;
  const own = ownAddress(link);
  const mac = network.mac ?? own.mac;
  const reason = bridgeReason(place, mac);
  if (reason !== '') return refused(place, reason);
  const { bridge, tap } = linkNames(index);
  const queues = queuesFor(vm.guest.vcpus);
  return {
    ok: true,
    part: {
      ip: [...makeBridge(place, queues), ...takeOver(place, { ...own, cidr: '' }), ...bridgeUp(index)],
      sysctls: noIpv6([bridge, tap, link.name], facts),
      nic: { mac, tap, queues, mtu: link.mtu },
    },
  };
}

/** The guest owns the pod's address, which it is told by DHCP. What dials the pod's loopback still reaches it. */
export function bridgedPod(place: Place): PartResult {
  const { vm, index, link, facts } = place;
  // The cluster's network knows the pod by this MAC.
  const own = ownAddress(link, facts.gateway);
  const [podIp = '', bits = ''] = own.cidr.split('/');
  const reason = bridgeReason(place, own.mac) || (podIp === '' ? noAddress(link.name) : '');
  if (reason !== '') return refused(place, reason);
  const { bridge, tap } = linkNames(index);
  const queues = queuesFor(vm.guest.vcpus);
  const bridgeMac = deriveMac(vm.namespace, vm.name, `${place.network.name}\nbridge`);
  const lease = { address: podIp, netmask: netmaskOf(Number(bits)), router: own.gateway };
  const inside = [`address add ${POD_SIDE_ADDRESS}/32 dev ${bridge}`, ...bridgeUp(index), `route add ${podIp}/32 dev ${bridge}`];
  return {
    ok: true,
    part: {
      ip: [...makeBridge(place, queues, bridgeMac), ...takeOver(place, own), ...inside],
      sysctls: [`net/ipv4/conf/${bridge}/route_localnet`, ...noIpv6([bridge, tap, link.name], facts)],
      nft: bridgedPodTables({ uplink: link.name, bridge, tap, guestMac: own.mac, bridgeMac, podIp }),
      helpers: [
        {
          program: 'dnsmasq',
          args: [
            ...dhcpArguments({ bridge, mac: own.mac, mtu: link.mtu, hostname: vm.hostname, dns: facts.dns, ...lease }),
            // The bridge itself has no address in the guest's network.
            `--shared-network=${bridge},${podIp}`,
          ],
        },
      ],
      nic: { mac: own.mac, tap, queues, mtu: link.mtu },
    },
  };
}

function noAddress(name: string): string {
  return `interface '${name}' has no IPv4 address to give to the guest, which binding bridge needs`;
}

function bridgeReason({ link }: Place, mac: string): string {
  if (link.kind !== 'veth') {
    const kind = link.kind === '' ? 'no kind' : link.kind;
    return `interface '${link.name}' is ${kind}; binding bridge needs a veth`;
  }
  return MAC.test(mac) ? '' : `interface '${link.name}' has no unicast MAC ('${mac}')`;
}

function takeOver({ vm, network, index, link }: Place, own: OwnAddress): string[] {
  const other = deriveMac(vm.namespace, vm.name, `${network.name}\nuplink`);
  return [
    `link set dev ${link.name} down`,
    `link set dev ${link.name} alias ${aliasOf(own)}`,
    `link set dev ${link.name} address ${other}`,
    // The address is the guest's to use: two answers to one ARP question would break it.
    `address flush dev ${link.name}`,
    `link set dev ${link.name} master ${linkNames(index).bridge}`,
    // A node's bridge in hairpin mode gives the guest's broadcasts back; its MAC must not be learned on this side.
    `link set dev ${link.name} type bridge_slave learning off`,
    `link set dev ${link.name} up`,
  ];
}
