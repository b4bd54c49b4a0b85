import type { GuestSpec } from '../api/guest-spec.ts';

const MIB = 1024 * 1024;

/**
 * What a VM pod needs beyond guest RAM, by part, in MiB. It is added to the guest container's memory request and limit, so it must never
 * be too small: the limit kills QEMU. Fitted to bench/overhead/measurements.json (resident memory of all processes of the container, file
 * pages too, since a cgroup is charged for QEMU's shared text when it is the first to touch it; and the kernel's own), with a tenth to
 * as much again to spare for loads nobody measured. Under KVM only a guest that did not boot could be measured here (54 MiB).
 */
export const OVERHEAD_MIB = {
  /** QEMU's text and libraries (25 to 45), its private memory, and the launcher's shell (1.7). */
  fixed: 60,
  /** The whole TCG translation buffer: `-accel tcg,tb-size=32`. */
  tcgTranslationBuffer: 32,
  /** Thread stacks and KVM's per-CPU state; under TCG also the soft TLB, which grows with the guest's working set. */
  vcpu: { kvm: 3, tcg: 4 },
  /** qcow2 metadata caches of overlay (capped at 8) and image, and I/O threads. */
  bootDisk: 10,
  /** QEMU's copy of a kernel it boots itself (the initrd stays in the page cache). */
  kernel: 24,
  /** Raw block claim: requests in flight and bounce buffers; no metadata. */
  claim: 3,
  /** Ring, bounce buffers, vhost worker. */
  network: 3,
  /** Two flash chips of 4 MiB together, and what the firmware makes QEMU touch. */
  uefi: 10,
  /** swtpm: libtpms, OpenSSL, its state. */
  tpm: 12,
  /** The seed is at most a little more than a Secret (1 MiB), twice while it is made. */
  cloudInit: 4,
  /** The pod's own passt: its pools of buffers, all touched under load (resident 22.6). */
  passt: 24,
} as const;

/**
 * Page tables: one 8-byte entry per 4 KiB page is RAM/512 in the host's tables of QEMU. KVM keeps as much again in its second-level
 * tables, TCG in its page descriptors. Transparent huge pages make both smaller; nothing guarantees them.
 */
const RAM_DIVISOR = 256;

/** Memory the pod needs beyond guest RAM, in bytes: whole MiB, never an under-estimate. Ignores `guest.overheadBytes`. */
export function overheadBytes(guest: GuestSpec): number {
  const tcg = guest.accelerator === 'tcg';
  const mib =
    OVERHEAD_MIB.fixed +
    (tcg ? OVERHEAD_MIB.tcgTranslationBuffer : 0) +
    OVERHEAD_MIB.vcpu[guest.accelerator] * guest.vcpus +
    (guest.boot.mode === 'disk' ? OVERHEAD_MIB.bootDisk : OVERHEAD_MIB.kernel) +
    OVERHEAD_MIB.claim * guest.disks.length +
    OVERHEAD_MIB.network * guest.networks.length +
    (guest.firmware === 'bios' ? 0 : OVERHEAD_MIB.uefi) +
    (guest.tpm === undefined ? 0 : OVERHEAD_MIB.tpm) +
    (guest.cloudInit === undefined ? 0 : OVERHEAD_MIB.cloudInit) +
    OVERHEAD_MIB.passt * guest.networks.filter(({ binding }) => binding === 'passt').length +
    Math.ceil(guest.memoryBytes / RAM_DIVISOR / MIB);
  return mib * MIB;
}
