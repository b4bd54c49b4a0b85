import type { GuestSpec } from '../api/guest-spec.ts';
import { SCRATCH_PATH, SEED_PATH } from '../api/names.ts';
import { PCI_SLOT, pciAddress } from './pci.ts';
import { option } from './qemu-options.ts';

/** Small devices beside CPUs, memory, disks and networks. */
export function helperArguments(guest: GuestSpec): string[] {
  return [...rng(guest), ...panic(), ...watchdog(guest), ...tpm(guest), ...seed(guest)];
}

function rng(guest: GuestSpec): string[] {
  if (guest.rng === 'none') return [];
  const device = { id: 'rng0', rng: 'rng', addr: pciAddress(PCI_SLOT.rng), 'disable-legacy': true };
  return ['-object', option('rng-builtin', { id: 'rng' }), '-device', option('virtio-rng-pci', device)];
}

function panic(): string[] {
  return ['-device', option('pvpanic-pci', { id: 'panic0', addr: pciAddress(PCI_SLOT.panic) })];
}

/** What the watchdog does is QEMU's `-action watchdog=`. */
function watchdog(guest: GuestSpec): string[] {
  if (guest.watchdog === undefined) return [];
  return ['-device', option('i6300esb', { id: 'watchdog0', addr: pciAddress(PCI_SLOT.watchdog) })];
}

/** swtpm is started by the launcher and ends with QEMU's connection. */
function tpm(guest: GuestSpec): string[] {
  if (guest.tpm === undefined) return [];
  return [
    ...['-chardev', option('socket', { id: 'tpm', path: `${SCRATCH_PATH}/tpm.sock` })],
    ...['-tpmdev', option('emulator', { id: 'tpm0', chardev: 'tpm' })],
    ...['-device', option('tpm-crb', { tpmdev: 'tpm0' })],
  ];
}

/** The NoCloud seed: found by its label, `cidata`. */
function seed(guest: GuestSpec): string[] {
  if (guest.cloudInit === undefined) return [];
  const file = { driver: 'file', 'node-name': 'seed-file', filename: `${SEED_PATH}/cidata.iso`, 'read-only': true };
  const blockdev = { driver: 'raw', 'node-name': 'seed', 'read-only': true, file };
  const device = { id: 'disk-seed', drive: 'seed', addr: pciAddress(PCI_SLOT.seed), serial: 'cidata', 'disable-legacy': true };
  return ['-blockdev', JSON.stringify(blockdev), '-device', option('virtio-blk-pci', device)];
}
