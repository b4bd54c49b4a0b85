import { DISKS_PATH, SCRATCH_PATH } from '../api/names.ts';
import type { DiskTuning, GuestDisk, GuestSpec } from '../api/guest-spec.ts';
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
  const hash = fnv1a64(volume).low.toString(16).padStart(8, '0');
  return `${volume.slice(0, MAX_SERIAL - hash.length - 1)}-${hash}`;
}

/** Whether any disk needs the machine's SATA controller. */
export function usesSata({ bootDisk, disks }: GuestSpec): boolean {
  return [bootDisk, ...disks].some((disk) => disk?.bus === 'sata');
}

/** Boot disk (none when a kernel is booted) and block claims. JSON form: no character in a path can become an option. */
export function diskArguments(guest: GuestSpec): string[] {
  const ports = sataPorts(guest);
  const boot = guest.boot.mode === 'disk' ? bootDisk(guest, ports) : [];
  return [...boot, ...guest.disks.flatMap((disk, index) => claim(disk, index, ports))];
}

/** SATA port by disk: the boot disk's is the first, whether it uses it or not, so that claims stay where they are. */
type SataPorts = ReadonlyMap<DiskTuning, number>;

function sataPorts({ bootDisk: boot, disks }: GuestSpec): SataPorts {
  const claims = disks.filter((disk) => disk.bus === 'sata');
  // Six claims fill all ports.
  const first = boot?.bus === 'sata' || claims.length < 6 ? 1 : 0;
  return new Map<DiskTuning, number>([
    ...claims.map((disk, index) => [disk, index + first] as const),
    ...(boot === undefined ? [] : [[boot, 0] as const]),
  ]);
}

function bootDisk(guest: GuestSpec, ports: SataPorts): string[] {
  const tuning = guest.bootDisk ?? {};
  const blockdev = {
    driver: 'qcow2',
    'node-name': 'root',
    'l2-cache-size': L2_CACHE_BYTES,
    discard: 'unmap',
    // The page cache may hold it: the overlay dies with the pod, and pods of one image share what is read of it.
    cache: { direct: tuning.cache === 'none' },
    file: { driver: 'file', 'node-name': 'root-file', filename: `${SCRATCH_PATH}/root.qcow2`, aio: 'threads', discard: 'unmap' },
  };
  const place = { node: 'root', slot: PCI_SLOT.bootDisk, port: ports.get(tuning) };
  const device = diskDevice(place, { serial: ROOT_SERIAL, ...tuning, bootIndex: tuning.bootIndex ?? rootBootIndex(guest) });
  return ['-blockdev', JSON.stringify(blockdev), '-device', device];
}

/** The boot disk is first, unless claims were given places: then it comes after them. */
function rootBootIndex({ disks }: GuestSpec): number {
  return 1 + disks.reduce((most, { bootIndex = 0 }) => Math.max(most, bootIndex), 0);
}

function claim(disk: GuestDisk, index: number, ports: SataPorts): string[] {
  const node = `claim${index}`;
  const readOnly = disk.readOnly === true ? { 'read-only': true } : {};
  const blockdev = {
    driver: 'raw', // always said, never probed: a guest could write a qcow2 header that names a host file
    'node-name': node,
    discard: 'unmap',
    ...readOnly,
    // Straight to the device: the data outlives this pod, and caching it twice would be charged to the pod.
    cache: { direct: disk.cache === undefined || disk.cache === 'none' },
    file: {
      driver: 'host_device',
      'node-name': `${node}-file`,
      filename: `${DISKS_PATH}/${disk.volume}`,
      aio: 'threads',
      discard: 'unmap',
      ...readOnly,
    },
  };
  const place = { node, slot: PCI_SLOT.firstClaim + index, port: ports.get(disk) };
  return ['-blockdev', JSON.stringify(blockdev), '-device', diskDevice(place, { serial: diskSerial(disk.volume), ...disk })];
}

/** Where a disk is: its PCI slot, or its SATA port when it has one. */
interface DiskPlace {
  readonly node: string;
  readonly slot: number;
  readonly port: number | undefined;
}

function diskDevice({ node, slot, port }: DiskPlace, { bus, serial = '', bootIndex, cache }: DiskTuning): string {
  const common = { id: `disk-${node}`, drive: node };
  const tuning = {
    ...(bootIndex === undefined ? {} : { bootindex: bootIndex }),
    ...(cache === 'writethrough' ? { 'write-cache': false } : {}),
  };
  if (bus === 'sata') return option('ide-hd', { ...common, bus: `ide.${port ?? 0}`, serial, ...tuning });
  return option('virtio-blk-pci', { ...common, addr: pciAddress(slot), serial, 'disable-legacy': true, ...tuning });
}
