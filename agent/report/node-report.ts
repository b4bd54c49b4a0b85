import type { Accelerator } from '../../api/guest-spec.ts';
import { PAGE_SIZES } from '../../api/huge-pages.ts';
import { NODE_REPORT_LIMITS, type NodeReportStatus } from '../../api/node-report.ts';
import type { KubeletFacts } from './kubelet-facts.ts';
import { readPhysicalFunctions } from './physical-functions.ts';
import type { PhysicalNetwork } from './physical-networks.ts';
import type { QemuFacts } from './qemu-facts.ts';
import type { Tree } from './tree.ts';
import { type MemoryUse, type RunningVm, vmUse } from './vm-use.ts';
import { readZones, type ZoneFacts } from './zones.ts';

/** All that a report is made of. */
export interface ReportFacts {
  readonly nodeName: string;
  readonly accelerator: Accelerator;
  readonly qemu: QemuFacts;
  readonly cpuVendor: string;
  readonly networks: readonly PhysicalNetwork[];
  readonly kubelet: KubeletFacts;
  /** VMs with the memory they hold, read before the zones: what a VM takes in between is missing twice rather than counted twice. */
  readonly vms: readonly { readonly vm: RunningVm; readonly memory: MemoryUse }[];
  readonly sys: Tree;
  readonly proc: Tree;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const SUMMARY_LENGTH = 253;

/** The report of this node as it is now; never longer than its schema allows. */
export function nodeReportStatus(facts: ReportFacts): NodeReportStatus {
  const { sys, proc, kubelet, qemu, vms } = facts;
  const zones = readZones(sys, proc);
  const summary = summaryOf(zones);
  return {
    observedTime: `${new Date(facts.now).toISOString().slice(0, 19)}Z`,
    accelerator: facts.accelerator,
    qemuVersion: qemu.version.slice(0, 63),
    machines: [...qemu.machines],
    cpu: { vendor: facts.cpuVendor, models: [...qemu.models], features: [...qemu.features] },
    zones: zones.map((zone) => withCpus(zone, kubelet)),
    functions: readPhysicalFunctions(sys, facts),
    vms: vms
      .slice(0, NODE_REPORT_LIMITS.vms)
      .map(({ vm, memory }) => vmUse(vm, memory, { zones, kubelet, sys }))
      .sort((a, b) => (a.podUid < b.podUid ? -1 : 1)),
    ...(summary === '' ? {} : { summary }),
  };
}

function withCpus({ zone, cpuIds }: ZoneFacts, { dedicatedCpus, cpusInUse }: KubeletFacts): NodeReportStatus['zones'][number] {
  if (dedicatedCpus.length === 0) return zone;
  const own = cpuIds.filter((cpu) => dedicatedCpus.includes(cpu));
  return { ...zone, dedicatedCpus: { total: own.length, free: own.filter((cpu) => !cpusInUse.has(cpu)).length } };
}

/** `2Mi: 1290+758 of 4096`: free pages of each zone, and all there are. */
function summaryOf(zones: readonly ZoneFacts[]): string {
  const parts = PAGE_SIZES.flatMap((size) => {
    const pools = zones.map(({ zone }) => zone.hugepages[size]);
    const total = pools.reduce((sum, pool) => sum + (pool?.total ?? 0), 0);
    return total === 0 ? [] : [`${size}: ${pools.map((pool) => pool?.free ?? 0).join('+')} of ${total}`];
  });
  return parts.join(', ').slice(0, SUMMARY_LENGTH);
}
