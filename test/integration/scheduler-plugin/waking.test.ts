import { GUEST_ANNOTATION, ROOM_FOUND, SCHEDULER_NAME, VM_LABEL, VM_LABEL_VALUE } from '../../../api/names.ts';
import { eventually } from '../../build/eventually.ts';
import { guestSpec } from '../../build/guest.ts';
import { report, reportedZone } from '../../build/placement.ts';
import { REPORTS, startRig, type SchedulerRig } from './rig.ts';

const PODS = '/api/v1/namespaces/default/pods';

interface StoredPod {
  readonly spec: { readonly nodeName?: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly message?: string }[] };
}

let rig: SchedulerRig;
beforeAll(async () => {
  rig = await startRig();
  for (const name of ['a', 'b']) {
    await rig.client.create('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name } });
    const resources = { cpu: '20', memory: '512Gi', pods: '500', 'podvisor.dev/tcg': '500', 'hugepages-2Mi': '400Mi' };
    const body = { status: { capacity: resources, allocatable: resources, conditions: [{ type: 'Ready', status: 'True' }] } };
    await rig.client.patch(`/api/v1/nodes/${name}`, { type: 'merge', body, subresource: 'status' });
    await rig.client.create(REPORTS, { apiVersion: 'podvisor.dev/v1alpha1', kind: 'NodeReport', metadata: { name } });
    await setPages(name, 60);
  }
}, 120_000);
afterAll(() => rig.stop(), 30_000);

/** Of each of two zones. */
function setPages(name: string, pages: number): Promise<unknown> {
  const status = report({ zones: [reportedZone(0, pages), reportedZone(1, pages)] });
  return rig.client.patch(`${REPORTS}/${name}`, { type: 'merge', body: { status }, subresource: 'status' });
}

function createVm(name: string, pages: number): Promise<unknown> {
  const guest = guestSpec({ accelerator: 'tcg', hugepages: '2Mi', memoryBytes: pages * 2 ** 21 });
  const limits = { 'podvisor.dev/tcg': '1', cpu: '100m', memory: '128Mi', 'hugepages-2Mi': `${pages * 2}Mi` };
  return rig.client.create(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { [VM_LABEL]: VM_LABEL_VALUE }, annotations: { [GUEST_ANNOTATION]: JSON.stringify(guest) } },
    spec: { schedulerName: SCHEDULER_NAME, containers: [{ name: 'guest', image: 'x', resources: { limits } }] },
  });
}

const getPod = (name: string): Promise<StoredPod> => rig.client.get(`${PODS}/${name}`);
const told = (name: string): Promise<StoredPod> =>
  eventually(`${name} is told why it waits`, async () => {
    const pod = await getPod(name);
    return pod.status?.conditions?.some(({ message }) => message?.includes('guest needs')) === true ? pod : undefined;
  });
const wakes = async (): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${rig.healthPort}/metrics`)).text();
  return Number(/^podvisor_placement_wakes_total(?:{[^}]*})? (\d+)/m.exec(text)?.[1]);
};

const roomFound = async (): Promise<string | undefined> =>
  (await getPod('waits')).status?.conditions?.find(({ type }) => type === ROOM_FOUND)?.message;

test('a VM waits for pages, only a NodeReport changes, and it is placed there; until then it costs no write', async () => {
  await createVm('waits', 80);
  await told('waits');
  // Reports that come and change nothing for it.
  for (const pages of [59, 61, 60]) await setPages('a', pages);
  await createVm('small', 10);
  await eventually('another VM is placed meanwhile', async () => (await getPod('small')).spec.nodeName);
  expect([await roomFound(), await wakes()]).toEqual([undefined, 0]);
  await setPages('b', 90);
  expect(await eventually('it is placed', async () => (await getPod('waits')).spec.nodeName)).toBe('b');
  expect([await roomFound(), await wakes()]).toEqual([
    'Node b refused the VM and would take it now; the scheduler looks again.',
    1,
  ]);
}, 90_000);
