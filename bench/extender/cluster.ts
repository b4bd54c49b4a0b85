import { GUEST_ANNOTATION, PLAN_ANNOTATION, VM_LABEL, VM_LABEL_VALUE } from '../../api/names.ts';
import type { KubeClient, WatchEvent } from '../../kube/client.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import { guestSpec } from '../../test/build/guest.ts';
import { report, reportedZone } from '../../test/build/placement.ts';
import { realClock } from '../../runtime/clock.ts';
import { nodeName } from '../lib/nodes.ts';

/** No two objects have the same version, as in etcd; they are all numbers. */
const version = (index: number, kind: number): string => String(10_000_000 * kind + index);

/** A Node as a cloud provider's cluster with feature discovery has it: about 19 kB. */
export function node(index: number): object {
  const name = nodeName(index);
  const labels = Object.fromEntries(
    Array.from({ length: 90 }, (_, at) => [`feature.node.kubernetes.io/cpu-cpuid.FEATURE${at}`, 'true']),
  );
  const annotations = Object.fromEntries(
    Array.from({ length: 12 }, (_, at) => [`example.com/annotation-${at}`, `some-value-of-medium-length-${at}-${index}`]),
  );
  const images = Array.from({ length: 50 }, (_, image) => ({
    names: [`quay.io/x/image-${image}@sha256:${image}`, `quay.io/x/image-${image}:1`],
  }));
  return {
    metadata: { name, resourceVersion: version(index, 1), labels, annotations },
    status: { allocatable: { 'podvisor.dev/kvm': '110', cpu: '64' }, images },
  };
}

/** Every second node has room for a VM of 2 GiB in a zone, but none of 4 GiB. */
function nodeReport(index: number): object {
  const pages = index % 2 === 0 ? 4096 : 1600;
  const { cpu, ...status } = report({ zones: [reportedZone(0, pages + (index % 64)), reportedZone(1, pages)] });
  const features = Array.from({ length: 120 }, (_, feature) => `feature-${feature}`);
  return {
    metadata: { name: nodeName(index), resourceVersion: version(index, 2) },
    status: { ...status, cpu: { ...cpu, features } },
  };
}

/** As a kubelet writes it for a driver with a limit and one without. */
function csiNode(index: number): object {
  const name = nodeName(index);
  const drivers = [
    {
      name: 'ebs.csi.aws.com',
      nodeID: `i-${index}`,
      topologyKeys: ['topology.ebs.csi.aws.com/zone'],
      allocatable: { count: 25 },
    },
    { name: 'driver.longhorn.io', nodeID: name, topologyKeys: null },
  ];
  return { metadata: { name, resourceVersion: version(index, 6) }, spec: { drivers } };
}

/** A VM that runs; the reports do not list it, which is the most work for the ledger. */
function pod(index: number, { nodes, claims }: ClusterSize): object {
  const annotations = {
    [GUEST_ANNOTATION]: JSON.stringify(guestSpec({ hugepages: '2Mi' })),
    [PLAN_ANNOTATION]: JSON.stringify({ zones: [{ id: index % 2, cpus: 0, amount: 64 }], functions: [] }),
  };
  const uid = uuid(0, index);
  const metadata = {
    name: `vm-${index}`,
    namespace: 'bench',
    uid,
    resourceVersion: version(index, 3),
    labels: { [VM_LABEL]: VM_LABEL_VALUE },
    annotations,
  };
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: claimName(index) } }];
  const spec = { nodeName: nodeName(index % nodes), ...(index < claims ? { volumes } : {}) };
  return { metadata, spec, status: { phase: 'Running', startTime: STARTED } };
}

const STARTED = '2026-11-01T00:00:00Z';

const claimName = (index: number): string => `data-vm-${index}`;

function uuid(kind: number, index: number): string {
  return `${kind}0000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
}

/** A block claim of a VM, bound. */
function claim(index: number): object {
  const resources = { requests: { storage: '20Gi' } };
  return {
    metadata: { name: claimName(index), namespace: 'bench', resourceVersion: version(index, 4) },
    spec: { storageClassName: 'local', volumeMode: 'Block', volumeName: `pvc-${uuid(1, index)}`, resources },
    status: { phase: 'Bound' },
  };
}

/** Its volume, on the node of the VM. */
function volume(index: number, nodes: number): object {
  const matchExpressions = [{ key: 'topology.example.com/node', operator: 'In', values: [nodeName(index % nodes)] }];
  return {
    metadata: { name: `pvc-${uuid(1, index)}`, resourceVersion: version(index, 5), creationTimestamp: STARTED },
    spec: {
      capacity: { storage: '20Gi' },
      csi: { driver: 'csi.example.com', volumeHandle: uuid(2, index) },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
      claimRef: { namespace: 'bench', name: claimName(index) },
      storageClassName: 'local',
      volumeMode: 'Block',
    },
  };
}

export interface ClusterSize {
  readonly nodes: number;
  readonly pods: number;
  /** Pods with a block claim. */
  readonly claims: number;
}

/** An API server sends one for each watch about once a minute, so that those who watch know that nothing happened. */
const BOOKMARK_MS = 60_000;

/**
 * An API server that has so many nodes, each with a report, and pods, and in which nothing happens: it takes bindings and forgets them. Pages of a list are
 * made when asked for.
 */
export function quietCluster(size: ClusterSize): KubeClient {
  const { nodes, pods, claims } = size;
  const kinds: Readonly<Record<string, { count: number; make: (index: number) => object }>> = {
    [pathOf(KINDS.nodes)]: { count: nodes, make: node },
    [pathOf(KINDS.csiNodes)]: { count: nodes, make: csiNode },
    [pathOf(KINDS.nodeReports)]: { count: nodes, make: nodeReport },
    [pathOf(KINDS.pods)]: { count: pods, make: (index) => pod(index, size) },
    [pathOf(KINDS.claims)]: { count: claims, make: claim },
    [pathOf(KINDS.volumes)]: { count: claims, make: (index) => volume(index, nodes) },
  };
  const never = (): never => {
    throw new Error('nothing is written in this benchmark');
  };
  return {
    get: <T>(path: string, query: Readonly<Record<string, unknown>> = {}) => {
      // Of pods that wait there is none.
      const isWaiting = String(query['fieldSelector']).startsWith('spec.nodeName=,');
      const { count, make } = (isWaiting ? undefined : kinds[path]) ?? { count: 0, make: node };
      const from = Number(query['continue'] ?? 0);
      const to = Math.min(count, from + Number(query['limit'] ?? count));
      const items = Array.from({ length: to - from }, (_, index) => make(from + index));
      const metadata = { resourceVersion: '1', ...(to < count ? { continue: String(to) } : {}) };
      // Through JSON, as the wire does.
      return Promise.resolve(JSON.parse(JSON.stringify({ metadata, items })) as T);
    },
    create: <T>() => Promise.resolve({} as T),
    replace: never,
    patch: never,
    delete: never,
    stream: async function* (_path, _query, signal): AsyncGenerator<WatchEvent> {
      for (;;) {
        await realClock.sleep(BOOKMARK_MS, signal);
        if (signal.aborted) return;
        yield { type: 'BOOKMARK', object: { metadata: { resourceVersion: '1' } } };
      }
    },
  };
}
