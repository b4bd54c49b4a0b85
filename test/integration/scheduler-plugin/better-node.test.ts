import { BETTER_NODE, GUEST_ANNOTATION, SCHEDULER_NAME, VM_LABEL, VM_LABEL_VALUE } from '../../../api/names.ts';
import type { NodeReportStatus } from '../../../api/node-report.ts';
import { eventually } from '../../build/eventually.ts';
import { guestSpec } from '../../build/guest.ts';
import { report, reportedZone } from '../../build/placement.ts';
import { REPORTS, startRig, type SchedulerRig } from './rig.ts';

const PODS = '/api/v1/namespaces/default/pods';
const PAGES = 80;

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}
interface StoredPod {
  readonly metadata: { readonly uid: string };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

let rig: SchedulerRig;
let uid = '';
beforeAll(async () => {
  rig = await startRig();
  await rig.stopExtender();
  await rig.startExtender('--hint-interval-seconds=1');
  for (const name of ['a', 'b']) {
    await rig.client.create('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name } });
    const resources = { cpu: '20', memory: '512Gi', pods: '500', 'podvisor.dev/tcg': '500', 'hugepages-2Mi': '400Mi' };
    const body = { status: { capacity: resources, allocatable: resources, conditions: [{ type: 'Ready', status: 'True' }] } };
    await rig.client.patch(`/api/v1/nodes/${name}`, { type: 'merge', body, subresource: 'status' });
    await rig.client.create(REPORTS, { apiVersion: 'podvisor.dev/v1alpha1', kind: 'NodeReport', metadata: { name } });
  }
  const guest = guestSpec({ accelerator: 'tcg', hugepages: '2Mi', memoryBytes: PAGES * 2 ** 21 });
  const limits = { 'podvisor.dev/tcg': '1', 'hugepages-2Mi': `${PAGES * 2}Mi`, cpu: '100m', memory: '128Mi' };
  const pod = await rig.client.create<StoredPod>(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'vm', labels: { [VM_LABEL]: VM_LABEL_VALUE }, annotations: { [GUEST_ANNOTATION]: JSON.stringify(guest) } },
    spec: { schedulerName: SCHEDULER_NAME, nodeName: 'a', containers: [{ name: 'guest', image: 'x', resources: { limits } }] },
  });
  uid = pod.metadata.uid;
}, 120_000);
afterAll(() => rig.stop(), 30_000);

async function setReport(name: string, fields: Partial<NodeReportStatus>): Promise<void> {
  await rig.client.patch(`${REPORTS}/${name}`, { type: 'merge', body: { status: report(fields) }, subresource: 'status' });
}
const getPod = (): Promise<StoredPod> => rig.client.get(`${PODS}/vm`);
const told = async (): Promise<Condition | undefined> => (await getPod()).status?.conditions?.find(({ type }) => type === BETTER_NODE); // prettier-ignore
const misplaced = async (): Promise<string | undefined> => {
  const text = await (await fetch(`http://127.0.0.1:${rig.healthPort}/metrics`)).text();
  return /^podvisor_placement_misplaced_vms(?:{[^}]*})? (\d+)/m.exec(text)?.[1];
};

test('a VM whose pages lie over both zones is told of a node where one zone has room, counted, and told when that is over', async () => {
  const zones = [0, 1].map((id) => ({ id, cpus: 0, memoryBytes: 40 * 2 ** 21, hugepages: { '2Mi': 40 } }));
  await setReport('a', { zones: [reportedZone(0, 0), reportedZone(1, 0)], vms: [{ podUid: uid, zones }] });
  await setReport('b', { zones: [reportedZone(0, 100)] });
  const hint = await eventually('it is told', told);
  expect(hint).toMatchObject({
    status: 'True',
    reason: 'PagesApart',
    message: 'Node b would be better: here, its memory is in more zones than its one NUMA node.',
  });
  await eventually('it is counted', async () => (await misplaced()) === '1');
  await setReport('b', { zones: [reportedZone(0, 10)] });
  await eventually('it is over', async () => (await told())?.status === 'False');
  await eventually('it is not counted any more', async () => (await misplaced()) === '0');
}, 90_000);
