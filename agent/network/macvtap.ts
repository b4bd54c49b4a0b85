import { linkNames, queuesFor } from '../../guest/networks.ts';
import { redirectTable } from './nft-bridge.ts';
import { aliasOf, ownAddress } from './own-address.ts';
import { makeTap, noIpv6, type PartResult, type Place, refused } from './part.ts';

/** Links that carry Ethernet frames and may be given another MAC. */
const KINDS: readonly string[] = ['macvlan', 'macvtap', 'veth', 'vlan', 'dummy'];

/**
 * The guest is the interface: it has its MAC, and every frame goes straight from one to the other, without a bridge in between. That is what
 * a macvtap does; its character device, however, cannot be given to a container that runs already (ADR 0010), so the frames are passed
 * on between the interface and a tap.
 */
export function macvtap(place: Place): PartResult {
  const { vm, network, index, link, facts } = place;
  if (!KINDS.includes(link.kind)) {
    const kind = link.kind === '' ? 'no kind' : link.kind;
    return refused(place, `interface '${link.name}' is ${kind}; binding macvtap needs one of ${KINDS.join(', ')}`);
  }
  const own = { ...ownAddress(link), cidr: '' };
  const mac = network.mac ?? own.mac;
  const { tap } = linkNames(index);
  const queues = queuesFor(vm.guest.vcpus);
  return {
    ok: true,
    part: {
      ip: [
        ...makeTap(place, queues),
        `link set dev ${link.name} alias ${aliasOf(own)}`,
        // A macvlan passes frames of its own address only.
        ...(link.mac === mac ? [] : [`link set dev ${link.name} address ${mac}`]),
        `address flush dev ${link.name}`,
        `link set dev ${link.name} up`,
        `link set dev ${tap} up`,
      ],
      sysctls: noIpv6([tap, link.name], facts),
      nft: redirectTable(link.name, tap),
      nic: { mac, tap, queues, mtu: link.mtu },
    },
  };
}
