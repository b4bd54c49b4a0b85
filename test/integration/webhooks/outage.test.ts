import { isNotFound, KubeError } from '../../../kube/errors.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import type { Pod } from '../../../api/pod.ts';
import { mutatePod } from '../../../webhooks/pod/mutate-pod.ts';
import { probeSelf } from '../../../webhooks/publish/self-probe.ts';
import { PROBE_PATH } from '../../../webhooks/names.ts';
import type { WebhookService } from '../../../webhooks/service.ts';
import { container, plainPod, vmPod } from '../../build/pod.ts';
import { startApiServer } from '../api-server.ts';
import type { ApiServer } from '../api-server.ts';
import { applyPolicies, eventually, makeNamespace, makeNode, policiesInForce, published, startWebhook } from './rig.ts';

// Pod Security would answer before the policies in a restricted namespace; here the policies are what is tested.
const NAMESPACE = 'free';
const SECRET = pathOf(KINDS.secrets, { namespace: 'podvisor-system', name: 'podvisor-webhook-tls' });
const MUTATING = pathOf(KINDS.mutatingWebhooks, { name: 'podvisor' });

let api: ApiServer;
let counter = 0;
const fresh = (): string => `p${(counter += 1)}`;

beforeAll(async () => {
  api = await startApiServer({ withoutAdmission: [] });
  for (const name of ['podvisor-system', 'podvisor-agent', NAMESPACE]) await makeNamespace(api, name, 'privileged');
  await makeNode(api, 'node1', { 'podvisor.dev/tcg': '10' });
  await applyPolicies(api);
  await policiesInForce(api, NAMESPACE);
}, 120_000);

afterAll(() => api.close(), 30_000);

async function create(pod: Pod, query: Record<string, string> = { dryRun: 'All' }): Promise<string> {
  try {
    await api.client.create(pathOf(KINDS.pods, { namespace: NAMESPACE }), pod, query);
    return 'created';
  } catch (error) {
    if (error instanceof KubeError) return error.message;
    throw error;
  }
}

const vm = (): Pod => vmPod({ name: fresh(), namespace: NAMESPACE });
const plain = (): Pod => plainPod({ name: fresh(), namespace: NAMESPACE });

describe('with no webhook configuration at all', () => {
  test('W5: a labelled pod is refused by the API server alone, and told what to do', async () => {
    const text = await create(vm());
    expect(text).toContain('Podvisor has not turned this pod into a VM');
    expect(text).toContain('kubectl get pods -n podvisor-system');
    expect(await create(vmPod({ name: fresh(), namespace: NAMESPACE, labels: { 'podvisor.dev/vm': 'yes' } }))).toContain(
      'label podvisor.dev/vm',
    );
  });

  test('what admission writes passes the policy; with any part of the shape missing it does not', async () => {
    const result = mutatePod(vm(), { launcherImage: 'l', accelerators: { kvm: true, tcg: true }, namespace: NAMESPACE });
    const pod = result.ok ? result.patched : vm();
    expect(await create(pod)).toBe('created');
    const guest = (fields: object): Pod => ({
      ...pod,
      spec: { ...pod.spec, containers: [{ ...pod.spec.containers[0]!, ...fields }] },
    });
    const broken: [string, Pod][] = [
      ['annotation', { ...pod, metadata: { ...pod.metadata, annotations: {} } }],
      ['readiness gate', { ...pod, spec: { ...pod.spec, readinessGates: [] } }],
      ['launch', guest({ command: ['/bin/sh'] })],
      ['slot', guest({ resources: { limits: { memory: '1Gi' } } })],
      ['security context', guest({ securityContext: {} })],
      [
        'security context',
        guest({
          securityContext: { ...pod.spec.containers[0]!.securityContext, capabilities: { drop: ['ALL'], add: ['SYS_ADMIN'] } },
        }),
      ],
      ['mount of podvisor-boot', guest({ volumeMounts: [] })],
    ];
    for (const [missing, shape] of broken) expect(await create(shape)).toContain(missing);
  });

  test('T5: a stored plain pod does not become a VM, nor a stored VM a plain pod; their other labels change', async () => {
    const result = mutatePod(vm(), { launcherImage: 'l', accelerators: { kvm: true, tcg: true }, namespace: NAMESPACE });
    const [machine, ordinary] = [result.ok ? result.patched : vm(), plain()];
    const pods = pathOf(KINDS.pods, { namespace: NAMESPACE });
    for (const pod of [machine, ordinary]) expect(await create(pod, {})).toBe('created');
    const label = (pod: Pod, labels: Record<string, string | null>): Promise<string> =>
      api.client.patch(`${pods}/${pod.metadata.name ?? ''}`, { type: 'merge', body: { metadata: { labels } } }).then(
        () => 'changed',
        (error: unknown) => (error as KubeError).message,
      );
    for (const value of ['true', 'yes'])
      expect(await label(ordinary, { 'podvisor.dev/vm': value })).toContain('a plain pod cannot become a VM');
    expect(await label(machine, { 'podvisor.dev/vm': null })).toContain('keeps its label');
    for (const pod of [machine, ordinary]) expect(await label(pod, { team: 'a' })).toBe('changed');
    for (const pod of [machine, ordinary]) await api.client.delete(`${pods}/${pod.metadata.name ?? ''}`);
  });

  test('plain pods are created', async () => {
    expect(await create(plain())).toBe('created');
    expect(
      await create(plainPod({ name: fresh(), namespace: NAMESPACE, spec: { initContainers: [container({ name: 'init' })] } })),
    ).toBe('created');
  });
});

test('W9: the configuration is published only when we answer where it points', async () => {
  const nowhere = await startWebhook(api, { target: () => ({ url: 'https://localhost:1' }) });
  await new Promise((resolve) => setTimeout(resolve, 3000));
  expect(await published(api)).toBe(false);
  await nowhere.stop();
}, 30_000);

describe('certificates that live for seconds', () => {
  let service: WebhookService;
  const trust = async (): Promise<string> => {
    const configuration = await api.client.get<{ webhooks: [{ clientConfig: { caBundle: string } }] }>(MUTATING);
    return Buffer.from(configuration.webhooks[0].clientConfig.caBundle, 'base64').toString();
  };
  const secret = async (): Promise<Record<string, string>> =>
    (await api.client.get<{ data: Record<string, string> }>(SECRET)).data;
  /** Undefined while it is away. */
  const foundSecret = async (): Promise<Record<string, string> | undefined> => {
    try {
      return await secret();
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  /** A new connection each time, with what the API server trusts: its own connections are kept alive and would hide a bad certificate. */
  const handshake = async (): Promise<string> =>
    probeSelf({ host: 'localhost', port: service.port, serverName: 'localhost', path: PROBE_PATH, trust: await trust() });

  beforeAll(async () => {
    // What an earlier test issued lives for a month.
    await api.client.delete(SECRET);
    service = await startWebhook(api, {
      lifetimes: { authorityMs: 36_000, leafMs: 16_000, settleMs: 4000, backdateMs: 300_000 },
    });
    await eventually(() => published(api), Boolean);
    await eventually(
      () => create(vm()),
      (text) => text === 'created',
    );
  }, 60_000);
  afterAll(() => service.stop());

  test.each<[string, () => Promise<unknown>]>([
    ['deleted', () => api.client.delete(SECRET)],
    ['corrupt', () => api.client.patch(SECRET, { type: 'merge', body: { data: { 'tls.key': 'aGVsbG8=' } } })],
    ['emptied', () => api.client.patch(SECRET, { type: 'json', body: [{ op: 'remove', path: '/data' }] })],
  ])(
    'W22: a Secret that is %s is written anew, and nobody notices',
    async (_, spoil) => {
      const before = await eventually(foundSecret, Boolean);
      await spoil();
      for (let round = 0; round < 40; round++) {
        expect([await create(vm()), await handshake()]).toEqual(['created', '']);
      }
      const renewed = (data?: Record<string, string>): boolean =>
        data?.['ca.key'] !== undefined && data['ca.key'] !== before?.['ca.key'] && data['tls.key'] !== 'aGVsbG8=';
      await eventually(foundSecret, renewed, 10_000);
    },
    30_000,
  );

  test('W3: when nobody answers, VM pods are refused with a hint, plain pods are created', async () => {
    await service.stop();
    const text = await create(vm());
    expect(text).toContain('failed calling webhook "mutate.podvisor.dev"');
    expect(text).toContain(
      'podvisor-does-not-answer/so-vm-pods-are-refused-for-now/check.with.kubectl-get-pods--namespace-podvisor-system',
    );
    expect(await create(plain())).toBe('created');
  }, 30_000);
});
