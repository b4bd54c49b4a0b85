import fc from 'fast-check';
import type { GuestSpec } from '../../../api/guest-spec.ts';
import { completeGuest } from '../../../guest/complete.ts';
import { overheadBytes } from '../../../guest/overhead.ts';
import { guestSpec } from '../../build/guest.ts';

const MIB = 1024 * 1024;
const kvm = { accelerator: 'kvm' } as const;

describe('overheadBytes covers what was measured with at least a quarter to spare', () => {
  // Resident MiB beyond guest RAM of Debian 13's QEMU 10.0.13, and the launcher's shell (2).
  it.each<[string, GuestSpec, number]>([
    ['2 vCPUs, boot disk, one claim, one NIC under TCG: 89 + 2', guestSpec({ vcpus: 2, disks: [{ volume: 'data' }] }), 91],
    ['the same under KVM, not booted: 54 + 2', guestSpec({ ...kvm, vcpus: 2, disks: [{ volume: 'data' }] }), 56],
  ])('%s', (_, guest, measured) => expect(overheadBytes(guest) / MIB).toBeGreaterThanOrEqual(measured * 1.25));
});

describe('overheadBytes', () => {
  it.each<[string, GuestSpec, number]>([
    ['the smallest guest, emulated', guestSpec(), 110],
    ['the smallest guest, KVM', guestSpec(kvm), 77],
    ['4 vCPUs, 8 GiB, 2 claims, 2 networks, KVM', guestSpec({ ...kvm, ...large() }), 60 + 12 + 10 + 6 + 6 + 32],
    ['UEFI, a TPM and a cloud-init seed', guestSpec({ firmware: 'uefi', tpm: 'ephemeral', cloudInit: { secret: 's' } }), 136],
    ['no boot disk', guestSpec({ boot: { ...guestSpec().boot, mode: 'kernel' } }), 124],
  ])('of %s', (_, guest, mib) => expect(overheadBytes(guest) / MIB).toBe(mib));

  it('is whole MiB and grows with every part', () => {
    const sizes = fc.record({ vcpus: fc.integer({ min: 1, max: 254 }), mib: fc.integer({ min: 16, max: 4194303 }) });
    fc.assert(
      fc.property(sizes, fc.constantFrom('kvm', 'tcg'), ({ vcpus, mib }, accelerator) => {
        const base = overheadBytes(guestSpec({ vcpus, memoryBytes: mib * MIB, accelerator }));
        const more = { vcpus: vcpus + 1, memoryBytes: (mib + 1) * MIB, accelerator };
        expect(base % MIB).toBe(0);
        expect(overheadBytes(guestSpec(more))).toBeGreaterThan(base);
        expect(overheadBytes(guestSpec({ ...more, disks: [{ volume: 'a' }] }))).toBeGreaterThan(overheadBytes(guestSpec(more)));
      }),
    );
  });

  it('does not depend on what the spec already says, so filling it in twice is filling it in once', () => {
    const once = completeGuest(guestSpec({ overheadBytes: 0 }));
    expect(once.overheadBytes).toBe(110 * MIB);
    expect(completeGuest(once)).toEqual(once);
  });
});

function large(): Partial<GuestSpec> {
  return {
    vcpus: 4,
    memoryBytes: 8192 * MIB,
    disks: [{ volume: 'a' }, { volume: 'b' }],
    networks: [...guestSpec().networks, { name: 'a/b', interface: 'net1', binding: 'bridge' }],
  };
}
