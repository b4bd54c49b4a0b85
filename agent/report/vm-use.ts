import { PAGE_BYTES, type PageSize } from '../../api/huge-pages.ts';
import type { NodeReportStatus } from '../../api/node-report.ts';
import type { KubeletFacts } from './kubelet-facts.ts';
import { hugepagesByZone, memoryByZone, type PagesByZone, totalOf } from './numa-maps.ts';
import { physicalFunctionOf } from './physical-functions.ts';
import type { Tree } from './tree.ts';
import type { ZoneFacts } from './zones.ts';

type VmUse = NodeReportStatus['vms'][number];

/** A guest of this node whose QEMU was started. */
export interface RunningVm {
  readonly podUid: string;
  readonly slot: string;
  /** Pid of the launcher in the agent's pid namespace, and its start time: QEMU is a child of it. */
  readonly launcher: { readonly pid: number; readonly startTime: string };
  readonly memoryBytes: number;
  readonly hugepages: PageSize | undefined;
  /** PCI addresses of the virtual functions of its networks. */
  readonly functions: readonly string[];
}

/** What memory a VM holds. */
export interface MemoryUse {
  /** Pages by zone; empty without huge pages. */
  readonly pages: PagesByZone;
  readonly bytes: PagesByZone;
}

/** Where the memory of a VM is read. */
export interface MemoryWorld {
  readonly proc: Tree;
  /** memory.numa_stat of the cgroup of a process; '' = there is none. */
  numaStat(pid: number): string;
}

const PAGE_SIZE = 4096;
const MOST_PROCESSES = 64;
const MOST_FUNCTIONS = 16;

/**
 * Memory of a VM by zone. With huge pages: what QEMU has mapped of them, by walking its page tables, which for huge pages is short. Without: the
 * counters of its container's cgroup, which cost nothing, because walking the tables of a large guest of small pages holds QEMU up.
 */
export function readMemory(world: MemoryWorld, { launcher, hugepages }: RunningVm): MemoryUse {
  if (hugepages === undefined) return { pages: new Map(), bytes: memoryByZone(world.numaStat(launcher.pid), PAGE_SIZE) };
  // QEMU and helpers of its map the same pages: the one that has most has all.
  const maps = processesBelow(world.proc, launcher.pid).map((pid) =>
    hugepagesByZone(world.proc.text(`${pid}/numa_maps`), hugepages),
  );
  const pages = maps.reduce<PagesByZone>(
    (most, next) => (totalOf(next) > totalOf(most) ? next : most),
    new Map<number, number>(),
  );
  return { pages, bytes: new Map([...pages].map(([zone, count]) => [zone, count * PAGE_BYTES[hugepages]])) };
}

/** A process and what it started, breadth first (/proc/PID/task/TID/children, proc_tid_children(5)). */
function processesBelow(proc: Tree, pid: number): readonly number[] {
  const found = [pid];
  for (const one of found) {
    if (found.length >= MOST_PROCESSES) break;
    const tasks = proc.names(`${one}/task`);
    const children = tasks.flatMap((task) => proc.text(`${one}/task/${task}/children`).split(/\s+/));
    found.push(...children.filter((child) => /^\d+$/.test(child)).map(Number));
  }
  return found;
}

/** Whether all huge pages a VM was promised are there: they never move, so nobody need look again. */
export function isSettled({ hugepages, memoryBytes }: RunningVm, { bytes }: MemoryUse): boolean {
  return hugepages !== undefined && totalOf(bytes) >= memoryBytes;
}

/** What a VM holds of each zone of the node. */
export function vmUse(
  vm: RunningVm,
  memory: MemoryUse,
  node: { zones: readonly ZoneFacts[]; kubelet: KubeletFacts; sys: Tree },
): VmUse {
  const { cpus, devices } = node.kubelet.holdings(vm.slot);
  const use = node.zones.map(({ zone: { id }, cpuIds }) => ({
    id,
    cpus: cpus.filter((cpu) => cpuIds.includes(cpu)).length,
    memoryBytes: memory.bytes.get(id) ?? 0,
    hugepages: vm.hugepages === undefined ? {} : { [vm.hugepages]: memory.pages.get(id) ?? 0 },
  }));
  const virtual = [...new Set([...vm.functions, ...devices])];
  const functions = virtual.flatMap((address) => physicalFunctionOf(node.sys, address) ?? []).slice(0, MOST_FUNCTIONS);
  return {
    podUid: vm.podUid,
    zones: use.filter((one) => one.cpus > 0 || one.memoryBytes > 0),
    ...(functions.length === 0 ? {} : { functions }),
  };
}
