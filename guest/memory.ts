import type { GuestSpec } from '../api/guest-spec.ts';
import { option, type OptionValue } from './qemu-options.ts';

const MIB = 1024 * 1024;
/** Threads that touch huge pages before the guest starts: clearing 1 TiB with one would take minutes. */
const MAX_PREALLOC_THREADS = 16;

/** Machine properties of the memory: the backend of a guest without NUMA nodes whose pages are not plain. */
export function memoryMachine({ hugepages, numa }: GuestSpec): Record<string, OptionValue> {
  return hugepages === undefined || numa !== undefined ? {} : { 'memory-backend': 'ram0' };
}

/** Guest RAM. Plain memory on one node needs no backend of its own. */
export function memoryArguments(guest: GuestSpec): string[] {
  const { memoryBytes, hugepages, numa } = guest;
  const cells = hugepages === undefined && numa === undefined ? 0 : (numa?.cells ?? 1);
  const backends = Array.from({ length: cells }, (_, cell) => ['-object', backend(guest, cell, memoryBytes / cells)]).flat();
  return ['-m', `${memoryBytes / MIB}M`, ...backends, ...numaNodes(guest), '-overcommit', 'mem-lock=off'];
}

function backend({ hugepages, vcpus }: GuestSpec, cell: number, bytes: number): string {
  const size = { id: `ram${cell}`, size: `${bytes / MIB}M` };
  if (hugepages === undefined) return option('memory-backend-ram', size);
  // Anonymous huge pages: a memory file needs no hugetlbfs mount and no group. All of them are taken now or QEMU does not start, since
  // the kernel answers a missing one with SIGBUS.
  const huge = { hugetlb: true, hugetlbsize: hugepages === '2Mi' ? '2M' : '1G', prealloc: true };
  return option('memory-backend-memfd', { ...size, ...huge, 'prealloc-threads': Math.min(vcpus, MAX_PREALLOC_THREADS) });
}

function numaNodes({ numa, vcpus }: GuestSpec): string[] {
  if (numa === undefined) return [];
  const each = vcpus / numa.cells;
  return Array.from({ length: numa.cells }, (_, cell) => {
    const node = { nodeid: cell, cpus: `${cell * each}-${(cell + 1) * each - 1}`, memdev: `ram${cell}` };
    return ['-numa', option('node', node)];
  }).flat();
}
