import type { GuestSpec } from '../../api/guest-spec.ts';
import type { Nic } from '../../guest/networks.ts';
import type { NodeFacts } from '../../guest/qemu-argv.ts';

const MIB = 1024 * 1024;

/** A GuestSpec as admission makes it for the smallest pod, emulated. */
export function guestSpec(fields: Partial<GuestSpec> = {}): GuestSpec {
  return {
    version: 'v1',
    container: 'guest',
    boot: { mode: 'disk', image: 'localhost/podvisor/guest-tiny:dev', pullPolicy: 'IfNotPresent' },
    vcpus: 1,
    cpu: { model: 'max', features: [] },
    memoryBytes: 128 * MIB,
    overheadBytes: 125 * MIB,
    machine: 'q35',
    firmware: 'bios',
    accelerator: 'tcg',
    disks: [],
    networks: [{ name: 'pod', interface: 'eth0', binding: 'masquerade' }],
    gracePeriodSeconds: 30,
    ...fields,
  };
}

/** Node facts with one tap for each of the guest's networks. */
export function nodeFacts(guest: GuestSpec, fields: Partial<NodeFacts> = {}): NodeFacts {
  const nics = guest.networks.map((_, index): Nic => ({
    mac: `02:00:00:00:00:${String(index + 1).padStart(2, '0')}`,
    tap: `pvtap${index}`,
  }));
  return { accelerator: guest.accelerator, vhostNet: false, nics, ...fields };
}
