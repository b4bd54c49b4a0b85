import { readFileSync } from 'node:fs';
import { GUEST_ANNOTATION } from '../../api/names.ts';
import type { GuestSpec } from '../../api/guest-spec.ts';
import type { Pod } from '../../api/pod.ts';
import { nodeName } from '../lib/nodes.ts';
import { node } from './cluster.ts';

/** What kube-scheduler 1.36 sent for a pod of a ReplicaSet that admission has made a VM. */
const RECORDED = JSON.parse(
  readFileSync(new URL('../../test/fixtures/extender/filter-request.json', import.meta.url), 'utf8'),
) as { readonly Pod: Pod };

/** What differs from the recorded guest. */
const GUESTS: Readonly<Record<string, Partial<GuestSpec>>> = {
  plain: {},
  hugepages: { hugepages: '2Mi', memoryBytes: 2 ** 31 },
  aligned: {
    hugepages: '2Mi',
    memoryBytes: 2 ** 31,
    vcpus: 4,
    cpu: { model: 'max', features: [] },
    dedicatedCpus: { emulatorThreads: 'share' },
    placement: { numa: 'require' },
  },
  large: { hugepages: '2Mi', memoryBytes: 2 ** 32 },
};

/** One pod's requests: as the scheduler makes them, with its own UID for each pod and the nodes in another order. */
export interface Requests {
  readonly uid: string;
  /** For the nodes it begins with; prioritize for those that passed. */
  readonly filter: string;
  prioritize(passed: readonly string[]): string;
  bind(to: string): string;
}

/** Makes the requests of pod after pod for so many nodes. */
export function requestsOf(kind: string, nodes: number): () => Requests {
  const orders = Array.from({ length: 8 }, (_, turn) => namesInOrder(nodes, turn));
  const lists = orders.map((names) => JSON.stringify(names));
  let pods = 0;
  return () => {
    const turn = pods++ % orders.length;
    const uid = `10000000-0000-4000-8000-${String(pods).padStart(12, '0')}`;
    const pod = JSON.stringify(podOf(kind, uid));
    const body = (names: string): string => `{"Pod":${pod},"Nodes":null,"NodeNames":${names}}`;
    return {
      uid,
      filter: body(lists[turn] ?? ''),
      prioritize: (passed) => body(passed.length === nodes ? (lists[turn] ?? '') : JSON.stringify(passed)),
      bind: (to) => JSON.stringify({ PodName: `vm-${uid}`, PodNamespace: 'bench', PodUID: uid, Node: to }),
    };
  };
}

/** As {@link requestsOf}, of a scheduler that sends whole nodes; `annotations` of the pod and of each node besides. */
export function wholeNodes(nodes: number, annotations: Readonly<Record<string, string>> = {}): string {
  const items = Array.from({ length: nodes }, (_, index) => {
    const { metadata, ...rest } = node(index) as { metadata: { annotations: object } };
    return { metadata: { ...metadata, annotations: { ...metadata.annotations, ...annotations } }, ...rest };
  });
  const { metadata, ...pod } = podOf('plain', '10000000-0000-4000-8000-000000000000');
  const Pod = { metadata: { ...metadata, annotations: { ...metadata.annotations, ...annotations } }, ...pod };
  return JSON.stringify({ Pod, Nodes: { metadata: {}, items }, NodeNames: null });
}

function podOf(kind: string, uid: string): Pod {
  const { metadata, ...rest } = RECORDED.Pod;
  const guest = JSON.parse(metadata.annotations?.[GUEST_ANNOTATION] ?? '') as GuestSpec;
  const annotations = {
    ...metadata.annotations,
    [GUEST_ANNOTATION]: JSON.stringify({ ...guest, accelerator: 'kvm', ...GUESTS[kind] }),
  };
  return { ...rest, metadata: { ...metadata, name: `vm-${uid}`, uid, annotations } };
}

/** The scheduler judges nodes in runs of about the root of their number, by 16 at once: runs come in another order each time. */
function namesInOrder(nodes: number, turn: number): string[] {
  const names = Array.from({ length: nodes }, (_, index) => nodeName(index));
  const size = Math.ceil(Math.sqrt(nodes));
  const runs = Array.from({ length: Math.ceil(nodes / size) }, (_, run) => names.slice(run * size, (run + 1) * size));
  return runs.map((_, at) => runs[(at * 7 + turn * 13) % runs.length] ?? []).flat();
}
