import { LAUNCHER_SECURITY_CONTEXT } from '../../../api/launcher-security.ts';
import type { Pod } from '../../../api/pod.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import { createMetrics } from '../../../runtime/metrics.ts';
import type { WebhookService } from '../../../webhooks/service.ts';
import { container, plainPod, vmPod } from '../../build/pod.ts';
import { policyObject } from '../../build/policy.ts';
import { startApiServer } from '../api-server.ts';
import type { ApiServer } from '../api-server.ts';
import { eventually, makeNamespace, makeNode, published, startWebhook } from '../webhooks/rig.ts';
import { applyPolicyCrd, policyPath, tryCreate } from './rig.ts';

const metrics = createMetrics('webhook');
let api: ApiServer;
let service: WebhookService;
let counter = 0;
let namespace = '';

beforeAll(async () => {
  api = await startApiServer({ withoutAdmission: [] });
  await applyPolicyCrd(api);
  await makeNamespace(api, 'podvisor-system', 'privileged');
  await makeNode(api, 'node1', { 'podvisor.dev/tcg': '10' });
  service = await startWebhook(api, { metrics });
  await eventually(() => published(api), Boolean);
  await makeNamespace(api, 'start');
  const probe = (): Promise<string> => tryCreate(api, pathOf(KINDS.pods, { namespace: 'start' }), vmPod({ name: 'probe', namespace: 'start' }), { dryRun: 'All' }); // prettier-ignore
  await eventually(probe, (text) => text === 'created');
}, 120_000);

afterAll(async () => {
  await service.stop();
  await api.close();
}, 30_000);

/** Every test has a namespace of its own, which its policies select by name. */
beforeEach(async () => {
  namespace = `n${(counter += 1)}`;
  await makeNamespace(api, namespace);
});

const here = (): object => ({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } });
const pods = (): string => pathOf(KINDS.pods, { namespace });
const pod = (fields: Parameters<typeof vmPod>[0] = {}): Pod => vmPod({ name: `p${(counter += 1)}`, namespace, ...fields });
const create = (object: Pod, query: Record<string, string> = {}): Promise<string> => tryCreate(api, pods(), object, query);

/** Creates a policy for this test's namespace; resolves when the webhook knows it: `marker` then refuses a pod that carries its name. */
async function policies(specs: Record<string, object>): Promise<void> {
  for (const [name, spec] of Object.entries(specs)) {
    expect(await tryCreate(api, policyPath(), policyObject(`${namespace}-${name}`, { ...here(), ...spec }))).toBe('created');
  }
  const marker = { rules: [{ name: 'known', expression: "!('marker' in pod.metadata.labels)" }] };
  await api.client.create(policyPath(), policyObject(`${namespace}-marker`, { ...here(), ...marker }));
  await eventually(
    () => create(pod({ labels: { marker: 'x' } }), { dryRun: 'All' }),
    (text) => text.includes("rule 'known'"),
  );
}

test('a refusal names policy, field, value, what is allowed and whom to ask; a dry run shows all violations at once', async () => {
  await policies({
    small: { guest: { vcpus: { maximum: 2 }, memory: { maximum: '1Gi' } }, message: 'ask lab@example.com' },
    images: { images: { allowed: ['reg.io/**'] } },
  });
  const big = pod({
    annotations: { 'podvisor.dev/frmware': 'bios' },
    guest: { resources: { limits: { cpu: '4', memory: '2Gi' } } },
  });
  const text = await create(big, { dryRun: 'All' });
  expect(text).toContain("did you mean 'podvisor.dev/firmware'?");
  expect(text).toContain(
    `spec.containers[0].resources.limits.cpu: "4": is 4; allowed: at most 2 (policy '${namespace}-small': ask lab@example.com)`,
  );
  expect(text).toContain(`spec.containers[0].resources.limits.memory: "2Gi": is 2Gi; allowed: at most 1Gi`);
  expect(text).toContain(`localhost/podvisor/guest-tiny is not allowed; allowed: reg.io/** (policy '${namespace}-images')`);
});

test('defaults are in the stored pod as if its user had written them, and name their policy', async () => {
  await policies({
    base: { guest: { memory: { default: '256Mi' }, vcpus: { default: 2 }, cpuModel: { default: 'max' } } },
    lab: { priority: 5, guest: { memory: { default: '192Mi' } } },
  });
  const small = pod({ guest: { resources: {} } });
  expect(await create(small)).toBe('created');
  const stored = await api.client.get<Pod>(pathOf(KINDS.pods, { namespace, name: small.metadata.name! }));
  expect(stored.metadata.annotations).toMatchObject({
    'podvisor.dev/cpu-model': 'max',
    'podvisor.dev/policy-defaults': `memory=${namespace}-lab,cpuModel=${namespace}-base,vcpus=${namespace}-base`,
  });
  expect(JSON.parse(stored.metadata.annotations!['podvisor.dev/guest']!)).toMatchObject({ vcpus: 2, memoryBytes: 192 * 2 ** 20 });
  expect(stored.spec.containers[0]?.resources?.limits).toMatchObject({ cpu: '2' });
});

test('a default that cannot be is blamed on its policy', async () => {
  await policies({ kvm: { guest: { accelerator: { default: 'tcg' }, cpuModel: { default: 'host' } } } });
  expect(await create(pod())).toContain(`(the default of policy '${namespace}-kvm')`);
});

test('mode warn warns, mode audit tells the audit log and the metric, neither refuses', async () => {
  await policies({
    soon: { mode: 'warn', guest: { vcpus: { maximum: 0 } }, message: 'from May on' },
    watch: { mode: 'audit', guest: { vcpus: { maximum: 0 } } },
  });
  const answer = await api.raw(pods(), pod());
  expect(answer.status).toBe(201);
  expect(answer.warnings).toContain(`allowed: at most 0 (policy '${namespace}-soon': from May on)`);
  expect(answer.warnings).not.toContain(`${namespace}-watch`);
  const counted = await metrics.registry.metrics();
  expect(counted).toMatch(new RegExp(`policy_violations_total\\{[^}]*policy="${namespace}-watch",mode="audit"[^}]*\\} 1`));
  expect(counted).toMatch(new RegExp(`policy_violations_total\\{[^}]*policy="${namespace}-soon",mode="warn"[^}]*\\} 1`));
});

test('an exemption holds until its day is over, and for its pods only', async () => {
  const never = { guest: { vcpus: { maximum: 0 } } };
  const legacy = { podSelector: { matchLabels: { app: 'legacy' } } };
  await policies({
    now: { ...never, exemptions: [{ reason: 'moves in May', ...legacy, until: '2999-12-31' }] },
    over: {
      podSelector: { matchLabels: { app: 'old' } },
      ...never,
      exemptions: [{ reason: 'was', ...here(), until: '2020-01-01' }],
    },
  });
  expect(await create(pod())).toContain(`${namespace}-now`);
  expect(await create(pod({ labels: { app: 'legacy' } }))).toBe('created');
  expect(await create(pod({ labels: { app: 'old' } }))).toContain(`${namespace}-over`);
});

test('an exemption for a user holds for who creates the pod', async () => {
  await policies({ none: { guest: { vcpus: { maximum: 0 } }, exemptions: [{ reason: 'the admin may', users: ['admin'] }] } });
  expect(await create(pod())).toBe('created');
});

describe('limits of a namespace', () => {
  const size = { guest: { resources: { limits: { cpu: '2', memory: '128Mi' } } } };

  test('count what is there and what was admitted a moment ago, never dry runs; an ended VM makes room', async () => {
    await policies({ limits: { limits: { vms: 3, vcpus: 5 } } });
    for (let round = 0; round < 5; round += 1) expect(await create(pod(size), { dryRun: 'All' })).toBe('created');
    // At once, so that the watch cannot have shown the first when the last is judged.
    const first = pod(size);
    const answers = await Promise.all([first, pod(size), pod(size)].map((one) => create(one)));
    expect(answers.filter((text) => text === 'created')).toHaveLength(2);
    expect(answers.find((text) => text !== 'created')).toContain(
      `metadata.namespace: "${namespace}": has 4 of vCPUs, this pod needs 2; allowed in the namespace: 5`,
    );
    const stored = await api.client.get<{ items: Pod[] }>(pods());
    await api.client.delete(`${pathOf(KINDS.pods, { namespace, name: stored.items[0]!.metadata.name! })}?gracePeriodSeconds=0`);
    await eventually(
      () => create(pod(size)),
      (text) => text === 'created',
    );
  });

  test('T5: a plain pod that carries a VM’s annotations and labels takes no room', async () => {
    await policies({ limits: { limits: { vms: 2 } } });
    expect(await create(pod(size))).toBe('created');
    const [stored] = (await api.client.get<{ items: Pod[] }>(pods())).items;
    const { 'podvisor.dev/vm': mark, ...labels } = stored!.metadata.labels!;
    expect(mark).toBe('true');
    const forged = plainPod({ name: 'forged', namespace, labels, annotations: stored!.metadata.annotations!, containers: [container({ securityContext: LAUNCHER_SECURITY_CONTEXT })] }); // prettier-ignore
    expect(await create(forged)).toBe('created');
    expect(await create(pod(size))).toBe('created');
    expect(await create(pod(size))).toContain('has 2 of VM pods');
  });

  test('hold for pods that get their name from the API server', async () => {
    await policies({ limits: { limits: { vms: 1 } } });
    const { namespace: own = '', labels = {} } = pod().metadata;
    const generated: Pod = { ...pod(), metadata: { namespace: own, labels, generateName: 'vm-' } };
    expect(await create(generated)).toBe('created');
    expect(await create(generated)).toContain('has 1 of VM pods');
  });
});

describe('a policy is refused when it is written', () => {
  const write = (name: string, spec: object): Promise<string> =>
    tryCreate(api, policyPath(), policyObject(`${namespace}-${name}`, { ...here(), ...spec }));

  test('with an expression that does not compile, or costs too much', async () => {
    expect(await write('a', { rules: [{ name: 'r', expression: 'guest.vcpus >' }] })).toContain(
      'Podvisor refuses this policy: spec.rules[0].expression: "guest.vcpus >": Unexpected token',
    );
    const deep = 'pod.a.all(a, pod.b.all(b, pod.c.all(c, pod.d.all(d, a == b))))';
    expect(await write('a', { rules: [{ name: 'r', expression: deep }] })).toContain('steps for an ordinary pod');
  });

  test('with a forced annotation that does nothing yet', async () => {
    expect(await write('a', { migration: { forced: 'never' } })).toContain('podvisor.dev/migration is not supported yet');
  });

  test('with a default that ties with another policy, also as an update', async () => {
    await policies({ one: { guest: { memory: { default: '1Gi' } } } });
    const tie = { guest: { memory: { default: '2Gi' } } };
    expect(await write('two', tie)).toContain(`policy '${namespace}-one' has the same priority (0)`);
    expect(await write('two', { ...tie, priority: 1 })).toBe('created');
    const path = policyPath(`${namespace}-two`);
    const update = api.client.patch(path, { type: 'merge', body: { spec: { priority: 0 } } });
    await expect(update).rejects.toThrow('has the same priority (0)');
    await api.client.patch(path, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } });
  });
});

test('a policy this version cannot read refuses what it selects, by name', async () => {
  // As after a downgrade, or stored while we were down: the CRD takes a field that we do not know.
  await policies({ newer: { podSelector: { matchLabels: { app: 'db' } } } });
  const crd = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/virtualmachinepolicies.podvisor.dev';
  const open = { op: 'add', path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec/x-kubernetes-preserve-unknown-fields', value: true }; // prettier-ignore
  await api.client.patch(crd, { type: 'json', body: [open] });
  await service.stop();
  await api.client.delete(pathOf(KINDS.validatingWebhooks, { name: 'podvisor' }));
  const colour = async (): Promise<unknown> => {
    const path = policyPath(`${namespace}-newer`);
    const body = { spec: { colour: 'red' } };
    return api.client.patch<{ spec: { colour?: string } }>(path, { type: 'merge', body }).then(
      ({ spec }) => spec.colour,
      (error: unknown) => (error as Error).message,
    );
  };
  await eventually(colour, (value) => value === 'red');
  service = await startWebhook(api);
  await eventually(() => published(api), Boolean);
  const refusal = `VirtualMachinePolicy ${namespace}-newer: the policy cannot be read`;
  await eventually(() => create(pod({ labels: { app: 'db' } })), (text) => text.includes(refusal)); // prettier-ignore
  expect(await create(pod())).toBe('created');
}, 60_000);
