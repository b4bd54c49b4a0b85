import { PAGE_BYTES, PAGE_SIZES } from '../../api/huge-pages.ts';
import type { NodeReportStatus } from '../../api/node-report.ts';

/** How much it matters that the API server has another report: not at all, some day, or now. */
export type Weight = 'none' | 'drift' | 'change';

type Zone = NodeReportStatus['zones'][number];
type Vm = NodeReportStatus['vms'][number];

const MIB = 1024 * 1024;
/** Free huge pages that decide about a guest: as much as a small one needs, or a good part of a small pool. */
const PAGES_BYTES = 64 * MIB;
const PAGES_SHARE = 1 / 16;
/** Ordinary free memory comes and goes with whatever runs; requests and limits decide there, not this. */
const MEMORY_SHARE = 1 / 8;
const GUEST_BYTES = 256 * MIB;
const GUEST_SHARE = 1 / 4;

/**
 * Weighs what changed on a node: VMs, devices, links, CPUs and pools at once; free huge pages when another process took or gave back enough of them
 * to decide about a guest; all else as drift, or not at all while it is small. When it was read is never a change.
 */
export function weighChange(stored: NodeReportStatus, latest: NodeReportStatus): Weight {
  if (JSON.stringify(steadyPart(stored)) !== JSON.stringify(steadyPart(latest))) return 'change';
  const weights = [
    ...latest.zones.map((zone, index) => weighZone(stored.zones[index] ?? zone, zone)),
    ...latest.vms.map((vm, index) => weighVm(stored.vms[index] ?? vm, vm)),
  ];
  if (weights.includes('change')) return 'change';
  return weights.includes('drift') ? 'drift' : 'none';
}

/** Without what changes by itself, in one order: the API server gives fields back in another one than they were sent in. */
function steadyPart({ zones, vms, functions, cpu, accelerator, qemuVersion, machines }: NodeReportStatus): unknown {
  return sorted({
    ...{ functions, cpu, accelerator, qemuVersion, machines },
    zones: zones.map(({ id, cpus, dedicatedCpus, memory, hugepages, distances }) => ({
      ...{ id, cpus, dedicatedCpus, distances, total: memory.totalBytes },
      pools: Object.entries(hugepages).map(([size, { total }]) => [size, total]).sort(), // prettier-ignore
    })),
    vms: vms.map(({ podUid, zones: held, functions: own }) => ({ podUid, own, cpus: held.map(({ id, cpus }) => [id, cpus]) })),
  });
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]));
}

function weighZone(stored: Zone, latest: Zone): Weight {
  const pools = PAGE_SIZES.map((size): Weight => {
    const [before, now] = [stored.hugepages[size]?.free ?? 0, latest.hugepages[size]?.free ?? 0];
    const total = latest.hugepages[size]?.total ?? 0;
    const enough = Math.min(PAGES_BYTES / PAGE_BYTES[size], total * PAGES_SHARE);
    return before === now ? 'none' : Math.abs(now - before) >= enough ? 'change' : 'drift';
  });
  if (pools.includes('change')) return 'change';
  const { totalBytes, freeBytes } = latest.memory;
  const moved = Math.abs(freeBytes - stored.memory.freeBytes) >= Math.max(1, totalBytes * MEMORY_SHARE);
  return moved || pools.includes('drift') ? 'drift' : 'none';
}

function weighVm(stored: Vm, latest: Vm): Weight {
  const moved = latest.zones.some((zone, index) => {
    const before = stored.zones[index] ?? zone;
    const bytes = Math.abs(zone.memoryBytes - before.memoryBytes);
    const pages = JSON.stringify(sorted(before.hugepages)) !== JSON.stringify(sorted(zone.hugepages));
    return pages || bytes >= Math.max(GUEST_BYTES, Math.max(zone.memoryBytes, before.memoryBytes) * GUEST_SHARE);
  });
  return moved ? 'drift' : 'none';
}
