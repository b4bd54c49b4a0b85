import { KINDS, pathOf } from '../../../kube/paths.ts';
import { eventually } from '../../build/eventually.ts';
import { createClaim } from './disks.ts';
import { createPriorities, type Round, roundOf } from './evicting.ts';
import { DRIVER, startFakeProvisioner, type FakeProvisioner } from './fake-provisioner.ts';
import { addNode as createNode, pagesReport, PODS } from './objects.ts';
import { startRig, type SchedulerRig } from './rig.ts';

// Room of a pool is no reason to evict (ADR 0014, Preemption). Upstream's scheduler, its volume binding, and Kubernetes' own controllers of claims.

const GIB = 2 ** 30;
const CONTROLLERS = ['persistentvolume-binder-controller', 'ephemeral-volume-controller'];

let rig: SchedulerRig;
const fakes: FakeProvisioner[] = [];
beforeAll(async () => {
  rig = await startRig({ controllers: CONTROLLERS });
  await createPriorities(rig.client);
}, 120_000);
afterAll(async () => {
  for (const fake of fakes) await fake.stop();
  await rig.stop();
}, 30_000);

const ordinary = (claimName: string): object => ({ name: 'disk', persistentVolumeClaim: { claimName } });
/** Its claim is the pod's: it goes with it, and so does its volume. */
const ephemeral = (storageClassName: string): object => {
  const spec = { accessModes: ['ReadWriteOnce'], volumeMode: 'Block', storageClassName, resources: { requests: { storage: '3Gi' } } };
  return { name: 'scratch', ephemeral: { volumeClaimTemplate: { spec } } };
}; // prettier-ignore

/**
 * A node with two zones of 100 pages and a pool of 8 GiB. Of the pool 6 have VMs that are in zone 0 with 30 pages each, one by an ordinary claim, one by its
 * own; in zone 1 a VM of lower priority than theirs has 90. `counted` are the pages of the node as the scheduler counts them.
 */
async function fullPool(name: string, counted = '400Mi'): Promise<Round> {
  const { client } = rig;
  await createNode(client, name, { cpu: '20', 'hugepages-2Mi': counted }, pagesReport(100, 100));
  fakes.push(await startFakeProvisioner({ client, storageClass: name, pools: { [name]: 8 * GIB }, makeMs: 0, tellMs: 0, reclaim: 'Delete' }));
  for (const claim of [`${name}-ordinary`, `${name}-new`]) await createClaim(client, claim, name);
  const round = roundOf(client, name);
  await round.createVm('blocks', { pages: 90, priority: 'p1', zone: 1 });
  await round.createVm('ordinary', { pages: 30, priority: 'p2', volumes: [ordinary(`${name}-ordinary`)] });
  await round.bound('ordinary');
  await round.createVm('ephemeral', { pages: 30, priority: 'p2', volumes: [ephemeral(name)] });
  await round.bound('ephemeral');
  const capacity = `${pathOf(KINDS.storageCapacities, { namespace: 'default' })}/${name}-${name}`;
  await eventually('the room that is left has been told', async () => {
    return (await client.get<{ readonly capacity: string }>(capacity)).capacity === String(2 * GIB);
  });
  return round;
} // prettier-ignore

// The second half is what the scheduler says of FailedAndUnresolvableNodes, and where it asks whom to evict and nobody is named.
test.each([
  ['its pool', 'alone', { pages: 10 }, /1 pool of storage class alone has 2 GiB free.*, guest's new disk needs 3 GiB.* Preemption is not helpful/],
  ['its pool and its zones', 'zones', { pages: 80, counted: '600Mi' }, /1 zone 0 has 40 and zone 1 has 10 free 2Mi pages, guest needs 80 .* Preemption is not helpful/],
  ['its pool and what the scheduler counts', 'totals', { pages: 80 }, /1 Insufficient hugepages-2Mi.* no candidate node for preemption/],
] as const)('a VM that a node refuses for %s has nobody evicted, whosever the claims are', async (...[, name, options, told]) => {
  const { pages, counted = '400Mi' }: { readonly pages: number; readonly counted?: string } = options;
  const { createVm, waitReason, bound, getPod, staying } = await fullPool(name, counted);
  await createVm('new', { pages, priority: 'p100', volumes: [ordinary(`${name}-new`)] });
  await waitReason('new', told);
  // Another one, decided for after it by the same process, tells that its turn is over.
  await createVm('later', { pages: 91, priority: 'p100' });
  await bound('later');
  expect(await staying()).toEqual(['ephemeral', 'later', 'ordinary']);
  expect((await getPod('new')).spec.nodeName).toBeUndefined();
}, 90_000); // prettier-ignore

test('of a driver with storageCapacity kube-scheduler itself refuses the node, asks nobody, and takes a promise of that node back', async () => {
  const { client } = rig;
  const kind = { apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver' };
  await client.create('/apis/storage.k8s.io/v1/csidrivers', {
    ...kind,
    metadata: { name: DRIVER },
    spec: { storageCapacity: true },
  });
  const { createVm, waitReason, getPod, staying } = await fullPool('told');
  await createVm('new', { pages: 10, priority: 'p100', volumes: [ordinary('told-new')] });
  await waitReason('new', /1 node\(s\) did not have enough free storage.* Preemption is not helpful/);
  const body = { status: { nominatedNodeName: 'told' } };
  await client.patch(`${PODS}/told-new`, { type: 'merge', body, subresource: 'status' });
  // An event that the scheduler sees: it tries again.
  await client.patch('/api/v1/nodes/told', { type: 'merge', body: { metadata: { labels: { seen: 'yes' } } } });
  await eventually('the promise is no more', async () => (await getPod('new')).status?.nominatedNodeName === undefined);
  expect(await staying()).toEqual(['blocks', 'ephemeral', 'ordinary']);
}, 90_000);
