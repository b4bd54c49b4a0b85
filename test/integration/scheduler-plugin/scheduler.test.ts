import { request } from 'node:https';
import { GUEST_ANNOTATION, SCHEDULER_NAME } from '../../../api/names.ts';
import { guestSpec } from '../../build/guest.ts';
import { eventually } from '../../build/eventually.ts';
import { startRig } from './rig.ts';
import type { SchedulerRig } from './rig.ts';

interface StoredPod {
  readonly spec: { readonly nodeName?: string };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

const PODS = '/api/v1/namespaces/default/pods';
const GUEST = guestSpec({ accelerator: 'tcg' });

let rig: SchedulerRig;
beforeAll(async () => {
  rig = await startRig();
  await addNode('offers', { 'podvisor.dev/tcg': '110' });
  await addNode('plain', {});
}, 120_000);
afterAll(() => rig.stop(), 30_000);

async function addNode(name: string, devices: Record<string, string>): Promise<void> {
  await rig.client.create('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name } });
  const resources = { cpu: '8', memory: '32Gi', pods: '110', ...devices };
  const body = { status: { capacity: resources, allocatable: resources, conditions: [{ type: 'Ready', status: 'True' }] } };
  await rig.client.patch(`/api/v1/nodes/${name}`, { type: 'merge', body, subresource: 'status' });
}

function createPod(name: string, limits: Record<string, string>, annotations: Record<string, string> = {}): Promise<unknown> {
  return rig.client.create(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, annotations },
    spec: { schedulerName: SCHEDULER_NAME, containers: [{ name: 'guest', image: 'x', resources: { limits } }] },
  });
}
const createVm = (name: string): Promise<unknown> =>
  createPod(name, { 'podvisor.dev/tcg': '1' }, { [GUEST_ANNOTATION]: JSON.stringify(GUEST) });

const getPod = (name: string): Promise<StoredPod> => rig.client.get(`${PODS}/${name}`);
const nodeOf = (name: string): Promise<string> => eventually(`${name} is bound`, async () => (await getPod(name)).spec.nodeName);
const waitingReason = (name: string): Promise<string> =>
  eventually(`${name} says why it waits`, async () => {
    const conditions = (await getPod(name)).status?.conditions ?? [];
    return conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False')?.message;
  });

test('a VM pod is bound to the node that offers its device', async () => {
  await createVm('vm');
  expect(await nodeOf('vm')).toBe('offers');
}, 60_000);

test('a node whose offer has just appeared is taken at once', async () => {
  await addNode('new', { 'podvisor.dev/kvm': '1' });
  const guest = { ...GUEST, accelerator: 'kvm' };
  await createPod('vm-new', { 'podvisor.dev/kvm': '1' }, { [GUEST_ANNOTATION]: JSON.stringify(guest) });
  expect(await nodeOf('vm-new')).toBe('new');
}, 60_000);

test('a pod that took a device without admission waits and says why', async () => {
  await createPod('forged', { 'podvisor.dev/tcg': '1' });
  expect(await waitingReason('forged')).toMatch(/Podvisor cannot place this pod: .*podvisor\.dev\/guest/);
}, 60_000);

test('W30: while the extender is down VM pods wait and name it, plain pods are bound; afterwards all are', async () => {
  await rig.stopExtender();
  await createVm('vm-waits');
  await createPod('not-a-vm', { cpu: '1' });
  expect(await nodeOf('not-a-vm')).toMatch(/offers|plain|new/);
  expect(await waitingReason('vm-waits')).toMatch(/podvisor-extender\/filter.*connection refused/);
  expect((await getPod('vm-waits')).spec.nodeName).toBeUndefined();
  await rig.startExtender();
  expect(await nodeOf('vm-waits')).toBe('offers');
}, 90_000);

test('T25: nobody without the certificate of this pod gets an answer', async () => {
  const outcome = await new Promise<string>((resolve) => {
    const options = { port: rig.extenderPort, host: '127.0.0.1', path: '/podvisor-extender/filter', method: 'POST' };
    const call = request({ ...options, rejectUnauthorized: false }, (response) => resolve(`status ${response.statusCode ?? 0}`));
    call.on('error', (error) => resolve(error.message)).end('{}');
  });
  expect(outcome).toMatch(/certificate required|ECONNRESET|socket hang up|alert/i);
}, 30_000);
