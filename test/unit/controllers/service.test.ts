import { startControllers, type ControllersService } from '../../../controllers/service.ts';
import { KubeError } from '../../../kube/errors.ts';
import type { KubeObject } from '../../../kube/objects.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createMetrics, type Metrics } from '../../../runtime/metrics.ts';
import { createFakeClock, type FakeClock } from '../../build/fake-clock.ts';
import { createFakeKube, type FakeKube } from '../../build/fake-kube.ts';
import { policyObject } from '../../build/policy.ts';
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
  const options = {
    client: kube.client,
    clock,
    random: () => 0.5,
    log: silentLog,
    metrics,
    namespace: 'sys',
    leaseMs: 30_000,
    policyStatusMs: 30_000,
  };
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

describe('policies', () => {
  interface Status {
    readonly matching: number;
    readonly violating: number;
    readonly observedGeneration: number;
    readonly violations: readonly { readonly namespace: string; readonly name: string; readonly message: string }[];
    readonly conditions: readonly { readonly type: string; readonly status: string; readonly message: string }[];
  }
  const POLICIES = '/apis/podvisor.dev/v1alpha1/virtualmachinepolicies';
  const putPolicy = (name: string, spec: object, generation = 1): void => {
    const old = kube.peek(`${POLICIES}/${name}`) ?? {};
    const made = policyObject(name, spec) as unknown as KubeObject;
    const status = 'status' in old ? { status: old['status'] } : {};
    kube.put({ ...made, ...status, metadata: { ...made.metadata, generation } as never }, 'virtualmachinepolicies');
  };
  const statusOf = (name: string): Status => kube.peek(`${POLICIES}/${name}`)?.['status'] as Status;
  const policyWrites = (): number => writes().filter((write) => write.includes('virtualmachinepolicies')).length;
  const tooSmall = { guest: { vcpus: { minimum: 2 } } };

  beforeEach(() => {
    kube.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default', labels: { team: 'red' } } as never });
  });

  test('a status says what the audit found, is kept, and is written when it changes, some time apart', async () => {
    putPolicy('p', { ...tooSmall, namespaceSelector: { matchLabels: { team: 'red' } } });
    putVm('one', '02:00:00:00:00:01');
    await start();
    await clock.advance(10_000);
    expect(statusOf('p')).toMatchObject({ matching: 1, violating: 1, observedGeneration: 1 });
    expect(statusOf('p').violations).toEqual([
      { namespace: 'default', name: 'one', message: expect.stringContaining("policy 'p'") as unknown },
    ]);
    expect(await metrics.registry.metrics()).toMatch(/^podvisor_policy_violating_pods\{policy="p"\} 1$/m);
    expect(policyWrites()).toBe(1);
    // Twenty starts within a minute.
    for (let at = 0; at < 20; at++) {
      putVm(`more-${at}`, `02:00:00:00:01:${10 + at}`);
      await clock.advance(3000);
    }
    await clock.advance(60_000);
    expect(statusOf('p')).toMatchObject({ matching: 21, violating: 21 });
    expect(statusOf('p').violations).toHaveLength(10);
    expect(policyWrites()).toBeLessThanOrEqual(5);
    const before = writes().length;
    await clock.advance(3_600_000);
    expect(writes()).toHaveLength(before);
  });

  test('a corrected policy is judged anew, and its generation observed', async () => {
    putPolicy('p', tooSmall);
    putVm('one', '02:00:00:00:00:01');
    await start();
    await clock.advance(60_000);
    putPolicy('p', {}, 2);
    await clock.advance(60_000);
    expect(statusOf('p')).toMatchObject({ matching: 1, violating: 0, observedGeneration: 2, violations: [] });
  });

  test('one that cannot be compiled says so', async () => {
    putPolicy('p', { rules: [{ name: 'r', expression: 'pod.metadata.' }] });
    await start();
    await clock.advance(10_000);
    const ready = statusOf('p').conditions.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({ status: 'False', reason: 'Invalid' });
    expect(ready?.message).toContain('spec.rules[0].expression');
  });

  test('two that default one field differently say so, both, until one goes', async () => {
    putPolicy('p', { guest: { memory: { default: '1Gi' } } });
    putPolicy('q', { guest: { memory: { default: '2Gi' } } });
    await start();
    await clock.advance(10_000);
    const conflicting = (name: string): string | undefined =>
      statusOf(name).conditions.find(({ type }) => type === 'Conflicting')?.status;
    expect([conflicting('p'), conflicting('q')]).toEqual(['True', 'True']);
    kube.remove(`${POLICIES}/q`);
    await clock.advance(60_000);
    expect(conflicting('p')).toBe('False');
    expect(await metrics.registry.metrics()).not.toContain('policy="q"');
  });

  test('a restart writes no status that is right already; two replicas write each once', async () => {
    putPolicy('p', tooSmall);
    putVm('one', '02:00:00:00:00:01');
    await start('a');
    await start('b');
    await clock.advance(120_000);
    expect(policyWrites()).toBe(1);
    await Promise.all(services.splice(0).map((service) => service.stop()));
    const before = writes().length;
    await start('c');
    await clock.advance(120_000);
    expect(writes()).toHaveLength(before);
  });

  test('a status somebody else broke is put right', async () => {
    putPolicy('p', tooSmall);
    await start();
    await clock.advance(60_000);
    const right = statusOf('p');
    const object = kube.peek(`${POLICIES}/p`) as unknown as KubeObject;
    kube.put({ ...object, status: { ...right, matching: 77 } }, 'virtualmachinepolicies');
    await clock.advance(60_000);
    expect(statusOf('p')).toEqual(right);
  });
});
