import { KubeError } from '../../../kube/errors.ts';
import type { KubeObject } from '../../../kube/objects.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createPolicyStore, NAMESPACE_WAIT_MS, type PolicyStore } from '../../../webhooks/policy/store.ts';
import type { AdmissionRequest } from '../../../webhooks/server/review.ts';
import { createFakeClock, type FakeClock } from '../../build/fake-clock.ts';
import { createFakeKube, type FakeKube } from '../../build/fake-kube.ts';
import { vmPod } from '../../build/pod.ts';
import { policyObject } from '../../build/policy.ts';
import { mutated } from './admit.ts';

const PLURAL = 'virtualmachinepolicies';
const PATH = `/apis/podvisor.dev/v1alpha1/${PLURAL}`;
const stores: PolicyStore[] = [];
afterEach(() => Promise.all(stores.splice(0).map((store) => store.stop())));

function rig(): { kube: FakeKube; clock: FakeClock; store: PolicyStore } {
  const kube = createFakeKube();
  const clock = createFakeClock();
  const store = createPolicyStore({ client: kube.client, clock, random: () => 0, log: silentLog });
  stores.push(store);
  return { kube, clock, store };
}

const namespace = (name: string, labels: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, ...{ labels } },
});
const asked = (fields: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
  uid: 'request',
  operation: 'CREATE',
  subResource: '',
  namespace: 'team',
  name: 'vm',
  object: vmPod({ labels: { app: 'db' } }),
  user: { username: 'jo', groups: [] },
  dryRun: false,
  ...fields,
});

test('the policies for a pod, its namespace and what is there are known without a request', async () => {
  const { kube, clock, store } = rig();
  kube.put(namespace('team', { stage: 'prod' }));
  kube.put(
    policyObject('mine', { namespaceSelector: { matchLabels: { stage: 'prod' } }, limits: { vms: 2 } }) as KubeObject,
    PLURAL,
  );
  kube.put(policyObject('other', { podSelector: { matchLabels: { app: 'web' } } }) as KubeObject, PLURAL);
  kube.put(mutated(vmPod({ name: 'there', namespace: 'team', uid: 'there' })) as unknown as KubeObject);
  expect(store.ready()).toContain('not been listed');
  store.start();
  await clock.settle();
  expect(store.ready()).toBe('');
  const before = kube.requests.length;
  const facts = await store.gather(asked());
  expect(facts).toMatchObject({ selected: [{ name: 'mine' }], namespace: { name: 'team', labels: { stage: 'prod' } } });
  expect(facts?.usage).toHaveLength(1);
  store.admitted(asked(), { labels: {}, vcpus: 1, memoryBytes: 1 });
  expect((await store.gather(asked()))?.usage).toHaveLength(2);
  expect(kube.requests).toHaveLength(before);
});

test('with no policy, or where the kind is not installed, nobody waits for anything', async () => {
  const { kube, clock, store } = rig();
  kube.onRequest = ({ path }) => (path === PATH ? new KubeError(404, 'NotFound', 'no such kind') : undefined);
  store.start();
  await clock.settle();
  expect(store.ready()).toBe('');
  expect(await store.gather(asked({ namespace: 'unknown' }))).toBeUndefined();
});

test('before the first list every VM pod is refused', async () => {
  const { store } = rig();
  expect((await store.gather(asked()))?.problem?.message).toContain('have not been listed yet; try again');
});

test('a namespace created in the same breath is waited for, and no longer than that', async () => {
  const { kube, clock, store } = rig();
  kube.put(policyObject('p', {}) as KubeObject, PLURAL);
  store.start();
  await clock.settle();
  const early = store.gather(asked());
  await clock.settle();
  kube.put(namespace('team'));
  expect(await early).toMatchObject({ selected: [{ name: 'p' }] });
  const never = store.gather(asked({ namespace: 'never' }));
  await clock.advance(NAMESPACE_WAIT_MS);
  expect((await never)?.problem).toMatchObject({
    value: 'never',
    message: expect.stringContaining('not been seen yet') as string,
  });
});
