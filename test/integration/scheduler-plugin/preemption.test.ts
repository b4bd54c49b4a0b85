import { GUEST_ANNOTATION, PLAN_ANNOTATION, SCHEDULER_NAME, VM_LABEL, VM_LABEL_VALUE } from '../../../api/names.ts';
import { eventually } from '../../build/eventually.ts';
import { guestSpec } from '../../build/guest.ts';
import { addNode as createNode, pagesReport, PODS } from './objects.ts';
import { startRig, type SchedulerRig } from './rig.ts';

const CLASSES = '/apis/scheduling.k8s.io/v1/priorityclasses';
const PAGE = 2 ** 21;

interface StoredPod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly nodeName?: string };
  readonly status?: { readonly nominatedNodeName?: string; readonly conditions?: readonly { readonly type: string; readonly message?: string }[] };
} // prettier-ignore

let rig: SchedulerRig;
beforeAll(async () => {
  rig = await startRig();
  const kind = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass' };
  for (const value of [1, 2, 100, 1000]) await rig.client.create(CLASSES, { ...kind, metadata: { name: `p${value}` }, value });
  await rig.client.create(CLASSES, { ...kind, metadata: { name: 'patient' }, value: 100, preemptionPolicy: 'Never' });
}, 120_000);
afterAll(() => rig.stop(), 30_000);

/** Two zones of 100 pages, 20 CPUs. */
const addNode = (name: string): Promise<void> =>
  createNode(rig.client, name, { cpu: '20', 'hugepages-2Mi': '400Mi' }, pagesReport(100, 100));

interface VmOptions {
  readonly pages: number;
  readonly priority: string;
  /** It is on the node already, in that zone. */
  readonly zone?: number;
  readonly grace?: number;
}

function createVm(round: string, name: string, { pages, priority, zone, grace = 0 }: VmOptions): Promise<unknown> {
  const guest = guestSpec({ accelerator: 'tcg', hugepages: '2Mi', memoryBytes: pages * PAGE });
  const plan = JSON.stringify({ zones: [{ id: zone, cpus: 0, amount: pages }], functions: [] });
  const placed = zone === undefined ? {} : { [PLAN_ANNOTATION]: plan };
  const annotations = { [GUEST_ANNOTATION]: JSON.stringify(guest), ...placed };
  const limits = { 'podvisor.dev/tcg': '1', cpu: '100m', memory: '128Mi', 'hugepages-2Mi': `${pages * 2}Mi` };
  return rig.client.create(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${round}-${name}`, labels: { [VM_LABEL]: VM_LABEL_VALUE, round }, annotations },
    spec: {
      schedulerName: SCHEDULER_NAME,
      priorityClassName: priority,
      terminationGracePeriodSeconds: grace,
      nodeSelector: { round },
      ...(zone === undefined ? {} : { nodeName: round }),
      containers: [{ name: 'guest', image: 'x', resources: { limits } }],
    },
  });
}

const podsOf = async (round: string): Promise<readonly StoredPod[]> =>
  (await rig.client.get<{ items: readonly StoredPod[] }>(PODS, { labelSelector: `round=${round}` })).items;
/** Names of those on the node that are not being deleted. */
const staying = async (round: string): Promise<readonly string[]> =>
  (await podsOf(round))
    .filter(({ spec, metadata }) => spec.nodeName !== undefined && metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name.replace(`${round}-`, ''))
    .sort();
const getPod = (round: string, name: string): Promise<StoredPod> => rig.client.get(`${PODS}/${round}-${name}`);
const waitReason = (round: string, name: string, pattern: RegExp): Promise<string> =>
  eventually(`${name} waits, told ${pattern.source}`, async () => {
    const conditions = (await getPod(round, name)).status?.conditions ?? [];
    return conditions.find(({ message }) => message !== undefined && pattern.test(message))?.message;
  });
const bound = (round: string, name: string): Promise<StoredPod> =>
  eventually(`${name} is bound`, async () => {
    const pod = await getPod(round, name);
    return pod.spec.nodeName === undefined ? undefined : pod;
  });
const zoneOf = (pod: StoredPod): unknown =>
  (JSON.parse(pod.metadata.annotations?.[PLAN_ANNOTATION] ?? '{}') as { zones?: { id: number }[] }).zones?.[0]?.id;

test('where pages are lacking on the whole node, the VM goes that frees a zone, not the one of lowest priority that frees none', async () => {
  const round = 'totals';
  await addNode(round);
  await createVm(round, 'low', { pages: 60, priority: 'p1', zone: 0 });
  await createVm(round, 'high', { pages: 40, priority: 'p1000', zone: 0 });
  await createVm(round, 'middle', { pages: 90, priority: 'p2', zone: 1 });
  await createVm(round, 'new', { pages: 70, priority: 'p100' });
  expect(zoneOf(await bound(round, 'new'))).toBe(1);
  expect(await staying(round)).toEqual(['high', 'low', 'new']);
}, 90_000);

test('where pages are lacking in the zones alone, one VM goes and no more', async () => {
  const round = 'zones';
  await addNode(round);
  await createVm(round, 'one', { pages: 60, priority: 'p1', zone: 0 });
  await createVm(round, 'two', { pages: 60, priority: 'p2', zone: 1 });
  await createVm(round, 'new', { pages: 80, priority: 'p100' });
  expect(zoneOf(await bound(round, 'new'))).toBe(0);
  expect(await staying(round)).toEqual(['new', 'two']);
}, 90_000);

test('while the victim leaves, its room is kept for whom it was made, against VMs of lower priority', async () => {
  const round = 'kept';
  await addNode(round);
  await createVm(round, 'one', { pages: 60, priority: 'p1', zone: 0, grace: 600 });
  await createVm(round, 'two', { pages: 30, priority: 'p1000', zone: 1 });
  await createVm(round, 'new', { pages: 80, priority: 'p100' });
  await eventually('the victim is leaving', async () => (await getPod(round, 'one')).metadata.deletionTimestamp !== undefined);
  expect((await getPod(round, 'new')).status?.nominatedNodeName).toBe(round);
  // Best fit would be the 40 free pages of zone 0.
  await createVm(round, 'thief', { pages: 30, priority: 'p2' });
  expect(zoneOf(await bound(round, 'thief'))).toBe(1);
  expect(await staying(round)).toEqual(['thief', 'two']);
  await rig.client.delete(`${PODS}/${round}-one`, { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 });
  expect(zoneOf(await bound(round, 'new'))).toBe(0);
  expect(await staying(round)).toEqual(['new', 'thief', 'two']);
}, 90_000);

describe('nobody is evicted', () => {
  test.each([
    ['when not even all of lower priority would free a zone', 'large', { pages: 101, priority: 'p100' }],
    ['for a VM that may not preempt', 'patient', { pages: 80, priority: 'patient' }],
    ['for a VM of no higher priority', 'equal', { pages: 80, priority: 'p1' }],
  ] as const)(
    '%s',
    async (_title, round, options) => {
      await addNode(round);
      await createVm(round, 'one', { pages: 60, priority: 'p1', zone: 0 });
      await createVm(round, 'two', { pages: 60, priority: 'p2', zone: 1 });
      await createVm(round, 'new', options);
      await waitReason(round, 'new', /0\/\d+ nodes are available/);
      // Another one, decided for after it by the same process, tells that its turn is over.
      await createVm(round, 'later', { pages: 80, priority: 'p100' });
      await bound(round, 'later');
      expect(await staying(round)).toEqual(['later', 'two']);
      expect((await getPod(round, 'new')).spec.nodeName).toBeUndefined();
    },
    90_000,
  );

  test('by this version of kube-scheduler for a zone alone: it gives up where it would evict nobody itself, and never asks', async () => {
    const round = 'asks';
    await rig.stopExtender();
    await rig.startExtender('--preemption=scheduler');
    await addNode(round);
    await createVm(round, 'one', { pages: 60, priority: 'p1', zone: 0 });
    await createVm(round, 'two', { pages: 60, priority: 'p2', zone: 1 });
    await createVm(round, 'new', { pages: 80, priority: 'p100' });
    await waitReason(round, 'new', /expected at least one victim pod on node/);
    expect(await staying(round)).toEqual(['one', 'two']);
  }, 90_000);
});
