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
