import { KubeError } from '../../../kube/errors.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import type { Pod } from '../../../api/pod.ts';
import { createMetrics } from '../../../runtime/metrics.ts';
import { POLICIES } from '../../../webhooks/publish/gen/policies.ts';
import type { WebhookService } from '../../../webhooks/service.ts';
import { vmPod } from '../../build/pod.ts';
import { startApiServer } from '../api-server.ts';
import type { ApiServer } from '../api-server.ts';
import { applyPolicies, clientOf, eventually, makeNamespace, makeNode, policiesInForce, published, startWebhook } from './rig.ts';

// Pod Security would answer before the policies in a restricted namespace; here the policies are what is tested.
const NAMESPACE = 'free';
const pods = pathOf(KINDS.pods, { namespace: NAMESPACE });

let api: ApiServer;
let service: WebhookService;
const metrics = createMetrics('webhook');
let counter = 0;

beforeAll(async () => {
  api = await startApiServer({ withoutAdmission: [] });
  for (const name of ['podvisor-system', NAMESPACE]) await makeNamespace(api, name, 'privileged');
  await makeNode(api, 'node1', { 'podvisor.dev/tcg': '10' });
  await applyPolicies(api);
  await policiesInForce(api, NAMESPACE);
  // As in a cluster: with the permissions of the manifest only.
  const client = await clientOf(api, 'webhook-rbac.yaml', 'podvisor-webhook');
  service = await startWebhook(api, { client, metrics });
  await eventually(() => published(api), Boolean);
  await eventually(create, (text) => text === 'mutated');
}, 120_000);

afterAll(async () => {
  await service.stop();
  await api.close();
}, 30_000);

/** What became of a VM pod: `mutated`, `unmutated` (never!) or why it was refused. */
async function create(): Promise<string> {
  const pod = vmPod({ name: `p${(counter += 1)}`, namespace: NAMESPACE });
  try {
    const stored = await api.client.create<Pod>(pods, pod);
    return stored.metadata.annotations?.['podvisor.dev/guest'] === undefined ? 'unmutated' : 'mutated';
  } catch (error) {
    if (error instanceof KubeError) return error.message;
    throw error;
  }
}

const restoredEvents = async (name: string): Promise<string[]> => {
  const { items } = await api.client.get<{
    items: { regarding: { name: string; kind: string }; reason: string; note: string }[];
  }>(pathOf(KINDS.events, { namespace: 'default' }));
  return items.filter(({ regarding, reason }) => regarding.name === name && reason === 'Restored').map(({ note }) => note);
};

test('W5: the webhook configuration deleted while VM pods are created: none is stored unmutated, and it is back within 10 s', async () => {
  const path = pathOf(KINDS.mutatingWebhooks, { name: 'podvisor' });
  const results = new Set<string>();
  for (let round = 0; round < 5; round++) {
    await api.client.delete(path);
    for (let turn = 0; turn < 20; turn++) results.add(await create());
    await eventually(() => published(api), Boolean, 10_000);
  }
  await eventually(create, (text) => text === 'mutated', 10_000);
  expect(results).not.toContain('unmutated');
  const refusals = [...results].filter((text) => text !== 'mutated');
  for (const text of refusals) expect(text).toMatch(/podvisor/i);
  expect(
    await eventually(
      () => restoredEvents('podvisor'),
      (notes) => notes.length > 0,
    ),
  ).toEqual(expect.arrayContaining([expect.stringContaining('was deleted and has been restored by podvisor-webhook')]));
}, 120_000);

const spoilt: [string, (path: string) => Promise<unknown>, string][] = [
  ['deleted', (path) => api.client.delete(path), 'was deleted'],
  [
    'changed',
    (path) => {
      const field = path.includes('bindings') ? { validationActions: ['Audit'] } : { failurePolicy: 'Ignore' };
      return api.client.patch(path, { type: 'merge', body: { spec: field } });
    },
    'was changed',
  ],
];

describe.each(POLICIES.map((policy) => [`${policy.kind} ${policy.metadata.name}`, policy] as const))('%s', (_, policy) => {
  const kind = policy.kind.endsWith('Binding') ? KINDS.admissionPolicyBindings : KINDS.admissionPolicies;
  const path = pathOf(kind, { name: policy.metadata.name });
  const spec = (): Promise<unknown> =>
    api.client.get<{ spec: unknown }>(path).then(
      (found) => found.spec,
      () => undefined,
    );

  test.each(spoilt)(
    'W6: %s, it is restored within 10 s, with an Event and a count',
    async (how, spoil, note) => {
      const before = await spec();
      await spoil(path);
      await eventually(spec, (now) => JSON.stringify(now) === JSON.stringify(before), 10_000);
      // The same Event about an object with another UID is another Event; a changed one is told once a minute.
      if (how === 'deleted') {
        const notes = await eventually(
          () => restoredEvents(policy.metadata.name),
          (found) => found.length > 0,
        );
        expect(notes.join()).toContain(note);
      }
      const label = `podvisor_restored_total{kind="${policy.kind}",name="${policy.metadata.name}"}`;
      await eventually(
        () => metrics.registry.metrics(),
        (text) => text.includes(label),
      );
    },
    30_000,
  );
});

test('after all this nothing is written any more', async () => {
  const paths = POLICIES.map(({ kind, metadata: { name } }) =>
    pathOf(kind.endsWith('Binding') ? KINDS.admissionPolicyBindings : KINDS.admissionPolicies, { name }),
  );
  const versions = async (): Promise<unknown[]> =>
    Promise.all(paths.map(async (path) => (await api.client.get<Pod>(path)).metadata.resourceVersion));
  const before = await versions();
  await new Promise((resolve) => setTimeout(resolve, 3000));
  expect(await versions()).toEqual(before);
}, 30_000);
