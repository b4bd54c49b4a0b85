/**
 * Fixed PCI slots on the root bus. A guest's device addresses never depend on what else it has, so that a migration target, an upgrade
 * or an added disk finds every other device where it was. 0x00 and 0x1f are the machine's own; 0x01 (graphics), 0x04 (virtio-serial),
 * 0x05 (balloon) and 0x07 are kept free for what is coming.
 */
export const PCI_SLOT = { rng: 0x02, panic: 0x03, bootDisk: 0x06, firstNetwork: 0x08, firstClaim: 0x10 } as const;

/** A slot as QEMU's `addr=` takes it. */
export function pciAddress(slot: number): string {
  return `0x${slot.toString(16).padStart(2, '0')}`;
}
