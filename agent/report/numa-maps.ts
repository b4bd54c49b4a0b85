import { PAGE_BYTES, type PageSize } from '../../api/huge-pages.ts';

/** Pages by zone. */
export type PagesByZone = ReadonlyMap<number, number>;

const KIB = 1024;

/**
 * Huge pages of one size that a process has mapped, by zone: /proc/PID/numa_maps (proc_pid_numa_maps(5)), where `N<zone>=<pages>` counts pages
 * of the line's kernelpagesize_kB. Transparent huge pages are in lines of 4 kB pages and do not count.
 */
export function hugepagesByZone(numaMaps: string, size: PageSize): PagesByZone {
  const lines = numaMaps.split('\n').filter((line) => line.includes(` kernelpagesize_kB=${PAGE_BYTES[size] / KIB}`));
  const counts = new Map<number, number>();
  for (const line of lines) {
    for (const [, zone, pages] of line.matchAll(/ N(\d+)=(\d+)(?= |$)/g)) {
      counts.set(Number(zone), (counts.get(Number(zone)) ?? 0) + Number(pages));
    }
  }
  return counts;
}

/**
 * Bytes of anonymous and shared memory of a cgroup, by zone: its memory.numa_stat. Version 2 counts bytes and has `anon` and `shmem`; version 1
 * counts pages, and its `anon` holds both, because it counts by list of the kernel's (Documentation/admin-guide/cgroup-{v1/memory,v2}.rst).
 */
export function memoryByZone(numaStat: string, pageBytes: number): PagesByZone {
  const isV1 = /^total=/m.test(numaStat);
  const wanted = isV1 ? /^anon=/ : /^(anon|shmem) /;
  const bytes = new Map<number, number>();
  for (const line of numaStat.split('\n').filter((one) => wanted.test(one))) {
    for (const [, zone, amount] of line.matchAll(/ N(\d+)=(\d+)/g)) {
      bytes.set(Number(zone), (bytes.get(Number(zone)) ?? 0) + Number(amount) * (isV1 ? pageBytes : 1));
    }
  }
  return bytes;
}

/** How many there are in all zones. */
export function totalOf(byZone: PagesByZone): number {
  return [...byZone.values()].reduce((sum, count) => sum + count, 0);
}
