import type { NodeReportStatus } from '../../../api/node-report.ts';
import { eventually } from '../../build/eventually.ts';
import { report } from '../../build/placement.ts';
import { createPriorities, planOf, type Round, roundOf, VF } from './evicting.ts';
import { addNode as createNode, pagesReport, PODS } from './objects.ts';
import { startRig, type SchedulerRig } from './rig.ts';

let rig: SchedulerRig;
beforeAll(async () => {
  rig = await startRig();
  await createPriorities(rig.client);
}, 120_000);
afterAll(() => rig.stop(), 30_000);

/** Two zones of 100 pages, 20 CPUs. */
async function zonesRound(name: string): Promise<Round> {
  await createNode(rig.client, name, { cpu: '20', 'hugepages-2Mi': '400Mi' }, pagesReport(100, 100));
  return roundOf(rig.client, name);
}

const [LEFT, RIGHT] = ['0000:3b:00.0', '0000:3b:00.1'];
type Ports = Readonly<Record<string, { readonly free: number; readonly network?: string; readonly linkUp?: boolean }>>;
/** Physical functions with so many free VFs each, before the round's VMs; `total` is what the scheduler counts. */
async function portsRound(name: string, total: number, ports: Ports): Promise<Round> {
  const functions = Object.entries(ports).map(([address, { free, network, linkUp = true }]): NodeReportStatus['functions'][number] => {
    return { address, zone: 0, resource: VF, linkUp, vfs: { total: 8, free }, ...(network === undefined ? {} : { physicalNetwork: network }) };
  });
  await createNode(rig.client, name, { [VF]: String(total) }, report({ functions }));
  return roundOf(rig.client, name);
} // prettier-ignore

const zoneOf = (pod: Parameters<typeof planOf>[0]): unknown => planOf(pod).zones?.[0]?.id;

test('where pages are lacking on the whole node, the VM goes that frees a zone, not the one of lowest priority that frees none', async () => {
  const { createVm, bound, staying } = await zonesRound('totals');
  await createVm('low', { pages: 60, priority: 'p1', zone: 0 });
  await createVm('high', { pages: 40, priority: 'p1000', zone: 0 });
  await createVm('middle', { pages: 90, priority: 'p2', zone: 1 });
  await createVm('new', { pages: 70, priority: 'p100' });
  expect(zoneOf(await bound('new'))).toBe(1);
  expect(await staying()).toEqual(['high', 'low', 'new']);
}, 90_000);

test('where pages are lacking in the zones alone, one VM goes and no more', async () => {
  const { createVm, bound, staying } = await zonesRound('zones');
  await createVm('one', { pages: 60, priority: 'p1', zone: 0 });
  await createVm('two', { pages: 60, priority: 'p2', zone: 1 });
  await createVm('new', { pages: 80, priority: 'p100' });
  expect(zoneOf(await bound('new'))).toBe(0);
  expect(await staying()).toEqual(['new', 'two']);
}, 90_000);

test('for a guest of two NUMA nodes a zone is freed for each, and the VM of lowest priority stays that is in no way', async () => {
  const { createVm, bound, staying } = await zonesRound('cells');
  await createVm('small', { pages: 20, priority: 'p1', zone: 1 });
  await createVm('one', { pages: 60, priority: 'p2', zone: 0 });
  await createVm('two', { pages: 60, priority: 'p2', zone: 1 });
  await createVm('new', { pages: 140, cells: 2, priority: 'p100' });
  expect(
    planOf(await bound('new'))
      .zones?.map(({ id }) => id)
      .sort(),
  ).toEqual([0, 1]);
  expect(await staying()).toEqual(['new', 'small']);
}, 90_000);

describe('functions', () => {
  test('for a bond the user of the physical function goes that is lacking, not one of lower priority on the other', async () => {
    const { createVm, bound, staying } = await portsRound('bond', 4, { [LEFT]: { free: 2 }, [RIGHT]: { free: 1 } });
    await createVm('one', { ports: [LEFT], priority: 'p1' });
    await createVm('two', { ports: [RIGHT], priority: 'p2' });
    await createVm('new', { networks: [undefined, undefined], says: { sriov: 'require' }, priority: 'p100' });
    expect([...(planOf(await bound('new')).functions ?? [])].sort()).toEqual([LEFT, RIGHT]);
    expect(await staying()).toEqual(['new', 'one']);
  }, 90_000);

  test('where the whole node has none left, the user of the physical network goes that is wanted, not whom the scheduler proposes', async () => {
    const ports = { [LEFT]: { free: 1, network: 'left' }, [RIGHT]: { free: 1, network: 'right' } };
    const { createVm, bound, staying } = await portsRound('networks', 2, ports);
    await createVm('one', { ports: [LEFT], priority: 'p1' });
    await createVm('two', { ports: [RIGHT], priority: 'p2' });
    await createVm('new', { networks: ['right'], priority: 'p100' });
    expect(planOf(await bound('new')).functions).toEqual([RIGHT]);
    expect(await staying()).toEqual(['new', 'one']);
  }, 90_000);

  test.each([
    ['the port that would be freed has no carrier', 'carrier', { free: 1, linkUp: false }, 'p2'],
    ['the user of the port that is lacking is of higher priority', 'higher', { free: 1 }, 'p1000'],
  ] as const)('nobody goes for a bond when %s', async (_title, name, right, priority) => {
    const ports = { [LEFT]: { free: 1, network: 'left' }, [RIGHT]: right };
    const { createVm, bound, staying, getPod, waitReason } = await portsRound(name, 4, ports);
    await createVm('one', { ports: [LEFT], priority: 'p1' });
    await createVm('two', { ports: [RIGHT], priority });
    await createVm('new', { networks: [undefined, undefined], says: { sriov: 'require' }, priority: 'p100' });
    await waitReason('new', /each on a physical function of its own with carrier/);
    // Another one, decided for after it by the same process, tells that its turn is over.
    await createVm('later', { networks: ['left'], priority: 'p100' });
    await bound('later');
    expect(await staying()).toEqual(['later', 'two']);
    expect((await getPod('new')).spec.nodeName).toBeUndefined();
  }, 90_000); // prettier-ignore
});

describe('a PodDisruptionBudget', () => {
  /** It allows no disruption: nobody counts its pods here. */
  async function guarded(name: string): Promise<Round> {
    const selector = { matchLabels: { guarded: name } };
    const kind = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' };
    await rig.client.create('/apis/policy/v1/namespaces/default/poddisruptionbudgets', { ...kind, metadata: { name }, spec: { minAvailable: 1, selector } });
    return zonesRound(name);
  } // prettier-ignore

  const createBoth = async ({ createVm }: Round, name: string, otherPriority: string): Promise<void> => {
    await createVm('guarded', { pages: 60, priority: 'p1', zone: 0, labels: { guarded: name } });
    await createVm('other', { pages: 60, priority: otherPriority, zone: 1 });
    await createVm('new', { pages: 80, priority: 'p100' });
  };

  test('spares its VM when another can go, though that is of higher priority', async () => {
    const round = await guarded('spared');
    await createBoth(round, 'spared', 'p2');
    expect(zoneOf(await round.bound('new'))).toBe(1);
    expect(await round.staying()).toEqual(['guarded', 'new']);
  }, 90_000);

  test('does not spare it when nothing else helps', async () => {
    const round = await guarded('spent');
    await createBoth(round, 'spent', 'p1000');
    expect(zoneOf(await round.bound('new'))).toBe(0);
    expect(await round.staying()).toEqual(['new', 'other']);
  }, 90_000);
});

test('while the victim leaves, its room is kept for whom it was made, against VMs of lower priority', async () => {
  const { createVm, bound, getPod, staying } = await zonesRound('kept');
  await createVm('one', { pages: 60, priority: 'p1', zone: 0, grace: 600 });
  await createVm('two', { pages: 30, priority: 'p1000', zone: 1 });
  await createVm('new', { pages: 80, priority: 'p100' });
  await eventually('the victim is leaving', async () => (await getPod('one')).metadata.deletionTimestamp !== undefined);
  expect((await getPod('new')).status?.nominatedNodeName).toBe('kept');
  // Best fit would be the 40 free pages of zone 0.
  await createVm('thief', { pages: 30, priority: 'p2' });
  expect(zoneOf(await bound('thief'))).toBe(1);
  expect(await staying()).toEqual(['thief', 'two']);
  await rig.client.delete(`${PODS}/kept-one`, { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 });
  expect(zoneOf(await bound('new'))).toBe(0);
  expect(await staying()).toEqual(['new', 'thief', 'two']);
}, 90_000);

describe('nobody is evicted', () => {
  test.each([
    ['when not even all of lower priority would free a zone', 'large', { pages: 101, priority: 'p100' }],
    ['for a VM that may not preempt', 'patient', { pages: 80, priority: 'patient' }],
    ['for a VM of no higher priority', 'equal', { pages: 80, priority: 'p1' }],
  ] as const)(
    '%s',
    async (_title, name, options) => {
      const { createVm, waitReason, bound, getPod, staying } = await zonesRound(name);
      await createVm('one', { pages: 60, priority: 'p1', zone: 0 });
      await createVm('two', { pages: 60, priority: 'p2', zone: 1 });
      await createVm('new', options);
      await waitReason('new', /0\/\d+ nodes are available/);
      // Another one, decided for after it by the same process, tells that its turn is over.
      await createVm('later', { pages: 80, priority: 'p100' });
      await bound('later');
      expect(await staying()).toEqual(['later', 'two']);
      expect((await getPod('new')).spec.nodeName).toBeUndefined();
    },
    90_000,
  );

  test('by this version of kube-scheduler for a zone alone: it gives up where it would evict nobody itself, and never asks', async () => {
    await rig.stopExtender();
    await rig.startExtender('--preemption=scheduler');
    const { createVm, waitReason, staying } = await zonesRound('asks');
    await createVm('one', { pages: 60, priority: 'p1', zone: 0 });
    await createVm('two', { pages: 60, priority: 'p2', zone: 1 });
    await createVm('new', { pages: 80, priority: 'p100' });
    await waitReason('new', /expected at least one victim pod on node/);
    expect(await staying()).toEqual(['one', 'two']);
  }, 90_000);
});
