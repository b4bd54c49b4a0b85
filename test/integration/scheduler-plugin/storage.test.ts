import { HOTPLUGGED_ANNOTATION } from '../../../api/names.ts';
import type { KubeClient } from '../../../kube/client.ts';
import { realClock } from '../../../runtime/clock.ts';
import { eventually } from '../../build/eventually.ts';
import { install } from '../definitions.ts';
import { createBoundVolume, createClaim, createClassThere, withDisks } from './disks.ts';
import { startFakeProvisioner, type FakeProvisioner } from './fake-provisioner.ts';
import { addNode, createPods, podsOf, type StoredPod, vmTemplate, waitingReason } from './objects.ts';
import { metricOf, startRig, type SchedulerRig } from './rig.ts';

/** Disks against upstream's scheduler, its volume binding and Kubernetes' own binder of claims; the provisioner alone is a fake (fake-provisioner.ts). */

const CLAIMS = '/api/v1/namespaces/default/persistentvolumeclaims';
const LONGHORN = '/apis/longhorn.io/v1beta2/namespaces/default';
const EVENTS = '/apis/events.k8s.io/v1/namespaces/default/events';
const GIB = 2 ** 30;
const CONTROLLERS = ['persistentvolume-binder-controller'];

/** `round` is its label and its nodes'; `claims` are its disks. */
interface VmWithDisks {
  readonly round: string;
  readonly claims: readonly string[];
  readonly says?: Record<string, string>;
  /** Claims that are plugged into its guest. */
  readonly hotplugged?: string;
}

function createVm(client: KubeClient, name: string, { round, claims, says = {}, hotplugged }: VmWithDisks): Promise<void> {
  const { metadata, spec } = withDisks(vmTemplate(round, {}, { placement: says }), claims);
  const annotations = { ...metadata.annotations, ...(hotplugged === undefined ? {} : { [HOTPLUGGED_ANNOTATION]: hotplugged }) };
  return createPods(client, name, 1, { metadata: { ...metadata, annotations }, spec });
}

/** All that anybody looking at the pod is told; the scheduler does not always replace its condition when only the reason is another one. */
async function toldOf(client: KubeClient, pod: StoredPod): Promise<string> {
  const query = { fieldSelector: `reason=FailedScheduling,regarding.name=${pod.metadata.name}` };
  const { items } = await client.get<{ items: readonly { readonly note?: string }[] }>(EVENTS, query);
  return [waitingReason(pod), ...items.map(({ note }) => note)].join('; ');
}

/** Waits until so many are bound and the others were told of their guest; what the others were told. A claim that the fake refuses is not waited for. */
async function settled(client: KubeClient, round: string, bound: number, fake?: FakeProvisioner): Promise<readonly string[]> {
  const look = async (): Promise<readonly string[]> => {
    if (fake !== undefined && fake.refused.length > 0) return fake.refused;
    const pods = await podsOf(client, round);
    const waiting = pods.filter(({ spec }) => spec.nodeName === undefined);
    const reasons = await Promise.all(waiting.map((pod) => toldOf(client, pod)));
    if (pods.length - waiting.length === bound && reasons.every((reason) => reason.includes('guest'))) return reasons;
    throw new Error(`${pods.length - waiting.length} are bound; ${reasons.join('\n')}`);
  };
  return eventually(`${bound} of ${round} are bound, and the others know why not`, look, 90_000);
}

// Without a CSIDriver object Kubernetes does not look at room at all, so what holds here is ours.
describe.each([
  ['as they come', undefined],
  ['up to 2 s late', 2_000],
])('watches %s', (_title, lagMs) => {
  let rig: SchedulerRig;
  const fakes: FakeProvisioner[] = [];
  /** Nodes and pools are known: where nobody tells of a pool, anything fits. Half a second for what is late without our doing. */
  const caughtUp = (): Promise<void> => realClock.sleep(lagMs === undefined ? 0 : lagMs + 500);
  beforeAll(async () => {
    rig = await startRig({ controllers: CONTROLLERS, ...(lagMs === undefined ? {} : { lagMs }) });
    await createClassThere(rig.client);
  }, 120_000);
  afterAll(async () => {
    for (const fake of fakes) await fake.stop();
    await rig.stop();
  }, 60_000);

  test('5 VMs with a new disk of 3 GiB at a pool of 10 GiB: 3 are placed, 2 wait and know why, nothing is promised twice', async () => {
    const { client } = rig;
    await addNode(client, 'pool-a', {});
    const fake = await startFakeProvisioner({ client, storageClass: 'fast', pools: { 'pool-a': 10 * GIB }, makeMs: 200, tellMs: 1_500 });
    fakes.push(fake);
    const names = ['one', 'two', 'three', 'four', 'five'];
    for (const name of names) await createClaim(client, name, 'fast');
    await caughtUp();
    await Promise.all(names.map((name) => createVm(client, name, { round: 'pool', claims: [name] })));
    const [reason] = await settled(client, 'pool', 3, fake);
    expect(fake.refused).toEqual([]);
    expect(reason).toMatch(/pool of storage class fast has .* [GM]iB free.*, guest's new disk needs 3 GiB/);
    expect(fake.left('pool-a')).toBe(GIB);
  }, 180_000);

  test('20 VMs with two new disks each at four pools of 20 GiB: 12 are placed, nothing is promised twice', async () => {
    const { client } = rig;
    const pools = Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [`pair-${name}`, 20 * GIB]));
    for (const name of Object.keys(pools)) await addNode(client, name, {});
    const fake = await startFakeProvisioner({ client, storageClass: 'pairs', pools, makeMs: 100, tellMs: 800 });
    fakes.push(fake);
    const names = Array.from({ length: 20 }, (_, index) => `pair-${index}`);
    for (const name of names) for (const disk of ['root', 'data']) await createClaim(client, `${name}-${disk}`, 'pairs');
    await caughtUp();
    await Promise.all(names.map((name) => createVm(client, name, { round: 'pair', claims: [`${name}-root`, `${name}-data`] })));
    await settled(client, 'pair', 12, fake);
    expect({ refused: fake.refused, left: Object.keys(pools).map((name) => fake.left(name) / GIB) }).toEqual({ refused: [], left: [2, 2, 2, 2] });
  }, 240_000);

  test('3 VMs, each with a disk that was plugged into its guest, at a node with places for 2: 1 waits and knows why', async () => {
    const { client } = rig;
    const csi = 'csi.example.com';
    await addNode(client, 'plug-a', {});
    await createCsiNode(client, 'plug-a', [{ name: csi, nodeID: 'plug-a', topologyKeys: null, allocatable: { count: 2 } }]);
    const names = ['plug-1', 'plug-2', 'plug-3'];
    for (const name of names) await createBoundVolume(client, name, { csi: { driver: csi, volumeHandle: name } });
    await caughtUp();
    await Promise.all(names.map((name) => createVm(client, name, { round: 'plug', claims: [], hotplugged: name })));
    const [reason] = await settled(client, 'plug', 2);
    expect(reason).toMatch(/CSI driver csi\.example\.com has 2 of at most 2 volumes there, guest needs 1 more/);
  }, 180_000);
}); // prettier-ignore

describe('disks that are there', () => {
  let rig: SchedulerRig;
  beforeAll(async () => {
    rig = await startRig({ controllers: CONTROLLERS });
    for (const name of ['here-a', 'here-b', 'here-c']) await addNode(rig.client, name, {});
    await createClassThere(rig.client);
  }, 120_000);
  afterAll(() => rig.stop(), 60_000);

  const nodeOf = async (round: string, name: string): Promise<string> =>
    eventually(`${name} is bound`, async () => (await podsOf(rig.client, round)).find(({ metadata }) => metadata.name === name)?.spec.nodeName);

  /** What the pod is told, once that is like this. */
  const toldLike = (name: string, pattern: RegExp): Promise<string> =>
    eventually(`${name} is told`, async () => {
      const pod = (await podsOf(rig.client, 'here')).find(({ metadata }) => metadata.name === name);
      const told = pod === undefined ? '' : await toldOf(rig.client, pod);
      if (pattern.test(told)) return told;
      throw new Error(told);
    }, 30_000); // prettier-ignore

  test('a VM follows its local volume', async () => {
    const matchFields = [{ key: 'metadata.name', operator: 'In', values: ['here-b'] }];
    await createBoundVolume(rig.client, 'local', { local: { path: '/dev/sdx' }, nodeAffinity: { required: { nodeSelectorTerms: [{ matchFields }] } } });
    await createVm(rig.client, 'follows', { round: 'here', claims: ['local'], says: { storage: 'require' } });
    expect(await nodeOf('here', 'follows-0')).toBe('here-b');
  }, 60_000);

  test('a new disk of Longhorn, on the node of its VM alone, goes where a disk of Longhorn has room for it', async () => {
    await install(rig.client, 'longhornNodes', 'longhornSettings');
    const present = 'podvisor_placement_source_present{source="longhorn-nodes"}';
    await eventually('the kinds are found', async () => (await metricOf(rig, present)) === 1);
    await rig.client.create('/apis/storage.k8s.io/v1/storageclasses', {
      apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'strict' }, provisioner: 'driver.longhorn.io',
      volumeBindingMode: 'WaitForFirstConsumer', parameters: { dataLocality: 'strict-local', numberOfReplicas: '1' },
    });
    for (const [name, gib] of [['here-a', 2], ['here-b', 5], ['here-c', 1]] as const) await createLonghornNode(rig.client, name, gib);
    // Half of each may be used: 1, 2.5 and 0.5 GiB.
    const setting = { apiVersion: 'longhorn.io/v1beta2', kind: 'Setting', metadata: { name: 'storage-over-provisioning-percentage' }, value: '50' };
    await rig.client.create(`${LONGHORN}/settings`, setting);
    await createClaim(rig.client, 'strict', 'strict');
    await createVm(rig.client, 'strict', { round: 'here', claims: ['strict'] });
    expect(await toldLike('strict-0', /guest's new disk/)).toMatch(/1 pool of storage class strict has 2\.5 GiB free, guest's new disk needs 3 GiB/);
    // All of it: whichever of two asks first now finds room, on one node.
    await rig.client.patch(`${LONGHORN}/settings/storage-over-provisioning-percentage`, { type: 'merge', body: { value: '100' } });
    await createClaim(rig.client, 'strict-2', 'strict');
    await createVm(rig.client, 'strict-2', { round: 'here', claims: ['strict-2'] });
    const chosen = (name: string) => rig.client.get<{ metadata: { annotations?: Record<string, string> } }>(`${CLAIMS}/${name}`).then(({ metadata }) => metadata.annotations?.['volume.kubernetes.io/selected-node']);
    const node = await eventually('the scheduler has chosen for a claim', async () => (await chosen('strict')) ?? (await chosen('strict-2')));
    expect(node).toBe('here-b');
  }, 60_000);

  test('a VM follows a disk that was plugged into its guest', async () => {
    const matchFields = [{ key: 'metadata.name', operator: 'In', values: ['here-a'] }];
    await createBoundVolume(rig.client, 'plugged', { local: { path: '/dev/sdy' }, nodeAffinity: { required: { nodeSelectorTerms: [{ matchFields }] } } });
    await createVm(rig.client, 'plugged', { round: 'here', claims: [], hotplugged: 'plugged', says: { storage: 'require' } });
    expect(await nodeOf('here', 'plugged-0')).toBe('here-a');
  }, 60_000);

  test('a VM goes where the node plugin of its disk runs, and not where a disk that was plugged in has no place', async () => {
    await createCsiNode(rig.client, 'here-a', []);
    await createCsiNode(rig.client, 'here-c', [{ name: 'csi.example.com', nodeID: 'here-c', topologyKeys: null, allocatable: { count: 1 } }]);
    await createBoundVolume(rig.client, 'csi', { csi: { driver: 'csi.example.com', volumeHandle: 'csi' } });
    const names = ['plugin-a', 'plugin-b', 'plugin-c'];
    for (const name of names) await createVm(rig.client, name, { round: 'here', claims: ['csi'] });
    expect(await Promise.all(names.map((name) => nodeOf('here', `${name}-0`)))).toEqual(['here-c', 'here-c', 'here-c']);
    // kube-scheduler counts the one volume that is there; that another is to be plugged in again we know alone.
    await createBoundVolume(rig.client, 'csi-2', { csi: { driver: 'csi.example.com', volumeHandle: 'csi-2' } });
    await createVm(rig.client, 'full', { round: 'here', claims: ['csi'], hotplugged: 'csi-2' });
    expect(await toldLike('full-0', /of at most/)).toMatch(/1 CSI driver csi\.example\.com has 1 of at most 1 volumes there, guest needs 1 more/);
  }, 60_000);
}); // prettier-ignore

async function createCsiNode(client: KubeClient, name: string, drivers: readonly object[]): Promise<void> {
  const kind = { apiVersion: 'storage.k8s.io/v1', kind: 'CSINode' };
  await client.create('/apis/storage.k8s.io/v1/csinodes', { ...kind, metadata: { name }, spec: { drivers } });
}

/** With one disk on which so much is free. */
async function createLonghornNode(client: KubeClient, name: string, gib: number): Promise<void> {
  const conditions = ['Ready', 'Schedulable'].map((type) => ({ type, status: 'True' }));
  const disk = { storageMaximum: gib * GIB, storageAvailable: gib * GIB, storageScheduled: 0, conditions };
  const spec = { allowScheduling: true, disks: { d: { diskType: 'filesystem', allowScheduling: true, storageReserved: 0 } } };
  await client.create(`${LONGHORN}/nodes`, { apiVersion: 'longhorn.io/v1beta2', kind: 'Node', metadata: { name }, spec });
  const body = { status: { conditions, diskStatus: { d: disk } } };
  await client.patch(`${LONGHORN}/nodes/${name}`, { type: 'merge', body, subresource: 'status' });
}
