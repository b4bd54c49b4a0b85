import { startControllers, type ControllersService } from '../../../controllers/service.ts';
import { KubeError } from '../../../kube/errors.ts';
import type { KubeObject } from '../../../kube/objects.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createMetrics, type Metrics } from '../../../runtime/metrics.ts';
import { createFakeClock, type FakeClock } from '../../build/fake-clock.ts';
import { createFakeKube, type FakeKube } from '../../build/fake-kube.ts';
import { runningVm } from '../../build/vm-pod.ts';

const MAC = '02:00:00:00:12:34';
const PODS = '/api/v1/namespaces/default/pods';

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message: string;
}

let kube: FakeKube;
let clock: FakeClock;
let services: ControllersService[];
/** Of the service started last. */
let metrics: Metrics;

beforeEach(() => {
  kube = createFakeKube();
  clock = createFakeClock();
  services = [];
});
afterEach(async () => {
  await Promise.all(services.map((service) => service.stop()));
  expect(clock.pending()).toBe(0);
});

async function start(podName = 'a'): Promise<ControllersService> {
  metrics = createMetrics('test');
  const options = { client: kube.client, clock, random: () => 0.5, log: silentLog, metrics, namespace: 'sys', leaseMs: 30_000 };
  const service = startControllers({ ...options, podName });
  services.push(service);
  await clock.settle();
  return service;
}

/** A VM pod on network default/blue. */
function putVm(name: string, mac = MAC, uid = `uid-${name}`): void {
  const networkStatus = JSON.stringify([{ name: 'default/blue', interface: 'net1', mac }]);
  const networks = [
    { name: 'pod', interface: 'eth0', binding: 'masquerade' as const },
    { name: 'default/blue', interface: 'net1', binding: 'bridge' as const },
  ];
  kube.put(runningVm({ name, uid, networks, networkStatus }) as unknown as KubeObject);
}

const unique = (name: string): Condition | undefined =>
  ((kube.peek(`${PODS}/${name}`)?.['status'] ?? {}) as { conditions?: Condition[] }).conditions?.find(
    ({ type }) => type === 'podvisor.dev/mac-unique',
  );
const writes = (): string[] =>
  kube.requests.filter(({ method }) => !['GET', 'WATCH'].includes(method)).map(({ method, path }) => `${method} ${path}`);

test('a VM on its own costs no write, and readiness waits for the pods', async () => {
  kube.onRequest = () => new KubeError(503, 'ServiceUnavailable', 'not yet');
  const service = await start();
  expect(service.ready()).toBe('VM pods not read from the API server yet');
  kube.onRequest = undefined;
  putVm('one');
  putVm('two', '02:00:00:00:00:02');
  await clock.advance(600_000);
  expect(service.ready()).toBe('');
  expect(writes()).toEqual([]);
});

test('two VMs with one MAC are told, both of them, once; and again when it is over', async () => {
  await start('a');
  putVm('one');
  putVm('two');
  await clock.advance(60_000);
  expect([unique('one'), unique('two')]).toMatchObject([{ status: 'False' }, { status: 'False' }]);
  expect(unique('one')?.message).toContain('pod default/two');
  expect(unique('two')?.message).toContain('pod default/one');
  expect(await metrics.registry.metrics()).toMatch(/^podvisor_mac_collisions 1$/m);
  const count = writes().filter((write) => !write.includes('/leases'));
  expect(count.sort()).toEqual([
    `PATCH ${PODS}/one`,
    `PATCH ${PODS}/two`,
    'POST /apis/events.k8s.io/v1/namespaces/default/events',
    'POST /apis/events.k8s.io/v1/namespaces/default/events',
  ]);
  kube.remove(`${PODS}/one`);
  await clock.advance(60_000);
  expect(unique('two')).toMatchObject({ status: 'True', reason: 'MacUnique' });
  expect(await metrics.registry.metrics()).toMatch(/^podvisor_mac_collisions 0$/m);
  const after = writes().length;
  await clock.advance(3_600_000);
  expect(writes()).toHaveLength(after);
});

test('a restart writes nothing that is there already', async () => {
  const service = await start();
  putVm('one');
  putVm('two');
  await clock.advance(60_000);
  await service.stop();
  services = [];
  const before = writes().length;
  await start('b');
  await clock.advance(60_000);
  expect(writes()).toHaveLength(before);
});

test('of two replicas one writes', async () => {
  await start('a');
  await start('b');
  putVm('one');
  putVm('two');
  await clock.advance(60_000);
  expect(writes().filter((write) => write.startsWith('PATCH'))).toHaveLength(2);
  expect(writes().filter((write) => write.includes('/events'))).toHaveLength(2);
});

test('what happened while the watch was away and its version compacted (410) is found', async () => {
  await start();
  putVm('one');
  await clock.advance(10_000);
  kube.onRequest = ({ method }) => (method === 'WATCH' ? new KubeError(410, 'Expired', 'too old') : undefined);
  kube.endWatches();
  await clock.advance(10);
  putVm('two');
  kube.compact();
  kube.onRequest = undefined;
  await clock.advance(120_000);
  expect([unique('one')?.status, unique('two')?.status]).toEqual(['False', 'False']);
});

test('a pod made anew under its name is not told of the old one', async () => {
  await start();
  putVm('one');
  putVm('two');
  // Before anything is written.
  kube.remove(`${PODS}/one`);
  putVm('one', '02:00:00:00:00:03', 'uid-new');
  await clock.advance(60_000);
  expect([unique('one'), unique('two')]).toEqual([undefined, undefined]);
  expect(writes()).toEqual([]);
});

test('a refused write is tried again', async () => {
  await start();
  let refusals = 3;
  kube.onRequest = ({ method }) => (method === 'PATCH' && refusals-- > 0 ? new KubeError(500, 'InternalError', 'no') : undefined);
  putVm('one');
  putVm('two');
  await clock.advance(60_000);
  expect([unique('one')?.status, unique('two')?.status]).toEqual(['False', 'False']);
});
