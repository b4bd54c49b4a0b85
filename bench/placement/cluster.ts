import { GUEST_ANNOTATION } from '../../api/names.ts';
import type { NodeReportStatus } from '../../api/node-report.ts';
import type { Pod } from '../../api/pod.ts';
import { report } from '../../test/build/placement.ts';
import { vmPod, withDefaults } from '../../test/build/pod.ts';
import type { Question, TrueFunction, TrueZone } from '../../test/unit/scheduler-plugin/oracle.ts';
import { dice, type Dice } from '../../test/unit/scheduler-plugin/oracle-cases.ts';
import { mutated } from '../../test/unit/webhooks/admit.ts';
import { NAMESPACE } from '../scheduler/cluster.ts';

const GIB = 2 ** 30;
const VF = 'example.com/vf';

/** What is free on a node; taken from as VMs come. */
export interface FreeNode {
  readonly name: string;
  readonly zones: { -readonly [K in keyof TrueZone]: TrueZone[K] }[];
  readonly functions: (TrueFunction & { vfs: number })[];
}

/** A VM, as the oracle is asked about it and as the scheduler gets it. */
export interface Vm {
  readonly name: string;
  readonly question: Question;
  readonly pod: Pod;
}

/** Nodes that have run for a while: of two or four zones, each with another rest of huge pages and CPUs, two cards with some VFs left, some without carrier. */
export function fragmentedNodes(count: number, seed: number): FreeNode[] {
  const roll = dice(seed);
  return Array.from({ length: count }, (_, index) => {
    const zones = Array.from({ length: roll(4) === 0 ? 4 : 2 }, (_zone, id) => {
      return { id, cpus: roll(13), '2Mi': 64 * roll(25), '1Gi': 0, plain: 64 * GIB };
    });
    const functions = [0, 1].map((card) => {
      return {
        address: `0000:${3 + card}b:00.0`,
        zone: card,
        resource: VF,
        network: undefined,
        linkUp: roll(8) > 0,
        vfs: roll(7),
      };
    });
    return { name: `node-${index}`, zones, functions };
  });
}

/** What the scheduler is told of the node: totals, which is all that a Node says. */
export function allocatable({ zones, functions }: FreeNode): Readonly<Record<string, string>> {
  const sum = (list: readonly number[]): number => list.reduce((all, one) => all + one, 0);
  return {
    // VMs without dedicated CPUs share those of the system.
    cpu: String(sum(zones.map(({ cpus }) => cpus)) + 4),
    memory: '512Gi',
    pods: '250',
    'hugepages-2Mi': `${2 * sum(zones.map((zone) => zone['2Mi']))}Mi`,
    'podvisor.dev/tcg': '110',
    [VF]: String(sum(functions.map(({ vfs }) => vfs))),
  };
}

/** What its agent reports. */
export function reportOf({ zones, functions }: FreeNode): NodeReportStatus {
  return report({
    zones: zones.map(({ id, cpus, '2Mi': free, plain }) => {
      const memory = { totalBytes: 2 * plain, freeBytes: plain };
      return { id, cpus, memory, hugepages: { '2Mi': { total: 2_000, free } }, distances: [] };
    }),
    functions: functions.map(({ address, zone, linkUp, vfs }) => {
      return { address, ...(zone === undefined ? {} : { zone }), resource: VF, linkUp, vfs: { total: 8, free: vfs } };
    }),
  });
}

/** Half want pages only, a quarter pages and CPUs of their own in one zone, a quarter VFs of two cards for a bond. */
export function vms(count: number, seed: number): Vm[] {
  const roll = dice(seed);
  return Array.from({ length: count }, (_, index) => vmOf(`vm-${index}`, roll));
}

function vmOf(name: string, roll: Dice): Vm {
  const pages = [128, 256, 256, 512, 1024][roll(5)] ?? 256;
  const kind = (['pages', 'pages', 'aligned', 'bond'] as const)[roll(4)] ?? 'pages';
  const vcpus = kind === 'aligned' ? 2 + 2 * roll(2) : 1;
  const question: Question = {
    kind: '2Mi',
    amount: pages,
    cells: 1,
    vcpus,
    dedicated: kind === 'aligned',
    isolate: false,
    vfs: kind === 'bond' ? [{ resource: VF }, { resource: VF }] : [],
    ...(kind === 'aligned' ? { numa: 'require' } : {}),
    ...(kind === 'bond' ? { sriov: 'require' } : {}),
  };
  return { name, question, pod: podOf(name, question) };
}

function podOf(name: string, { amount, vcpus, dedicated, vfs, numa, sriov }: Question): Pod {
  const limits = { cpu: dedicated ? String(vcpus) : '10m', 'hugepages-2Mi': `${2 * amount}Mi` };
  const wishes = {
    ...(numa === undefined ? {} : { 'placement.podvisor.dev/numa': numa }),
    ...(sriov === undefined ? {} : { 'placement.podvisor.dev/sriov': sriov }),
    ...(dedicated ? { 'podvisor.dev/dedicated-cpus': 'true' } : {}),
  };
  const pod = withDefaults(vmPod({ name, namespace: NAMESPACE, annotations: wishes, guest: { resources: { limits } } }));
  return vfs.length === 0
    ? mutated(pod, { namespace: NAMESPACE })
    : withFunctions(mutated(pod, { namespace: NAMESPACE }), vfs.length);
}

/** What Multus' injector and admission make of two SR-IOV networks: the device plugin's resource, and the networks in the guest. */
function withFunctions(pod: Pod, count: number): Pod {
  const networks = Array.from({ length: count }, (_, index) => {
    return { name: `default/net${index}`, interface: `net${index + 1}`, binding: 'sriov', resource: VF };
  });
  const guest = JSON.parse(pod.metadata.annotations?.[GUEST_ANNOTATION] ?? '{}') as { networks: object[] };
  const text = JSON.stringify({ ...guest, networks: [...guest.networks, ...networks] });
  const [first, ...others] = pod.spec.containers;
  if (first === undefined) return pod;
  const resources = {
    limits: { ...first.resources?.limits, [VF]: String(count) },
    requests: { ...first.resources?.requests, [VF]: String(count) },
  };
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, [GUEST_ANNOTATION]: text } },
    spec: { ...pod.spec, containers: [{ ...first, resources }, ...others] },
  };
}
