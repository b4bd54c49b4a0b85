import { basename } from 'node:path';
import { deriveMac } from '../../guest/mac.ts';
import { passtSocket } from '../../guest/networks.ts';
import type { PodPort } from '../slot-types.ts';
import { type PartResult, type Place, refused } from './part.ts';

/** passt speaks for the guest with the pod's own sockets: no bridge, no rules, no capability. */
export function passt(place: Place): PartResult {
  const { vm, network, index, link, facts } = place;
  if (link.ipv4.length === 0) return refused(place, `interface '${link.name}' has no IPv4 address, which binding passt needs`);
  const path = passtSocket(index);
  const socket = basename(path);
  const { servers, searches } = facts.dns;
  return {
    ok: true,
    part: {
      // Any port may be one of the guest's; the pod has no capability to bind the lowest ones.
      sysctls: ['net/ipv4/ip_unprivileged_port_start'],
      helpers: [
        {
          program: 'passt',
          directory: facts.sockets,
          socket,
          args: [
            ...['--quiet', '--ipv4-only', '--no-map-gw'],
            ...['--socket', socket],
            ...['--interface', link.name],
            ...['--tcp-ports', portsOf(vm.guestPorts, 'tcp'), '--udp-ports', portsOf(vm.guestPorts, 'udp')],
            ...(servers.length === 0 ? ['--no-dhcp-dns'] : servers.flatMap((server) => ['--dns', server])),
            ...(searches.length === 0 ? ['--no-dhcp-search'] : searches.flatMap((domain) => ['--search', domain])),
            ...['--hostname', vm.hostname],
          ],
        },
      ],
      nic: {
        mac: network.mac ?? deriveMac(vm.namespace, vm.name, network.name),
        socket: path,
      },
    },
  };
}

/** All ports would be a socket each: only the declared ones. */
function portsOf(ports: readonly PodPort[], protocol: PodPort['protocol']): string {
  const numbers = ports.filter((port) => port.protocol === protocol).map(({ port }) => port);
  return numbers.length === 0 ? 'none' : [...new Set(numbers)].join(',');
}
