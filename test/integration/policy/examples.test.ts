import type { Pod } from '../../../api/pod.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import type { WebhookService } from '../../../webhooks/service.ts';
import { vmPod } from '../../build/pod.ts';
import { examplePolicy, POLICY_EXAMPLES } from '../../build/policy-examples.ts';
import { startApiServer } from '../api-server.ts';
import type { ApiServer } from '../api-server.ts';
import { eventually, makeNamespace, makeNode, published, startWebhook } from '../webhooks/rig.ts';
import { applyPolicyCrd, policyPath, tryCreate } from './rig.ts';

let api: ApiServer;
let service: WebhookService;

/** All ten at once, written as `kubectl apply` does, through the CRD and our own webhook. */
beforeAll(async () => {
  api = await startApiServer({ withoutAdmission: [] });
  await applyPolicyCrd(api);
  await makeNamespace(api, 'podvisor-system', 'privileged');
  await makeNode(api, 'node1', { 'podvisor.dev/tcg': '10' });
  service = await startWebhook(api);
  await eventually(() => published(api), Boolean);
  await eventually(
    () => tryCreate(api, policyPath(), { ...examplePolicy(POLICY_EXAMPLES[0]!), spec: { rules: [{ name: 'a', expression: '(' }] } }),
    (text) => text.includes('Podvisor refuses this policy'),
  ); // prettier-ignore
  for (const example of POLICY_EXAMPLES) {
    expect(await tryCreate(api, policyPath(), examplePolicy(example), { fieldValidation: 'Strict' })).toBe('created');
  }
}, 120_000);

afterAll(async () => {
  await service.stop();
  await api.close();
}, 30_000);

test.each(POLICY_EXAMPLES.map((example) => [example.file, example] as const))(
  '%s lets a pod pass and refuses another',
  async (file, { labels, good, bad, says, guest = {} }) => {
    const namespace = `ns-${file.slice(0, 2)}`;
    await makeNamespace(api, namespace);
    await api.client.patch(pathOf(KINDS.namespaces, { name: namespace }), { type: 'merge', body: { metadata: { labels } } });
    const path = pathOf(KINDS.pods, { namespace });
    await eventually(
      () => tryCreate(api, path, vmPod({ name: 'bad', namespace, ...bad }), { dryRun: 'All' }),
      (text) => text.includes(says),
    );
    expect(await tryCreate(api, path, vmPod({ name: 'good', namespace, ...good }))).toBe('created');
    const stored = await api.client.get<Pod>(`${path}/good`);
    expect(JSON.parse(stored.metadata.annotations!['podvisor.dev/guest']!)).toMatchObject(guest);
  },
);
