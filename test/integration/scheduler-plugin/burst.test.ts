import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { NodeReportStatus } from '../../../api/node-report.ts';
import { GUEST_ANNOTATION, PLAN_ANNOTATION, SCHEDULER_NAME, VM_LABEL, VM_LABEL_VALUE } from '../../../api/names.ts';
import type { GuestSpec } from '../../../api/guest-spec.ts';
import type { KubeObject } from '../../../kube/objects.ts';
import { eventually } from '../../build/eventually.ts';
import { guestSpec } from '../../build/guest.ts';
import { report, reportedZone } from '../../build/placement.ts';
import { startRig } from './rig.ts';
import type { SchedulerRig } from './rig.ts';

/**
 * Bursts against upstream's scheduler. Nodes and their reports are ours to write: no kubelet, no agent. What they say never changes in a burst, so
 * what was promised is all in the claims.
 */

const ROUNDS = Number(process.env['PODVISOR_BURST_ROUNDS'] ?? 3);
const PODS = '/api/v1/namespaces/default/pods';
const REPORTS = '/apis/podvisor.dev/v1alpha1/nodereports';

interface StoredPod extends KubeObject {
  readonly metadata: KubeObject['metadata'] & { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly nodeName?: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly message?: string }[] };
}

let rig: SchedulerRig;
beforeAll(async () => {
  rig = await startRig();
  const text = readFileSync(new URL('../../../manifests/base/crd-nodereports.yaml', import.meta.url), 'utf8');
  await rig.client.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', parse(text) as object);
  await eventually('NodeReports are served', () => rig.client.get(REPORTS).then(() => true, () => false)); // prettier-ignore
  // The extender has seen that the kind is not there; it looks again by itself, but not for half a minute.
  await restartExtender();
}, 120_000);
afterAll(() => rig.stop(), 30_000);

async function restartExtender(): Promise<void> {
  await rig.stopExtender();
  await rig.startExtender();
}

async function addNode(name: string, allocatable: Record<string, string>, status: NodeReportStatus): Promise<void> {
  await rig.client.create('/api/v1/nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { round: name.split('-')[0] } },
  });
  const resources = { cpu: '256', memory: '512Gi', pods: '500', 'podvisor.dev/tcg': '500', ...allocatable };
  const body = { status: { capacity: resources, allocatable: resources, conditions: [{ type: 'Ready', status: 'True' }] } };
  await rig.client.patch(`/api/v1/nodes/${name}`, { type: 'merge', body, subresource: 'status' });
  await rig.client.create(REPORTS, { apiVersion: 'podvisor.dev/v1alpha1', kind: 'NodeReport', metadata: { name } });
  await rig.client.patch(`${REPORTS}/${name}`, { type: 'merge', body: { status }, subresource: 'status' });
}

async function createVms(round: string, count: number, limits: Record<string, string>, guest: Partial<GuestSpec>): Promise<void> {
  const annotations = { [GUEST_ANNOTATION]: JSON.stringify(guestSpec({ accelerator: 'tcg', ...guest })) };
  const create = (index: number): Promise<unknown> =>
    rig.client.create(PODS, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `${round}-${index}`, labels: { [VM_LABEL]: VM_LABEL_VALUE, round }, annotations },
      spec: {
        schedulerName: SCHEDULER_NAME,
        nodeSelector: { round },
        containers: [
          {
            name: 'guest',
            image: 'x',
            resources: { limits: { 'podvisor.dev/tcg': '1', cpu: '100m', memory: '128Mi', ...limits } },
          },
        ],
      },
    });
  await Promise.all(Array.from({ length: count }, (_, index) => create(index)));
}

const vmsOf = async (round: string): Promise<readonly StoredPod[]> =>
  (await rig.client.get<{ items: readonly StoredPod[] }>(PODS, { labelSelector: `round=${round}` })).items;

/** Waits until `bound` of the round's pods have a node and all others were told why not. */
async function settled(round: string, bound: number): Promise<readonly StoredPod[]> {
  return eventually(`${bound} of ${round} are bound, and the others know why not`, async () => {
    const pods = await vmsOf(round);
    const waiting = pods.filter(({ spec }) => spec.nodeName === undefined);
    const told = waiting.every((pod) =>
      (pod.status?.conditions ?? []).some(({ message }) => message?.includes('guest needs') === true),
    );
    return pods.length - waiting.length === bound && told ? pods : undefined;
  });
}

/** Sums, by node and zone, what plans on the pods promise. */
function promised(pods: readonly StoredPod[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const { spec, metadata } of pods) {
    if (spec.nodeName === undefined) continue;
    const plan = JSON.parse(metadata.annotations?.[PLAN_ANNOTATION] ?? '{"zones":[]}') as {
      zones: { id: number; amount: number }[];
      functions: string[];
    };
    for (const { id, amount } of plan.zones) sums[`${spec.nodeName}/${id}`] = (sums[`${spec.nodeName}/${id}`] ?? 0) + amount;
    for (const address of plan.functions) sums[`${spec.nodeName}/${address}`] = (sums[`${spec.nodeName}/${address}`] ?? 0) + 1;
  }
  return sums;
}

describe.each(Array.from({ length: ROUNDS }, (_, index) => index))('round %i', (index) => {
  test('30 VMs at the last pages of fragmented zones: 20 fit, by zones, though the nodes have pages for 22; 0 over-commits', async () => {
    const round = `pages${index}`;
    // Zones of 5.5 VMs each: the scheduler sees 11 VMs a node, and 2 x 11 > 20.
    for (const name of [`${round}-a`, `${round}-b`]) {
      await addNode(
        name,
        { 'hugepages-2Mi': `${2 * 352 * 2}Mi` },
        report({ zones: [reportedZone(0, 352), reportedZone(1, 352)] }),
      );
    }
    const creating = createVms(round, 30, { 'hugepages-2Mi': '128Mi' }, { hugepages: '2Mi' });
    // The extender goes and comes back in the middle of it.
    await eventually('the burst is on its way', async () => (await vmsOf(round)).some(({ spec }) => spec.nodeName !== undefined));
    await restartExtender();
    await creating;
    const sums = promised(await settled(round, 20));
    expect(sums).toEqual(
      Object.fromEntries([`${round}-a/0`, `${round}-a/1`, `${round}-b/0`, `${round}-b/1`].map((zone) => [zone, 320])),
    );
  }, 120_000);

  test('VMs with two VFs each, on distinct physical functions: as many as the smaller one has', async () => {
    const round = `vfs${index}`;
    const pf = (address: string, free: number): NodeReportStatus['functions'][number] => {
      return { address, zone: 0, resource: 'example.com/vf', linkUp: true, vfs: { total: 8, free } };
    };
    await addNode(
      `${round}-a`,
      { 'example.com/vf': '12' },
      report({ functions: [pf('0000:3b:00.0', 8), pf('0000:3b:00.1', 4)] }),
    );
    const networks: GuestSpec['networks'] = [
      { name: 'pod', interface: 'eth0', binding: 'masquerade' },
      { name: 'default/left', interface: 'net1', binding: 'sriov', resource: 'example.com/vf' },
      { name: 'default/right', interface: 'net2', binding: 'sriov', resource: 'example.com/vf' },
    ];
    await createVms(round, 6, { 'example.com/vf': '2' }, { networks, placement: { sriov: 'require' } });
    const sums = promised(await settled(round, 4));
    expect([sums[`${round}-a/0000:3b:00.0`], sums[`${round}-a/0000:3b:00.1`]]).toEqual([4, 4]);
  }, 120_000);
});

test('the reason a person reads names zones, figures and what is needed', async () => {
  const [pod] = (await vmsOf('pages0')).filter(({ spec }) => spec.nodeName === undefined);
  const message = (pod?.status?.conditions ?? []).map((one) => one.message).join();
  expect(message).toMatch(/2 zone 0 has 32 and zone 1 has 32 free 2Mi pages, guest needs 64 in one zone/);
});
