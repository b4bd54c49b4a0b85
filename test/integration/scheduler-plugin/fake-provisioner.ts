import { realClock } from '../../../runtime/clock.ts';
import { silentLog } from '../../../runtime/log.ts';
import type { KubeClient } from '../../../kube/client.ts';
import type { KubeObject } from '../../../kube/objects.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import { createReflector } from '../../../kube/reflector.ts';

/**
 * A FAKE of what a CSI driver's provisioner does, for tests of placement: it makes PersistentVolume objects (and no volumes) for claims with a
 * selected node, out of one pool a node, and tells the room of the pool late, as real ones do. Claims are bound by Kubernetes' own controller.
 */
export interface FakeProvisioner {
  /** Claims for which the node the scheduler chose had no room: a pool was promised twice. */
  readonly refused: readonly string[];
  /** Left in the node's pool; bytes. */
  left(node: string): number;
  stop(): Promise<void>;
}

export interface FakePools {
  readonly client: KubeClient;
  readonly storageClass: string;
  /** Bytes by node. */
  readonly pools: Readonly<Record<string, number>>;
  /** From the scheduler's choice to the volume. */
  readonly makeMs: number;
  /** From a volume to the object that tells of it. */
  readonly tellMs: number;
  /** Of its volumes; it deletes none. */
  readonly reclaim?: 'Retain' | 'Delete';
}

export const DRIVER = 'fake.csi.example.com';
const TOPOLOGY = 'topology.example.com/node';
const SELECTED = 'volume.kubernetes.io/selected-node';
const CAPACITIES = '/apis/storage.k8s.io/v1/namespaces/default/csistoragecapacities';

interface Claim extends KubeObject {
  readonly metadata: KubeObject['metadata'] & { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly storageClassName?: string;
    readonly volumeName?: string;
    readonly resources: { readonly requests: { readonly storage: string } };
  };
}

/** Labels its nodes, which are there, creates the StorageClass and the capacity objects, and makes volumes until it is stopped. */
export async function startFakeProvisioner(fake: FakePools): Promise<FakeProvisioner> {
  const { client, storageClass, pools, makeMs, tellMs, reclaim = 'Retain' } = fake;
  const left = new Map(Object.entries(pools));
  const refused: string[] = [];
  const seen = new Set<string>();
  const work = new Set<Promise<void>>();
  const stopping = new AbortController();
  await client.create(pathOf(KINDS.storageClasses), classObject(storageClass));
  for (const [node, bytes] of left) {
    await client.patch(`/api/v1/nodes/${node}`, { type: 'merge', body: { metadata: { labels: { [TOPOLOGY]: node } } } });
    await client.create(CAPACITIES, capacityObject(storageClass, node, bytes));
  }

  const provision = async (claim: Claim, node: string): Promise<void> => {
    const bytes = gibibytes(claim.spec.resources.requests.storage);
    await realClock.sleep(makeMs, stopping.signal);
    const room = left.get(node) ?? 0;
    if (bytes > room) return void refused.push(claim.metadata.name);
    left.set(node, room - bytes);
    await client.create(pathOf(KINDS.volumes), volumeObject(claim, node, reclaim));
    await realClock.sleep(tellMs, stopping.signal);
    const body = { capacity: String(left.get(node) ?? 0) };
    await client.patch(`${CAPACITIES}/${storageClass}-${node}`, { type: 'merge', body });
  };
  const onChange = (_key: string, claim: Claim | undefined): void => {
    const node = claim?.metadata.annotations?.[SELECTED];
    if (claim?.spec.storageClassName !== storageClass || claim.spec.volumeName !== undefined || node === undefined) return;
    const once = `${claim.metadata.uid ?? ''}/${node}`;
    if (seen.has(once)) return;
    seen.add(once);
    const task = provision(claim, node).finally(() => work.delete(task));
    work.add(task);
  };
  const parts = { client, clock: realClock, random: Math.random, log: silentLog };
  const claims = createReflector<Claim>({ ...parts, path: pathOf(KINDS.claims), onChange });
  claims.start();
  const stop = async (): Promise<void> => {
    stopping.abort();
    await Promise.allSettled(work);
    await claims.stop();
  };
  return { refused, left: (node) => left.get(node) ?? 0, stop };
}

function classObject(name: string): object {
  const kind = { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' };
  return { ...kind, metadata: { name }, provisioner: DRIVER, volumeBindingMode: 'WaitForFirstConsumer' };
}

function capacityObject(storageClassName: string, node: string, bytes: number): object {
  const kind = { apiVersion: 'storage.k8s.io/v1', kind: 'CSIStorageCapacity' };
  const nodeTopology = { matchLabels: { [TOPOLOGY]: node } };
  return { ...kind, metadata: { name: `${storageClassName}-${node}` }, storageClassName, nodeTopology, capacity: String(bytes) };
}

function volumeObject({ metadata, spec }: Claim, node: string, reclaim: string): object {
  const { name, namespace, uid } = metadata;
  const matchExpressions = [{ key: TOPOLOGY, operator: 'In', values: [node] }];
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `pvc-${uid ?? ''}`, annotations: { 'pv.kubernetes.io/provisioned-by': DRIVER } },
    spec: {
      capacity: { storage: spec.resources.requests.storage },
      accessModes: ['ReadWriteOnce'],
      volumeMode: 'Block',
      persistentVolumeReclaimPolicy: reclaim,
      storageClassName: spec.storageClassName,
      csi: { driver: DRIVER, volumeHandle: `pvc-${uid ?? ''}` },
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
    },
  };
}

/** The only unit these tests write. */
function gibibytes(text: string): number {
  return Number(text.replace('Gi', '')) * 2 ** 30;
}
