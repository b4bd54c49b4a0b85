import { GUEST_ANNOTATION, PLAN_ANNOTATION, VM_LABEL, VM_LABEL_VALUE } from '../../api/names.ts';
import type { GuestSpec } from '../../api/guest-spec.ts';
import type { KubeClient, WatchEvent } from '../../kube/client.ts';
import { guestSpec } from '../../test/build/guest.ts';
import { report, reportedZone } from '../../test/build/placement.ts';

/** Names as cloud providers give them: about 40 characters. */
export const nodeName = (index: number): string => `ip-10-0-${index >> 8}-${index & 255}.eu-central-1.compute.internal`;

const GUESTS: Readonly<Record<string, Partial<GuestSpec>>> = {
  plain: {},
  hugepages: { hugepages: '2Mi', memoryBytes: 2 ** 31 },
  aligned: {
    hugepages: '2Mi',
    memoryBytes: 2 ** 31,
    vcpus: 4,
    dedicatedCpus: { emulatorThreads: 'share' },
    placement: { numa: 'require' },
  },
};

/** A VM pod that waits for its node; of one workload, all are of one size, as those of a Deployment are. */
export function waitingPod(kind: string): object {
  const guest = guestSpec({ accelerator: 'kvm', ...GUESTS[kind] });
  return {
    metadata: { name: 'vm', namespace: 'bench', uid: 'uid-vm', annotations: { [GUEST_ANNOTATION]: JSON.stringify(guest) } },
  };
}

function node(index: number): object {
  const images = Array.from({ length: 50 }, (_, image) => ({
    names: [`quay.io/x/image-${image}@sha256:${image}`, `quay.io/x/image-${image}:1`],
  }));
  return {
    metadata: { name: nodeName(index), resourceVersion: '1' },
    status: { allocatable: { 'podvisor.dev/kvm': '110', cpu: '64' }, images },
  };
}

function nodeReport(index: number): object {
  const { cpu, ...status } = report({ zones: [reportedZone(0, 4096 + (index % 64)), reportedZone(1, 4096)] });
  const features = Array.from({ length: 120 }, (_, feature) => `feature-${feature}`);
  return { metadata: { name: nodeName(index), resourceVersion: '1' }, status: { ...status, cpu: { ...cpu, features } } };
}

/** A VM that runs; the reports do not list it, which is the most work for the ledger. */
function pod(index: number, nodes: number): object {
  const annotations = {
    [GUEST_ANNOTATION]: JSON.stringify(guestSpec({ hugepages: '2Mi' })),
    [PLAN_ANNOTATION]: JSON.stringify({ zones: [{ id: index % 2, cpus: 0, amount: 64 }], functions: [] }),
  };
  const uid = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
  const metadata = {
    name: `vm-${index}`,
    namespace: 'bench',
    uid,
    resourceVersion: '1',
    labels: { [VM_LABEL]: VM_LABEL_VALUE },
    annotations,
  };
  return { metadata, spec: { nodeName: nodeName(index % nodes) }, status: { phase: 'Running' } };
}

/** An API server that has so many nodes, each with a report, and pods, and in which nothing happens. Pages of a list are made when asked for. */
export function quietCluster(nodes: number, pods: number): KubeClient {
  const kinds: Readonly<Record<string, { count: number; make: (index: number) => object }>> = {
    nodes: { count: nodes, make: node },
    nodereports: { count: nodes, make: nodeReport },
    pods: { count: pods, make: (index) => pod(index, nodes) },
  };
  const never = (): never => {
    throw new Error('nothing is written in this benchmark');
  };
  return {
    get: <T>(path: string, query: Readonly<Record<string, unknown>> = {}) => {
      const { count, make } = kinds[path.split('/').at(-1) ?? ''] ?? { count: 0, make: node };
      const from = Number(query['continue'] ?? 0);
      const to = Math.min(count, from + 500);
      const items = Array.from({ length: to - from }, (_, index) => make(from + index));
      const metadata = { resourceVersion: '1', ...(to < count ? { continue: String(to) } : {}) };
      // Through JSON, as the wire does.
      return Promise.resolve(JSON.parse(JSON.stringify({ metadata, items })) as T);
    },
    create: never,
    replace: never,
    patch: never,
    delete: never,
    stream: async function* (_path, _query, signal): AsyncGenerator<WatchEvent> {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  };
}
