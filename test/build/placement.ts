import type { NodeReportStatus } from '../../api/node-report.ts';
import { DIMENSIONS, readWish } from '../../api/placement.ts';
import type { ExplainedWorld } from '../../scheduler-plugin/explain/explanation.ts';
import { judgedNode, type World } from '../../scheduler-plugin/filter.ts';
import type { NodeFacts } from '../../scheduler-plugin/node-facts.ts';
import { imageKey } from '../../scheduler-plugin/placement/image-names.ts';
import { type Claims, zoneVerdict } from '../../scheduler-plugin/placement/checks.ts';
import type { FunctionFacts, Room, ZoneAmounts } from '../../scheduler-plugin/placement/room.ts';
import { shaped, type Wanted } from '../../scheduler-plugin/placement/wanted.ts';

const GIB = 2 ** 30;

/** A plain VM of 1 GiB; wishes as the annotations say them. */
export function wanted(
  fields: Partial<Omit<Wanted, 'wishes' | 'shape'>> = {},
  wishes: Readonly<Record<string, string>> = {},
): Wanted {
  return shaped({
    uid: 'uid-vm',
    owner: 'uid-owner',
    priority: 0,
    accelerator: 'kvm',
    cells: 1,
    memory: 'plain',
    amount: GIB,
    cpus: 0,
    extraCpus: 0,
    functions: [],
    volumeClaims: [],
    image: imageKey('quay.io/x/guest:1'),
    cpu: { model: 'host', features: [] },
    ...fields,
    wishes: Object.fromEntries(DIMENSIONS.map((name) => [name, readWish(name, wishes[name])])) as unknown as Wanted['wishes'],
  });
}

/** A zone with free pages of 2 MiB, CPUs and plain memory. */
export function zone(id: number, pages: number, fields: { cpus?: number; plain?: number; large?: number } = {}): ZoneAmounts {
  const { cpus = 16, plain = 64 * GIB, large = 0 } = fields;
  return { id, cpus, memory: { plain, '2Mi': pages, '1Gi': large } };
}

/** A physical function with free VFs. */
export function pf(address: string, vfs: number, fields: Partial<FunctionFacts> = {}): FunctionFacts {
  return { address, zone: 0, resource: 'example.com/vf', network: undefined, linkUp: true, vfs, ...fields };
}

/** A node that offers both accelerators. */
export function node(fields: Partial<NodeFacts> = {}): NodeFacts {
  return { name: 'a', slots: { kvm: 10, tcg: 10 }, images: { has: () => false }, labels: [], topolvm: [], ...fields };
}

/** Claims of nobody on a node with this room; undefined = without a report. */
export function claims(room: Room | undefined, fields: Partial<Claims> = {}): Claims {
  const verdict: Claims['verdict'] = (_node, vm) => (room === undefined ? undefined : zoneVerdict(vm, room));
  return { verdict, siblings: () => 0, wasRefused: () => true, backOff: () => '', storage: () => undefined, ...fields };
}

/** A cluster of one node `a` without a report; it remembers nothing it found out. */
export function world(fields: Partial<Omit<World, 'judged'>> = {}): World {
  const whole: World = {
    ...claims(undefined),
    node: (name) => (name === 'a' ? node() : undefined),
    nodes: () => [node()],
    cpu: () => undefined,
    vmsOn: () => 0,
    ...fields,
    judged: (names, guest) => names.map((name) => judgedNode(name, whole.node(name), guest, whole)),
  };
  return whole;
}

/** What the explain server knows of a cluster in which every node has this room, and three VMs. */
export function explainedWorld(room: Room): ExplainedWorld {
  return { ...claims(room), node: (name) => node({ name }), vmsOn: () => 3, room: () => room, source: () => 'NodeReport' };
}

/** A report of one zone without huge pages. */
export function report(fields: Partial<NodeReportStatus> = {}): NodeReportStatus {
  return {
    observedTime: '2026-11-21T20:00:00Z',
    accelerator: 'kvm',
    qemuVersion: '10.0.0',
    machines: ['pc-q35-10.0'],
    cpu: { vendor: 'GenuineIntel', models: ['Nehalem'], features: ['sse4_2'] },
    zones: [reportedZone(0, 0)],
    functions: [],
    vms: [],
    ...fields,
  };
}

/** A zone of a report. */
export function reportedZone(id: number, pages: number, cpus = 16): NodeReportStatus['zones'][number] {
  return {
    id,
    cpus,
    memory: { totalBytes: 64 * GIB, freeBytes: 32 * GIB },
    hugepages: { '2Mi': { total: pages, free: pages } },
    distances: [],
  };
}
