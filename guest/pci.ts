/**
 * Fixed PCI slots on the root bus. A guest's device addresses never depend on what else it has, so that a migration target, an upgrade
 * or an added disk finds every other device where it was. 0x00 and 0x1f are the machine's own, its SATA controller included; 0x04
 * (virtio-serial and, as its second function, balloon) is kept free for what is coming.
 */
export const PCI_SLOT = {
  /** Root ports for devices of the node, one function each. */
  hostDevices: 0x01,
  rng: 0x02,
  panic: 0x03,
  watchdog: 0x05,
  bootDisk: 0x06,
  seed: 0x07,
  firstNetwork: 0x08,
  firstClaim: 0x10,
} as const;

/** Address of a PCI function as Linux and QEMU write it, with its domain: `0000:3b:02.6`. Domains beyond four digits are those of VMD controllers. */
export const PCI_FUNCTION = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/;

/** A slot as QEMU's `addr=` takes it. */
export function pciAddress(slot: number): string {
  return `0x${slot.toString(16).padStart(2, '0')}`;
}
