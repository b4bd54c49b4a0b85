import { eventually } from '../../build/eventually.ts';
import { startFakeKubelets } from './fake-kubelets.ts';
import { addNode, podsOf, type StoredPod, vmTemplate, waitingReason } from './objects.ts';
import { startRig, type SchedulerRig } from './rig.ts';

/** ReplicaSets of VMs with upstream's scheduler and ReplicaSet controller; kubelets are ours, and refuse what is labelled so. */

const REPLICASETS = '/apis/apps/v1/namespaces/default/replicasets';
const REPLICAS = 30;
/** How long a ReplicaSet may go on trying; ten minutes are what is promised. */
const WATCHED_MS = process.env['PODVISOR_SOAK'] === '1' ? 600_000 : 5_000;

let rig: SchedulerRig;
let kubelets: ReturnType<typeof startFakeKubelets>;
beforeAll(async () => {
  rig = await startRig({ controllers: ['replicaset-controller'] });
  for (const letter of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) await addNode(rig.client, `all-${letter}`, {});
  kubelets = startFakeKubelets(rig.client, ({ metadata }) =>
    metadata.labels?.['round'] === 'impossible' ? 'TopologyAffinityError' : '',
  );
}, 120_000);
afterAll(async () => {
  await kubelets.stop();
  await rig.stop();
}, 30_000);

async function createReplicaSet(name: string): Promise<void> {
  const template = vmTemplate('all', {}, {}, name);
  const spec = { replicas: REPLICAS, selector: { matchLabels: { round: name } }, template };
  await rig.client.create(REPLICASETS, { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name }, spec });
}

const failed = (pods: readonly StoredPod[]): readonly StoredPod[] => pods.filter(({ status }) => status?.phase === 'Failed');

test('a ReplicaSet of 30 VMs that every kubelet refuses makes at most five failed pods; the others wait and say why', async () => {
  await createReplicaSet('impossible');
  await eventually('the others wait, and say why', async () => {
    const pods = await podsOf(rig.client, 'impossible');
    const waiting = pods.filter(({ spec }) => spec.nodeName === undefined);
    return waiting.length === REPLICAS && waiting.every((pod) => waitingReason(pod).includes('kubelets refused 4 pods of this VM'));
  });
  await new Promise((resolve) => setTimeout(resolve, WATCHED_MS));
  const pods = await podsOf(rig.client, 'impossible');
  expect(failed(pods).length).toBeGreaterThan(0);
  expect(failed(pods).length).toBeLessThanOrEqual(5);
  expect(pods.filter(({ spec, status }) => spec.nodeName !== undefined && status?.phase !== 'Failed')).toEqual([]);
}, WATCHED_MS + 120_000); // prettier-ignore

test('a ReplicaSet of 30 VMs that kubelets take is placed whole', async () => {
  const start = Date.now();
  await createReplicaSet('possible');
  const pods = await eventually('all are bound', async () => {
    const found = await podsOf(rig.client, 'possible');
    return found.length === REPLICAS && found.every(({ spec }) => spec.nodeName !== undefined) ? found : undefined;
  });
  expect(failed(pods)).toEqual([]);
  console.log(`${REPLICAS} replicas created to all bound: ${((Date.now() - start) / 1_000).toFixed(1)} s`);
}, 120_000); // prettier-ignore
