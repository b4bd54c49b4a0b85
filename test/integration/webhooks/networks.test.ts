import { KINDS, pathOf } from '../../../kube/paths.ts';
import { readStoredGuest } from '../../../api/parse-stored.ts';
import type { Pod } from '../../../api/pod.ts';
import { applyMultusKind } from '../multus-kind.ts';
import type { WebhookService } from '../../../webhooks/service.ts';
import { attachment } from '../../build/attachment.ts';
import { vmPod } from '../../build/pod.ts';
import { startApiServer } from '../api-server.ts';
import type { ApiServer } from '../api-server.ts';
import { eventually, makeNamespace, makeNode, published, startWebhook } from './rig.ts';

const NAMESPACE = 'team';
const NETWORKS = 'k8s.v1.cni.cncf.io/networks';
const pods = pathOf(KINDS.pods, { namespace: NAMESPACE });
const podPath = (name: string): string => pathOf(KINDS.pods, { namespace: NAMESPACE, name });

let api: ApiServer;
let service: WebhookService;

beforeAll(async () => {
  api = await startApiServer({ withoutAdmission: [] });
  for (const name of ['podvisor-system', NAMESPACE]) await makeNamespace(api, name);
  await makeNode(api, 'node1', { 'podvisor.dev/tcg': '10' });
  service = await startWebhook(api);
  await eventually(() => published(api), Boolean);
  await eventually(
    () => create(vmPod({ name: 'first', namespace: NAMESPACE })),
    (answer) => answer === 'created',
  );
}, 120_000);

afterAll(async () => {
  await service.stop();
  await api.close();
}, 30_000);

const create = (pod: Pod): Promise<string> =>
  api.client.create(pods, pod).then(
    () => 'created',
    (error: unknown) => (error as Error).message,
  );
const on = (name: string, networks: string): Pod => vmPod({ name, namespace: NAMESPACE, annotations: { [NETWORKS]: networks } });
const addNetwork = (name: string, config: object): Promise<unknown> =>
  api.client.create(pathOf(KINDS.networkAttachments, { namespace: NAMESPACE }), attachment(name, config, {}, NAMESPACE));
const stored = (name: string): Promise<Pod> => api.client.get<Pod>(podPath(name));

function networksOf(pod: Pod) {
  const guest = readStoredGuest(pod);
  if (!guest.ok) throw new Error(guest.reason);
  return guest.guest.networks;
}

test('without Multus’ kind a pod that names a network is refused; installed later, a network is found as soon as it is made', async () => {
  expect(await create(on('early', 'lan'))).toContain(`NetworkAttachmentDefinition 'team/lan' does not exist`);
  await applyMultusKind(api);
  await addNetwork('lan', { type: 'bridge' });
  expect(await create(on('late', 'lan'))).toBe('created');
  await addNetwork('narrow', { type: 'ipvlan' });
  expect(await create(on('never', 'narrow'))).toContain('share one MAC address');
}, 60_000);

test('guest and Multus are told the same addresses; the user’s own JSON keeps every byte', async () => {
  const text = '[{"name":"lan", "ips":["10.1.1.5/24"], "cni-args":{"x": 1.0}}]';
  expect(await create(on('told', text))).toBe('created');
  const pod = await stored('told');
  const mac = networksOf(pod)[1]?.mac;
  expect(pod.metadata.annotations?.[NETWORKS]).toBe(text.replace('}}]', `},"mac":"${String(mac)}"}]`));
});

test('pods that share a generateName have addresses of their own', async () => {
  const template = on('', 'lan');
  const made = await Promise.all(
    Array.from({ length: 4 }, () =>
      api.client.create<Pod>(pods, { ...template, metadata: { ...template.metadata, name: undefined, generateName: 'web-' } }),
    ),
  );
  const macs = made.flatMap((pod) => networksOf(pod).map(({ mac }) => mac));
  expect(new Set(macs).size).toBe(8);
});

test('a pod made anew under its name has its addresses again', async () => {
  await create(on('again', 'lan'));
  const before = networksOf(await stored('again'));
  await api.client.delete(podPath('again'), { gracePeriodSeconds: 0 });
  expect(await create(on('again', 'lan'))).toBe('created');
  expect(networksOf(await stored('again'))).toEqual(before);
});

test('the annotation as the user wrote it, applied again, changes nothing', async () => {
  await create(on('twice', 'lan@x0'));
  const before = await stored('twice');
  await api.client.patch(podPath('twice'), { type: 'merge', body: { metadata: { annotations: { [NETWORKS]: 'lan@x0' } } } });
  expect((await stored('twice')).metadata.annotations).toEqual(before.metadata.annotations);
  expect((await stored('twice')).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
});

test('an address that the annotation does not ask for is refused', async () => {
  await create(on('genuine', 'lan'));
  const { metadata, spec } = await stored('genuine');
  const text = metadata.annotations!['podvisor.dev/guest']!.replace(/("mac":")[^"]*("\}\])/, '$102:00:00:00:00:01$2');
  const annotations = { ...metadata.annotations, 'podvisor.dev/guest': text };
  const forged = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'forged', namespace: NAMESPACE, labels: metadata.labels, annotations }, spec };
  expect(await create(forged as Pod)).toContain('networks[1].mac');
}); // prettier-ignore

test('a network’s device resource and nodes are asked for, and the same file applied again changes nothing', async () => {
  const annotations = {
    'k8s.v1.cni.cncf.io/resourceName': 'example.com/vf',
    'k8s.v1.cni.cncf.io/nodeSelector': 'example.com/rack=r1',
  };
  await api.client.create(
    pathOf(KINDS.networkAttachments, { namespace: NAMESPACE }),
    attachment('fast', { type: 'sriov' }, annotations, NAMESPACE),
  );
  expect(await create(on('racer', 'fast,fast'))).toBe('created');
  const before = await stored('racer');
  const { limits, requests } = before.spec.containers[0]?.resources ?? {};
  expect([limits?.['example.com/vf'], requests?.['example.com/vf']]).toEqual(['2', '2']);
  expect(before.spec['nodeSelector']).toEqual({ 'example.com/rack': 'r1' });
  const { metadata, spec } = on('racer', 'fast,fast');
  // What kubectl apply sends: the user's own fields, merged.
  const body = { metadata: { annotations: metadata.annotations }, spec: { containers: spec.containers } };
  await api.client.patch(podPath('racer'), { type: 'strategic', body });
  expect((await stored('racer')).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
});
