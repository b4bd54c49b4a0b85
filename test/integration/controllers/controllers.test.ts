import type { Policy, PolicyStatus } from '../../../api/policy.ts';
import type { PodCondition } from '../../../api/pod.ts';
import type { Lease } from '../../../kube/lease-plan.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import { eventually } from '../../build/eventually.ts';
import { policyObject } from '../../build/policy.ts';
import { startApiServer, type ApiServer } from '../api-server.ts';
import { accountToken, applyBase, createVm, getVm, makeNamespace, startReplica, type Replica } from './rig.ts';

const MAC = '02:00:00:00:12:34';
const LEASE = pathOf(KINDS.leases, { namespace: 'podvisor-system', name: 'podvisor-controllers' });

let api: ApiServer;
let replicas: Replica[] = [];

beforeAll(async () => {
  api = await startApiServer({ withoutAdmission: ['ServiceAccount'] });
  for (const name of ['podvisor-system', 'team']) await makeNamespace(api, name);
  const files = ['controllers-rbac.yaml', 'controllers-policy.yaml', 'crd-virtualmachinepolicies.yaml'];
  for (const file of files) await applyBase(api, file);
  replicas = await Promise.all(['a', 'b'].map(start));
  await Promise.all(replicas.map((replica) => replica.ready()));
}, 120_000);

afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.kill()));
  await api.close();
}, 30_000);

function start(name: string): Promise<Replica> {
  return startReplica(api, name, '--lease-duration=3s', '--policy-status-interval=2s');
}

const unique = async (name: string): Promise<PodCondition | undefined> =>
  (await getVm(api, name)).status?.conditions?.find(({ type }) => type === 'podvisor.dev/mac-unique');
const reported = (name: string, status: string): Promise<PodCondition> =>
  eventually(`${name} is told ${status}`, async () => {
    const condition = await unique(name);
    return condition?.status === status ? condition : undefined;
  });
const lease = (): Promise<Lease | undefined> => api.client.get<Lease>(LEASE).catch(() => undefined);
const leaseGivenBack = (): Promise<true> =>
  eventually('the lease is given back', async () => (await lease())?.spec?.holderIdentity === '');
const events = async (): Promise<{ note: string; reason: string; type: string; regarding: { name: string } }[]> =>
  (await api.client.get<{ items: [] }>(pathOf(KINDS.events, { namespace: 'team' }))).items;
/** Everything of ours in the cluster, by version. */
async function versions(): Promise<object> {
  const version = async (path: string): Promise<unknown> =>
    (await api.client.get<{ metadata: { resourceVersion: string } }>(path)).metadata.resourceVersion;
  const pods = (
    await api.client.get<{ items: { metadata: { name: string; resourceVersion: string } }[] }>(
      pathOf(KINDS.pods, { namespace: 'team' }),
    )
  ).items.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`);
  return { lease: await version(LEASE), pods, events: (await events()).length };
}

test('both replicas are ready and serve their version, and neither takes the lease while there is nothing to write', async () => {
  await createVm(api, 'alone', '02:00:00:00:00:01');
  for (const replica of replicas) {
    expect((await replica.get('/readyz')).status).toBe(200);
    expect(JSON.parse((await replica.get('/version')).text)).toHaveProperty('version');
    expect((await replica.get('/metrics')).text).toMatch(/^podvisor_mac_collisions 0$/m);
  }
  expect(await lease()).toBeUndefined();
});

test('two VMs with one MAC on one network are told, with an Event each, by one replica', async () => {
  await createVm(api, 'one', MAC);
  await createVm(api, 'two', MAC);
  expect((await reported('one', 'False')).message).toContain(`MAC ${MAC} on network team/blue is also that of pod team/two`);
  expect((await reported('two', 'False')).message).toContain('pod team/one');
  await leaseGivenBack();
  const warnings = (await events()).filter(({ reason, type }) => reason === 'MacCollision' && type === 'Warning');
  expect(warnings.map(({ regarding }) => regarding.name).sort()).toEqual(['one', 'two']);
  expect(await unique('alone')).toBeUndefined();
  expect((await lease())?.spec?.leaseTransitions).toBe(0);
  for (const replica of replicas) {
    await eventually(`${replica.name} counts it`, async () =>
      /^podvisor_mac_collisions 1$/m.test((await replica.get('/metrics')).text),
    );
  }
}, 60_000);

test('a VM without a controller that a kubelet refused is told so, and what to do, once', async () => {
  await createVm(api, 'refused', '02:00:00:00:00:02');
  const status = { phase: 'Failed', reason: 'OutOfcpu', message: "Pod was rejected: Node didn't have enough resource: cpu" };
  const path = pathOf(KINDS.pods, { namespace: 'team', name: 'refused' });
  await api.client.patch(path, { type: 'merge', body: { status }, subresource: 'status' });
  const condition = await eventually('it is told', async () =>
    (await getVm(api, 'refused')).status?.conditions?.find(({ type }) => type === 'podvisor.dev/refused'),
  );
  expect(condition).toMatchObject({ status: 'True', reason: 'OutOfcpu', message: expect.stringContaining('Nobody makes a bare pod again') as unknown });
  await leaseGivenBack();
  const told = (await events()).filter(({ reason, type }) => reason === 'Refused' && type === 'Warning');
  expect(told.map(({ regarding }) => regarding.name)).toEqual(['refused']);
}, 60_000); // prettier-ignore

test('replicas that start anew write nothing that is there already', async () => {
  const before = await versions();
  expect(await Promise.all(replicas.map((replica) => replica.end()))).toEqual([0, 0]);
  replicas = await Promise.all(['a', 'b'].map(start));
  await Promise.all(replicas.map((replica) => replica.ready()));
  // Longer than a replica gives way to others.
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  expect(await versions()).toEqual(before);
}, 60_000);

test('when the leader is killed with the lease in its hands, the other takes over', async () => {
  await createVm(api, 'three', MAC);
  const holder = await eventually('somebody leads', async () => (await lease())?.spec?.holderIdentity || undefined);
  const leader = replicas.find(({ name }) => name === holder)!;
  await leader.kill();
  replicas = replicas.filter((replica) => replica !== leader);
  await createVm(api, 'four', MAC);
  await reported('four', 'False');
  await reported('three', 'False');
  expect((await lease())?.spec?.holderIdentity).toBe(replicas[0]?.name);
}, 60_000);

test('when one goes, those that are left and alone are told', async () => {
  for (const name of ['two', 'three', 'four']) {
    await api.client.delete(pathOf(KINDS.pods, { namespace: 'team', name }), { gracePeriodSeconds: 0 });
  }
  expect((await reported('one', 'True')).reason).toBe('MacUnique');
  await leaseGivenBack();
  await eventually('an Event says so', async () => (await events()).some(({ reason }) => reason === 'MacUnique'));
}, 60_000);

test('T5: a plain pod with the labels and annotations of a VM is no VM to the controllers', async () => {
  const { metadata, spec, status } = await getVm(api, 'one');
  const { 'podvisor.dev/vm': mark, ...labels } = metadata.labels!;
  expect(mark).toBe('true');
  const { containers, nodeName } = spec;
  const path = pathOf(KINDS.pods, { namespace: 'team' });
  const forged = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'forged', labels, annotations: metadata.annotations } };
  await api.client.create(path, { ...forged, spec: { containers, nodeName } });
  const patch = { type: 'merge', body: { status: { phase: status?.phase } }, subresource: 'status' } as const;
  await api.client.patch(pathOf(KINDS.pods, { namespace: 'team', name: 'forged' }), patch);
  // A VM that collides with both, had the other been one: its message names whom the controllers count.
  await createVm(api, 'third', MAC);
  const { message } = await reported('third', 'False');
  expect(message).toContain('pod team/one');
  expect(message).not.toContain('forged');
  expect((await reported('one', 'False')).message).not.toContain('forged');
  expect(await unique('forged')).toBeUndefined();
  expect((await events()).filter(({ regarding }) => regarding.name === 'forged')).toEqual([]);
  for (const name of ['forged', 'third']) {
    await api.client.delete(pathOf(KINDS.pods, { namespace: 'team', name }), { gracePeriodSeconds: 0 });
  }
  await reported('one', 'True');
}, 60_000);

test('the account of the controllers may write nothing of a pod but that condition of VM pods', async () => {
  await api.client.create(pathOf(KINDS.pods, { namespace: 'team' }), {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'plain' },
    spec: { containers: [{ name: 'c', image: 'x' }] },
  });
  const client = api.as(await accountToken(api));
  const patch = (name: string, status: object): Promise<string> =>
    client
      .patch(pathOf(KINDS.pods, { namespace: 'team', name }), { type: 'strategic', body: { status }, subresource: 'status' })
      .then(
        () => 'done',
        (error: unknown) => (error as Error).message,
      );
  const own = { conditions: [{ type: 'podvisor.dev/mac-unique', status: 'True', reason: 'x' }] };
  expect(await patch('alone', own)).toBe('done');
  const refused = expect.stringContaining(
    'may only patch conditions podvisor.dev/mac-unique and podvisor.dev/refused of VM pods',
  ) as unknown;
  expect(await patch('plain', own)).toEqual(refused);
  expect(await patch('alone', { conditions: [{ type: 'Ready', status: 'True' }] })).toEqual(refused);
  expect(await patch('alone', { phase: 'Failed' })).toEqual(refused);
  expect(await patch('alone', { podIP: '10.0.0.9', podIPs: [{ ip: '10.0.0.9' }] })).toEqual(refused);
  client.close();
}, 60_000);

describe('policies', () => {
  const policies = (name?: string): string => pathOf(KINDS.policies, name === undefined ? {} : { name });
  const createPolicy = (name: string, spec: object): Promise<unknown> => api.client.create(policies(), policyObject(name, spec));
  const status = (what: string, name: string, right: (status: PolicyStatus) => boolean): Promise<PolicyStatus> =>
    eventually(`policy ${name}: ${what}`, async () => {
      const { status: found } = await api.client.get<Policy>(policies(name));
      return found !== undefined && right(found) ? found : undefined;
    });

  test('a status names the pods that violate, follows pods, policy and namespaces, and is written by the account of the manifests', async () => {
    await createPolicy('big', {
      mode: 'audit',
      guest: { vcpus: { minimum: 2 } },
      namespaceSelector: { matchLabels: { tier: 'gold' } },
    });
    await status('nobody is in gold', 'big', ({ matching }) => matching === 0);
    await makeNamespace(api, 'gold', { tier: 'gold' });
    await createVm(api, 'small', '02:00:00:00:00:11', 'gold');
    const found = await status('one violates', 'big', ({ violating }) => violating === 1);
    expect(found).toMatchObject({ matching: 1, observedGeneration: 1, violations: [{ namespace: 'gold', name: 'small' }] });
    expect(found.violations?.[0]?.message).toMatch(/limits\.cpu.*at least 2.*policy 'big'/);
    await api.client.patch(policies('big'), { type: 'merge', body: { spec: { guest: { vcpus: { minimum: 1 } } } } });
    await status('corrected', 'big', ({ violating, observedGeneration }) => violating === 0 && observedGeneration === 2);
    await api.client.patch(pathOf(KINDS.namespaces, { name: 'gold' }), {
      type: 'merge',
      body: { metadata: { labels: { tier: 'tin' } } },
    });
    await status('the namespace left', 'big', ({ matching }) => matching === 0);
  }, 90_000);

  test('an expression that does not compile is in the Ready condition, and the pods it hits are counted', async () => {
    await createPolicy('broken', { mode: 'warn', rules: [{ name: 'r', expression: 'guest.vcpus +' }] });
    const found = await status('not ready', 'broken', ({ conditions = [] }) =>
      conditions.some(({ type, status: value }) => type === 'Ready' && value === 'False'),
    );
    expect(found.conditions?.[0]?.message).toContain('spec.rules[0].expression');
    expect(found.violating).toBe(found.matching);
  }, 60_000);

  test('when all is told nothing more is written', async () => {
    await leaseGivenBack();
    // Two intervals, after which every status is looked at once more.
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const all = async (): Promise<string> => JSON.stringify((await api.client.get<{ items: object[] }>(policies())).items);
    const before = [await all(), JSON.stringify(await lease())];
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    expect([await all(), JSON.stringify(await lease())]).toEqual(before);
  }, 60_000);
});
