import type { GuestSpec } from '../../../api/guest-spec.ts';
import { GUEST_ANNOTATION, PLAN_ANNOTATION, SCHEDULER_NAME, VM_LABEL, VM_LABEL_VALUE } from '../../../api/names.ts';
import type { Placement } from '../../../api/placement.ts';
import type { KubeClient } from '../../../kube/client.ts';
import { eventually } from '../../build/eventually.ts';
import { guestSpec } from '../../build/guest.ts';
import { PODS } from './objects.ts';

const CLASSES = '/apis/scheduling.k8s.io/v1/priorityclasses';
const PAGE = 2 ** 21;
/** The resource of {@link VmOptions.ports} and {@link VmOptions.networks}. */
export const VF = 'example.com/vf';

/** A pod as tests of preemption read it. */
export interface EvictablePod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly nodeName?: string };
  readonly status?: { readonly nominatedNodeName?: string; readonly conditions?: readonly { readonly type: string; readonly message?: string }[] };
} // prettier-ignore

/** A VM of the round's node, which is named as the round. */
export interface VmOptions {
  /** A class of {@link createPriorities}. */
  readonly priority: string;
  readonly pages?: number;
  /** It is on the node already, its pages in that zone. */
  readonly zone?: number;
  /** It is on the node already, with a function of each of these physical functions. */
  readonly ports?: readonly string[];
  /** Physical networks it wants a function on; undefined = any. */
  readonly networks?: readonly (string | undefined)[];
  /** NUMA nodes of the guest. */
  readonly cells?: number;
  readonly says?: Placement;
  /** Seconds of grace. */
  readonly grace?: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** Of its pod. */
  readonly volumes?: readonly object[];
}

/** Classes `p1`, `p2`, `p100` and `p1000` of those values, and `patient` (100), which evicts nobody. */
export async function createPriorities(client: KubeClient): Promise<void> {
  const kind = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass' };
  for (const value of [1, 2, 100, 1000]) await client.create(CLASSES, { ...kind, metadata: { name: `p${value}` }, value });
  await client.create(CLASSES, { ...kind, metadata: { name: 'patient' }, value: 100, preemptionPolicy: 'Never' });
}

/** VMs of one round: a node of that name, and their pods. */
export interface Round {
  readonly createVm: (name: string, options: VmOptions) => Promise<unknown>;
  readonly getPod: (name: string) => Promise<EvictablePod>;
  /** Names of those on the node that are not being deleted. */
  readonly staying: () => Promise<readonly string[]>;
  /** What the VM is told once that has the pattern. */
  readonly waitReason: (name: string, pattern: RegExp) => Promise<string>;
  readonly bound: (name: string) => Promise<EvictablePod>;
}

export function roundOf(client: KubeClient, round: string): Round {
  const getPod = (name: string): Promise<EvictablePod> => client.get(`${PODS}/${round}-${name}`);
  return {
    createVm: (name, options) => client.create(PODS, podObject(round, name, options)),
    getPod,
    staying: async () => {
      const { items } = await client.get<{ items: readonly EvictablePod[] }>(PODS, { labelSelector: `round=${round}` });
      const there = items.filter(({ spec, metadata }) => spec.nodeName !== undefined && metadata.deletionTimestamp === undefined);
      return there.map(({ metadata }) => metadata.name.replace(`${round}-`, '')).sort();
    },
    waitReason: (name, pattern) =>
      eventually(`${name} waits, told ${pattern.source}`, async () => {
        const conditions = (await getPod(name)).status?.conditions ?? [];
        return conditions.find(({ message }) => message !== undefined && pattern.test(message))?.message;
      }),
    bound: (name) =>
      eventually(`${name} is bound`, async () => {
        const pod = await getPod(name);
        return pod.spec.nodeName === undefined ? undefined : pod;
      }),
  };
} // prettier-ignore

interface StoredPlan {
  readonly zones?: readonly { readonly id: number }[];
  readonly functions?: readonly string[];
}

/** Where in the node it is, as its annotation has it. */
export function planOf({ metadata }: EvictablePod): StoredPlan {
  return JSON.parse(metadata.annotations?.[PLAN_ANNOTATION] ?? '{}') as StoredPlan;
}

function podObject(round: string, name: string, options: VmOptions): object {
  const { priority, grace = 0, labels = {}, volumes = [] } = options;
  const plan = planObject(options);
  const placed = plan === undefined ? {} : { [PLAN_ANNOTATION]: JSON.stringify(plan) };
  const annotations = { [GUEST_ANNOTATION]: JSON.stringify(specOf(options)), ...placed };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${round}-${name}`, labels: { ...labels, [VM_LABEL]: VM_LABEL_VALUE, round }, annotations },
    spec: {
      schedulerName: SCHEDULER_NAME,
      priorityClassName: priority,
      terminationGracePeriodSeconds: grace,
      nodeSelector: { round },
      volumes,
      ...(plan === undefined ? {} : { nodeName: round }),
      containers: [{ name: 'guest', image: 'x', resources: { limits: limitsOf(options) } }],
    },
  };
}

/** Of a VM that is on the node already. */
function planObject({ pages = 0, zone, ports }: VmOptions): object | undefined {
  if (zone === undefined && ports === undefined) return undefined;
  return { zones: zone === undefined ? [] : [{ id: zone, cpus: 0, amount: pages }], functions: ports ?? [] };
}

function limitsOf({ pages = 0, ports, networks = [] }: VmOptions): Record<string, string> {
  const functions = (ports ?? networks).length;
  return {
    'podvisor.dev/tcg': '1',
    cpu: '100m',
    memory: '128Mi',
    ...(pages === 0 ? {} : { 'hugepages-2Mi': `${pages * 2}Mi` }),
    ...(functions === 0 ? {} : { [VF]: String(functions) }),
  };
}

function specOf({ pages = 0, ports, networks = [], cells, says }: VmOptions): GuestSpec {
  const functions = (ports ?? networks).map((physicalNetwork, index): GuestSpec['networks'][number] => {
    const network = ports !== undefined || physicalNetwork === undefined ? {} : { physicalNetwork };
    return { name: `default/n${index}`, interface: `net${index + 1}`, binding: 'sriov', resource: VF, ...network };
  });
  return guestSpec({
    accelerator: 'tcg',
    ...(pages === 0 ? {} : { hugepages: '2Mi', memoryBytes: pages * PAGE }),
    networks: [{ name: 'pod', interface: 'eth0', binding: 'masquerade' }, ...functions],
    ...(cells === undefined ? {} : { numa: { cells }, vcpus: cells }),
    ...(says === undefined ? {} : { placement: says }),
  });
}
