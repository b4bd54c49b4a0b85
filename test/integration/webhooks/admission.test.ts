import { KubeError } from '../../../kube/errors.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import type { Pod } from '../../../api/pod.ts';
import { render } from '../../../cli/render.ts';
import type { WebhookService } from '../../../webhooks/service.ts';
import { container, plainPod, vmPod } from '../../build/pod.ts';
import { startApiServer } from '../api-server.ts';
import type { ApiServer } from '../api-server.ts';
import { applyPolicies, eventually, makeNamespace, makeNode, policiesInForce, published, startWebhook } from './rig.ts';

const NAMESPACE = 'team';
const pods = pathOf(KINDS.pods, { namespace: NAMESPACE });
const podPath = (name: string, subresource?: string): string =>
  pathOf(KINDS.pods, { namespace: NAMESPACE, name, ...(subresource === undefined ? {} : { subresource }) });
const RESTRICTED = {
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  runAsUser: 1000,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

let api: ApiServer;
let service: WebhookService;
let counter = 0;
const fresh = (): string => `p${(counter += 1)}`;

beforeAll(async () => {
  api = await startApiServer({ withoutAdmission: [] });
  for (const name of ['podvisor-system', 'podvisor-agent', 'kube-system']) await makeNamespace(api, name, 'privileged');
  await makeNamespace(api, NAMESPACE);
  await makeNode(api, 'node1', { 'podvisor.dev/tcg': '10' });
  await applyPolicies(api);
  await policiesInForce(api, 'kube-system');
  service = await startWebhook(api);
  await eventually(() => published(api), Boolean);
  await eventually(
    () => create(vmPod({ name: fresh(), namespace: NAMESPACE })),
    (text) => text === 'created',
  );
}, 120_000);

afterAll(async () => {
  await service.stop();
  await api.close();
}, 30_000);

async function create(pod: Pod, query: Record<string, string> = {}): Promise<string> {
  try {
    await api.client.create(pathOf(KINDS.pods, { namespace: pod.metadata.namespace ?? NAMESPACE }), pod, query);
    return 'created';
  } catch (error) {
    if (error instanceof KubeError) return error.message;
    throw error;
  }
}

async function attempt(change: Promise<unknown>): Promise<string> {
  return change.then(
    () => 'done',
    (error: unknown) => (error as Error).message,
  );
}

const named = (fields: Parameters<typeof vmPod>[0] = {}): Pod => vmPod({ name: fresh(), namespace: NAMESPACE, ...fields });

test('a labelled pod becomes a launcher that Pod Security restricted admits, and the user is told it will be slow', async () => {
  const pod = named();
  const answer = await api.raw(pods, pod);
  expect(answer.body).toMatchObject({ kind: 'Pod' });
  expect(answer.warnings).toContain('emulated');
  const stored = await api.client.get<Pod>(podPath(pod.metadata.name!));
  expect(stored.spec).toMatchObject({ schedulerName: 'podvisor-scheduler', automountServiceAccountToken: false });
  expect(stored.spec.containers[0]).toMatchObject({
    command: ['/usr/bin/podvisor-launch'],
    image: 'localhost/podvisor/launcher:dev',
  });
  expect(JSON.stringify(stored.spec)).not.toContain('kube-api-access');
});

test('a stored pod, sent again under its name, needs no second mutation; under another it would have the MAC address of the first', async () => {
  const pod = named({ sidecars: [container({ securityContext: RESTRICTED })] });
  const name = pod.metadata.name!;
  expect(await create(pod)).toBe('created');
  const stored = await api.client.get<Pod>(podPath(name));
  const copy = (as: string): Pod => ({
    ...stored,
    metadata: { name: as, namespace: NAMESPACE, labels: stored.metadata.labels!, annotations: stored.metadata.annotations! },
  });
  expect(await create(copy(fresh()))).toContain('(networks[0].mac)');
  await api.client.delete(podPath(name), { gracePeriodSeconds: 0 });
  expect(await create(copy(name))).toBe('created');
  expect((await api.client.get<Pod>(podPath(name))).spec).toEqual(stored.spec);
});

test('a sidecar keeps its token and its fields', async () => {
  const pod = named({ sidecars: [container({ securityContext: RESTRICTED, env: [{ name: 'A', value: 'b' }] })] });
  expect(await create(pod)).toBe('created');
  const stored = await api.client.get<Pod>(podPath(pod.metadata.name!));
  expect(stored.spec.containers[1]).toMatchObject({
    env: [{ name: 'A', value: 'b' }],
    volumeMounts: [{ mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }],
  });
});

test('`podvisor render` shows, without a cluster, the guest and the launcher that the API server stores', async () => {
  const pod = named({ sidecars: [container({ securityContext: RESTRICTED })] });
  expect(await create(pod)).toBe('created');
  const stored = await api.client.get<Pod>(podPath(pod.metadata.name!));
  const rendered = render(pod, { launcherImage: 'localhost/podvisor/launcher:dev', accelerators: { kvm: false, tcg: true } });
  const shown = rendered.type === 'vm' ? rendered.pod : undefined;
  expect(shown?.metadata.annotations).toEqual(stored.metadata.annotations);
  expect(stored.spec.containers[0]).toMatchObject(shown?.spec.containers[0] ?? {});
  // The API server adds the sidecar's token.
  const ours = stored.spec.volumes?.filter(({ name }) => name.startsWith('podvisor-'));
  expect(ours).toMatchObject(shown?.spec.volumes ?? []);
  expect(stored.spec).toMatchObject({ schedulerName: shown?.spec.schedulerName, readinessGates: shown?.spec.readinessGates });
});

test('W14: a dry run stores nothing', async () => {
  const pod = named();
  expect(await create(pod, { dryRun: 'All' })).toBe('created');
  await expect(api.client.get(podPath(pod.metadata.name!))).rejects.toMatchObject({ status: 404 });
});

test.each<[string, () => Pod, string]>([
  [
    'label with another value',
    () => named({ labels: { 'podvisor.dev/vm': 'yes' } }),
    'metadata.labels[podvisor.dev/vm]: "yes": allowed: "true"',
  ],
  ['unknown annotation', () => named({ annotations: { 'podvisor.dev/bot': 'disk' } }), 'metadata.annotations[podvisor.dev/bot]'],
  ['two guest containers', () => named({ annotations: { 'podvisor.dev/container': 'a,b' } }), 'names more than one container'],
  ['fractional memory', () => named({ guest: { resources: { limits: { memory: '128.5Mi' } } } }), 'whole number of MiB'],
  [
    'too little memory',
    () => named({ guest: { resources: { limits: { memory: '1Mi' } } } }),
    'spec.containers[0].resources.limits.memory',
  ],
  ['no memory', () => named({ guest: { resources: {} } }), 'spec.containers[0].resources.limits.memory'],
  ['hostNetwork', () => named({ spec: { hostNetwork: true } }), 'spec.hostNetwork'],
  ['hostPID', () => named({ spec: { hostPID: true } }), 'spec.hostPID'],
  [
    'forged GuestSpec',
    () => named({ annotations: { 'podvisor.dev/guest': '{"version":"v1"}' } }),
    'metadata.annotations[podvisor.dev/guest]',
  ],
  ['preset launcher command', () => named({ guest: { command: ['/usr/bin/podvisor-launch'] } }), 'spec.containers[0].command'],
  [
    'own device request',
    () => named({ guest: { resources: { limits: { memory: '128Mi', 'podvisor.dev/kvm': '1' } } } }),
    'podvisor.dev/kvm',
  ],
])('W15, W16: refused, with the field: %s', async (_, pod, expected) => {
  const text = await create(pod());
  expect(text).toContain('Podvisor cannot run this pod as a VM');
  expect(text).toContain(expected);
});

test('a plain pod never meets us, and cannot take a VM slot', async () => {
  const plain = plainPod({ name: fresh(), namespace: NAMESPACE, containers: [container({ securityContext: RESTRICTED })] });
  expect(await create(plain)).toBe('created');
  const limits = { 'podvisor.dev/tcg': '1' };
  const greedy = plainPod({
    name: fresh(),
    namespace: NAMESPACE,
    containers: [container({ securityContext: RESTRICTED, resources: { limits } })],
  });
  expect(await create(greedy)).toContain('VM slots');
});

test('a labelled pod in a namespace we do not serve is refused, not run as a container', async () => {
  expect(await create(vmPod({ name: fresh(), namespace: 'kube-system' }))).toContain(
    'Podvisor does not serve namespace kube-system',
  );
});

describe('W17: updates of a VM pod', () => {
  const merge = (name: string, body: object, subresource?: string): Promise<string> =>
    attempt(
      api.client.patch(podPath(name), {
        type: subresource === 'resize' ? 'strategic' : 'merge',
        body,
        ...(subresource === undefined ? {} : { subresource }),
      }),
    );
  let name: string;
  beforeAll(async () => {
    const pod = named({ sidecars: [container({ securityContext: RESTRICTED, resources: { limits: { cpu: '1' } } })] });
    name = pod.metadata.name!;
    expect(await create(pod)).toBe('created');
  });

  test('the label stays', async () => {
    expect(await merge(name, { metadata: { labels: { 'podvisor.dev/vm': null } } })).toContain('keeps its label');
    expect(await merge(name, { metadata: { labels: { 'podvisor.dev/vm': 'no' } } })).toContain('keeps its label');
    expect(await merge(name, { metadata: { labels: { other: 'x' } } })).toBe('done');
  });

  test('the GuestSpec and the launcher image stay', async () => {
    expect(await merge(name, { metadata: { annotations: { 'podvisor.dev/guest': '{}' } } })).toContain('written by Podvisor');
    const image = { spec: { containers: [{ name: 'guest', image: 'evil' }] } };
    expect(await attempt(api.client.patch(podPath(name), { type: 'strategic', body: image }))).toContain(
      'spec.containers[0].image: "evil"',
    );
  });

  test('T5: a plain pod cannot be labelled', async () => {
    const plain = plainPod({ name: fresh(), namespace: NAMESPACE, containers: [container({ securityContext: RESTRICTED })] });
    await create(plain);
    expect(await merge(plain.metadata.name!, { metadata: { labels: { 'podvisor.dev/vm': 'true' } } })).toContain(
      'cannot become a VM',
    );
  });

  test('the guest cannot be resized, a sidecar can', async () => {
    const resize = (which: string, cpu: string): object => ({
      spec: { containers: [{ name: which, resources: { limits: { cpu }, requests: { cpu } } }] },
    });
    expect(await merge(name, resize('guest', '2'), 'resize')).toContain('cannot be resized yet');
    const sidecar = await merge(name, resize('side', '2'), 'resize');
    expect(sidecar).not.toContain('Podvisor');
  });

  test('a debug container may join, but not mount the disk', async () => {
    const debug = (volumeMounts: object[]): object => ({
      spec: {
        ephemeralContainers: [container({ name: 'debug', securityContext: RESTRICTED, volumeMounts: volumeMounts as [] })],
      },
    });
    expect(await merge(name, debug([{ name: 'podvisor-scratch', mountPath: '/x' }]), 'ephemeralcontainers')).toContain(
      'second writer',
    );
    expect(await merge(name, debug([]), 'ephemeralcontainers')).toBe('done');
  });
});

describe('when the configurations are deleted or changed', () => {
  test.each(['mutatingWebhooks', 'validatingWebhooks'] as const)('%s come back', async (kind) => {
    const path = pathOf(KINDS[kind], { name: 'podvisor' });
    await api.client.delete(path);
    await eventually(() => published(api), Boolean, 10_000);
    const body = [{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' }];
    await api.client.patch(path, { type: 'json', body });
    const policy = async (): Promise<string> =>
      (await api.client.get<{ webhooks: [{ failurePolicy: string }] }>(path)).webhooks[0].failurePolicy;
    await eventually(policy, (value) => value === 'Fail', 10_000);
  });

  test('nothing is written while nothing differs', async () => {
    const versions = async (): Promise<unknown[]> =>
      Promise.all(
        [KINDS.mutatingWebhooks, KINDS.validatingWebhooks].map(
          async (kind) => (await api.client.get<Pod>(pathOf(kind, { name: 'podvisor' }))).metadata.resourceVersion,
        ),
      );
    const before = await versions();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await versions()).toEqual(before);
  });
});
