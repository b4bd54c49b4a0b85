import type { GuestSpec } from '../../api/guest-spec.ts';
import type { VmFacts } from '../../agent/slot-types.ts';

/** A small guest with the pod network; change what the test is about. */
export function guestSpec(change: Partial<GuestSpec> = {}): GuestSpec {
  return {
    version: 'v1',
    container: 'guest',
    boot: { mode: 'disk', image: 'localhost/podvisor/guest-tiny:dev', pullPolicy: 'IfNotPresent' },
    vcpus: 1,
    cpu: { model: 'max', features: [] },
    memoryBytes: 128 * 1024 * 1024,
    overheadBytes: 0,
    machine: 'q35',
    firmware: 'bios',
    accelerator: 'tcg',
    disks: [],
    networks: [{ name: 'pod', interface: 'eth0', binding: 'masquerade' }],
    gracePeriodSeconds: 30,
    ...change,
  };
}

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
