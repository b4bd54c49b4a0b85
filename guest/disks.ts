import { DISKS_PATH, SCRATCH_PATH } from '../api/names.ts';
import type { GuestSpec } from '../api/guest-spec.ts';
import { fnv1a64 } from './mac.ts';
import { PCI_SLOT, pciAddress } from './pci.ts';
import { option } from './qemu-options.ts';

/** Serial number of the boot disk, seen in the guest as /dev/disk/by-id/virtio-root. */
export const ROOT_SERIAL = 'root';
/** virtio-blk's serial field (VIRTIO_BLK_ID_BYTES). */
const MAX_SERIAL = 20;
/** Bytes of qcow2 level-2 tables kept in memory: enough for 64 GiB at 64 KiB clusters. The overhead model counts on this cap. */
const L2_CACHE_BYTES = 8 * 1024 * 1024;

/** Serial number of a claim's disk: the volume's name; a name that is too long or the boot disk's ends in a hash of all of it. */
export function diskSerial(volume: string): string {
  if (volume.length <= MAX_SERIAL && volume !== ROOT_SERIAL) return volume;
  const hash = fnv1a64(volume).toString(16).padStart(16, '0').slice(-8);
  return `${volume.slice(0, MAX_SERIAL - hash.length - 1)}-${hash}`;
}

/** Boot disk (none when a kernel is booted) and block claims. JSON form: no character in a path can become an option. */
export function diskArguments(guest: GuestSpec): string[] {
  const boot = guest.boot.mode === 'disk' ? bootDisk() : [];
  return [...boot, ...guest.disks.flatMap(({ volume }, index) => claim(volume, index))];
}

function bootDisk(): string[] {
  const blockdev = {
    driver: 'qcow2',
    'node-name': 'root',
    'l2-cache-size': L2_CACHE_BYTES,
    discard: 'unmap',
    // The page cache may hold it: the overlay dies with the pod, and pods of one image share what is read of it.
    cache: { direct: false },
    file: { driver: 'file', 'node-name': 'root-file', filename: `${SCRATCH_PATH}/root.qcow2`, aio: 'threads', discard: 'unmap' },
  };
  const device = { ...diskDevice('root', PCI_SLOT.bootDisk, ROOT_SERIAL), bootindex: 1 };
  return ['-blockdev', JSON.stringify(blockdev), '-device', option('virtio-blk-pci', device)];
}

function claim(volume: string, index: number): string[] {
  const node = `claim${index}`;
  const blockdev = {
    driver: 'raw', // always said, never probed: a guest could write a qcow2 header that names a host file
    'node-name': node,
    discard: 'unmap',
    // Straight to the device: the data outlives this pod, and caching it twice would be charged to the pod.
    cache: { direct: true },
    file: {
      driver: 'host_device',
      'node-name': `${node}-file`,
      filename: `${DISKS_PATH}/${volume}`,
      aio: 'threads',
      discard: 'unmap',
    },
  };
  const device = diskDevice(node, PCI_SLOT.firstClaim + index, diskSerial(volume));
  return ['-blockdev', JSON.stringify(blockdev), '-device', option('virtio-blk-pci', device)];
}

function diskDevice(node: string, slot: number, serial: string) {
  return { id: `disk-${node}`, drive: node, addr: pciAddress(slot), serial, 'disable-legacy': true };
}
