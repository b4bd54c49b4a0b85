import type { Link } from '../../agent/network/facts.ts';
import type { VmFacts } from '../../agent/slot-types.ts';
import { guestSpec } from './guest.ts';

/** What the agent knows of a pod that runs nothing beside the guest. */
export function vmFacts(change: Partial<VmFacts> = {}): VmFacts {
  return {
    namespace: 'team',
    name: 'vm',
    uid: '11111111-2222-3333-4444-555555555555',
    container: 'guest',
    guest: guestSpec(),
    hostname: 'vm',
    dns: { policy: 'ClusterFirst', servers: [], searches: [] },
    guestPorts: [],
    otherPorts: [],
    alone: true,
    ...change,
  };
}

/** The pod's own interface, as a CNI plugin leaves it. */
export const ETH0: Link = {
  name: 'eth0',
  mac: '0a:58:0a:f4:01:05',
  mtu: 1450,
  kind: 'veth',
  alias: '',
  ipv4: ['10.244.1.5'],
  cidrs: ['10.244.1.5/24'],
};
