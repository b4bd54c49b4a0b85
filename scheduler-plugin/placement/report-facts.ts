import { PAGE_BYTES } from '../../api/huge-pages.ts';
import type { NodeReportStatus } from '../../api/node-report.ts';
import type { Held, ReportedRoom, ZoneAmounts } from './room.ts';

/** What is kept of a NodeReport, or of what stands in for it (sources/stand-ins.ts). */
export interface ReportFacts extends ReportedRoom {
  readonly source: 'NodeReport' | 'NodeResourceTopology';
  /** Nodes of one kind of machine share this object; undefined: only a NodeReport tells. */
  readonly cpu: CpuFacts | undefined;
}

/** What guests a node's CPUs can run. */
export interface CpuFacts {
  readonly vendor: string;
  readonly models: ReadonlySet<string>;
  readonly features: ReadonlySet<string>;
}

/** One for all nodes without VMs. */
const NOBODY: ReportFacts['vms'] = new Map();

/** Makes {@link ReportFacts}; remembers what nodes have in common, because features alone are kilobytes a node. */
export function createReportReader(): (status: NodeReportStatus) => ReportFacts {
  const known = new Map<string, CpuFacts>();
  return (status) => ({
    source: 'NodeReport',
    zones: status.zones.map(({ id, cpus, memory, hugepages }) => ({
      id,
      cpus,
      memory: { plain: memory.freeBytes, '2Mi': hugepages['2Mi']?.free ?? 0, '1Gi': hugepages['1Gi']?.free ?? 0 },
    })),
    functions: status.functions.map(({ address, zone, resource, physicalNetwork: network, linkUp, vfs }) => {
      return { address, zone, resource, network, linkUp, vfs: vfs.free };
    }),
    vms: status.vms.length === 0 ? NOBODY : new Map(status.vms.map((vm) => [vm.podUid, heldBy(vm)])),
    cpu: shared(known, status.cpu),
  });
}

function heldBy({ zones, functions = [] }: NodeReportStatus['vms'][number]): Held {
  return { zones: zones.map(zoneHeld), functions };
}

function zoneHeld({ id, cpus, memoryBytes, hugepages }: NodeReportStatus['vms'][number]['zones'][number]): ZoneAmounts {
  const { '2Mi': small = 0, '1Gi': large = 0 } = hugepages;
  const plain = Math.max(0, memoryBytes - small * PAGE_BYTES['2Mi'] - large * PAGE_BYTES['1Gi']);
  return { id, cpus, memory: { plain, '2Mi': small, '1Gi': large } };
}

/** More kinds of machines than a cluster has; an agent gone wrong must not fill our memory. */
const MAX_KINDS = 500;

function shared(known: Map<string, CpuFacts>, { vendor, models, features }: NodeReportStatus['cpu']): CpuFacts {
  const key = JSON.stringify([vendor, models, features]);
  const before = known.get(key);
  if (before !== undefined) return before;
  if (known.size >= MAX_KINDS) known.clear();
  const facts = { vendor, models: new Set(models), features: new Set(features) };
  known.set(key, facts);
  return facts;
}
